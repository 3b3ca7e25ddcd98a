"""Pixel Art Studio in a browser: `python app.py`. gradio reads GRADIO_SERVER_NAME and GRADIO_SERVER_PORT."""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NoReturn

from pixelart.leaving import interrupt_when_told, leave, leave_when_told

if __name__ == "__main__":
    leave_when_told()  # at once: the imports below take seconds

from pixelart.engine import Engine
from pixelart.errors import PixelArtError
from pixelart.jobs import Jobs
from pixelart.settings import SETTINGS
from pixelart.ui import build, launch_settings

CHECKPOINTS, JOBS = (Path(__file__).with_name(name) for name in ("checkpoints", "jobs"))


def has_screen() -> bool:
    """Whether a browser window can be opened for the person who started the program."""
    if os.environ.get("SPACE_ID") or os.environ.get("CI"):
        return False
    return sys.platform != "linux" or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def is_local() -> bool:
    """Whether only this machine is served, so that whoever uses the page on it may name its folders: each request is
    looked at besides, for a proxy may pass on those of others."""
    reached = os.environ.get("GRADIO_SERVER_NAME", "127.0.0.1") not in ("127.0.0.1", "localhost", "::1")
    return not (reached or os.environ.get("SPACE_ID") or os.environ.get("GRADIO_SHARE", "").lower() == "true")


@contextmanager
def training() -> Iterator[Jobs | str]:
    """The trainings in the background, which end with this context; or why there are none."""
    settings = SETTINGS.for_one_user() if is_local() else SETTINGS
    try:
        jobs = Jobs(JOBS, checkpoints=CHECKPOINTS, settings=settings)
    except (PixelArtError, OSError) as error:
        yield f"Training is off: {error}."
        return
    with jobs:
        yield jobs


def warm_up(engine: Engine) -> None:
    """Makes the first model ready while the page opens."""
    for info in engine.list_checkpoints()[:1]:
        try:
            engine.warm_up(info.name)
        except PixelArtError as error:  # the page tells it, when that model is chosen
            logging.getLogger(__name__).warning("%s", error)


def serve(jobs: Jobs | str) -> None:
    """Serves the page until KeyboardInterrupt, then closes it without waiting for those who look at it."""
    engine = Engine(CHECKPOINTS, on_drawing=jobs.give_way if isinstance(jobs, Jobs) else None)
    threading.Thread(target=warm_up, args=(engine,), name="warm-up", daemon=True).start()
    page = build(engine, jobs, local=is_local())
    page.launch(inbrowser=has_screen(), prevent_thread_lock=True, **launch_settings())
    try:
        while True:
            time.sleep(1)
    finally:
        threading.Thread(target=page.close, args=(False,), name="close-page", daemon=True).start()


def main() -> NoReturn:
    """Starts the app and serves it until it is interrupted or told to end, which trainings survive."""
    interrupt_when_told()
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    with suppress(KeyboardInterrupt), training() as jobs:
        serve(jobs)
    leave()


if __name__ == "__main__":
    main()
