"""Pixel Art Studio in a browser: `python app.py`. gradio reads GRADIO_SERVER_NAME and GRADIO_SERVER_PORT.

`--mcp` offers what programs can call as MCP tools too.
"""

from __future__ import annotations

import logging
import os
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib.util import find_spec
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


def wants_tools(words: Sequence[str]) -> bool:
    """Whether the words after `app.py` ask for MCP tools. Raises SystemExit, with one plain line, for any other."""
    for word in words:
        if word != "--mcp":
            sys.exit(f"app.py: {word!r:.40}: the only option is --mcp")
    if words and find_spec("mcp") is None:
        sys.exit("app.py: --mcp needs a package more: pip install 'gradio[mcp]'")
    return bool(words)


@contextmanager
def own_temporary_folder() -> Iterator[None]:
    """Results lie in a folder that no other program serves or fills, and that goes with this one."""
    before = tempfile.tempdir
    with tempfile.TemporaryDirectory(prefix="pixel-art-studio-", ignore_cleanup_errors=True) as folder:
        tempfile.tempdir = folder
        try:
            yield
        finally:
            tempfile.tempdir = before


def serve(jobs: Jobs | str, *, tools: bool = False) -> None:
    """Serves the page until KeyboardInterrupt, then closes it without waiting for those who look at it. `tools`: its
    endpoints are MCP tools too."""
    engine = Engine(CHECKPOINTS, on_drawing=jobs.give_way if isinstance(jobs, Jobs) else None)
    threading.Thread(target=warm_up, args=(engine,), name="warm-up", daemon=True).start()
    page = build(engine, jobs, local=is_local())
    settings = launch_settings(local=is_local(), tools=tools)
    page.launch(inbrowser=has_screen(), prevent_thread_lock=True, **settings)
    try:
        while True:
            time.sleep(1)
    finally:
        threading.Thread(target=page.close, args=(False,), name="close-page", daemon=True).start()


def main() -> NoReturn:
    """Starts the app and serves it until it is interrupted or told to end, which trainings survive."""
    tools = wants_tools(sys.argv[1:])
    interrupt_when_told()
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    with suppress(KeyboardInterrupt), own_temporary_folder(), training() as jobs:
        serve(jobs, tools=tools)
    leave()


if __name__ == "__main__":
    main()
