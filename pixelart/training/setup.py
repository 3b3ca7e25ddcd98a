"""From what a user asks for to a run that can start, or go on."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from pixelart.errors import DataRejected, RequestRejected
from pixelart.models.origin import read_origin
from pixelart.models.weights import (
    CONFIG_FILE,
    LOG_FILE,
    SEEN_FILE,
    WEIGHTS_FILE,
    CheckpointConfig,
    read_seen,
)
from pixelart.near_copies import read_counted
from pixelart.owners import OWNER_FILE, sealed
from pixelart.training.checkpoint import Files, exclusive, last_checkpoint, new_folder, write_file
from pixelart.training.data import Fit, is_validation, read_pictures
from pixelart.training.measuring import log_table
from pixelart.training.options import check_training_options
from pixelart.training.processes import Processes
from pixelart.training.run import RUN_FILE, PaletteOf, RunConfig, Schedule, read_run
from pixelart.training.starting import (
    NewClasses,
    base_weights,
    decide,
    from_base,
    from_scratch,
    refuse_beside_base,
)
from pixelart.training.state import BEST, best_row
from pixelart.training.trainer import Trainer

ADJUSTABLE = ("steps", "minutes", "save_every", "sample_every", "threads", "compile", "gradient_checkpointing")
"""What may be another on resume: how long to train, and how; the length also moves the cosine schedule."""
CHOSEN_FILE = "validation_images.txt"
MAX_NAME = 64
_OF_A_SAVE = ("trained_steps", "trained_minutes", "kept_step", "near_copies")


@contextmanager
def start_run(
    run: Path,
    data: Path,
    *,
    schedule: Schedule,
    model: str | None = None,
    preset: str | None = None,
    codec: str | None = None,
    colours: int | None = None,
    base: Path | None = None,
    palette: PaletteOf | None = None,
    new_classes: NewClasses = "add",
    size: tuple[int, int] | None = None,
    fit: Fit = "refuse",
    processes: Processes | None = None,
) -> Iterator[Trainer]:
    """A new run in the folder `run`, which must not hold one; inside the context no one else changes it.

    With `base`, a checkpoint folder, it goes on from those weights: network, codec, classes and size are the base's,
    and pictures that the base has learned from are learned from again, never measured on. With `palette` "fit" the
    palette is fitted to the pictures instead, in as many `colours` as the base has, or as are said; each begins as the
    nearest of the base's. Classes that the base does not have are added to its own, or refused. Without a base, what is
    None is that of FROM_SCRATCH.

    Raises:
        RequestRejected: a value outside its limits, beside a base what the base decides, or a folder that holds a run.
        DataRejected, ImageRejected: data that cannot be used.
        WeightsRejected: a base that cannot be used.
    """
    said = {"model": model, "preset": preset, "codec": codec, "colours": colours, "palette": palette}
    said = {name: value for name, value in said.items() if value is not None}
    check_training_options({**asdict(schedule), **said, "base": base, "new_classes": new_classes, "fit": fit})
    decided, origin, seen = decide(said, base=base)
    if origin:
        size = origin.model_config["height"], origin.model_config["width"]
    pictures = read_pictures(data, size=size, fit=fit).without(schedule.held_out_share)
    hashes = [h for one in pictures.sizes for h in one.hashes]
    measured = schedule.held_out_share + schedule.validation_share
    seen |= {h for h in hashes if not is_validation(h, share=measured)}
    learned = np.array([h in seen for h in pictures.hashes])
    if not learned.any():
        raise DataRejected(f"{data.name}: no picture is left to train on beside the validation part")
    if origin:
        start = from_base(origin, decided, pictures, pictures.select(learned), new_classes=new_classes, data=data)
    else:
        start = from_scratch(decided, pictures, pictures.select(learned))
    config = RunConfig(
        model=start.model,
        preset=decided["preset"],
        data=str(data),
        size=pictures.size,
        fit=fit,
        data_fingerprint=pictures.fingerprint(),
        classes=start.classes,
        colours=decided["colours"],
        palette=decided["palette"],
        codec=start.codec,
        model_config=start.model_config,
        schedule=schedule,
        base=str(base.resolve()) if base else "",
        base_origin=str((base and read_origin(base)) or ""),
    )
    weights = base_weights(config)
    run.mkdir(parents=True, exist_ok=True)
    Files().sync_folder(run.parent)  # or a power cut may take the run with all its synced checkpoints
    with exclusive(run):
        if (run / RUN_FILE).exists() or last_checkpoint(run):
            raise RequestRejected(f"{run}: already holds a run; --resume continues it")
        write_file(run / SEEN_FILE, "\n".join(sorted(seen)).encode() + b"\n")
        if schedule.held_out_share:  # then choices may be made on the validation part, and figures told of the other
            write_file(run / CHOSEN_FILE, "\n".join(sorted(set(hashes) - seen)).encode() + b"\n")
        config.write(run)
        yield _ready(Trainer(run, config, pictures, seen, weights=weights, processes=processes))


def _ready(trainer: Trainer) -> Trainer:
    """A run that is there, so that the other processes may join it."""
    trainer.processes.wait()
    return trainer


@contextmanager
def resume_run(
    run: Path, data: Path, *, given: Mapping[str, Any] = MappingProxyType({}), processes: Processes | None = None
) -> Iterator[Trainer]:
    """The run in the folder `run` at its newest whole checkpoint, or at its start when it has none yet; inside the
    context no one else changes it. A base is read only while there is no checkpoint.

    `given`: options by name; those of ADJUSTABLE may differ from the run's, which records the change.

    Raises:
        RequestRejected: no run there, another process trains it, or an option that would make it another run.
        DataRejected: other pictures than it was started with.
        WeightsRejected: a checkpoint lacks a part, or the base that a run without one needs cannot be used.
    """
    with exclusive(run):
        config = read_run(run)
        schedule = _adjusted(config, given)
        trainer = _opened(run, data, replace(config, schedule=schedule), processes)
        if schedule != config.schedule:
            trainer.config.write(run)
        yield _ready(trainer)


@contextmanager
def join_run(run: Path, data: Path, *, processes: Processes) -> Iterator[Trainer]:
    """The run that the first process of `processes` starts or resumes, once it has; for the others, which train with
    it and change nothing in the folder.

    Raises:
        DataRejected: other pictures than it was started with.
        WeightsRejected: a checkpoint lacks a part.
    """
    processes.wait()
    yield _opened(run, data, read_run(run), processes)


def _opened(run: Path, data: Path, config: RunConfig, processes: Processes | None) -> Trainer:
    pictures = read_pictures(data, size=config.size, fit=config.fit).without(config.schedule.held_out_share)
    weights = base_weights(config) if last_checkpoint(run) is None else None
    return Trainer(run, config, pictures, read_seen(run), weights=weights, processes=processes)


def _adjusted(config: RunConfig, given: Mapping[str, Any]) -> Schedule:
    """The schedule of a run with what is `given` of ADJUSTABLE. Raises RequestRejected when other things differ."""
    started = {
        **asdict(config.schedule),
        **{name: getattr(config, name) for name in ("model", "preset", "colours", "palette", "fit")},
        "codec": config.codec["name"],
        "base": Path(config.base).resolve() if config.base else "no base",
    }
    if config.base:
        refuse_beside_base(given, palette=config.palette)
    for name, value in given.items():
        same = (value.resolve() if isinstance(value, Path) else value) == started[name]
        if not same and name not in ADJUSTABLE:
            raise RequestRejected(f"{name} {value}: this run was started with {started[name]}")
    schedule = replace(config.schedule, **{k: v for k, v in given.items() if k in ADJUSTABLE})
    schedule.check()
    return schedule


def check_name(name: str) -> None:
    """Raises RequestRejected when a checkpoint cannot be called so."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name) or len(name) > MAX_NAME:
        raise RequestRejected(f"name {name!r:.80}: use 1 to {MAX_NAME} letters, digits, '.', '_' and '-'")


