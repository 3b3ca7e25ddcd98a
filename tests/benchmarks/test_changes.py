"""The benchmark of single changes: its tiles, and that it runs whole."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks import changes, finetune
from pixelart.training.data.pictures import is_validation, picture_hash, read_pictures
from tests.training.test_near_copies import picture_of


def test_versions_of_a_tile_are_whole_turns_and_short_shifts() -> None:
    tile, random = picture_of(3), np.random.default_rng(1)
    turned = dict(changes.versions(tile, "turned", random))
    assert sorted(turned) == ["turned-180", "turned-270", "turned-90"]
    for look, picture in turned.items():
        assert np.array_equal(np.rot90(picture, -int(look.removeprefix("turned-")) // 90), tile)
    assert not list(changes.versions(tile, "", random))
    moves, offsets, size = set(), range(-changes.MOST_SHIFT, changes.MOST_SHIFT + 1), len(tile)
    padded = np.pad(tile, ((3, 3), (3, 3), (0, 0)))
    expected = {padded[3 - down :, 3 - right :][:size, :size].tobytes() for down in offsets for right in offsets}
    for _ in range(20):
        found = list(changes.versions(tile, "shifted", random))
        assert len(found) == changes.SHIFTS and all(look == "shifted" for look, _ in found)
        moves |= {picture.tobytes() for _, picture in found}
    assert moves <= expected and len(moves) > len(expected) // 2


def test_the_first_tiles_by_hash_are_trained_on(tiny_data: Path) -> None:
    pictures = read_pictures(tiny_data)
    chosen = {picture_hash(picture) for _, picture in changes.choose_tiles(pictures, trained=5)}
    measured = {h for h in pictures.hashes if is_validation(h, share=changes.SHARE)}
    assert chosen == measured | set(sorted(set(pictures.hashes) - measured)[:5]) and len(measured) > 0


def test_no_version_of_a_tile_is_among_those_measured(tmp_path: Path, tiny_data: Path) -> None:
    pictures = read_pictures(tiny_data)
    chosen = changes.choose_tiles(pictures, trained=100)
    measured = {h for h in pictures.hashes if is_validation(h, share=changes.SHARE)}
    assert len(chosen) == len(pictures.hashes) and measured
    finetune.write_tiles(changes.with_versions(chosen, "turned"), tmp_path / "tiles.zip")
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
    assert changes.main([*words, "--only", "table", "--tiles", "9"]) == 2
    assert "finished with other options; choose another --out" in capsys.readouterr().err
    for line in ("| one network, the palette a fixed table | 1162 k |", "| each tile also turned by 90, 180, 270"):
        assert sum(row.startswith(line) for row in again.splitlines()) == 1
