"""What is refused, and what is left of it; the child is a stub that trains nothing."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from pixelart.checkpoint.format import config_of
from pixelart.checkpoint.library import Library
from pixelart.checkpoint.weights import pack_weights
from pixelart.cli.main import main
from pixelart.errors import PixelArtError, RequestRejected
from pixelart.images.codec import Gray
from pixelart.jobs import JOB_OPTIONS, Jobs
from pixelart.jobs import folder as job_folder
from pixelart.jobs.options import check_options, command_options
from pixelart.models import create_model
from pixelart.settings import SETTINGS
from tests.jobs.bystanders import LONG
from tests.jobs.running import running
from tests.jobs.waiting import ended

Open = Callable[..., Jobs]


BAD: dict[str, tuple[str, dict[str, Any], str]] = {
    "no length": ("mine", {}, "set either steps or minutes"),
    "a name with a path": ("../x", LONG, "name '../x': use 1 to 64 letters"),
    "a name that is taken": ("taken", LONG, "name taken: another model or training has it; taken-2 is free"),
    "an option of no job": ("mine", {**LONG, "out": "/tmp"}, "option 'out': a job may have base, "),
    "an option of the machine": ("mine", {**LONG, "threads": 64}, "option 'threads': a job may have"),
    "a word for a number": ("mine", {"steps": "9"}, "steps '9': must be a whole number"),
    "a truth for a number": ("mine", {"steps": True}, "steps True: must be a whole number"),
    "outside its limits": ("mine", {**LONG, "flip": 2.0}, "flip 2.0: must be from 0 to 0.9"),
    "a number for a truth": ("mine", {**LONG, "gradient_checkpointing": 1}, "must be a truth value"),
    "not a number": ("mine", {**LONG, "learning_rate": float("nan")}, "learning_rate nan: must be from"),
    "too long": ("mine", {"minutes": 31}, "minutes 31: a job has at most 30"),
    "no such base": ("mine", {**LONG, "base": "gone"}, "checkpoint 'gone' not found; checkpoints/ holds: none"),
    "a base with a path": ("mine", {**LONG, "base": "../taken"}, "checkpoint '../taken' not found"),
}


@pytest.mark.parametrize(("name", "options", "message"), BAD.values(), ids=BAD)
def test_bad_jobs_are_refused_and_leave_nothing(
    open_jobs: Open, data: Path, tmp_path: Path, name: str, options: dict[str, Any], message: str
) -> None:
    (tmp_path / "checkpoints" / "taken").mkdir(parents=True)
    jobs = open_jobs()
    with pytest.raises(RequestRejected) as refused:
        jobs.submit("ann", name, options, data)
    assert message in str(refused.value) and "\n" not in str(refused.value)
    assert jobs.list("ann") == [] and not [p for p in (tmp_path / "jobs").iterdir() if p.is_dir()]


BY_THE_CHILD: dict[str, tuple[dict[str, Any], str]] = {
    "model": ({"model": "vae"}, "model 'vae' is not one of "),
    "preset": ({"preset": "huge"}, "preset 'huge' of gated_pixelcnn is not one of "),
    "preset of a model": ({"model": "row_rnn", "preset": "\0"}, "preset '\\x00' of row_rnn is not one of "),
    "codec": ({"codec": "webp"}, "codec 'webp' is not one of indexed, palette, rgb, gray, binary"),
    "codec of a model": (
        {"model": "pixelcnn_plus_plus", "codec": "indexed"},
        "model pixelcnn_plus_plus with codec indexed: it needs ",
    ),
    "colours": ({"colours": 1}, "colours 1: must be from 2 to 256"),
    "too many colours": ({"colours": 257}, "colours 257: must be from 2 to 256"),
    "palette": ({"palette": "foo"}, "palette 'foo' is not one of keep, fit"),
    "palette kept of nothing": ({"palette": "keep"}, "palette keep: needs a base"),
    "new classes": ({"base": "tiny", "new_classes": "drop"}, "new_classes 'drop' is not one of add, refuse"),
    "model of a base": ({"base": "tiny", "model": "row_rnn"}, "model row_rnn: cannot be set with a base"),
    "preset of a base": ({"base": "tiny", "preset": "default"}, "preset default: differs from the base in "),
    "codec of a base": ({"base": "tiny", "codec": "rgb"}, "codec rgb: cannot be set with a base"),
    "colours of a base": ({"base": "tiny", "colours": 9}, "colours 9: cannot be set with a base"),
    "colours to fit": ({"base": "tiny", "palette": "fit", "colours": 1}, "colours 1: must be from 2 to 256"),
    "base": ({"base": "gone"}, "checkpoint 'gone' not found; checkpoints/ holds: "),
    "a damaged base": ({"base": "damaged"}, "damaged/config.json: not readable"),
    "a base of unknown pictures": ({"base": "unknown"}, "unknown: does not record what it was trained on"),
    "a base that was cut": ({"base": "cut"}, "cut/model.safetensors: "),
    "a base without a palette": (
        {"base": "grey", "palette": "fit"},
        "palette fit: the base models gray, which has no ",
    ),
    "batch_size": ({"batch_size": 0}, "batch_size 0: must be from 1 to 4096"),
    "accumulate": ({"accumulate": 0}, "accumulate 0: must be from 1 to 4096"),
    "learning_rate": ({"learning_rate": 2.0}, "learning_rate 2.0: must be from 1e-07 to 1"),
    "context_rate": ({"context_rate": 101.0}, "context_rate 101.0: must be from 0 to 100"),
    "optimizer": ({"optimizer": "sgd"}, "optimizer 'sgd': must be adamw or muon"),
    "recolour": ({"recolour": 1.5}, "recolour 1.5: must be from 0 to 1"),
    "balance": ({"balance": -1.0}, "balance -1.0: must be from 0 to 1"),
    "emphasis": ({"emphasis": "hero=0"}, "emphasis 'hero=0': must be from 0.01 to 100 times"),
    "dropout": ({"dropout": 1.0}, "dropout 1.0: must be from 0 to 0.9"),
    "held_out_share": ({"held_out_share": 1.0}, "held_out_share 1.0: must be from 0 to 0.9"),
    "context_first": ({"context_first": -0.5}, "context_first -0.5: must be from 0 to 1"),
    "validation_share": ({"validation_share": 1.0}, "validation_share 1.0: must be from 0 to 0.9"),
    "class_dropout": ({"class_dropout": 1.5}, "class_dropout 1.5: must be from 0 to 1"),
    "flip": ({"flip": 1.0}, "flip 1.0: must be from 0 to 0.9"),
    "weight_decay": ({"weight_decay": 1.5}, "weight_decay 1.5: must be from 0 to 1"),
    "ema": ({"ema": 1.0}, "ema 1.0: must be from 0 to 0.99999"),
    "seed": ({"seed": -1}, "seed -1: must be from 0 to"),
    "save_every": ({"save_every": 0}, "save_every 0: must be from 1 to"),
    "sample_every": ({"sample_every": -1}, "sample_every -1: must be from 0 to"),
    "keep": ({"keep": "all"}, "keep 'all': must be last or best"),
    "precision": ({"precision": "fp8"}, "precision 'fp8': must be auto, fp32 or bf16"),
    "steps": ({"steps": 0}, "set either steps or minutes"),
    "minutes": ({"minutes": 5.0}, "set either steps or minutes"),
}
BY_ARGPARSE = ("palette", "new classes")
"""What the child's command line knows before it reads anything, and tells in words of its own."""