def exported_files(run: Path) -> dict[str, bytes]:
    """The files, by name, of a checkpoint of the averaged weights of a run's newest save, or of its best where it keeps
    that, with what was measured on the way.

    Raises:
        RequestRejected: no run there, or nothing saved yet.
    """
    config = read_run(run)
    found = last_checkpoint(run)
    if found is None:
        raise RequestRejected(f"{run}: nothing is saved yet")
    step, parts = found
    state, best = json.loads(parts["state.json"]), parts.get(BEST)
    kept, counted = best_row(state["rows"])["step"] if best else step, read_counted(run)
    training = {
        **asdict(config.schedule),
        "base": Path(config.base).name,
        **({"base_origin": config.base_origin} if config.base_origin else {}),
        "trained_steps": step,
        "trained_minutes": round(state["seconds"] / 60, 1),
        "kept_step": kept,
        **({"near_copies": asdict(counted)} if counted and counted.step == kept else {}),
    }
    description = CheckpointConfig(config.model, config.model_config, config.codec, config.classes, training)
    log = {LOG_FILE: log_table(state["rows"])} if state["rows"] else {}
    return {
        CONFIG_FILE: description.to_json(),
        WEIGHTS_FILE: best or parts["average.safetensors"],
        SEEN_FILE: _seen(run),
        **log,
    }


def _seen(run: Path) -> bytes:
    """The content hashes of what a run has learned from, and of what choices may have been made on."""
    chosen = (run / CHOSEN_FILE).read_bytes() if (run / CHOSEN_FILE).exists() else b""
    return b"\n".join(sorted({*(run / SEEN_FILE).read_bytes().split(), *chosen.split()})) + b"\n"


def export_run(run: Path, target: Path, *, owner: str = "") -> Path:
    """Write `exported_files` of a run as the checkpoint folder `target`, whole or not at all; of several that do so at
    once the first has it. `owner`: whose alone it is to be; "" = no one's.

    Raises:
        RequestRejected: no run there, nothing saved yet, or `target` exists.
    """
    files, written = Files(), exported_files(run)
    if owner:
        written[OWNER_FILE] = sealed(owner)
    with new_folder(target, files=files) as partial:
        for name, data in written.items():
            files.write(partial / name, data)
    return target


def export_again(run: Path, target: Path) -> bool:
    """Bring a checkpoint of this run to its newest save; False, and nothing is done, where `target` is none.

    File by file, the weights first: all saves of a run are of one network, so that whoever reads meanwhile has whole
    weights that fit, those before or those after.

    Raises:
        RequestRejected: no run there, or nothing saved yet.
        OSError: a write failed; the file that was to be replaced is as it was.
    """
    written = exported_files(run)
    try:
        there = {name: (target / name).read_bytes() for name in written if (target / name).exists()}
        same = _lasting(there[CONFIG_FILE]) == _lasting(written[CONFIG_FILE])
    except (OSError, ValueError, TypeError, KeyError, AttributeError):  # a file is not there, or is none of ours
        return False
    if not same or there[SEEN_FILE] != written[SEEN_FILE]:
        return False
    for name in (WEIGHTS_FILE, CONFIG_FILE, LOG_FILE):
        if name in written and there.get(name) != written[name]:
            write_file(target / name, written[name])
    return True


def _lasting(config: bytes) -> dict[str, Any]:
    """What a config.json says that is the same for all saves of a run."""
    values = json.loads(config)
    return {**values, "training": {k: v for k, v in values["training"].items() if k not in _OF_A_SAVE}}
