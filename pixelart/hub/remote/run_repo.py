"""A run folder in a private model repository: pushed by the machine that trains, fetched by the one that watches."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from huggingface_hub import HfApi, RepoFile

from pixelart.checkpoint.format import CARD_FILE
from pixelart.errors import HubFailure, WeightsRejected
from pixelart.hub.client import client, translate_errors
from pixelart.hub.download import download
from pixelart.hub.guard import seconds_for
from pixelart.hub.push import RepoHead, push_files, read_head
from pixelart.hub.remote.outcome import OUTCOME_FILE
from pixelart.hub.repo_files import RepoKind, is_content
from pixelart.settings import SETTINGS
from pixelart.storage import Files, new_folder
from pixelart.training.nearest import NEAREST_FILE, NEAREST_SHEET
from pixelart.training.sample_sheets import SAMPLES_FOLDER
from pixelart.training.snapshots import KEPT_SNAPSHOTS, MANIFEST, last_checkpoint, list_checkpoints, load_checkpoint

MAX_SAMPLES = 100
"""Sample sheets in a repository; the newest."""
MAX_RUN_BYTES = 5 * SETTINGS.max_weights_bytes
"""Bytes of the files of a run with one save, which holds the weights, their average and two moments of each."""
_LIGHT = re.compile(rf"[a-z_]{{1,40}}\.(json|csv|txt|png)|{SAMPLES_FOLDER}/step-\d{{8}}\.png|{CARD_FILE}")
_SAVE = re.compile(r"(step-\d{8})/[a-z_]{1,40}\.(json|safetensors)")
_LOCAL = ("remote.json",)
"""Files of a run that stay where they are."""
_OF_PICTURES = (NEAREST_SHEET, NEAREST_FILE)
"""Files that show training pictures. They are not pushed, because this repository outlives the uploaded pictures; the
next push deletes those of an older version."""
_MISSING = 404
_TITLE = "Pixel Art Studio: a training"
_CARD = b"""---
library_name: pixelart
---

# Saves of a training

