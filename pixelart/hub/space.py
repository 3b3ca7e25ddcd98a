"""Make the folder of a Hugging Face Space: program, requirements, checkpoints, and a README that configures it."""

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
SOURCES = (".py", ".js", ".css", ".html", ".json", ".png")
CHECKPOINT_PARTS = (*CHECKPOINT_FILES, "completions.png", ORIGIN_FILE)
TORCH = "torch>=2.8,<=2.11.0"
"""The versions that ZeroGPU supports."""
ATTRIBUTES = "".join(f"*.{kind} filter=lfs diff=lfs merge=lfs -text\n" for kind in ("safetensors", "png"))
""".gitattributes: the Hub stores these files in Git LFS."""
_FRONT_MATTER = re.compile(r"\A---\n.*?\n---\n", re.DOTALL)
_TORCH_LINE = re.compile(r"^torch\b.*$", re.MULTILINE)
_GRADIO_LINE = re.compile(r"^gradio==", re.MULTILINE)


def space_files(library: Library, names: Iterable[str] | None = None) -> Mapping[str, bytes]:
    """Path in the Space -> content. `names`: of the checkpoints; None = all valid ones without an owner.

    Raises:
        RequestRejected: no such checkpoint, it belongs to a visitor, or the program runs from an installed package.
        WeightsRejected: a checkpoint is damaged.
        OSError: a file cannot be read.
    """
    if not (ROOT / PROGRAM_FILES[0]).is_file():
        raise RequestRejected("space: needs the program's sources; this is an installed package")
    files = {name: (ROOT / name).read_bytes() for name in PROGRAM_FILES}
    files |= package_files()
    chosen = _checked(library, names)
    for folder in chosen:
        found = [folder / name for name in CHECKPOINT_PARTS if (folder / name).is_file()]
        files |= {f"checkpoints/{folder.name}/{path.name}": path.read_bytes() for path in found}
    requirements = _requirements((ROOT / "requirements.txt").read_text("utf-8"))
    readme = _readme((ROOT / "README.md").read_text("utf-8"), [folder.name for folder in chosen])
    return files | {
        "requirements.txt": requirements.encode(),
        "README.md": readme.encode(),
        ".gitattributes": ATTRIBUTES.encode(),
    }


def package_files() -> dict[str, bytes]:
    """The files of this package by their path, such as pixelart/errors.py. Raises OSError."""
    files = dict[str, bytes]()
    for path in sorted((ROOT / "pixelart").rglob("*")):
        inside = path.relative_to(ROOT)
        hidden = any(part.startswith((".", "__pycache__")) for part in inside.parts)
        if path.is_file() and path.suffix in SOURCES and not hidden:
            files[inside.as_posix()] = path.read_bytes()
    return files


def write_space(files: Mapping[str, bytes], folder: Path) -> None:
    """Write the files to a new folder, all or nothing.

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
    """The folders of the checkpoints, after loading each as a check."""
    if names is None:
        paths = [library.path(info.name) for info in library.list()]
        return [path for path in paths if not (path / OWNER_FILE).exists()]
    paths = [library.path(name) for name in dict.fromkeys(names)]
    for path in paths:
        if (path / OWNER_FILE).exists():
            raise RequestRejected(f"checkpoint {path.name}: belongs to a visitor, so it cannot be published")
        library.load(path.name)
    return paths


def _requirements(text: str) -> str:
    """The program's requirements, with the torch versions of ZeroGPU and the extra that sign-in needs."""
    return _GRADIO_LINE.sub("gradio[oauth]==", _TORCH_LINE.sub(TORCH, text))


def _readme(text: str, checkpoints: list[str]) -> str:
    """The front matter of the program's README, and a text that names only files of the Space."""
    matter = _FRONT_MATTER.match(text)
    assert matter, "README.md begins with the front matter of a Space"
    cards = "".join(f"- [{name}](checkpoints/{name}/{CARD_FILE})\n" for name in checkpoints)
    models = f"\nThe models and how each was trained:\n\n{cards}" if cards else ""
    return f"""{matter[0]}
# Pixel Art Studio

Paint a mask on a sprite and press Complete mask: every other pixel stays as it is. Or press Generate for new pictures.
The models are small and know the exact probability of every pixel.
{models}
On your own machine, where a restart loses nothing:

    pip install -r requirements.txt && python app.py

Drawings stay in the visitor's page. Trained models are lost when the Space restarts: download them, or push them to the
Hub in your own name.
"""
