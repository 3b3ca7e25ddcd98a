"""From what a user asks for to a run that can start; and from a finished run to a checkpoint."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from pixelart.codec import RGB, Binary, Codec, Gray, Indexed
from pixelart.errors import DataRejected, RequestRejected
from pixelart.models import check_codec, config_to_dict, create_model
from pixelart.models.weights import (
    CONFIG_FILE,
    SEEN_FILE,
    WEIGHTS_FILE,
    CheckpointConfig,
    load_weights,
    read_config,
    read_seen,
)
from pixelart.palettes import fit_palette
from pixelart.training.checkpoint import Files, exclusive, last_checkpoint, write_file
from pixelart.training.data import Fit, PictureSet, is_validation, read_pictures
from pixelart.training.run import RUN_FILE, RunConfig, Schedule, read_run
from pixelart.training.trainer import Trainer

CODECS = ("indexed", "rgb", "gray", "binary")
ADJUSTABLE = ("steps", "minutes", "save_every", "threads", "compile")
"""What may be another on resume: how long to train, and how; the length also moves the cosine schedule."""
FROM_SCRATCH: dict[str, Any] = {"model": "gated_pixelcnn", "preset": "default", "codec": "indexed", "colours": 64}
"""What is decided by a base, and, for a run without one, by these words where nothing else is said."""


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
    size: tuple[int, int] | None = None,
    fit: Fit = "refuse",
) -> Iterator[Trainer]:
    """A new run in the folder `run`, which must not hold one; inside the context no one else changes it.

    With `base`, a checkpoint folder, it goes on from those weights: network, codec, classes and size are the base's,
    and pictures that the base has learned from are learned from again, never measured on. Without one, what is None is
    that of FROM_SCRATCH.

    Raises:
        RequestRejected: a value outside its limits, beside a base what the base decides, or a folder that holds a run.
        DataRejected, ImageRejected: data that cannot be used.
        WeightsRejected: a base that cannot be used.
    """
    schedule.check()
    start, weights, seen = None, None, frozenset[str]()
    said = {"model": model, "preset": preset, "codec": codec, "colours": colours}
    said = {name: value for name, value in said.items() if value is not None}
    if base:
        _refuse_beside_base(said)
        start, seen = read_config(base), read_seen(base)
        weights, base = load_weights(base, start), base.resolve()
        size = start.model_config["height"], start.model_config["width"]
    pictures = read_pictures(data, size=size, fit=fit)
    seen |= {h for h in pictures.hashes if not is_validation(h, share=schedule.validation_share)}
    learned = np.array([h in seen for h in pictures.hashes])
    if not learned.any():
        raise DataRejected(f"{data.name}: no picture is left to train on beside the validation part")
    decided = {"preset": "", "colours": 0} if start else {**FROM_SCRATCH, **said}
    start = start or _from_scratch(decided, pictures, pictures.select(learned))
    unknown = sorted(set(pictures.classes) - set(start.classes))
    if unknown:
        raise DataRejected(f"{data.name}: the base has no class {', '.join(unknown)[:80]}")
    config = RunConfig(
        model=start.model,
        preset=decided["preset"],
        data=str(data),
        size=(pictures.pictures.shape[1], pictures.pictures.shape[2]),
        fit=fit,
        data_fingerprint=pictures.fingerprint(),
        classes=start.classes,
        colours=decided["colours"],
        codec=start.codec,
        model_config=start.model_config,
        schedule=schedule,
        base=str(base or ""),
    )
    run.mkdir(parents=True, exist_ok=True)
    Files().sync_folder(run.parent)  # or a power cut may take the run with all its synced checkpoints
    with exclusive(run):
        if (run / RUN_FILE).exists() or last_checkpoint(run):
            raise RequestRejected(f"{run}: already holds a run; --resume continues it")
        write_file(run / SEEN_FILE, "\n".join(sorted(seen)).encode() + b"\n")
        config.write(run)
        yield Trainer(run, config, pictures, seen, weights=weights)


def _refuse_beside_base(said: Mapping[str, Any]) -> None:
    for name in FROM_SCRATCH:
        if name in said:
            raise RequestRejected(f"{name} {said[name]}: cannot be said beside a base, which decides it")


def _from_scratch(decided: Mapping[str, Any], pictures: PictureSet, learned: PictureSet) -> CheckpointConfig:
    """The network and codec of a run without a base, the palette fitted to what is `learned` from alone."""
    model, codec = decided["model"], _codec(decided["codec"], decided["colours"], learned)
    check_codec(model, codec.name)
    height, width = pictures.pictures.shape[1:3]
    network = create_model(
        model,
        preset=decided["preset"],
        channels=codec.channels,
        levels=codec.levels,
        height=height,
        width=width,
        num_classes=len(pictures.classes),
    )
    return CheckpointConfig(model, config_to_dict(network.config), codec.to_config(), pictures.classes, {})


@contextmanager
def resume_run(run: Path, data: Path, *, given: Mapping[str, Any] = MappingProxyType({})) -> Iterator[Trainer]:
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
        pictures = read_pictures(data, size=config.size, fit=config.fit)
        base = Path(config.base) if config.base and last_checkpoint(run) is None else None
        weights = load_weights(base, read_config(base)) if base else None
        trainer = Trainer(run, replace(config, schedule=schedule), pictures, read_seen(run), weights=weights)
        if schedule != config.schedule:
            trainer.config.write(run)
        yield trainer


def _adjusted(config: RunConfig, given: Mapping[str, Any]) -> Schedule:
    """The schedule of a run with what is `given` of ADJUSTABLE. Raises RequestRejected when other things differ."""
    started = {
        **asdict(config.schedule),
        **{name: getattr(config, name) for name in ("model", "preset", "colours", "fit")},
        "codec": config.codec["name"],
        "base": Path(config.base).resolve() if config.base else "no base",
    }
    if config.base:
        _refuse_beside_base(given)
    for name, value in given.items():
        same = (value.resolve() if isinstance(value, Path) else value) == started[name]
        if not same and name not in ADJUSTABLE:
            raise RequestRejected(f"{name} {value}: this run was started with {started[name]}")
    schedule = replace(config.schedule, **{k: v for k, v in given.items() if k in ADJUSTABLE})
    schedule.check()
    return schedule


def check_name(name: str) -> None:
    """Raises RequestRejected when a checkpoint cannot be called so."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", name):
        raise RequestRejected(f"name {name!r:.80}: use 1 to 64 letters, digits, '.', '_' and '-'")


