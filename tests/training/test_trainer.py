"""Learning: the loss falls, the same seed gives the same weights, and a run becomes a checkpoint."""

from __future__ import annotations

import csv
import dataclasses
import errno
import json
import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from pixelart.checkpoint.format import read_config
from pixelart.checkpoint.weights import load_weights, pack_weights
from pixelart.engine import Engine, Request
from pixelart.errors import DataRejected, RequestRejected, WeightsRejected
from pixelart.images.codec import Picture
from pixelart.images.io import encode_png, read_picture
from pixelart.storage import Files
from pixelart.training import export, trainer
from pixelart.training.config import Schedule, read_run
from pixelart.training.data.pictures import is_validation, read_pictures
from pixelart.training.export import export_run
from pixelart.training.runs import start_run
from pixelart.training.snapshots import last_checkpoint, list_checkpoints
from pixelart.training.trainer import LOG_FIELDS, Trainer
from tests.training.runs import resumed

StartRun = Callable[..., Trainer]


def _bits(trainer: Trainer) -> list[float]:
    """Train to the end; bits per hidden sub-pixel of each step."""
    seen: list[float] = []
    trainer.train(report=lambda state: seen.append(state.recent_bits() * (len(seen) + 1) - sum(seen)))
    return seen


def _weights(trainer: Trainer) -> tuple[bytes, bytes]:
    return pack_weights(trainer.model), pack_weights(trainer.average)


# --- learning -----------------------------------------------------------------------------------------------------


OTHERS = [pytest.param(codec, marks=pytest.mark.slow) for codec in ("gray", "binary")]


@pytest.mark.parametrize("codec", ["indexed", "rgb", *OTHERS])
def test_40_steps_lower_the_loss(begin: StartRun, codec: str) -> None:
    bits = _bits(begin(codec=codec, steps=40, learning_rate=1e-2, batch_size=8))
    assert len(bits) == 40 and all(math.isfinite(b) and b > 0 for b in bits)
    assert np.mean(bits[-10:]) < 0.8 * np.mean(bits[:3])


@pytest.mark.slow
def test_the_measured_bits_fall_too(begin: StartRun) -> None:
    run = begin(steps=60, save_every=20, learning_rate=1e-2, batch_size=8, ema=0.8, validation_share=0.3)
    run.train()
    bits = [row["validation_bits"] for row in run.rows]
    assert [row["step"] for row in run.rows] == [20, 40, 60] and bits[0] > bits[-1]


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("flip", [0.0, 0.5], ids=["straight", "flipped"])
def test_the_same_seed_gives_the_same_weights(begin: StartRun, precision: str, flip: float) -> None:
    runs = [begin(f"run{i}", precision=precision, flip=flip, steps=6) for i in range(2)]
    runs[0].train()
    torch.manual_seed(77)
    np.random.seed(77)  # what else runs in the process must not matter
    runs[1].train()
    assert _weights(runs[0]) == _weights(runs[1])


@pytest.mark.slow
def test_other_settings_give_other_weights(begin: StartRun) -> None:
    changes: list[dict[str, Any]] = [
        {},
        {"seed": 4},
        {"flip": 0.5},
        {"precision": "bf16"},
        {"class_dropout": 1.0},
        {"vote_weight": 0.0},
        {"weight_decay": 0.5},
        {"learning_rate": 2e-3},
        {"batch_size": 5},
        {"steps": 13},
    ]
    results = []
    for number, change in enumerate(changes):
        run = begin(f"run{number}", **{"learning_rate": 1e-3, "steps": 12, **change})
        run.train(stop=lambda run=run: run.step == 2)
        results.append(pack_weights(run.model))
    assert len(set(results)) == len(changes)


@pytest.mark.slow
def test_weights_stay_float32_and_finite_under_bf16(begin: StartRun) -> None:
    run = begin(precision="bf16", steps=5)
    run.train()
    assert all(p.dtype == torch.float32 and bool(torch.isfinite(p).all()) for p in run.model.parameters())


