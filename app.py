"""Pixel Art Studio in a browser: `python app.py`. gradio reads GRADIO_SERVER_NAME and GRADIO_SERVER_PORT."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

if os.environ.get("SPACES_ZERO_GPU"):
    import spaces  # pyright: ignore[reportMissingImports] # a Space has it; first, for it changes what torch is

import torch

from pixelart.borrowing import borrowing
from pixelart.engine import Engine
from pixelart.errors import PixelArtError
from pixelart.hosting import Hosting, find_hosting
from pixelart.jobs import Jobs
from pixelart.ui import build, launch_settings

CHECKPOINTS, JOBS = (Path(__file__).with_name(name) for name in ("checkpoints", "jobs"))


def has_screen() -> bool:
    """Whether a browser window can be opened for the person who started the program."""
    if os.environ.get("SPACE_ID") or os.environ.get("CI"):
        return False
    return sys.platform != "linux" or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


@contextmanager
def training(hosting: Hosting) -> Iterator[Jobs | str]:
    """The trainings in the background, which end with this context; or why there are none."""
    if hosting.training_refusal:
        yield hosting.training_refusal
        return
    try:
        jobs = Jobs(JOBS, checkpoints=CHECKPOINTS, by_owner=not hosting.is_local)
    except (PixelArtError, OSError) as error:
        yield f"Training is off: {error}."
        return
    with jobs:
        yield jobs


def make_engine(hosting: Hosting, jobs: Jobs | str) -> Engine:
    """The engine of the page. On ZeroGPU this process has no GPU: drawings are made on one that is lent."""
    by_owner = not hosting.is_local
    if hosting.kind == "zero_gpu":
        lent = borrowing(spaces.GPU, CHECKPOINTS)  # pyright: ignore[reportPossiblyUnboundVariable]
        return Engine(CHECKPOINTS, device=torch.device("cpu"), by_owner=by_owner, elsewhere=lent)
    return Engine(CHECKPOINTS, on_drawing=jobs.give_way if isinstance(jobs, Jobs) else None, by_owner=by_owner)


def warm_up(engine: Engine) -> None:
    """Makes the first model ready while the page opens."""
    for info in engine.list_checkpoints()[:1]:
        try:
            engine.warm_up(info.name)
        except PixelArtError as error:  # the page tells it, when that model is chosen
            logging.getLogger(__name__).warning("%s", error)


def main() -> None:
    """Starts the app and serves it until it is interrupted or told to end, which trainings survive."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl+C: the machine is shut down, say
    hosting = find_hosting(os.environ)
    with training(hosting) as jobs:
        engine = make_engine(hosting, jobs)
        if hosting.kind != "zero_gpu":  # where it would ask for a GPU
            threading.Thread(target=warm_up, args=(engine,), name="warm-up", daemon=True).start()
        build(engine, jobs, hosting=hosting).launch(inbrowser=has_screen(), **launch_settings())


if __name__ == "__main__":
    main()
