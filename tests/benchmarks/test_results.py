"""The table of results holds what `evaluate` and the checkpoints say, and keeps what others published apart."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks import class_accuracy, results
from benchmarks.published import BITS_PER_DIM
from pixelart.checkpoint.format import read_config
from pixelart.cli.main import main as pixelart
from pixelart.engine import Engine
from pixelart.models import list_models
from pixelart.training.data.pictures import PictureSet, read_pictures


def cells(text: str, checkpoint: str) -> dict[str, str]:
    """Column -> cell of the row of a checkpoint."""
    first = text.split(class_accuracy.HEADING)[0]
    (line,) = [line for line in first.splitlines() if line.startswith(f"| {checkpoint} |")]
    return dict(zip(results.COLUMNS, line.strip("| ").split(" | "), strict=True))


def test_the_table_holds_what_evaluate_tells(
    own_checkpoints: Path, tiny_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(own_checkpoints / "tiny", own_checkpoints / "again")
    words = ["--checkpoints", str(own_checkpoints), "--data", str(tiny_data)]
    assert (
        results.main([*words, "--keep", str(tmp_path / "kept"), "--rounds", "1", "--out", str(tmp_path / "RESULTS.md")])
        == 0
    )
    capsys.readouterr()
    pixelart(["evaluate", "--checkpoint", "tiny", *words, "--holes", "brush", "--json"])
    told = json.loads(capsys.readouterr().out)
    text = (tmp_path / "RESULTS.md").read_text()
    row = cells(text, "tiny")
    assert row["bits/dim"] == row["bits/pixel"] == f"{told['bits_per_dim']:.3f}"
    pair = f"{told['hole_bits']:.3f} / {told['hole_bits_without_context']:.3f}"
    assert row["hole bits, with / without context"] == pair
    assert row["codec"] == "indexed 5" and row["variant"] == "gated_pixelcnn"
    assert 0 < float(row["seconds a picture"]) < 60 and float(row["forward passes"]) > 0
    last = row.pop("published bits/dim, on other data")
    assert last == "; ".join(map(str, BITS_PER_DIM["gated_pixelcnn"]))
    assert not any("3.03" in cell for cell in row.values()), "a published figure among ours"
    facts = read_config(own_checkpoints / "tiny").training
    assert row["training minutes (+ base)"] == f"{facts['trained_minutes']:g}"
    assert f"{told['images']} held-out pictures, unseen by all of them" in text
    assert cells(text, "again")["bits/dim"] == row["bits/dim"]
    assert "python -m benchmarks.results --checkpoints" in text and "torch" in text


def test_a_checkpoint_that_the_data_does_not_fit_is_left_out_with_the_reason(
    own_checkpoints: Path, tiny_data: Path, tmp_path: Path
) -> None:
    hashes = (own_checkpoints / "tiny" / "training_images.txt").read_text()
    other = shutil.copytree(own_checkpoints / "tiny", own_checkpoints / "other")
    (other / "training_images.txt").unlink()
    out = tmp_path / "RESULTS.md"
    words = ["--checkpoints", str(own_checkpoints), "--data", str(tiny_data), "--rounds", "1", "--out", str(out)]
    words += ["--keep", str(tmp_path / "kept")]
    assert hashes and results.main(words) == 0
    assert "Left out: other: other: does not record what it was trained on" in out.read_text()
    shutil.rmtree(own_checkpoints / "tiny")
    out.unlink()
    assert results.main(words) == 1 and not out.exists()


def test_all_are_judged_on_what_none_has_seen(
    own_checkpoints: Path, tiny_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(results, "measure_cached", lambda *_, **__: {"cached_seconds": 1.0, "cached_ratio": 1.0})
    seen = (own_checkpoints / "tiny" / "training_images.txt").read_text().split()
    unseen = sorted(set(read_pictures(tiny_data).hashes) - set(seen))
    assert len(unseen) > 2
    for name, more in (("one", unseen[:1]), ("two", unseen[1:2])):
        folder = shutil.copytree(own_checkpoints / "tiny", own_checkpoints / name)
        (folder / "training_images.txt").write_text("\n".join(seen + more))
    out = tmp_path / "RESULTS.md"
    words = ["--checkpoints", str(own_checkpoints), "--data", str(tiny_data), "--rounds", "1", "--out", str(out)]
    words += ["--keep", str(tmp_path / "kept")]
    assert results.main(words) == 0
    text = out.read_text()
    assert f"{len(unseen) - 2} held-out pictures, unseen by all of them" in text
    assert len({cells(text, name)["bits/dim"] for name in ("tiny", "one", "two")}) == 1
    for name in ("one", "two"):
        (own_checkpoints / name / "training_images.txt").write_text("\n".join(seen + unseen))
    assert results.main(words) == 1


def test_the_most_probable_class_is_counted(own_checkpoints: Path, tiny_data: Path, tmp_path: Path) -> None:
    """The table of classes is measured alone, and the rest of the file stays."""
    engine, out = Engine(own_checkpoints), tmp_path / "RESULTS.md"
    out.write_text(f"# Results\n\nothers\n\n{class_accuracy.HEADING}\n\nearlier figures\n")
    words = ["--checkpoints", str(own_checkpoints), "--data", str(tiny_data), "--only-classes", "--out", str(out)]
    words += ["--keep", str(tmp_path / "kept")]
    assert results.main(words) == 0
    pictures = read_pictures(tiny_data)
    unseen = [i for i, seen in enumerate(pictures.hashes) if seen not in engine.library.seen_in_training("tiny")]
    given = [(engine.inspect("tiny", pictures.pictures[i]), pictures.class_names[i]) for i in unseen]
    right = sum(next(iter(found.class_probabilities)) == name for found, name in given) / len(given)
    text = out.read_text()
    assert text.startswith("# Results\n\nothers\n\n## Class") and "earlier figures" not in text
    assert f"| tiny | 2 | {len(unseen)} | {right:.3f} |" in text and "--only-classes" in text


def test_figures_are_kept_until_the_checkpoint_or_pictures_change(
    own_checkpoints: Path, tiny_data: Path, tmp_path: Path
) -> None:
    loaded, pictures = Engine(own_checkpoints).library.load("tiny"), read_pictures(tiny_data)
    kept, found = results.Kept(tmp_path / "kept"), iter(range(9))

    def figures(what: str, pictures: PictureSet) -> int:
        return kept.once(what, loaded, pictures, lambda: {"figure": next(found)})["figure"]

    assert [figures("bits", pictures), figures("bits", pictures), figures("holes", pictures)] == [0, 0, 1]
    wrong = replace(pictures, class_names=pictures.class_names[::-1])
    assert [figures("bits", wrong), figures("bits", pictures)] == [2, 0]
    assert [figures("bits", pictures.select(np.arange(len(pictures)) < 2)), figures("bits", pictures)] == [3, 0]
    other = shutil.copytree(own_checkpoints / "tiny", own_checkpoints / "other")
    loaded = Engine(own_checkpoints).library.load(other.name)
    assert figures("bits", pictures) == 4


def test_rows_are_not_lost_by_mistake(
    own_checkpoints: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for words, message in {
        "--only tiny": "--only leaves rows out of the table",
        "--only nope --out other.md": "no checkpoint nope",
        "--only-classes --out other.md": "other.md: --only-classes keeps the rest of this file, which does not exist",
    }.items():
        with pytest.raises(SystemExit):
            results.main(["--checkpoints", str(own_checkpoints), *words.split()])
        assert message in capsys.readouterr().err


def test_what_a_checkpoint_was_trained_from_stands_beside_its_minutes() -> None:
    assert results.training_minutes({"trained_minutes": 130.0, "base": "dungeon-gated"}) == "130 (+ dungeon-gated)"
    assert results.training_minutes({"trained_minutes": 40.5, "base": ""}) == "40.5"
    assert results.training_minutes({}) == "not recorded"


def test_throughput_is_told_where_it_is_known(tiny_checkpoints: Path) -> None:
    assert results.training_rate({"trained_steps": 600, "batch_size": 16, "trained_minutes": 10.0}) == 16.0
    parts = {"batch_size": 4, "accumulate": 2, "processes": 2}
    assert results.training_rate({"trained_steps": 600, **parts, "trained_minutes": 10.0}) == 16.0
    assert results.training_rate({"trained_steps": 600, "batch_size": 16, "trained_minutes": 0.0}) is None
    assert results.training_rate({}) is None
    facts = read_config(tiny_checkpoints / "tiny").training
    assert {"trained_steps", "trained_minutes", *parts} <= set(facts), "the names that training writes"


def test_published_figures_are_of_variants_there_are() -> None:
    assert set(BITS_PER_DIM) <= set(list_models())
