"""The set that a job gets: the checked pictures, the base model and this program, in a private dataset repository."""

from __future__ import annotations

from pathlib import Path

from pixelart.checkpoint.format import CARD_FILE, CHOSEN_FILE, CONFIG_FILE, SEEN_FILE, WEIGHTS_FILE
from pixelart.checkpoint.origin import ORIGIN_FILE
from pixelart.errors import RequestRejected
from pixelart.hub.client import client, translate_errors
from pixelart.hub.push import push_files
from pixelart.hub.remote.wheel import make_wheel
from pixelart.hub.repo_files import RepoKind
from pixelart.images.example_palettes import CLASS_PALETTES_FILE
from pixelart.settings import SETTINGS

PICTURES_FILE, BASE_FOLDER = "pictures.zip", "base"
_BASE_FILES = (CONFIG_FILE, WEIGHTS_FILE, SEEN_FILE, CHOSEN_FILE, CLASS_PALETTES_FILE, ORIGIN_FILE)
_CARD = b"""# Pictures of a training

Pixel Art Studio put them here for a training on a machine of Hugging Face Jobs, together with the program and the base
model. Only you can see them. The program deletes this repository by one click, or delete it in its settings.
"""


def _limit(path: str) -> int | None:
    known = path in (PICTURES_FILE, CARD_FILE) or path.endswith(".whl") or path.startswith(f"{BASE_FOLDER}/")
    return max(SETTINGS.max_archive_bytes, SETTINGS.max_weights_bytes) if known else None


UPLOAD = RepoKind("dataset", _limit, has_folders=True)


def upload_set(pictures: Path, base: Path | None, repo_id: str, *, token: str) -> None:
    """Upload what a training needs. A second upload of the same makes no new commit.

    `pictures`: a .zip. `base`: the folder of the checkpoint to fine-tune.

    Raises:
        RequestRejected: the repository exists and is public.
        HubFailure: it failed; nothing was uploaded.
        OSError: a file cannot be read.
    """
    wheel, program = make_wheel()
    files = {CARD_FILE: _CARD, wheel: program, PICTURES_FILE: _read(pictures)}
    for name in _BASE_FILES if base else ():
        if base and (base / name).exists():
            files[f"{BASE_FOLDER}/{base.name}/{name}"] = (base / name).read_bytes()
    push_files(files, repo_id, title="Pixel Art Studio: pictures of a training", token=token, kind=UPLOAD)


def delete_set(repo_id: str, *, token: str) -> None:
    """Delete an uploaded set; one that does not exist counts as deleted. Raises HubFailure."""
    with translate_errors(f"deletion of {repo_id}"):
        client(token).delete_repo(repo_id, repo_type="dataset", missing_ok=True)


def _read(pictures: Path) -> bytes:
    size = pictures.stat().st_size
    if size > SETTINGS.max_archive_bytes:
        raise RequestRejected(f"{pictures.name}: larger than {SETTINGS.max_archive_bytes >> 20} MiB")
    return pictures.read_bytes()