Pixel Art Studio wrote them while it trained a model on a machine of Hugging Face Jobs. They are needed to resume that
training, and for nothing else: the finished model is in the program. Delete this repository when you do not want to
train it further.
"""


def _light_limit(path: str) -> int | None:
    return SETTINGS.max_directory_bytes if _LIGHT.fullmatch(path) and path not in _LOCAL else None


def _whole_limit(path: str) -> int | None:
    return 4 * SETTINGS.max_weights_bytes if _SAVE.fullmatch(path) else _light_limit(path)


LIGHT = RepoKind("model", _light_limit, has_folders=True)
"""Progress, curve, log and samples; pushing them leaves the save there alone."""
WHOLE = RepoKind("model", _whole_limit, has_folders=True)
"""The same with the newest save."""


def push_run(run: Path, repo_id: str, *, token: str, with_save: bool) -> None:
    """Push a run folder, which may be training meanwhile, in one commit; no commit if nothing changed.

    Raises:
        RequestRejected: the repository is public.
        HubFailure: it could not be pushed; the repository is as it was.
    """
    save = _newest_save(run) if with_save else {}
    files = {CARD_FILE: _CARD, **_light_files(run), **save}
    push_files(files, repo_id, title=_TITLE, token=token, kind=WHOLE if save else LIGHT)


def pull_run(run: Path, repo_id: str, *, token: str, with_save: bool) -> RepoHead | None:
    """Fetch what has changed into the run folder; returns what the repository holds, None if it does not exist.

    A save appears whole or not at all. If the newest save is here, only the outcome is fetched: the rest there is
    older too.

    Raises:
        HubFailure: no access, a damaged file, or more than MAX_RUN_BYTES.
        OSError: the disk is full or cannot be written to.
    """
    try:
        with translate_errors(repo_id):
            api = client(token)
            head = read_head(api, repo_id, WHOLE)
    except HubFailure as failure:
        if failure.status != _MISSING:
            raise
        return None
    run.mkdir(parents=True, exist_ok=True)
    saves = sorted({found[1] for name in head.files if (found := _SAVE.fullmatch(name))})
    wanted = [entry for name, entry in head.files.items() if name.partition("/")[0] not in saves[:-1]]
    if (size := sum(entry.size for entry in wanted)) > MAX_RUN_BYTES:  # its owner may have put anything there
        raise HubFailure(f"{repo_id}: {size >> 20} MiB; the limit is {MAX_RUN_BYTES >> 20}")
    if with_save and saves:
        _fetch_save(api, repo_id, head, saves[-1], run)
    wanted = [entry for name, entry in head.files.items() if _light_limit(name) and name != CARD_FILE]
    if _has_newer_save(run, *saves[-1:]):
        wanted = [entry for entry in wanted if entry.path == OUTCOME_FILE]
    for entry in wanted:
        if not _is_same(run / entry.path, entry):
            (run / entry.path).parent.mkdir(exist_ok=True)
            _fetch(api, repo_id, head, entry, run / entry.path)
    return head


def _light_files(run: Path) -> dict[str, bytes]:
    """The light files of a run; one that is being replaced is left out."""
    paths = [path for path in sorted(run.iterdir()) if _light_limit(path.name)] if run.is_dir() else []
    paths = [path for path in paths if path.name not in _OF_PICTURES]
    paths += sorted((run / SAMPLES_FOLDER).glob("step-????????.png"))[-MAX_SAMPLES:]
    files = dict[str, bytes]()
    for path in paths:
        try:
            data = path.read_bytes()
        except OSError:
            continue
        if len(data) <= SETTINGS.max_directory_bytes:
            files[path.relative_to(run).as_posix()] = data
    return files


def _newest_save(run: Path) -> Mapping[str, bytes]:
    """The files of the newest save, all of them; empty without one, or if the training has just deleted it."""
    if found := last_checkpoint(run):
        step, parts = found
        name = f"step-{step:08d}"
        with suppress(OSError):
            files = {**parts, MANIFEST: (run / name / MANIFEST).read_bytes()}
            return {f"{name}/{file}": data for file, data in files.items()}
    return {}


def _has_newer_save(run: Path, newest: str = "") -> bool:
    """Whether the run here has a newer save than `newest`."""
    return any(path.name > newest for path in run.glob("step-*")) and any(
        path.name > newest
        for path in list_checkpoints(run)  # reads all saves, so not at every look
    )


def _fetch_save(api: HfApi, repo_id: str, head: RepoHead, name: str, run: Path) -> None:
    here = list_checkpoints(run)
    if here and here[-1].name >= name:
        return
    files = Files()
    if (run / name).exists():  # damaged
        files.remove(run / name)
    with new_folder(run / name, files=files) as partial:
        for path, entry in head.files.items():
            if path.startswith(f"{name}/"):
                _fetch(api, repo_id, head, entry, partial / path.rpartition("/")[2])
        try:
            load_checkpoint(partial)
        except WeightsRejected as error:
            raise HubFailure(f"{repo_id}: {error}") from error
    for old in [*here, run / name][:-KEPT_SNAPSHOTS]:
        files.remove(old)


def _fetch(api: HfApi, repo_id: str, head: RepoHead, entry: RepoFile, target: Path) -> None:
    """Download a file, check its hash, and replace `target` by it."""
    limit, part = _whole_limit(entry.path) or 0, target.with_name(f".{target.name}.part")
    if entry.size > limit:
        raise HubFailure(f"{repo_id}/{entry.path}: {entry.size} bytes; the limit is {limit}")
    try:
        with translate_errors(repo_id, seconds=seconds_for(entry.size)):
            download(api, repo_id, entry.path, part, size=entry.size, revision=head.commit, kind="model")
        if not _is_same(part, entry):
            raise HubFailure(f"{repo_id}/{entry.path}: arrived damaged; try again")
        os.replace(part, target)
    finally:
        part.unlink(missing_ok=True)


def _is_same(path: Path, entry: RepoFile) -> bool:
    try:
        return path.stat().st_size == entry.size and is_content(entry, path.read_bytes())
    except OSError:
        return False
