"""The folder that a Space of the Hugging Face Hub is made of: the program, its requirements, chosen checkpoints, a
README whose front matter configures it, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from pixelart.checkpoint.format import CARD_FILE, CHECKPOINT_FILES
from pixelart.checkpoint.library import Library
from pixelart.checkpoint.origin import ORIGIN_FILE
from pixelart.checkpoint.ownership import OWNER_FILE
from pixelart.errors import RequestRejected
from pixelart.settings import ROOT
from pixelart.storage import new_folder, write_file

PROGRAM_FILES = ("app.py", "LICENSE")
SOURCES = (".py", ".js", ".css", ".html")
OF_A_CHECKPOINT = (*CHECKPOINT_FILES, "completions.png", ORIGIN_FILE)
TORCH = "torch>=2.8,<=2.11.0"
"""The versions that ZeroGPU knows."""
ATTRIBUTES = "".join(f"*.{kind} filter=lfs diff=lfs merge=lfs -text\n" for kind in ("safetensors", "png"))
"""Of git, by which the Hub keeps such files apart."""
_FRONT_MATTER = re.compile(r"\A---\n.*?\n---\n", re.DOTALL)
_TORCH_LINE = re.compile(r"^torch\b.*$", re.MULTILINE)
_GRADIO_LINE = re.compile(r"^gradio==", re.MULTILINE)


def space_files(library: Library, names: Iterable[str] | None = None) -> Mapping[str, bytes]:
    """Path in the Space -> content. `names`: of the checkpoints; None = all valid ones that are everybody's.

    Raises:
        RequestRejected: no such checkpoint, it belongs to a visitor, or the program's sources are not here.
        WeightsRejected: a checkpoint is damaged.
        OSError: a file cannot be read.
    """
    if not (ROOT / PROGRAM_FILES[0]).is_file():
        raise RequestRejected("space: a Space is made of the program's sources; this is an installed package")
    files = {name: (ROOT / name).read_bytes() for name in PROGRAM_FILES}
    package = ROOT / "pixelart"
    for path in sorted(package.rglob("*")):
        inside = path.relative_to(ROOT)
        hidden = any(part.startswith((".", "__pycache__")) for part in inside.parts)
        if path.is_file() and path.suffix in SOURCES and not hidden:
            files[inside.as_posix()] = path.read_bytes()
    chosen = _checked(library, names)
    for folder in chosen:
        found = [folder / name for name in OF_A_CHECKPOINT if (folder / name).is_file()]
        files |= {f"checkpoints/{folder.name}/{path.name}": path.read_bytes() for path in found}
    requirements = _requirements((ROOT / "requirements.txt").read_text("utf-8"))
    readme = _readme((ROOT / "README.md").read_text("utf-8"), [folder.name for folder in chosen])
    return files | {
        "requirements.txt": requirements.encode(),
        "README.md": readme.encode(),
        ".gitattributes": ATTRIBUTES.encode(),
    }


def write_space(files: Mapping[str, bytes], folder: Path) -> None:
    """The files as a new folder, whole or not at all.

    Raises:
        RequestRejected: `folder` exists.
        OSError: the disk is full or cannot be written to.
    """
    with new_folder(folder) as partial:
        for name, data in files.items():
            path = partial / name
            path.parent.mkdir(parents=True, exist_ok=True)
            write_file(path, data)


def _checked(library: Library, names: Iterable[str] | None) -> list[Path]:
    """The folders of the checkpoints, each of which loads."""
    if names is None:
        paths = [library.path(info.name) for info in library.list()]
        return [path for path in paths if not (path / OWNER_FILE).exists()]
    paths = [library.path(name) for name in dict.fromkeys(names)]
    for path in paths:
        if (path / OWNER_FILE).exists():
            raise RequestRejected(f"checkpoint {path.name}: belongs to a visitor, so it is not shown to all")
        library.load(path.name)
    return paths


def _requirements(text: str) -> str:
    """Of the program, with the versions of torch that ZeroGPU knows, and what sign-in needs."""
    return _GRADIO_LINE.sub("gradio[oauth]==", _TORCH_LINE.sub(TORCH, text))


def _readme(text: str, checkpoints: list[str]) -> str:
    """The front matter of the program's README, and a page that speaks of no file that is not there."""
    matter = _FRONT_MATTER.match(text)
    assert matter, "README.md begins with the front matter of a Space"
    cards = "".join(f"- [{name}](checkpoints/{name}/{CARD_FILE})\n" for name in checkpoints)
    models = f"\nThe models and how each was trained:\n\n{cards}" if cards else ""
    return f"""{matter[0]}
# Pixel Art Studio

Paint a mask on a sprite and have it completed, every other pixel untouched; or have new pictures drawn row by row. The
models are small and know the exact probability of every pixel.
{models}
On a machine of your own, where nothing is lost at a restart:

    pip install -r requirements.txt && python app.py

What visitors of a Space draw stays in their page. What they train is lost when the Space restarts, unless they download
it or push it to the Hub in their own name.
"""