@pytest.mark.slow
def test_the_average_follows_the_weights(begin: StartRun) -> None:
    run = begin(steps=8, ema=0.5)
    expected = [p.detach().double().clone() for p in run.average.parameters()]
    assert all(torch.equal(a.double(), p.double()) for a, p in zip(expected, run.model.parameters(), strict=True))

    def update_ema(state: Trainer) -> None:
        decay = min(0.5, state.step / (9 + state.step))  # step counts from 1 here
        for average, current in zip(expected, state.model.parameters(), strict=True):
            average.mul_(decay).add_(current.detach().double(), alpha=1 - decay)

    run.train(report=update_ema)
    for average, kept in zip(expected, run.average.parameters(), strict=True):
        assert torch.allclose(average, kept.double(), atol=1e-6)
    assert _weights(run)[0] != _weights(run)[1]


@pytest.mark.slow
def test_without_memory_the_average_is_the_weights(begin: StartRun) -> None:
    run = begin(steps=5, ema=0.0)
    run.train()
    for average, current in zip(run.average.parameters(), run.model.parameters(), strict=True):
        assert torch.allclose(average, current, atol=1e-7)


@pytest.mark.slow
def test_the_learning_rate_warms_up_and_falls_along_a_cosine(begin: StartRun) -> None:
    run, rates = begin(steps=50, learning_rate=1e-2, batch_size=1, validation_share=0.0), list[float]()
    run.train(report=lambda state: rates.append(state.train_state.learning_rate))
    assert rates[:5] == sorted(rates[:5]) and rates[0] == pytest.approx(2e-3, rel=0.01)
    assert max(rates) == pytest.approx(1e-2, rel=0.03) and rates.index(max(rates)) == 4
    assert rates[4:] == sorted(rates[4:], reverse=True)
    assert rates[25] == pytest.approx(1e-2 * 0.51, rel=0.01) and rates[49] == pytest.approx(1e-2 * 0.02, rel=0.07)


# --- batches ------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_an_epoch_shows_every_training_picture_once(begin: StartRun) -> None:
    run = begin(validation_share=0.3)
    count = len(run.train_rows)
    assert 10 < count < 40 and count + len(run.validation_rows) == 40
    epochs = [[run.batches.place(epoch * count + i) for i in range(count)] for epoch in range(3)]
    assert all(sorted(epoch) == list(range(count)) for epoch in epochs)
    assert epochs[0] != epochs[1] != epochs[2]


def test_no_picture_is_on_both_sides(begin: StartRun, tiny_data: Path) -> None:
    run = begin(validation_share=0.3)
    hashes = read_pictures(tiny_data).hashes
    assert all(is_validation(hashes[i], share=0.3) for i in run.validation_rows.tolist())
    assert not any(is_validation(hashes[i], share=0.3) for i in run.train_rows.tolist())


@pytest.mark.slow
def test_batches_are_training_pictures_with_their_class_or_none(begin: StartRun) -> None:
    run = begin(batch_size=16, class_dropout=0.25, validation_share=0.3)
    known = {run.x[i].numpy().tobytes(): int(run.classes[i]) for i in run.train_rows.tolist()}
    dropped = hidden = 0
    for run.step in range(40):
        x, context = run.batches.draw(run.step)
        assert torch.equal(context.pixels, x) and context.mask.shape == x[:, 0].shape
        for picture, weights in zip(x, context.class_weights.tolist(), strict=True):
            true = [0.0, 0.0]
            true[known[picture.numpy().tobytes()]] = 1.0
            assert weights in (true, [0.0, 0.0])
            dropped += weights == [0.0, 0.0]
        hidden += int(context.mask.flatten(1).all(1).sum())
    assert 0.18 < dropped / 640 < 0.32
    assert 64 < hidden < 400


@pytest.mark.slow
@pytest.mark.parametrize(("share", "seen"), [(0.0, {1.0}), (1.0, {0.0})])
def test_class_dropout_may_be_none_or_all(begin: StartRun, share: float, seen: set[float]) -> None:
    _, context = begin(batch_size=64, class_dropout=share).batches.draw(0)
    assert set(context.class_weights.sum(1).tolist()) == seen


