"""Starts, resumes and joins runs from the options of a user."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path, PureWindowsPath
from types import MappingProxyType
from typing import Any

import numpy as np

from pixelart.checkpoint.format import CHOSEN_FILE, SEEN_FILE, CheckpointConfig, read_chosen, read_trained
from pixelart.checkpoint.origin import read_origin
from pixelart.errors import DataRejected, Hint, ImageRejected, RequestRejected
from pixelart.progress import OnProgress, ignore_progress
from pixelart.storage import Files, exclusive, write_file
from pixelart.training.autotune import tuned
from pixelart.training.config import AUTO_EXECUTION, Schedule
from pixelart.training.data.archives import Frames
from pixelart.training.data.classes import CLASS_RULE
from pixelart.training.data.emphasis import check_emphasis
from pixelart.training.data.pictures import Fit, PictureSet, is_validation, read_pictures
from pixelart.training.distributed import Processes
from pixelart.training.export import check_end
from pixelart.training.initialization import (
    NewClasses,
    base_weights,
    from_base,
    from_scratch,
    refuse_beside_base,
    resolve_options,
)
from pixelart.training.options import check_training_options
from pixelart.training.run_config import RUN_FILE, PaletteOf, RunConfig, read_run
from pixelart.training.snapshots import last_checkpoint
from pixelart.training.trainer import Trainer

EXECUTION = ("precision", "memory_format", "threads")
"""Options chosen by timing if they are left open; a resumed run keeps them unless new values are given."""
ADJUSTABLE = ("steps", "minutes", "save_every", "sample_every", *EXECUTION, "compile", "gradient_checkpointing")
"""Options that may change on resume: the length of the training, which also moves the cosine schedule, and how to
compute."""
MAX_NAME = 64


@contextmanager
def start_run(
    run: Path | str,
    data: Path | str,
    *,
    schedule: Schedule,
    model: str | None = None,
    preset: str | None = None,
    codec: str | None = None,
    colours: int | None = None,
    base: Path | str | None = None,
    palette: PaletteOf | None = None,
    colours_from: Sequence[str] | None = None,
    new_classes: NewClasses = "add",
    size: tuple[int, int] | None = None,
    fit: Fit = "refuse",
    frames: Frames = "first",
    processes: Processes | None = None,
    on_progress: OnProgress = ignore_progress,
) -> Iterator[Trainer]:
    """Start a new run in the folder `run`, which is locked inside the context and must not hold a run.

    With `base`, a checkpoint folder, training starts from those weights: codec, classes and size are the base's, and
    so is the network, unless `preset` names a larger one. Pictures that the base was trained on stay training pictures
    and are never used for validation. With `palette` "fit", a palette of `colours` colours (default: as many as the
    base has) is fitted to the pictures; each colour starts as the nearest one of the base. Classes that the base does
    not have are added or refused.

    Without a base, options that are None come from FROM_SCRATCH. `colours_from`: the palette as hexadecimal text
    instead of a fitted one; a codec whose palette is an input may have more `colours` than that.

    `on_progress` gets the numbers of files read and of all files.

    Raises:
        RequestRejected: a value outside its limits, an option that the base sets itself, or a folder that holds a run.
        DataRejected, ImageRejected: data that cannot be used.
        WeightsRejected: a base that cannot be used.
    """
    run, data, base = Path(run), Path(data), Path(base) if base else None
    options = {"model": model, "preset": preset, "codec": codec, "colours": colours, "palette": palette}
    options["colours_from"] = tuple(colours_from) if colours_from else None
    options = {name: value for name, value in options.items() if value is not None}
    more = {"base": base, "new_classes": new_classes, "fit": fit, "frames": frames}
    check_training_options({**asdict(schedule), **options, **more})
    if run.resolve() == data.resolve():
        raise RequestRejected(f"{run}: is the folder of the pictures; choose another folder for the run")
    resolved, origin, seen = resolve_options(options, base=base)
    if origin:
        size = origin.model_config["height"], origin.model_config["width"]
    reading: dict[str, Any] = {"fit": fit, "frames": frames, "with_looks": schedule.looks, "with_kinds": schedule.kinds}
    pictures = read_pictures(data, size=size, **reading, on_progress=on_progress)
    pictures = pictures.without(schedule.held_out_share)
    hashes = [h for one in pictures.sizes for h in one.hashes]
    measured = schedule.held_out_share + schedule.validation_share
    chosen = read_chosen(base) if base else frozenset[str]()  # as validation pictures, they stay comparable
    seen |= {h for h in hashes if not is_validation(h, share=measured)} - chosen
    if not seen.intersection(hashes):
        raise DataRejected(f"{data.name}: every picture is in the validation part; none is left to train on")
    learned = np.array([h in seen for h in pictures.hashes], np.bool_)
    if not learned.any():
        height, width = pictures.size
        raise DataRejected(
            f"{data.name}: holds no picture of {width} x {height} pixels to train on, the size of the network"
        )
    check_emphasis(schedule.emphasis, _names_of(pictures, seen))
    if origin:
        start = from_base(origin, resolved, pictures, pictures.select(learned), new_classes=new_classes, data=data)
    else:
        start = from_scratch(resolved, pictures, pictures.select(learned))
    config = RunConfig(
        model=start.model,
        preset=resolved["preset"],
        data=str(data),
        size=pictures.size,
        fit=fit,
        frames=frames,
        class_rule=CLASS_RULE,
        data_fingerprint=pictures.fingerprint(),
        classes=start.classes,
        looks=start.looks,
        kinds=start.kinds,
        colours=resolved["colours"],
        palette=resolved["palette"],
        codec=start.codec,
        model_config=start.model_config,
        schedule=schedule,
        base=str(base.resolve()) if base else "",
        base_origin=str((base and read_origin(base)) or ""),
        sizes=_count_sizes(pictures, seen, origin),
    )
    check_end(config, name=data.name)
    weights = base_weights(config)
    run.mkdir(parents=True, exist_ok=True)
    Files().sync_folder(run.parent)  # otherwise a power cut may lose the run with all its checkpoints
    with exclusive(run):
        if (run / RUN_FILE).exists() or last_checkpoint(run):
            raise RequestRejected(f"{run}: already holds a run", hint=Hint.RESUME)
        processes = processes or Processes()
        config = tuned(config, pictures.select(learned), processes.device)  # before other processes join and read it
        write_file(run / SEEN_FILE, "\n".join(sorted(seen)).encode() + b"\n")
        if schedule.held_out_share:  # choose on the validation part, report figures on the held-out part
            chosen |= set(hashes)
        if chosen - seen:
            write_file(run / CHOSEN_FILE, "\n".join(sorted(chosen - seen)).encode() + b"\n")
        config.write(run)
        yield _ready(Trainer(run, config, pictures, seen, weights=weights, processes=processes))


def _names_of(pictures: PictureSet, seen: Set[str]) -> set[str]:
    """The names of all labels of the pictures of all sizes whose content hashes are in `seen`."""
    known = [one.select(np.array([content in seen for content in one.hashes], np.bool_)) for one in pictures.sizes]
    return {name for one in known for name in one.labels.names}


def _count_sizes(pictures: PictureSet, seen: Set[str], origin: CheckpointConfig | None) -> int:
    """How many picture sizes the weights will have been trained on, `seen` pictures and the base `origin` included.

    0 = unknown: an older base, trained with `fit` "keep", that does not record it.
    """
    own = sum(any(h in seen for h in one.hashes) for one in pictures.sizes)
    before = origin.training if origin and origin.training.get("fit") == "keep" else {"sizes": 1}
    of_base = before.get("sizes", 0)
    return max(own, of_base) if isinstance(of_base, int) and of_base > 0 else 0


def _ready(trainer: Trainer) -> Trainer:
    """Let the other processes join the run."""
    trainer.processes.wait()
    return trainer


@contextmanager
def resume_run(
    run: Path | str,
    data: Path | str,
    *,
    given: Mapping[str, Any] = MappingProxyType({}),
    processes: Processes | None = None,
    on_progress: OnProgress = ignore_progress,
) -> Iterator[Trainer]:
    """Resume the run in the folder `run` from its newest valid checkpoint, or from its start; the folder is locked
    inside.

    `given`: options by name; those of ADJUSTABLE may differ from the run's and are then stored in it. A base is read
    only while the run has no checkpoint.

    Raises:
        RequestRejected: no run there, another process trains it, or an option that cannot change.
        DataRejected: the pictures are not the ones it was started with.
        WeightsRejected: a checkpoint lacks a part, or a run without one has a base that cannot be used.
    """
    run, data = Path(run), Path(data)
    with exclusive(run):
        config = read_run(run)
        changed = _adjusted(config, given)
        trainer = _open_run(run, data, changed, processes, on_progress)
        if changed != config:
            trainer.config.write(run)
        yield _ready(trainer)


@contextmanager
def join_run(run: Path, data: Path, *, processes: Processes) -> Iterator[Trainer]:
    """Open the run that the first of `processes` has started or resumed; for the others, which write nothing.

    Raises:
        DataRejected: the pictures are not the ones it was started with.
        WeightsRejected: a checkpoint lacks a part.
    """
    processes.wait()
    yield _open_run(run, data, read_run(run), processes)


def _open_run(
    run: Path, data: Path, config: RunConfig, processes: Processes | None, on_progress: OnProgress = ignore_progress
) -> Trainer:
    pictures = read_pictures(data, size=config.size, **_reading(config), on_progress=on_progress)
    pictures = pictures.without(config.schedule.held_out_share)
    weights = base_weights(config) if last_checkpoint(run) is None else None
    config = replace(config, data=str(data))  # an error names where they are now
    return Trainer(run, config, pictures, read_trained(run), weights=weights, processes=processes)


def _reading(config: RunConfig) -> dict[str, Any]:
    """How the pictures of a run are read, as arguments of `read_pictures`."""
    rules = {"class_rule": config.class_rule, "with_looks": config.schedule.looks, "with_kinds": config.schedule.kinds}
    return {"fit": config.fit, "frames": config.frames, **rules}


def check_same_pictures(run: Path, data: Path) -> None:
    """Refuse pictures that the run in the folder `run` was not started with.

    Raises:
        RequestRejected: no run there, or other pictures.
    """
    config = read_run(run)
    how = _reading(config)
    try:
        pictures = read_pictures(data, size=config.size, **how).without(config.schedule.held_out_share)
        same = pictures.fingerprint() == config.data_fingerprint
    except (DataRejected, ImageRejected):  # also of another size
        same = False
    if not same:
        raise RequestRejected("these are not the pictures that this training was started with")


def _adjusted(config: RunConfig, given: Mapping[str, Any]) -> RunConfig:
    """The run with the ADJUSTABLE options in `given`, and its base where that is now. Raises RequestRejected if another
    option differs."""
    started = {
        **asdict(config.schedule),
        **{name: getattr(config, name) for name in ("model", "colours", "palette", "fit", "frames")},
        "preset": config.preset or "the network of its base",
        "codec": config.codec["name"],
        "colours_from": tuple(config.codec.get("colours", ())),
        "base": config.base or "no base",
    }
    given = {name: value for name, value in given.items() if name not in EXECUTION or value not in (AUTO_EXECUTION, 0)}
    if config.base:
        refuse_beside_base(given, palette=config.palette)
    for name, value in given.items():
        same = _is_base(value, config) if name == "base" else value == started[name]
        if not same and name not in ADJUSTABLE:
            if name == "colours_from":  # up to 255 colours, too many for a line
                raise RequestRejected("colours_from: this run was started with other colours")
            raise RequestRejected(f"{name} {value}: this run was started with {started[name]}")
    schedule = replace(config.schedule, **{k: v for k, v in given.items() if k in ADJUSTABLE})
    schedule.check()
    base = given.get("base")
    return replace(config, schedule=schedule, base=str(base.resolve()) if base and base.is_dir() else config.base)


def _is_base(base: Path, config: RunConfig) -> bool:
    """Whether a run was started with the checkpoint folder `base`, perhaps on another machine, where it has another
    path. A base that is gone is known by its name."""
    if not config.base or base.resolve() == Path(config.base).resolve():
        return bool(config.base)
    name = PureWindowsPath(config.base).name  # of a path of any system
    return base.resolve().name == name and (not base.is_dir() or str(read_origin(base) or "") == config.base_origin)


def check_name(name: str) -> None:
    """Raises RequestRejected if `name` is not valid as the name of a checkpoint."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name) or len(name) > MAX_NAME:
        raise RequestRejected(f"name {name!r:.80}: use 1 to {MAX_NAME} letters, digits, '.', '_' and '-'")
