"""An export: the averaged weights of a run as a checkpoint, whole or not at all, over nothing that exists."""

from __future__ import annotations

import dataclasses
import errno
import shutil
from pathlib import Path

import pytest
import torch

from pixelart.checkpoint.format import read_config
from pixelart.checkpoint.weights import load_weights, pack_weights
from pixelart.engine import Engine, Request
from pixelart.errors import RequestRejected
from pixelart.storage import Files
from pixelart.training import export
from pixelart.training.data.pictures import is_validation, read_pictures
from pixelart.training.export import export_run
from pixelart.training.run_config import read_run
from pixelart.training.snapshots import last_checkpoint
from tests.training.conftest import StartRun


def test_an_export_is_the_averaged_weights_with_their_config(tiny_run: Path, tmp_path: Path) -> None:
    target = export_run(tiny_run, tmp_path / "checkpoints" / "mine")
    found = last_checkpoint(tiny_run)
    assert found is not None and found[0] == 60
    assert (target / "model.safetensors").read_bytes() == found[1]["average.safetensors"]
    config, run = read_config(target), read_run(tiny_run)
    assert config.model == run.model and config.classes == run.classes and config.codec == run.codec
    assert config.training["trained_steps"] == 60 and config.training["learning_rate"] == run.schedule.learning_rate
    assert pack_weights(load_weights(target, config)) == found[1]["average.safetensors"]
    names = ["config.json", "model.safetensors", "training_images.txt", "training_log.csv"]
    assert sorted(p.name for p in target.iterdir()) == names
    assert (target / "training_log.csv").read_bytes() == (tiny_run / "log.csv").read_bytes()
    assert [p.name for p in target.parent.iterdir()] == ["mine"]
    drawn = Engine(target.parent, device=torch.device("cpu")).generate(Request("mine", count=2))
    assert len(drawn) == 2


@pytest.mark.slow
def test_an_export_lists_exactly_the_pictures_learned_from(begin: StartRun, tiny_data: Path, tmp_path: Path) -> None:
    run = begin(steps=1, validation_share=0.3)
    run.train()
    target = export_run(run.run, tmp_path / "checkpoints" / "mine")
    listed = (target / "training_images.txt").read_text().split()
    hashes = read_pictures(tiny_data).hashes
    assert listed == sorted({hashes[i] for i in run.train_rows.tolist()})
    assert not set(listed) & {hashes[i] for i in run.validation_rows.tolist()}


def test_an_export_never_writes_over_anything(tiny_run: Path, tmp_path: Path) -> None:
    target = tmp_path / "checkpoints" / "mine"
    target.mkdir(parents=True)
    (target / "mine.txt").write_text("keep")
    with pytest.raises(RequestRejected, match="exists already"):
        export_run(tiny_run, target)
    assert (target / "mine.txt").read_text() == "keep" and [p.name for p in target.parent.iterdir()] == ["mine"]


@pytest.mark.slow
def test_a_run_that_saved_nothing_is_not_exported(begin: StartRun, tmp_path: Path) -> None:
    with pytest.raises(RequestRejected, match="nothing is saved yet"):
        export_run(begin().run, tmp_path / "checkpoints" / "mine")
    assert not (tmp_path / "checkpoints").exists()


def test_an_export_needs_no_pictures(tiny_run: Path, tiny_data: Path, tmp_path: Path) -> None:
    """What was learned from is known from the run, even when the pictures have moved or changed since."""
    run = shutil.copytree(tiny_run, tmp_path / "run")
    dataclasses.replace(read_run(run), data=str(tmp_path / "gone")).write(run)
    target = export_run(run, tmp_path / "checkpoints" / "mine")
    hashes = read_pictures(tiny_data).hashes
    learned = {h for h in hashes if not is_validation(h, share=read_run(run).schedule.validation_share)}
    assert set((target / "training_images.txt").read_text().split()) == learned


@pytest.mark.parametrize("fail_at", range(1, 9))
def test_an_export_is_whole_or_not_at_all(
    tiny_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fail_at: int
) -> None:
    calls: list[str] = []

    class Full(Files):
        """Call number `fail_at` finds the disk full."""

        def _call(self, name: str) -> None:
            calls.append(name)
            if len(calls) == fail_at:
                raise OSError(errno.ENOSPC, "No space left on device")

        def write(self, path: Path, data: bytes) -> None:
            super().write(path, data[: len(data) // 2])
            self._call(path.name)
            super().write(path, data)

        def make_folder(self, path: Path) -> None:
            self._call("make")
            super().make_folder(path)

        def sync_folder(self, path: Path) -> None:
            self._call("sync")
            super().sync_folder(path)

        def rename(self, source: Path, target: Path) -> None:
            self._call("rename")
            super().rename(source, target)

    target = tmp_path / "checkpoints" / "mine"
    engine = Engine(target.parent, device=torch.device("cpu"))
    with monkeypatch.context() as patch:
        patch.setattr(export, "Files", Full)
        with pytest.raises(OSError, match="No space"):
            export_run(tiny_run, target)
    assert len(calls) == fail_at
    listed = [c.name for c in engine.list_checkpoints()]
    assert listed == (["mine"] if fail_at == 8 else [])  # 8: whole, only its name may be lost in a power cut
    if fail_at < 8:
        assert not target.exists()
        export_run(tiny_run, target)
    assert len(engine.generate(Request("mine"))) == 1
    assert [p.name for p in target.parent.iterdir()] == ["mine"]