@pytest.mark.slow
def test_flip_mirrors_its_share_left_to_right_and_says_so(begin: StartRun) -> None:
    (straight, plain), (flipped, told) = (
        begin(f"run{flip}", flip=flip, batch_size=200).batches.draw(0) for flip in (0, 0.3)
    )
    assert plain.mirrored is not None and not plain.mirrored.any()
    assert told.mirrored is not None and 35 < told.mirrored.sum() < 85
    assert torch.equal(flipped[~told.mirrored], straight[~told.mirrored])
    assert torch.equal(flipped[told.mirrored], straight[told.mirrored].flip(-1))
    assert torch.equal(told.pixels, flipped), "what is given must be of the same picture"


# --- the run folder -----------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_run_logs_measures_and_keeps_samples(begin: StartRun) -> None:
    run = begin(steps=9, save_every=4, validation_share=0.3)
    run.train()
    rows = list(csv.DictReader((run.run / "log.csv").read_text().splitlines()))
    assert [int(row["step"]) for row in rows] == [4, 8, 9] and tuple(rows[0]) == LOG_FIELDS
    assert all(float(row[field]) > 0 for row in rows for field in LOG_FIELDS if field not in ("step", "minutes"))
    assert [f.name for f in list_checkpoints(run.run)] == ["step-00000008", "step-00000009"]
    samples = [read_picture(run.run / "samples" / f"step-{step:08d}.png") for step in (4, 8, 9)]
    assert {s.shape for s in samples} == {(2 * (2 * 9 - 1), 2 * (4 * 9 - 1), 4)}
    assert {p.name for p in run.run.iterdir()} - {"lock"} == {
        "log.csv", "run.json", "samples", "sample_rows.json", "training_images.txt", "step-00000008", "step-00000009",
        "defect_limits.json",
    }  # fmt: skip


@pytest.mark.slow
def test_a_run_without_validation_pictures_trains(begin: StartRun) -> None:
    run = begin(steps=3, validation_share=0.0)
    run.train()
    assert len(run.validation_rows) == 0 and "validation_bits" not in run.rows[-1]


@pytest.mark.slow
def test_a_run_by_minutes_ends_when_its_time_is_up(begin: StartRun, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(0, 10**6, 6))  # each step takes six seconds
    monkeypatch.setattr(trainer.time, "monotonic", lambda: float(next(clock)))
    run = begin(steps=0, minutes=1.0)
    run.train()
    assert run.step == 10 and run.progress() == 1 and run.seconds == 60


