"""The queue trains, exports, passes over, goes on, and outlives a variant that cannot be trained."""

from __future__ import annotations

import re
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmarks import train_all
from pixelart.checkpoint.format import read_config
from pixelart.engine import Engine
from pixelart.models import check_codec, list_models
from pixelart.training.snapshots import last_checkpoint
from pixelart.training.trainer import Trainer

Queue = Callable[..., int]


@pytest.fixture
def queue(tiny_data: Path, tmp_path: Path) -> Queue:
    """queue("--only", ...): the exit code of the queue on `tiny_data`, in tmp_path/runs and tmp_path/checkpoints."""

    def call(*words: str) -> int:
        places = {"--data": tiny_data, "--runs": tmp_path / "runs", "--checkpoints": tmp_path / "checkpoints"}
        given = [str(part) for pair in places.items() for part in pair]
        return train_all.main(["--preset", "debug", "--minutes", "0.005", "--threads", "1", *given, *words])

    return call


def test_every_other_variant_is_in_the_queue_with_a_codec_that_fits() -> None:
    assert set(train_all.QUEUE) == set(list_models()) - {"gated_pixelcnn", "sketch_pixelcnn"}
    for variant, codec in train_all.QUEUE.items():
        check_codec(variant, codec)


@pytest.mark.slow
def test_it_exports_what_it_trained_and_passes_over_it_the_next_time(
    queue: Queue, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert queue("--only", "row_rnn", "pixelcnn_plus_plus") == 0
    found = {info.name: info for info in Engine(tmp_path / "checkpoints").list_checkpoints()}
    assert set(found) == {"dungeon-row-rnn", "dungeon-pixelcnn-plus-plus"}
    codecs = {name: read_config(tmp_path / "checkpoints" / name).codec["name"] for name in found}
    assert codecs == {"dungeon-row-rnn": "indexed", "dungeon-pixelcnn-plus-plus": "rgb"}
    assert found["dungeon-row-rnn"].training["minutes"] == 0.005
    assert "exported as dungeon-row-rnn" in capsys.readouterr().out
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    assert queue("--only", "row_rnn", "pixelcnn_plus_plus") == 0
    assert capsys.readouterr().out.count("exists already") == 2
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


@pytest.mark.slow
def test_a_stop_ends_the_queue_and_the_next_time_goes_on(
    queue: Queue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    plain = Trainer._train_step

    def step(trainer: Trainer) -> Any:
        if trainer.step == 1:
            signal.raise_signal(signal.SIGINT)
        return plain(trainer)

    monkeypatch.setattr(Trainer, "_train_step", step)
    assert queue("--only", "row_rnn", "pixelcnn") == 1
    assert not (tmp_path / "checkpoints").exists() and not (tmp_path / "runs" / "pixelcnn").exists()
    assert "row_rnn: stopped at step 1" in capsys.readouterr().out
    monkeypatch.setattr(Trainer, "_train_step", plain)
    assert queue("--only", "row_rnn", "pixelcnn") == 0
    assert "row_rnn: step 1, " in capsys.readouterr().out
    found = last_checkpoint(tmp_path / "runs" / "row_rnn")
    assert found and read_config(tmp_path / "checkpoints" / "dungeon-row-rnn").training["trained_steps"] == found[0] > 2


@pytest.mark.slow
def test_one_that_cannot_be_trained_is_told_and_the_others_are(
    queue: Queue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(train_all.QUEUE, "pixelcnn_plus_plus", "indexed")
    assert queue("--only", "pixelcnn_plus_plus", "row_rnn") == 1
    assert re.search("pixelcnn_plus_plus: model .* with codec indexed: it needs rgb or gray", capsys.readouterr().out)
    assert [path.name for path in (tmp_path / "checkpoints").iterdir()] == ["dungeon-row-rnn"]


@pytest.mark.slow
def test_progress_is_told(queue: Queue, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(train_all, "LINE_EVERY", 0.0)
    assert queue("--only", "row_rnn") == 0
    assert re.search(r"row_rnn: \d+%, step 1, \d\.\d+ bits per hidden dim; not measured yet", capsys.readouterr().out)
