"""Shared by the commands: find the checkpoint, check outputs, print lines, show progress."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tqdm import tqdm

from pixelart.engine import Engine, OnRow, Preview
from pixelart.errors import RequestRejected
from pixelart.settings import SETTINGS

MAX_SCALE = 32
_READ = {name: f"--{name}".replace("_", "-") for name in ("image", "mask", "outside", "temperature_percent", "data")}
_READ |= {"palette": "--palette", "path": "the picture"}
"""Options that name a file to read, and what an error calls them."""
Json = dict[str, Any]


def find(checkpoints: Path, text: str) -> tuple[Engine, str]:
    """The engine and the name of a checkpoint. `text`: a name in `checkpoints`, or the path of a checkpoint folder."""
    path = Path(text)
    if path.is_dir() and (len(path.parts) > 1 or not (checkpoints / path).is_dir()):
        return own_engine(path.resolve().parent), path.resolve().name
    return own_engine(checkpoints), text


def own_engine(checkpoints: Path) -> Engine:
    """The engine of a machine that serves one user."""
    return Engine(checkpoints, drawing_bytes=SETTINGS.own_drawing_bytes)


def check_scale(scale: int) -> None:
    """Raises RequestRejected unless `scale` is within 1 to MAX_SCALE."""
    if not 1 <= scale <= MAX_SCALE:
        raise RequestRejected(f"scale {scale}: must be from 1 to {MAX_SCALE}")


def check_out_folder(path: Path, *, option: str = "out") -> None:
    """Raises RequestRejected unless files can be written to the folder `path`. It need not exist and is not created."""
    _check_folder(path, f"{option} {path}")


def check_out_file(path: Path, *, option: str = "out") -> None:
    """Raises RequestRejected unless the file `path` can be written. Its folder need not exist and is not created."""
    if path.is_dir():
        raise RequestRejected(f"{option} {path}: is a folder; name a file")
    _check_folder(path.parent, f"{option} {path}")


def check_not_read(options: argparse.Namespace, path: Path, *, option: str = "out") -> None:
    """Raises RequestRejected if the file `path`, which is to be written, is one that an option of _READ names."""
    for name, word in _READ.items():
        given = getattr(options, name, None)
        if given and path.is_file() and Path(given).is_file() and os.path.samefile(path, given):
            raise RequestRejected(f"{option} {path}: is the same file as {word}")


def _check_folder(path: Path, prefix: str) -> None:
    """Raises RequestRejected, starting with `prefix`, unless files can be written to the folder."""
    there = path
    while not there.exists() and there != there.parent:
        if there.is_symlink():
            raise RequestRejected(f"{prefix}: {there} is a broken link")
        there = there.parent
    if not there.is_dir():
        raise RequestRejected(f"{prefix}: {'' if prefix.endswith(str(there)) else f'{there} '}is a file, not a folder")
    try:
        tempfile.TemporaryFile(dir=there).close()
    except OSError as error:
        raise RequestRejected(f"{prefix}: {there} cannot be written to ({error.strerror})") from error


def class_weights(options: argparse.Namespace) -> dict[str, float]:
    """The class weights of --class; empty for any class."""
    return {} if options.class_name is None else {options.class_name: 1.0}


def say(options: argparse.Namespace, *lines: str) -> None:
    """Print the lines, unless --json is given."""
    if not options.json:
        for line in lines:
            print(line)


def agrees(question: str) -> bool:
    """Ask on the terminal, and return whether the answer is yes; the end of the input means no."""
    try:
        return input(f"{question} [y/N] ").strip().lower() in ("y", "yes")
    except EOFError:
        return False


@contextmanager
def progress_bar(title: str) -> Iterator[Callable[[int, int], None]]:
    """Show a progress bar on a terminal, nothing elsewhere."""
    with tqdm(desc=title, disable=None, file=sys.stderr, leave=False) as bar:

        def show(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield show


@contextmanager
def row_progress() -> Iterator[OnRow]:
    with progress_bar("drawing") as show:

        def on_row(done: int, rows: int, pictures: Preview) -> None:
            show(done, rows)

        yield on_row
