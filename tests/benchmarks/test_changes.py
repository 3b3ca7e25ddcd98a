"""The benchmark of single changes: its tiles, and that it runs whole."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks import changes
from pixelart.training.data.pictures import is_validation, read_pictures
from tests.training.test_near_copies import picture_of


def test_versions_of_a_tile_are_whole_turns_and_short_shifts() -> None:
    tile, random = picture_of(3), np.random.default_rng(1)
    turned = dict(changes.versions(tile, "turned", random))
    assert sorted(turned) == ["turned-180", "turned-270", "turned-90"]
    assert np.array_equal(np.rot90(turned["turned-90"], -1), tile)
    assert not list(changes.versions(tile, "", random))
    for _ in range(20):
        for look, moved in changes.versions(tile, "shifted", random):
            offsets = range(-changes.MOST_SHIFT, changes.MOST_SHIFT + 1)
            padded = np.pad(tile, ((3, 3), (3, 3), (0, 0)))
            size = len(tile)
            found = [padded[3 - down :, 3 - right :][:size, :size] for down in offsets for right in offsets]
            assert look == "shifted" and any(np.array_equal(moved, one) for one in found)


def test_no_version_of_a_tile_is_among_those_measured(tmp_path: Path, tiny_data: Path) -> None:
    pictures = read_pictures(tiny_data)
    chosen = changes.choose_tiles(pictures, trained=100)
    measured = {h for h in pictures.hashes if is_validation(h, share=changes.SHARE)}
    assert len(chosen) == len(pictures.hashes) and measured
    changes.write_tiles(chosen, "turned", tmp_path / "tiles.zip")
    written = read_pictures(tmp_path / "tiles.zip", with_looks=True)
    for content, look in zip(written.hashes, written.look_names, strict=True):
        assert look == changes.PLAIN or not is_validation(content, share=changes.SHARE)
    assert {h for h in written.hashes if is_validation(h, share=changes.SHARE)} == measured
    assert len(written.hashes) > len(pictures.hashes)


@pytest.mark.slow
@pytest.mark.trains
def test_it_runs_whole_and_does_not_repeat_finished_runs(
    tiny_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--steps", "2", "--save-every", "1", "--data", str(tiny_data), "--out", str(tmp_path)]
    assert changes.main([*words, "--only", "table", "turned", "--export"]) == 0
    assert {p.name for p in (tmp_path / "checkpoints").iterdir()} == {"table", "turned"}
    first = capsys.readouterr().out
    assert changes.main([*words, "--only", "turned", "table"]) == 0
    again = capsys.readouterr().out
    assert "table: {" in first and "table: {" not in again
    for line in ("| one network, the palette a fixed table | 1162 k |", "| each tile also turned by 90, 180, 270"):
        assert sum(row.startswith(line) for row in again.splitlines()) == 1