@pytest.fixture(scope="module")
def bases(tiny_checkpoints: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of checkpoints to start from, or not."""
    place = tmp_path_factory.mktemp("bases") / "checkpoints"
    for name in ("tiny", "damaged", "unknown", "cut"):
        shutil.copytree(tiny_checkpoints / "tiny", place / name)
    (place / "damaged" / "config.json").write_text("{")
    (place / "unknown" / "training_images.txt").unlink()
    weights = place / "cut" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1])
    size = {"channels": 1, "levels": 256, "height": 8, "width": 8, "num_classes": 2}
    model = create_model("gated_pixelcnn", preset="debug", **size)
    config = config_of(model, "gated_pixelcnn", Gray(), ("cross", "stripe"))
    (place / "grey").mkdir()
    (place / "grey" / "config.json").write_bytes(config.to_json())
    (place / "grey" / "model.safetensors").write_bytes(pack_weights(model))
    (place / "grey" / "training_images.txt").touch()
    return place


@pytest.mark.parametrize(("options", "message"), BY_THE_CHILD.values(), ids=BY_THE_CHILD)
def test_what_the_child_refuses_is_refused_at_once_and_in_its_words(
    bases: Path,
    tiny_data: Path,
    tmp_path: Path,
    request: pytest.FixtureRequest,
    capsys: pytest.CaptureFixture[str],
    options: dict[str, Any],
    message: str,
) -> None:
    options = {"steps": 2, **options}
    with pytest.raises(PixelArtError) as refused:
        check_options(options, library=Library(bases, device=torch.device("cpu"), memory_bytes=0), settings=SETTINGS)
    assert message in str(refused.value) and str(bases.parent) not in str(refused.value)
    said = command_options(options, checkpoints=bases)
    command = ["train", f"--data={tiny_data}", f"--out={tmp_path / 'run'}", *said]
    if request.node.callspec.id in BY_ARGPARSE:
        with pytest.raises(SystemExit, match="2"):
            main(command)
    else:
        assert main(command) == 2 and capsys.readouterr().err == f"pixelart train: {refused.value}\n"
    assert not (tmp_path / "run").exists()


def test_every_option_of_a_job_is_among_those_that_are_tried() -> None:
    tried = {name for options, _ in BY_THE_CHILD.values() for name in options}
    assert {*JOB_OPTIONS} - tried == {"gradient_checkpointing", "looks", "kinds"}  # a truth value has no other


@pytest.mark.parametrize(
    "options",
    [
        {"base": "tiny"},
        {"base": "tiny", "palette": "fit", "colours": 9, "new_classes": "refuse"},
        {"base": "grey", "palette": "keep"},
        {"palette": "fit", "colours": 256},
        {"model": "pixelcnn_plus_plus", "codec": "rgb", "preset": "debug"},
        {"codec": "gray", "colours": 2},
    ],
    ids=str,
)
def test_what_the_child_takes_is_taken(bases: Path, options: dict[str, Any]) -> None:
    check_options(
        {"steps": 2, **options}, library=Library(bases, device=torch.device("cpu"), memory_bytes=0), settings=SETTINGS
    )


def test_a_value_that_looks_like_an_option_is_none(tmp_path: Path) -> None:
    said = command_options({"preset": "--out=/tmp", "gradient_checkpointing": True}, checkpoints=tmp_path)
    assert said == ["--preset=--out=/tmp", "--gradient-checkpointing"]


def test_too_large_a_file_is_refused(open_jobs: Open, data: Path) -> None:
    with pytest.raises(RequestRejected, match=r"pictures\.zip: larger than 0 MiB"):
        open_jobs(max_archive_bytes=9).submit("ann", "mine", LONG, data)


@pytest.mark.parametrize("call", ["copyfile", "fsync", "replace"])
def test_a_full_disk_leaves_nothing_of_a_new_job(
    open_jobs: Open, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    jobs = open_jobs()
    with monkeypatch.context() as patch:
        place = job_folder.shutil if call == "copyfile" else job_folder.os
        patch.setattr(place, call, full)
        with pytest.raises(OSError, match="No space left"):
            jobs.submit("ann", "mine", LONG, data)
    assert jobs.list("ann") == [] and not [p for p in (tmp_path / "jobs").iterdir() if p.is_dir()]


def test_a_deleted_job_is_gone_and_a_running_one_is_not_deleted(open_jobs: Open, data: Path) -> None:
    jobs = open_jobs()
    job = running(jobs, data)
    folder = jobs.folder("ann", job.id)
    with pytest.raises(RequestRejected, match="is running: stop it first"):
        jobs.delete("ann", job.id)
    jobs.stop("ann", job.id)
    ended(jobs, job)
    jobs.delete("ann", job.id)
    assert not folder.path.exists() and jobs.list("ann") == [] and folder.progress() is None


def test_what_was_cut_short_is_swept_and_what_was_trained_is_not(open_jobs: Open, data: Path, tmp_path: Path) -> None:
    open_jobs().close()
    place = tmp_path / "jobs"
    half = [place / f".{'a' * 16}.01234567.tmp", place / f".{'b' * 16}.deleted", place / ("c" * 16)]
    kept = [place / ("d" * 16) / "run", place / "mine", place / ".mine.01234567.tmp"]
    for path in (*half, *kept):
        path.mkdir(parents=True)
    open_jobs()
    assert not any(path.exists() for path in half) and all(path.exists() for path in kept)


def test_a_job_may_say_all_that_is_of_the_training_and_nothing_of_the_machine() -> None:
    from pixelart.cli.main import parse

    ours = "command run json data out resume attended checkpoints threads memory_format compile fit frames tensorboard"
    ours += " colours_from on flavor limit yes"
    assert {*JOB_OPTIONS, *ours.split()} == set(vars(parse(["train", "--data", "x", "--out", "y"])))