def export_run(run: Path, target: Path) -> Path:
    """Write the averaged weights of a run's newest checkpoint as the checkpoint folder `target`, whole or not at all.

    Raises:
        RequestRejected: no run there, nothing saved yet, or `target` exists.
    """
    config = read_run(run)
    found = last_checkpoint(run)
    if found is None:
        raise RequestRejected(f"{run}: nothing is saved yet")
    if target.exists():
        raise RequestRejected(f"{target}: exists already")
    step, parts = found
    state = json.loads(parts["state.json"])
    training = {
        **asdict(config.schedule),
        "base": Path(config.base).name,
        "trained_steps": step,
        "trained_minutes": round(state["seconds"] / 60, 1),
    }
    description = CheckpointConfig(config.model, config.model_config, config.codec, config.classes, training)
    files = Files()
    partial = target.with_name(f".{target.name}.tmp")  # a name that is never listed
    if partial.exists():
        shutil.rmtree(partial)
    files.make_folder(partial)
    files.write(partial / CONFIG_FILE, description.to_json())
    files.write(partial / WEIGHTS_FILE, parts["average.safetensors"])
    files.write(partial / SEEN_FILE, (run / SEEN_FILE).read_bytes())
    files.sync_folder(partial)
    files.rename(partial, target)
    files.sync_folder(target.parent)
    return target


def _codec(name: str, colours: int, pictures: PictureSet) -> Codec:
    if name == "indexed":
        if not 2 <= colours <= 256:
            raise RequestRejected(f"colours {colours}: must lie in 2 to 256, transparent included")
        opaque = pictures.pictures[pictures.pictures[..., 3] >= 128][:, :3]
        if not len(opaque):
            raise DataRejected("every picture is wholly transparent")
        return Indexed(fit_palette(opaque, size=colours - 1))
    plain: dict[str, type[Codec]] = {"rgb": RGB, "gray": Gray, "binary": Binary}
    if name not in plain:
        raise RequestRejected(f"codec {name!r:.20} is not one of {', '.join(CODECS)}")
    return plain[name]()
