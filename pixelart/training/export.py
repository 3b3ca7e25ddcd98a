"""From a run to a checkpoint that can be drawn with; and whether one can be made of it, asked before it is trained."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pixelart.checkpoint.format import CONFIG_FILE, LOG_FILE, SEEN_FILE, WEIGHTS_FILE, CheckpointConfig, check_readable
from pixelart.checkpoint.ownership import OWNER_FILE, owner_digest
from pixelart.errors import RequestRejected, WeightsRejected
from pixelart.images.palette_choice import CLASS_PALETTES_FILE
from pixelart.storage import Files, new_folder, write_file
from pixelart.training.config import RunConfig, read_run
from pixelart.training.near_copies import Counted, read_counted
from pixelart.training.snapshots import last_checkpoint
from pixelart.training.state import BEST, best_row
from pixelart.training.validation import log_table

_LONGEST = {
    "trained_steps": 10**8,
    "trained_minutes": 10.0**6,
    "kept_step": 10**8,
    "near_copies": asdict(Counted(10**8, 10**8, 10**8, 10**8)),
}
"""What a save adds to config.json, as long as it can be."""
_OF_A_SAVE = tuple(_LONGEST)
CHOSEN_FILE = "validation_images.txt"
"""In the folder of a run that leaves pictures out: the content hashes of those that it is measured on."""


def check_end(config: RunConfig, *, name: str) -> None:
    """Refuse a run whose checkpoint could not be read in the end; `name`, of the pictures, is used in the error. Raises
    RequestRejected."""
    try:
        check_readable(_description(config, _LONGEST), name=name)
    except WeightsRejected as error:
        raise RequestRejected(str(error)) from error


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
    saved = {
        "trained_steps": step,
        "trained_minutes": round(state["seconds"] / 60, 1),
        "kept_step": kept,
        **({"near_copies": asdict(counted)} if counted and counted.step == kept else {}),
    }
    log = {LOG_FILE: log_table(state["rows"])} if state["rows"] else {}
    palettes = run / CLASS_PALETTES_FILE
    return {
        CONFIG_FILE: _description(config, saved).to_json(),
        WEIGHTS_FILE: best or parts["average.safetensors"],
        SEEN_FILE: _seen(run),
        **({CLASS_PALETTES_FILE: palettes.read_bytes()} if palettes.exists() else {}),
        **log,
    }


def _seen(run: Path) -> bytes:
    """The content hashes of what a run has learned from, and of what choices may have been made on."""
    chosen = (run / CHOSEN_FILE).read_bytes() if (run / CHOSEN_FILE).exists() else b""
    return b"\n".join(sorted({*(run / SEEN_FILE).read_bytes().split(), *chosen.split()})) + b"\n"


def _description(config: RunConfig, saved: Mapping[str, Any]) -> CheckpointConfig:
    """What config.json says of a checkpoint of a run; `saved`: of the save that it is made of."""
    training = {
        **asdict(config.schedule),
        "base": Path(config.base).name,
        **({"fit": config.fit} if config.fit == "keep" else {}),
        **({"sizes": config.sizes} if config.fit == "keep" and config.sizes else {}),
        **({"base_origin": config.base_origin} if config.base_origin else {}),
        **saved,
    }
    return CheckpointConfig(config.model, config.model_config, config.codec, config.classes, training)


def export_run(run: Path | str, target: Path | str, *, owner: str = "") -> Path:
    """Write `exported_files` of a run as the checkpoint folder `target`, whole or not at all; of several that do so at
    once the first has it. `owner`: whose alone it is to be, and
    no other user of the machine may read it; "" = no one's.

    Raises:
        RequestRejected: no run there, nothing saved yet, or `target` exists.
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
    files = Files(private=True) if (target / OWNER_FILE).exists() else None
    for name in (WEIGHTS_FILE, CONFIG_FILE, LOG_FILE):
        if name in written and there.get(name) != written[name]:
            write_file(target / name, written[name], files=files)
    return True


def _lasting(config: bytes) -> dict[str, Any]:
    """What a config.json says that is the same for all saves of a run."""
    values = json.loads(config)
    return {**values, "training": {k: v for k, v in values["training"].items() if k not in _OF_A_SAVE}}
