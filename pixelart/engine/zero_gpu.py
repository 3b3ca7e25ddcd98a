"""Drawing on a GPU that is lent for seconds (ZeroGPU): every call is made in a forked process.

What is changed there is lost, and what goes in and comes out is pickled. So a call travels as a `Call`, the process
loads the checkpoint itself, and rows come back as frames of a generator, which is also how a stop gets there. Where no
GPU is to be had (a quota is used up, the wait is over, the process died), the picture is drawn on the CPU.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import numpy as np

from pixelart.engine import Call, CheckpointInfo, Drawing, Engine, OnRow, Preview, RemoteBackend
from pixelart.engine.previews import CHUNK
from pixelart.errors import Cancelled, PixelArtError
from pixelart.images.codec import Picture

log = logging.getLogger(__name__)
START_SECONDS = 8.0
"""To start the process and its CUDA, and to load a checkpoint."""
PIXEL_SECONDS = 0.008
"""A pixel of up to CHUNK pictures in one network. An estimate: 400 kernels one after the other at 10 microseconds each,
twice over, because the cards that are lent differ."""
MOST_SECONDS = 110
"""What takes longer is drawn here: a visitor without an account has two minutes a day."""


@dataclass(frozen=True)
class Frame:
    """What `OnRow` is told, of the first picture (H, W, 4) alone, in a form that travels."""

    done: int
    rows: int
    picture: Picture
    passes: int
    sketch: bool


Told = Frame | list[Drawing] | PixelArtError | Cancelled


def zero_gpu_backend(gpu: Callable[..., Any], folder: Path) -> RemoteBackend:
    """What draws the checkpoints of `folder` on a GPU that `gpu`, the decorator `spaces.GPU`, lends."""

    def drawn(call: Call, seconds: int) -> Iterator[Told]:
        yield from drawn_in_this_process(folder, call)

    lent = gpu(duration=lambda call, seconds: seconds)(drawn)

    def elsewhere(
        call: Call, info: CheckpointInfo, on_row: OnRow | None, cancel: Callable[[], bool] | None
    ) -> list[Drawing] | None:
        seconds = seconds_for(call, info)
        if seconds > MOST_SECONDS:
            return None
        try:
            with closing(lent(call, seconds)) as told:
                return _followed(told, on_row, cancel)
        except (PixelArtError, Cancelled):
            raise
        except Exception as error:  # of gradio's kind, and of the lender's own: quota, wait, a process that died
            log.warning("no GPU was lent, so the CPU draws: %s", getattr(error, "title", type(error).__name__))
            return None

    return elsewhere


def seconds_for(call: Call, info: CheckpointInfo) -> int:
    """How long a GPU is asked for: by rows and pictures, of which up to CHUNK cost what one costs."""
    rows, width = info.height, info.width
    if call.method == "enlarge":
        rows, width = (call.factor * side for side in call.arguments[0].shape[:2])
    elif call.method == "complete":
        masked = np.flatnonzero(call.arguments[1].any(1))
        rows, width = int(masked[-1] - masked[0]) + 1, call.arguments[0].shape[1]
    elif call.request.size:
        rows, width = call.request.size
    chunks = -(-call.request.count // CHUNK)
    if call.method == "generate" and call.request.seamless:
        chunks += 2 * call.request.count  # seams are mended a picture at a time
    return round(START_SECONDS + PIXEL_SECONDS * info.networks_a_pixel * rows * width * chunks)


def drawn_in_this_process(folder: Path, call: Call) -> Iterator[Told]:
    """A frame a row, and then the result, or, as a value, why there is none: of what is raised, its name alone would
    get home. When it is closed, drawing has ended."""
    news: SimpleQueue[Frame | None] = SimpleQueue()
    stopped = threading.Event()

    def on_row(done: int, rows: int, pictures: Preview) -> None:
        news.put(Frame(done, rows, pictures()[0].copy(), pictures.passes, pictures.sketch))

    with ThreadPoolExecutor(1) as thread:
        work = thread.submit(lambda: call.of(_engine(folder), on_row, stopped.is_set))
        work.add_done_callback(lambda _: news.put(None))
        try:
            while (frame := news.get()) is not None:
                yield frame
            yield work.result()
        except (PixelArtError, Cancelled) as error:
            yield error
        finally:
            stopped.set()


def _followed(told: Iterator[Told], on_row: OnRow | None, cancel: Callable[[], bool] | None) -> list[Drawing] | None:
    for news in told:
        if isinstance(news, PixelArtError | Cancelled):
            raise news
        if isinstance(news, list):
            return news
        if cancel and cancel():
            raise Cancelled
        if on_row:
            on_row(
                news.done,
                news.rows,
                Preview(lambda picture=news.picture: picture[None], passes=news.passes, sketch=news.sketch),
            )
    return None  # it ended without a word


@cache
def _engine(folder: Path) -> Engine:
    """Of this process: a copy of the server's could have been forked while another thread held its locks."""
    return Engine(folder)
