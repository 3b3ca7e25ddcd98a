"""What may be said of a run, and what changes how it trains but not what it learns: gradient checkpointing, samples,
hurry, TensorBoard."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from pixelart.checkpoint.format import read_config
from pixelart.checkpoint.weights import pack_weights
from pixelart.cli.main import main
from pixelart.errors import RequestRejected
from pixelart.models import list_models
from pixelart.training import sample_sheets
from pixelart.training.config import Schedule
from pixelart.training.export import export_run
from pixelart.training.options import check_training_options
from pixelart.training.runs import start_run
from pixelart.training.snapshots import last_checkpoint
from pixelart.training.tensorboard import open_board
from pixelart.training.trainer import Trainer
from tests.training.runs import resumed

StartRun = Callable[..., Trainer]


# --- refused at once ----------------------------------------------------------------------------------------------

BAD: list[tuple[dict[str, Any], str]] = [
    ({"steps": 0}, "set either steps or minutes"),
    ({"minutes": 1.0}, "set either steps or minutes"),
    ({"batch_size": 0}, "batch_size 0: must be from 1 to 4096"),
    ({"precision": "fp16"}, "precision 'fp16': must be auto, fp32 or bf16"),
    ({"model": "vae"}, "model 'vae' is not one of diagonal_bilstm, .*"),
    ({"preset": "huge"}, "preset 'huge' of gated_pixelcnn is not one of default, debug"),
    ({"codec": "cmyk"}, "codec 'cmyk' is not one of indexed, palette, rgb, gray, binary"),
    ({"model": "pixelcnn_plus_plus", "codec": "indexed"}, "model pixelcnn_plus_plus with codec indexed: it needs .*"),
    ({"colours": 1}, "colours 1: must be from 2 to 256, transparent included"),
    ({"colours": 257}, "colours 257: must be from 2 to 256, transparent included"),
    ({"palette": "foo"}, "palette 'foo' is not one of keep, fit"),
    ({"palette": "keep"}, "palette keep: needs a base"),
    ({"fit": "crop"}, "fit 'crop' is not one of refuse, nearest, keep"),
    ({"new_classes": "drop"}, "new_classes 'drop' is not one of add, refuse"),
    ({"base": "gone", "model": "pixelcnn"}, "model pixelcnn: cannot be set with a base, which decides it"),
    ({"base": "gone", "colours": 8}, "colours 8: cannot be set with a base, which decides it"),
]


@pytest.mark.parametrize(("options", "told"), BAD, ids=lambda value: str(value)[:40])
def test_options_that_cannot_be_used_are_refused_before_anything_is_read(
    tmp_path: Path, options: dict[str, Any], told: str
) -> None:
    """There is neither data nor a base to be read."""
    with pytest.raises(RequestRejected, match=f"^{told}$"):
        check_training_options({"steps": 5, **options})
    schedule = Schedule(**{"steps": 5, **{name: value for name, value in options.items() if hasattr(Schedule, name)}})
    start: dict[str, Any] = {name: value for name, value in options.items() if not hasattr(Schedule, name)}
    if "base" in start:
        start["base"] = tmp_path / start["base"]
    refused = start_run(tmp_path / "run", tmp_path / "gone", schedule=schedule, **start)
    with pytest.raises(RequestRejected, match=f"^{told}$"), refused:
        pass
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    "options",
    [
        {"steps": 5},
        {"minutes": 0.5, "model": "pixelcnn_plus_plus", "codec": "rgb", "preset": "debug"},
        {"steps": 5, "palette": "fit", "colours": 2},
        {"steps": 5, "base": "mine", "palette": "fit", "colours": 256, "new_classes": "refuse"},
        {"steps": 5, "base": "mine", "palette": "keep"},
    ],
    ids=str,
)
def test_options_that_can_be_used_are_not_refused(options: dict[str, Any]) -> None:
    check_training_options(options)


# --- gradient checkpointing ---------------------------------------------------------------------------------------


def kept_bytes(run: Trainer) -> int:
    """What a step's forward pass keeps for its backward pass, weights aside."""
    kept: dict[int, int] = {}
    own = {parameter.data_ptr() for parameter in run.model.parameters()}

    def pack(tensor: Tensor) -> Tensor:
        if tensor.data_ptr() not in own:
            kept[tensor.data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    x, context = run.batches.draw(0)
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        loss, _ = run.objective.joint(x, context)
    loss.backward()
    run.train_state.clear_gradients()
    return sum(kept.values())


OTHERS = [pytest.param(name, marks=pytest.mark.slow) for name in list_models() if name != "gated_pixelcnn"]


@pytest.mark.slow
@pytest.mark.parametrize("model", ["gated_pixelcnn", *OTHERS])
def test_gradient_checkpointing_keeps_less_and_learns_the_same_bits(begin: StartRun, model: str) -> None:
    plain, frugal = (
        begin(f"run{on}", model=model, steps=2, batch_size=2, gradient_checkpointing=on, context_first=0.5)
        for on in (False, True)
    )
    assert model == "row_rnn" or kept_bytes(frugal) < 0.75 * kept_bytes(plain)
    for run in (plain, frugal):
        run.train(report=lambda _: None)
    assert pack_weights(plain.model) == pack_weights(frugal.model)


# --- the best ----------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_run_keeps_its_best_save_and_exports_it(
    begin: StartRun, tiny_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It gets worse after step 4; stopped and resumed after that, what is exported is the average of step 4."""
    bits = {2: 3.0, 4: 1.0, 6: 2.0, 8: 1.0}
    averages: dict[int, bytes] = {}

    def measured(state: Trainer) -> dict[str, Any]:
        averages[state.step] = pack_weights(state.average)
        return {"step": state.step, "validation_bits": bits[state.step]}

    monkeypatch.setattr(Trainer, "_measure", measured)
    run = begin(steps=8, save_every=2, keep="best", learning_rate=1e-2)
    run.train(stop=lambda: run.step == 5)
    resumed(run.run, tiny_data).train()
    target = export_run(run.run, tmp_path / "checkpoints" / "best")
    assert (target / "model.safetensors").read_bytes() == averages[4] != averages[8]
    assert read_config(target).training["kept_step"] == 4 and read_config(target).training["trained_steps"] == 8


@pytest.mark.slow
def test_without_validation_pictures_the_last_save_is_exported(begin: StartRun, tmp_path: Path) -> None:
    run = begin(steps=2, keep="best", validation_share=0.0)
    run.train()
    target = export_run(run.run, tmp_path / "checkpoints" / "last")
    assert (target / "model.safetensors").read_bytes() == pack_weights(run.average)


# --- samples ------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_samples_are_drawn_as_often_as_asked(begin: StartRun, tiny_data: Path) -> None:
    run = begin(steps=10, save_every=4, sample_every=3)
    run.train(stop=lambda: run.step == 7)
    folder = run.run / "samples"
    assert sorted(p.name for p in folder.iterdir()) == ["step-00000003.png", "step-00000006.png"]
    seen = (folder / "step-00000003.png").read_bytes()
    resumed(run.run, tiny_data).train()
    assert sorted(int(p.stem[5:]) for p in folder.iterdir()) == [3, 6, 9, 10]
    assert (folder / "step-00000003.png").read_bytes() == seen != (folder / "step-00000010.png").read_bytes()


@pytest.mark.slow
def test_a_resumed_run_draws_the_samples_that_are_missing_alone_and_not_in_a_hurry(
    begin: StartRun, tiny_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = begin(steps=4, save_every=2)
    run.train(stop=lambda: run.step == 2)
    sheet, drawn, draw = run.run / "samples" / "step-00000002.png", list[int](), sample_sheets.draw_samples
    before = sheet.read_bytes()

    def draw_samples(*given: Any, **options: Any) -> bytes:
        drawn.append(1)
        return draw(*given, **options)

    monkeypatch.setattr(sample_sheets, "draw_samples", draw_samples)
    resumed(run.run, tiny_data).train(stop=lambda: True)
    assert drawn == []
    sheet.unlink()
    hurried = resumed(run.run, tiny_data)
    assert drawn == []
    hurried.train(stop=lambda: True, hurry=lambda: True)
    assert not sheet.exists()
    resumed(run.run, tiny_data).train(stop=lambda: True)
    assert sheet.read_bytes() == before and drawn == [1, 1]


@pytest.mark.slow
def test_drawing_samples_changes_nothing_that_is_learned(begin: StartRun) -> None:
    often, never = begin("often", steps=4, sample_every=1), begin("never", steps=4)
    for run in (often, never):
        run.train()
    assert pack_weights(often.average) == pack_weights(never.average)


@pytest.mark.slow
def test_in_a_hurry_it_saves_without_measuring_or_drawing(begin: StartRun, tiny_data: Path) -> None:
    asked: list[int] = []

    def hurry() -> bool:
        asked.append(run.step)
        return True

    run = begin(steps=4, save_every=2, validation_share=0.3)
    run.train(stop=lambda: run.step == 2, hurry=hurry)
    found = last_checkpoint(run.run)
    assert found is not None and found[0] == 2 and asked == [2]
    assert not (run.run / "samples").exists() and run.rows == []
    again = resumed(run.run, tiny_data)
    again.train()
    assert [row["step"] for row in again.rows] == [4] and (run.run / "samples" / "step-00000004.png").exists()


# --- TensorBoard --------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_tensorboard_gets_the_curves_and_a_resumed_run_goes_on_in_them(tiny_data: Path, tmp_path: Path) -> None:
    from tensorboard.backend.event_processing import event_accumulator as events

    options = "train --preset debug --colours 8 --save-every 2 --batch-size 2 --threads 1 --validation-share 0.3"
    words = options.split()
    words += ["--data", str(tiny_data), "--out", str(tmp_path / "run"), "--tensorboard", str(tmp_path / "board")]
    assert main([*words, "--steps", "3", "--json"]) == 0
    assert main([*words, "--steps", "5", "--json", "--resume"]) == 0
    board = events.EventAccumulator(str(tmp_path / "board")).Reload()
    steps: dict[str, Any] = {tag: [event.step for event in board.Scalars(tag)] for tag in board.Tags()["scalars"]}
    assert steps["step/train_bits"] == steps["step/learning_rate"] == [1, 2, 3, 4, 5]
    assert steps["measured/validation_bits"] == [2, 3, 4, 5]


@pytest.mark.slow
def test_without_tensorboard_one_is_told(begin: StartRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard.writer", None)
    board = open_board(tmp_path / "board", begin())
    with pytest.raises(RequestRejected, match="curves need the package tensorboard"), board:
        pass
    assert not (tmp_path / "board").exists()
