"""What the tests of the terminal share: commands that run in this process, and a picture with its mask."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from pixelart.cli.main import main
from pixelart.images.codec import Picture
from pixelart.images.io import encode_png

Run = Callable[..., "Result"]
TRAIN = "train --model gated_pixelcnn --preset debug --steps 4 --batch-size 2 --save-every 2 --colours 8 --threads 1"


class Result:
    """Exit code, and what was printed."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err

    @property
    def json(self) -> Any:
        assert self.code == 0, self.err
        assert self.out.count("\n") == 1 and self.err == ""
        return json.loads(self.out)


@pytest.fixture(autouse=True)
def one_thread(same_threads: None) -> None:
    torch.set_num_threads(1)


@contextmanager
def _fresh_logging() -> Iterator[None]:
    """`main` sets up logging once a process: here as in a new one, so that what is logged to a terminal is seen."""
    root, handlers = logging.getLogger(), logging.getLogger().handlers[:]
    root.handlers.clear()
    try:
        yield
    finally:
        root.handlers[:] = handlers


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """run("models", "--json", ...): words are split unless they hold a path."""

    def call(*words: object) -> Result:
        arguments = [part for word in words for part in (word.split() if isinstance(word, str) else [str(word)])]
        with _fresh_logging():
            try:
                code = main(arguments)
            except SystemExit as end:
                code = end.code if isinstance(end.code, int) else 1
        printed = capsys.readouterr()
        return Result(code, printed.out, printed.err)

    return call


@pytest.fixture
def sprite(tmp_path: Path, tiny_pictures: dict[str, Picture]) -> Path:
    """in.png beside mask.png (white = repaint: the middle) in a folder of their own."""
    place = tmp_path / "input"
    place.mkdir()
    (place / "in.png").write_bytes(encode_png(tiny_pictures["cross"][2]))
    mask = np.zeros((8, 8), np.uint8)
    mask[2:6, 2:6] = 255
    Image.fromarray(mask).save(place / "mask.png")
    return place
