"""Exports a run as a checkpoint, and checks before training that this will be possible."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pixelart.checkpoint.format import (
    CHOSEN_FILE,
    CONFIG_FILE,
    LIMITS_KEY,
    LOG_FILE,
    SEEN_FILE,
    WEIGHTS_FILE,
    CheckpointConfig,
)
from pixelart.checkpoint.info import info_of
from pixelart.checkpoint.ownership import OWNER_FILE, owner_digest
from pixelart.checkpoint.weights import check_readable
from pixelart.errors import RequestRejected, WeightsRejected
from pixelart.images.defects import DefectLimits
from pixelart.images.example_palettes import CLASS_PALETTES_FILE
from pixelart.storage import Files, new_folder, write_file
from pixelart.training.defect_limits import read_limits
from pixelart.training.near_copies import Counted, read_counted
from pixelart.training.run_config import OLDER, RunConfig, read_run
from pixelart.training.snapshots import last_checkpoint
from pixelart.training.state import BEST, best_row
from pixelart.training.validation import log_table

_LONGEST = {
    "trained_steps": 10**8,
    "trained_minutes": 10.0**6,
    "kept_step": 10**8,
    "near_copies": asdict(Counted(10**8, 10**8, 10**8, 10**8)),
}
"""The fields that a save adds to config.json, with their longest values."""
_NOT_STABLE = (*_LONGEST, LIMITS_KEY)


def check_end(config: RunConfig, *, name: str) -> None:
    """Refuse a run whose final checkpoint could not be read back, or not draw. Raises RequestRejected.

    `name`: of the pictures, used in the error.
    """
    try:
        limits = {class_name: asdict(DefectLimits(0.0001, 0.0001)) for class_name in config.classes}
        description = _description(config, {**_LONGEST, LIMITS_KEY: limits})
        check_readable(description, name=name)
    except WeightsRejected as error:
        raise RequestRejected(str(error), hint=error.hint) from error
    network = info_of(Path("a network that learns several sizes"), description)
    network.check_size(*config.size, what=f"{name}: the main size")


def exported_files(run: Path) -> dict[str, bytes]:
    """The files of a checkpoint by name: the averaged weights of the newest or the best save, with the training log.

    Raises:
        RequestRejected: no run in this folder, or nothing is saved yet.
    """
    config = read_run(run)
    found = last_checkpoint(run)
    if found is None:
        raise RequestRejected(f"{run}: nothing is saved yet")
    step, parts = found
    state, best = json.loads(parts["state.json"]), parts.get(BEST)
    kept, counted = best_row(state["rows"])["step"] if best else step, read_counted(run)
    saved = {
        "trained_steps": step,
        "trained_minutes": round(state["seconds"] / 60, 1),
        "kept_step": kept,
        **({"near_copies": asdict(counted)} if counted and counted.step == kept else {}),
        **({LIMITS_KEY: limits} if (limits := read_limits(run)) else {}),
    }
    log = {LOG_FILE: log_table(state["rows"])} if state["rows"] else {}
    palettes = run / CLASS_PALETTES_FILE
    return {
        CONFIG_FILE: _description(config, saved).to_json(),
        WEIGHTS_FILE: best or parts["average.safetensors"],
        SEEN_FILE: (run / SEEN_FILE).read_bytes(),
        **({CHOSEN_FILE: chosen} if (chosen := _chosen(run)) else {}),
        **({CLASS_PALETTES_FILE: palettes.read_bytes()} if palettes.exists() else {}),
        **log,
    }


def exported_archive(run: Path, name: str) -> bytes:
    """A .zip of `exported_files`, in a folder `name`. Raises RequestRejected."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for file, data in exported_files(run).items():
            archive.writestr(f"{name}/{file}", data)
    return buffer.getvalue()


def _chosen(run: Path) -> bytes:
    """Content hashes of the pictures used to choose the best save."""
    return (run / CHOSEN_FILE).read_bytes() if (run / CHOSEN_FILE).exists() else b""


def _description(config: RunConfig, saved: Mapping[str, Any]) -> CheckpointConfig:
    """The config.json of a run's checkpoint; `saved`: the fields of its save."""
    training = {
        **asdict(config.schedule),
        "base": Path(config.base).name,
        **({"fit": config.fit} if config.fit == "keep" else {}),
        **({"sizes": config.sizes} if config.fit == "keep" and config.sizes else {}),
        **({"base_origin": config.base_origin} if config.base_origin else {}),
        **saved,
    }
    return config.network(training)


def export_run(run: Path | str, target: Path | str, *, owner: str = "") -> Path:
    """Write `exported_files` of a run atomically as the checkpoint folder `target`.

    If several callers write the same `target`, the first one succeeds. `owner`: the only visitor who may see it; the
    files are then also unreadable for other users of the machine. "" = no owner.

    Raises:
        RequestRejected: no run in this folder, nothing is saved yet, or `target` exists.
    """
    run, target = Path(run), Path(target)
    files, written = Files(private=bool(owner)), exported_files(run)
    if owner:
        written[OWNER_FILE] = owner_digest(owner)
    with new_folder(target, files=files) as partial:
        for name, data in written.items():
            files.write(partial / name, data)
    return target


def export_again(run: Path, target: Path) -> bool:
    """Update an exported checkpoint of this run to its newest save; False, without a change, if `target` is not one.

    Files are replaced one by one, weights first. All saves of a run have the same network, so a concurrent reader
    always finds weights that fit.

    Raises:
        RequestRejected: no run in this folder, or nothing is saved yet.
        OSError: a write failed; the file being replaced is unchanged.
    """
    written = exported_files(run)
    try:
        there = {name: (target / name).read_bytes() for name in written if (target / name).exists()}
        same = _stable_fields(there[CONFIG_FILE]) == _stable_fields(written[CONFIG_FILE])
    except (OSError, ValueError, TypeError, KeyError, AttributeError):  # a file is missing or not ours
        return False
    if not same or there[SEEN_FILE] != written[SEEN_FILE]:
        return False
    files = Files(private=True) if (target / OWNER_FILE).exists() else None
    for name in (WEIGHTS_FILE, CONFIG_FILE, LOG_FILE):
        if name in written and there.get(name) != written[name]:
            write_file(target / name, written[name], files=files)
    return True


def _stable_fields(config: bytes) -> dict[str, Any]:
    """The part of a config.json that is the same in all saves of a run, also if an older version began it."""
    values = json.loads(config)
    training = {**OLDER, **values["training"]}
    return {**values, "training": {k: v for k, v in training.items() if k not in _NOT_STABLE}}