@pytest.mark.slow
def test_compiling_is_no_training(begin: StartRun, tiny_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A compiled function whose first call takes an hour, in each process: the minutes and the bits are the same."""
    hour, ticks = [0.0], iter(range(10**6))

    def compile_late(function: Callable[..., Any], **_: Any) -> Callable[..., Any]:
        calls: list[int] = []

        def call(*given: Any) -> Any:
            hour[0] += 0.0 if calls else 3600.0
            calls.append(1)
            return function(*given)

        return call

    monkeypatch.setattr(trainer.time, "monotonic", lambda: hour[0] + 6.0 * next(ticks))
    monkeypatch.setattr(trainer.torch, "compile", compile_late)
    schedule = {"steps": 0, "minutes": 1.0, "context_first": 0.4}
    plain, run = begin("plain", **schedule), begin("compiled", compile=True, **schedule)
    plain.train()
    run.train(stop=lambda: run.step == 2)
    again = resumed(run.run, tiny_data)
    again.train()
    assert hour[0] == 4 * 3600  # the two losses in each process
    assert (again.step, again.seconds) == (plain.step, plain.seconds) == (10, 60)
    assert _weights(again) == _weights(plain)


@pytest.mark.slow
def test_a_run_stopped_before_its_first_step_can_go_on(begin: StartRun, tiny_data: Path) -> None:
    run = begin(steps=3)
    run.train(stop=lambda: True)
    assert run.step == 0
    again = resumed(run.run, tiny_data)
    again.train()
    other = begin("other", steps=3)
    other.train()
    assert _weights(again) == _weights(other)


@pytest.mark.slow
def test_a_save_that_failed_is_made_up_for(begin: StartRun, monkeypatch: pytest.MonkeyPatch) -> None:
    run = begin(steps=2)

    def full(*_: Any, **__: Any) -> Path:
        raise OSError(errno.ENOSPC, "No space left on device")

    def spoil(_: Trainer) -> None:
        monkeypatch.setattr(trainer, "save_checkpoint", full)

    with pytest.raises(OSError, match="No space"):
        run.train(report=spoil)
    monkeypatch.undo()
    found = last_checkpoint(run.run)
    assert found is not None and found[0] == 0, "what was saved before the first step"
    run.save()
    found = last_checkpoint(run.run)
    assert found is not None and found[0] == 2
    assert [row["step"] for row in json.loads(found[1]["state.json"])["rows"]] == [2]


@pytest.mark.slow
def test_a_loss_that_is_not_finite_ends_the_run_and_keeps_the_last_weights(begin: StartRun, tiny_data: Path) -> None:
    run = begin(steps=6, save_every=2)

    def spoil(state: Trainer) -> None:
        if state.step == 3:
            with torch.no_grad():
                next(state.model.parameters()).fill_(float("nan"))

    with pytest.raises(RequestRejected, match="loss is not finite; lower the learning rate"):
        run.train(report=spoil)
    assert [f.name for f in list_checkpoints(run.run)] == ["step-00000000", "step-00000002"]
    resumed(run.run, tiny_data).train()


# --- what is refused ----------------------------------------------------------------------------------------------

BAD_SCHEDULES: list[dict[str, Any]] = [
    {},
    {"steps": 5, "minutes": 1.0},
    {"steps": -1},
    {"minutes": float("nan")},
    {"minutes": float("inf")},
    {"steps": 5, "batch_size": 0},
    {"steps": 5, "batch_size": 5000},
    {"steps": 5, "learning_rate": 0.0},
    {"steps": 5, "learning_rate": float("nan")},
    {"steps": 5, "learning_rate": 2.0},
    {"steps": 5, "ema": 1.0},
    {"steps": 5, "validation_share": 1.0},
    {"steps": 5, "validation_share": -0.1},
    {"steps": 5, "class_dropout": 1.1},
    {"steps": 5, "seed": -1},
    {"steps": 5, "save_every": 0},
    {"steps": 5, "threads": -1},
    {"steps": 5, "precision": "fp16"},
]


@pytest.mark.parametrize("values", BAD_SCHEDULES, ids=str)
def test_bad_schedules_are_refused_and_leave_nothing(tmp_path: Path, tiny_data: Path, values: dict[str, Any]) -> None:
    refused = start_run(tmp_path / "run", tiny_data, preset="debug", codec="rgb", schedule=Schedule(**values))
    with pytest.raises(RequestRejected), refused:
        pass
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    "values",
    [{"model": "vae"}, {"preset": "huge"}, {"codec": "cmyk"}, {"colours": 1}, {"colours": 257}, {"colours": -1}],
    ids=str,
)
def test_bad_choices_are_refused_and_leave_nothing(begin: StartRun, tmp_path: Path, values: dict[str, Any]) -> None:
    with pytest.raises(RequestRejected):
        begin(**values)
    assert not (tmp_path / "run").exists()


def _one_picture(folder: Path, picture: Picture) -> Path:
    (folder / "a").mkdir(parents=True)
    (folder / "a" / "1.png").write_bytes(encode_png(picture))
    return folder


@pytest.mark.slow
def test_one_picture_is_enough_and_none_left_is_refused(begin: StartRun, tmp_path: Path) -> None:
    colour = np.full((8, 8, 4), 255, np.uint8)
    begin("one", data=_one_picture(tmp_path / "data", colour), validation_share=0.0, steps=2).train()
    for i in range(100):  # a picture that falls into the validation part
        colour[..., 0] = i
        content = read_pictures(_one_picture(tmp_path / f"data{i}", colour)).hashes[0]
        if is_validation(content, share=0.9):
            with pytest.raises(DataRejected):
                begin("none", data=tmp_path / f"data{i}", validation_share=0.9)
            return
    raise AssertionError("no picture fell into the validation part")


def test_pictures_without_a_colour_are_refused(begin: StartRun, tmp_path: Path) -> None:
    data = _one_picture(tmp_path / "data", np.zeros((8, 8, 4), np.uint8))
    with pytest.raises(DataRejected, match="wholly transparent"):
        begin(data=data, validation_share=0.0)


@pytest.mark.slow
def test_a_folder_that_holds_a_run_is_refused(begin: StartRun) -> None:
    begin()
    with pytest.raises(RequestRejected, match="already holds a run"):
        begin()


@pytest.mark.slow
def test_the_palette_is_fitted_to_the_training_pictures_alone(begin: StartRun, tmp_path: Path) -> None:
    """A colour that only validation pictures have is not in it: nothing is learned from them."""
    for i in range(60):
        picture = np.full((4, 4, 4), 255, np.uint8)
        picture[..., 0] = i
        (tmp_path / "data" / "a").mkdir(parents=True, exist_ok=True)
        (tmp_path / "data" / "a" / f"{i}.png").write_bytes(encode_png(picture))
    run = begin(data=tmp_path / "data", colours=256, validation_share=0.4)
    pictures = read_pictures(tmp_path / "data").pictures
    learned = {f"{pictures[i, 0, 0, 0]:02x}ffff" for i in run.train_rows.tolist()}
    assert set(run.config.codec["colours"]) == learned and len(run.validation_rows) > 5


# --- run.json -----------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_run_is_described_whole(begin: StartRun, tiny_data: Path) -> None:
    run = begin(steps=12, flip=0.5)
    described = json.loads((run.run / "run.json").read_text())
    assert described == json.loads(json.dumps(dataclasses.asdict(run.config)))
    assert read_run(run.run) == dataclasses.replace(run.config, model_config=described["model_config"])
    assert resumed(run.run, tiny_data).model.config == run.model.config
    assert run.config.classes == ("cross", "stripe") and run.config.size == (8, 8)
    assert run.config.data_fingerprint == read_pictures(tiny_data).fingerprint()


@pytest.mark.slow
@pytest.mark.parametrize("text", ["", "{", "[]", "null", "{}", '{"size": 3}'], ids=repr)
def test_an_unreadable_run_is_refused(begin: StartRun, tiny_data: Path, text: str) -> None:
    run = begin().run
    (run / "run.json").write_text(text)
    with pytest.raises(RequestRejected, match="not readable"):
        resumed(run, tiny_data)


def test_a_folder_without_a_run_is_refused(tmp_path: Path, tiny_data: Path) -> None:
    for ask in (lambda: resumed(tmp_path, tiny_data), lambda: export_run(tmp_path, tmp_path / "c" / "x")):
        with pytest.raises(RequestRejected, match="not a run folder"):
            ask()


# --- export -------------------------------------------------------------------------------------------------------


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


@pytest.mark.slow
def test_a_checkpoint_that_lacks_a_part_is_an_error(begin: StartRun, tiny_data: Path) -> None:
    run = begin(steps=2)
    run.train()
    folder = list_checkpoints(run.run)[-1]
    manifest = json.loads((folder / "manifest.json").read_text())
    del manifest["optimizer.safetensors"]
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(WeightsRejected, match="incomplete checkpoint"):
        resumed(run.run, tiny_data)


@pytest.mark.slow
def test_the_encoder_first_learns_alone(begin: StartRun) -> None:
    trainer = begin(steps=8, context_first=0.5)
    start = {name: tensor.clone() for name, tensor in trainer.model.state_dict().items()}

    def moved() -> set[str]:
        now = trainer.model.state_dict()
        return {name.split(".")[0] for name, tensor in start.items() if not torch.equal(tensor, now[name])}

    trainer.train(stop=iter([False] * 4 + [True] * 9).__next__)
    assert moved() == {"encoder", "vote"}
    trainer.train()
    assert moved() >= {"encoder", "vote", "layers", "logits", "colours"}
