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

if os.environ.get("SPACES_ZERO_GPU"):
    import spaces  # pyright: ignore[reportMissingImports] # a Space has it; first, for it changes what torch is

import torch

from pixelart.borrowing import borrowing
from pixelart.devices import share_heaps
from pixelart.engine import Engine
from pixelart.errors import PixelArtError
from pixelart.hosting import Hosting, find_hosting
from pixelart.jobs import Jobs
from pixelart.settings import SETTINGS
from pixelart.terminal import replace_what_cannot_be_printed
from pixelart.ui import build, launch_settings

GRADIO_FOLDER = "GRADIO_TEMP_DIR"
"""Where gradio writes results, rather than into the system's folder of temporary files."""
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
    settings = SETTINGS.for_one_user() if hosting.is_local else SETTINGS
    try:
        jobs = Jobs(JOBS, checkpoints=CHECKPOINTS, settings=settings, by_owner=not hosting.is_local)
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
    before, chosen = tempfile.tempdir, os.environ.get(GRADIO_FOLDER)
    if chosen:
        Path(chosen).mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="pixel-art-studio-", dir=chosen, ignore_cleanup_errors=True) as folder:
        tempfile.tempdir = folder
        os.environ[GRADIO_FOLDER] = str(Path(folder, "gradio"))
        try:
            yield
        finally:
            tempfile.tempdir = before
            os.environ.pop(GRADIO_FOLDER)
            if chosen:
                os.environ[GRADIO_FOLDER] = chosen


def serve(hosting: Hosting, jobs: Jobs | str, *, tools: bool = False) -> None:
    """Serves the page until KeyboardInterrupt, then closes it without waiting for those who look at it. `tools`: its
    endpoints are MCP tools too."""
    engine = make_engine(hosting, jobs)
    if hosting.kind != "zero_gpu":  # where it would ask for a GPU
        threading.Thread(target=warm_up, args=(engine,), name="warm-up", daemon=True).start()
    page = build(engine, jobs, hosting=hosting)
    settings = launch_settings(hosting, tools=tools)
    page.launch(inbrowser=has_screen(), prevent_thread_lock=True, **settings)
    try:
        while True:
            time.sleep(1)
    finally:
        threading.Thread(target=page.close, args=(False,), name="close-page", daemon=True).start()


def start_log() -> None:
    """What happens goes to stderr; not which addresses were asked for, those of uploads being signed."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    for client in ("httpx", "httpx2"):  # of gradio and of huggingface_hub
        logging.getLogger(client).setLevel(logging.WARNING)


def main() -> NoReturn:
    """Starts the app and serves it until it is interrupted or told to end, which trainings survive."""
    replace_what_cannot_be_printed()
    tools = wants_tools(sys.argv[1:])
    interrupt_when_told()
    start_log()
    share_heaps()
    with suppress(KeyboardInterrupt), own_temporary_folder():
        hosting = find_hosting(os.environ)
        with training(hosting) as jobs:
            serve(hosting, jobs, tools=tools)
    leave()


if __name__ == "__main__":
    main()
