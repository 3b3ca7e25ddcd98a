"""Crash-safe saves of a run.

All files of step s are written to `step-s.tmp/` and fsynced. The folder is fsynced and renamed to `step-s/`, and the
parent is fsynced. Only then are older steps deleted; two are always kept. A manifest holds the SHA-256 of each file:
the newest folder whose hashes match is the last checkpoint. (The order of Pillai et al., OSDI 2014.)
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from pixelart.errors import WeightsRejected
from pixelart.storage import Files

_log = logging.getLogger(__name__)
KEPT_SNAPSHOTS = 2
MANIFEST = "manifest.json"
_STEP = re.compile(r"step-(\d{8})")


def save_checkpoint(run: Path, step: int, parts: Mapping[str, bytes], *, files: Files | None = None) -> Path:
    """Write `parts` (file name -> bytes) as the checkpoint of `step`, and delete all but the newest KEPT_SNAPSHOTS.

    Raises:
        OSError: a write failed; earlier checkpoints are unchanged.
    """
    files = files or Files()
    target = run / f"step-{step:08d}"
    if _agrees(target):
        return target
    partial = target.with_suffix(".tmp")
    for leftover in (partial, target):  # of a killed run, or damaged later
        if leftover.exists():
            files.remove(leftover)
    try:
        files.make_folder(partial)
        for name, data in parts.items():
            files.write(partial / name, data)
        manifest = {name: hashlib.sha256(data).hexdigest() for name, data in parts.items()}
        files.write(partial / MANIFEST, json.dumps(manifest, indent=1).encode())
        files.sync_folder(partial)
        files.rename(partial, target)
    except OSError:
        with suppress(OSError):  # partial files would keep a full disk full
            files.remove(partial)
        raise
    files.sync_folder(run)
    _drop_old(run, files)
    return target


def list_checkpoints(run: Path) -> list[Path]:
    """The step folders of a run whose hashes match, oldest first."""
    found = sorted(p for p in run.glob("step-*") if _STEP.fullmatch(p.name))
    return [p for p in found if _agrees(p)]


def load_checkpoint(folder: Path) -> dict[str, bytes]:
    """The files of one step folder, checked against its manifest.

    Raises:
        WeightsRejected: a file is missing or its hash differs.
    """
    try:
        manifest = json.loads((folder / MANIFEST).read_bytes())
        if not manifest:
            raise ValueError("an empty manifest")
        parts = {str(name): (folder / Path(name).name).read_bytes() for name in manifest}
        damaged = [n for n, data in parts.items() if hashlib.sha256(data).hexdigest() != manifest[n]]
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise WeightsRejected(f"{folder.name}: incomplete checkpoint ({type(error).__name__})") from error
    if damaged:
        raise WeightsRejected(f"{folder.name}: {damaged[0]} does not match its SHA-256")
    return parts


def last_checkpoint(run: Path) -> tuple[int, dict[str, bytes]] | None:
    """(step, parts) of the newest valid checkpoint of a run, or None."""
    for folder in sorted((p for p in run.glob("step-*") if _STEP.fullmatch(p.name)), reverse=True):
        try:
            return int(folder.name.removeprefix("step-")), load_checkpoint(folder)
        except WeightsRejected as error:
            _log.warning("skipped: %s", error)
    return None


def _agrees(folder: Path) -> bool:
    try:
        load_checkpoint(folder)
    except WeightsRejected:
        return False
    return True


def _drop_old(run: Path, files: Files) -> None:
    whole = list_checkpoints(run)
    keep = set(whole[-KEPT_SNAPSHOTS:])
    for folder in run.glob("step-*"):
        if _STEP.fullmatch(folder.name.removesuffix(".tmp")) and folder not in keep:  # leave other folders alone
            files.remove(folder)
