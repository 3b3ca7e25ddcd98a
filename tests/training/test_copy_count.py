"""Near copies are counted at the end of an attended training, and told by the checkpoint, the card and the page."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from pixelart.cli import train as train_command
from pixelart.engine import Engine
from pixelart.errors import Cancelled
from pixelart.hub.publish import preview_card
from pixelart.images.io import encode_png
from pixelart.jobs import JobFolder
from pixelart.training import copy_count as copies
from pixelart.training.copy_count import count_copies
from pixelart.training.export import export_again, export_run
from pixelart.training.near_copies import COPIES_FILE, Counted, near_copies, parse_counted, read_counted
from pixelart.training.nearest import NEAREST_FILE, NEAREST_SHEET, read_nearest
from pixelart.training.progress_file import ProgressWriter
from pixelart.training.runs import resume_run
from tests.ui.train.test_report import job
from tests.ui.train.test_report import job_status as status_of


@pytest.fixture
def run(tiny_run: Path, tmp_path: Path) -> Path:
    """One of its own, that is finished."""
    return shutil.copytree(tiny_run, tmp_path / "run")


def never() -> bool:
    return False


def counted(run: Path, data: Path) -> Counted | None:
    threads = torch.get_num_threads()
    with resume_run(run, data) as trainer:
        count_copies(trainer, cancel=never)
    torch.set_num_threads(threads)
    return read_counted(run)


def test_what_is_counted_is_told_by_the_checkpoint_and_its_card(run: Path, tiny_data: Path, tmp_path: Path) -> None:
    found = counted(run, tiny_data)
    assert found and found.step == 60 and found.samples == 16 and 0 <= found.copies <= 16
    with resume_run(run, tiny_data) as trainer:
        assert found.learned == len(trainer.train_rows)
    engine = Engine(export_run(run, tmp_path / "models" / "mine").parent, device=torch.device("cpu"))
    assert engine.info("mine").training["near_copies"] == {
        "step": 60, "copies": found.copies, "samples": 16, "learned": found.learned,
    }  # fmt: skip
    text = preview_card(engine, "mine", "me/mine", licence="mit")
    assert f"Near copies among 16 such samples: {found.copies / 16:.1%}." in text
    assert f"one of the {found.learned} training pictures" in text


def test_pictures_that_were_learned_are_copies_and_others_are_not(
    run: Path, tiny_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with resume_run(run, tiny_data) as trainer:
        known = trainer.codec.decode(trainer.x[trainer.train_rows])
    other = np.random.default_rng(0).integers(0, 256, (6, 8, 8, 4), np.uint8) | np.uint8(128)
    monkeypatch.setattr(copies, "draw_class_samples", lambda *_, **__: np.concatenate([known[:10], other]))
    assert counted(run, tiny_data) == Counted(60, 10, 16, len(known))
    found = read_nearest(run)  # of the first four of each class: 0 to 3 and 8 to 11, of which 10 and 11 are not known
    assert [each.differences[0] for each in found][:6] == [0] * 6 and found[6].differences[0] > 0.5
    assert [each.label for each in found[:6]] == ["cross"] * 4 + ["stripe"] * 2 and len(found) == 8
    assert all(np.array_equal(each.sample, each.pictures[0]) and len(each.pictures) == 3 for each in found[:6])
    monkeypatch.setattr(copies, "MAX_COMPARED_PIXELS", 3 * 8 * 8)
    assert (found := counted(run, tiny_data)) and found.learned == 3


def test_a_count_of_other_weights_is_not_told(run: Path, tiny_data: Path, tmp_path: Path) -> None:
    export_run(run, tmp_path / "mine")
    assert "near_copies" not in json.loads((tmp_path / "mine" / "config.json").read_bytes())["training"]
    (run / COPIES_FILE).write_text(json.dumps({"step": 40, "copies": 1, "samples": 16, "learned": 9}))
    assert "near_copies" not in json.loads((export_run(run, tmp_path / "a") / "config.json").read_bytes())["training"]
    counted(run, tiny_data)
    assert export_again(run, tmp_path / "mine"), "a count makes it no other model"
    assert "near_copies" in json.loads((tmp_path / "mine" / "config.json").read_bytes())["training"]


def test_who_stops_it_leaves_nothing(run: Path, tiny_data: Path) -> None:
    with resume_run(run, tiny_data) as trainer, pytest.raises(Cancelled):
        count_copies(trainer, cancel=lambda: True)
    assert read_counted(run) is None and not [*run.glob("near_copies*")]


def test_a_count_can_be_cut_short_while_it_compares(tiny_pictures: dict[str, Any]) -> None:
    asked: list[int] = []

    def cancel() -> bool:
        asked.append(1)
        return len(asked) > 30

    with pytest.raises(Cancelled):
        near_copies(tiny_pictures["cross"], tiny_pictures["stripe"], cancel=cancel)
    assert len(asked) == 31


@pytest.mark.parametrize("fault", [MemoryError(), OSError(28, "full"), ValueError("odd"), Cancelled()])
def test_a_training_is_finished_whatever_befalls_the_count(
    run: Path, tiny_data: Path, monkeypatch: pytest.MonkeyPatch, fault: Exception
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise fault

    orders: Any = SimpleNamespace(begin=lambda: None, stop=never, is_stopping=never, waited=0.0, waits=False)
    with resume_run(run, tiny_data) as trainer:
        monkeypatch.setattr(copies, "count_copies", fail)
        train_command._train_remotely(trainer, orders, ProgressWriter(run, orders), lambda _: None)
        assert (progress := JobFolder(run.parent).progress()) and progress.phase == "finished"
        assert read_counted(run) is None
        monkeypatch.undo()
        train_command._train_remotely(trainer, orders, ProgressWriter(run, orders), lambda _: None)
    assert (found := read_counted(run)) and found.step == 60
    assert not [*run.glob(".copies-*")]


@pytest.mark.parametrize(
    "facts", ["", "[]", "{}", '{"step": 1, "size": [8, 8], "labels": ["a"], "differences": [[0.5]]}', "[" * 100_000]
)
def test_a_gallery_that_cannot_be_read_is_none(facts: str, tmp_path: Path) -> None:
    (tmp_path / NEAREST_FILE).write_text(facts)
    assert read_nearest(tmp_path) == []
    (tmp_path / NEAREST_SHEET).write_bytes(encode_png(np.zeros((7, 9, 4), np.uint8)))
    assert read_nearest(tmp_path) == []


@pytest.mark.parametrize(
    "values",
    [
        None, [], 3, "x", {}, {"step": 1}, {"step": 1, "copies": 2, "samples": 1, "learned": 1},
        {"step": 1, "copies": 0, "samples": 0, "learned": 1}, {"step": 1, "copies": 0, "samples": 1, "learned": 0},
        *({"step": 1, "copies": n, "samples": 1, "learned": 1} for n in (-1, 0.5, True, "<b>", None)),
        {"step": 1, "copies": 0, "samples": 1, "learned": 1, "more": 1},
    ],
)  # fmt: skip
def test_what_cannot_be_true_is_not_told(values: Any, tmp_path: Path) -> None:
    (tmp_path / COPIES_FILE).write_text(json.dumps(values))
    assert parse_counted(values) is None and read_counted(tmp_path) is None


def test_the_page_tells_it(tmp_path: Path) -> None:
    folder = JobFolder(tmp_path)
    folder.run.mkdir()
    assert "near copies" not in status_of(job("done"), folder, ahead=0)
    (folder.run / COPIES_FILE).write_text(json.dumps({"step": 9, "copies": 3, "samples": 72, "learned": 40}))
    assert "near copies of your pictures: 3 of 72 samples" in status_of(job("done"), folder, ahead=0)
