"""Draw on a ZeroGPU, a GPU that is lent for seconds at a time. Every call runs in a forked process.

Changes made in that process are lost, and its input and output are pickled. So the call is sent as a `Call`, the
process loads the checkpoint itself and yields rows from a generator, and closing the generator cancels the drawing.
If no GPU is available (quota used up, queue timeout, process died), the picture is drawn on the CPU.
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
from numpy.typing import NDArray

from pixelart.engine import Call, CheckpointInfo, Drawing, Engine, OnRow, Preview, RemoteBackend
from pixelart.engine.previews import CHUNK
from pixelart.engine.windows import windows_for
from pixelart.errors import Cancelled, PixelArtError
from pixelart.images.codec import Picture
from pixelart.images.tiling import join_steps

_log = logging.getLogger(__name__)
START_SECONDS = 8.0
"""Time to start the process and CUDA, and to load a checkpoint."""
PIXEL_SECONDS = 0.008
"""Time per pixel of up to CHUNK pictures in one network. An estimate: 400 kernels in sequence at 10 microseconds each,
doubled because GPU types differ."""
MOST_SECONDS = 110
"""Longer calls are drawn on the CPU: a visitor without an account has two minutes of GPU a day."""


@dataclass(frozen=True)
class RemoteFrame:
    """The arguments of `OnRow`, for the first picture (H, W, 4) only, in a picklable form."""

    done: int
    rows: int
    picture: Picture
    undrawn: NDArray[np.bool_]
    passes: int
    sketch: bool


RemoteMessage = RemoteFrame | list[Drawing] | PixelArtError | Cancelled


def zero_gpu_backend(gpu: Callable[..., Any], folder: Path) -> RemoteBackend:
    """A backend that draws the checkpoints of `folder` with `gpu`, the decorator `spaces.GPU`."""

    def drawn(call: Call, seconds: int) -> Iterator[RemoteMessage]:
        yield from drawn_in_this_process(folder, call)

    on_gpu = gpu(duration=lambda call, seconds: seconds)(drawn)

    def remote(
        call: Call, info: CheckpointInfo, on_row: OnRow | None, cancel: Callable[[], bool] | None
    ) -> list[Drawing] | None:
        seconds = gpu_seconds(call, info)
        if seconds > MOST_SECONDS:
            return None
        try:
            with closing(on_gpu(call, seconds)) as messages:
                return _followed(messages, on_row, cancel)
        except (PixelArtError, Cancelled):
            raise
        except Exception as error:  # raised by gradio or by `spaces`: quota, queue timeout, dead process
            _log.warning("no GPU available, drawing on the CPU: %s", getattr(error, "title", type(error).__name__))
            return None

    return remote


def gpu_seconds(call: Call, info: CheckpointInfo) -> int:
    """GPU seconds to ask for: an estimate from pixels and chunks. A chunk of up to CHUNK pictures costs as one."""
    chunks = -(-call.request.count // CHUNK) + call.request.count * _repairs(call)  # one picture at a time
    return round(START_SECONDS + PIXEL_SECONDS * info.networks_a_pixel * _pixels_to_draw(call, info) * chunks)


def _repairs(call: Call) -> int:
    """The most steps in which parts of a picture are drawn anew so that it tiles."""
    if not call.request.seamless:
        return 0
    return 2 if call.method == "generate" else len(join_steps(call.arguments[1], call.request.seamless)) - 1


def _pixels_to_draw(call: Call, info: CheckpointInfo) -> int:
    """How many pixels of a picture the networks run over: the rows of the mask, or the windows of a large picture."""
    if call.method != "complete":
        factor = call.factor if call.method == "enlarge" else 1
        height, width = (
            call.arguments[0].shape[:2] if call.arguments else call.request.size or (info.height, info.width)
        )
        return factor**2 * height * width
    mask = call.arguments[1]
    size = info.window_of(*mask.shape)
    if windows := windows_for(mask, size, call.request.window):
        return len(windows) * size[0] * size[1]
    masked = np.flatnonzero(mask.any(1))
    return (int(masked[-1] - masked[0]) + 1) * mask.shape[1]


def drawn_in_this_process(folder: Path, call: Call) -> Iterator[RemoteMessage]:
    """Yield one frame per row, then the result. Errors are yielded as values, because a raised error would lose all but
    its name on the way. Drawing has ended when the generator is closed."""
    frames: SimpleQueue[RemoteFrame | None] = SimpleQueue()
    stopped = threading.Event()

    def on_row(done: int, rows: int, pictures: Preview) -> None:
        shown, undrawn = pictures()[0].copy(), pictures.undrawn()
        frames.put(RemoteFrame(done, rows, shown, undrawn, pictures.passes, pictures.sketch))

    with ThreadPoolExecutor(1) as thread:
        work = thread.submit(lambda: call.of(_engine(folder), on_row, stopped.is_set))
        work.add_done_callback(lambda _: frames.put(None))
        try:
            while (frame := frames.get()) is not None:
                yield frame
            yield work.result()
        except (PixelArtError, Cancelled) as error:
            yield error
        finally:
            stopped.set()


def _followed(
    messages: Iterator[RemoteMessage], on_row: OnRow | None, cancel: Callable[[], bool] | None
) -> list[Drawing] | None:
    for message in messages:
        if isinstance(message, PixelArtError | Cancelled):
            raise message
        if isinstance(message, list):
            return message
        if cancel and cancel():
            raise Cancelled
        if on_row:
            shown = Preview(
                lambda picture=message.picture: picture[None],
                lambda undrawn=message.undrawn: undrawn,
                passes=message.passes,
                sketch=message.sketch,
            )
            on_row(message.done, message.rows, shown)
    return None  # the process ended without a result


@cache
def _engine(folder: Path) -> Engine:
    """This process has its own engine: a forked copy could hold locks that another thread had taken."""
    return Engine(folder)
