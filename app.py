"""Pixel Art Studio in a browser: `python app.py`. gradio reads GRADIO_SERVER_NAME and GRADIO_SERVER_PORT.

`--mcp` offers what programs can call as MCP tools too.
"""

from __future__ import annotations

import os
import signal

if __name__ == "__main__":
    signal.signal(signal.SIGINT, lambda *_: os._exit(130))  # even while the first imports run

from pixelart.shutdown import interrupt_when_told, leave, leave_when_told, refuse
from pixelart.system.address import address_refusal, keep_to_port
from pixelart.system.proxies import settle_proxies
from pixelart.system.streams import secure_streams

if __name__ == "__main__":
    leave_when_told()  # at once: the imports below take seconds
    secure_streams()
    settle_proxies()  # before gradio is imported, which reads these variables
    keep_to_port(os.environ)
    if reason := address_refusal(os.environ):
        refuse(reason)

import logging
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import NoReturn

if os.environ.get("SPACES_ZERO_GPU"):
    import spaces  # pyright: ignore[reportMissingImports] # a Space has it; first, for it changes what torch is

import torch

from pixelart.cli.common import replace_what_cannot_be_printed
from pixelart.devices import share_heaps
from pixelart.engine import Engine
from pixelart.engine.zero_gpu import zero_gpu_backend
from pixelart.errors import PixelArtError, RequestRejected
from pixelart.jobs import Jobs
from pixelart.settings import SETTINGS
from pixelart.system.temporary_files import own_temporary_folder
from pixelart.ui import build, launch, launch_settings
from pixelart.ui.security.hosting import Hosting, find_hosting

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
        jobs = Jobs(JOBS, checkpoints=CHECKPOINTS, settings=settings, by_owner=not hosting.is_local, patient=True)
    except (PixelArtError, OSError) as error:
        logging.getLogger(__name__).warning("training is off: %s", told(error))
        yield f"Training is off: {reason_of(error).replace(f'{JOBS.resolve()}', 'its folder')}."
        return
    with jobs:
        yield jobs


def make_engine(hosting: Hosting, jobs: Jobs | str) -> Engine:
    """The engine of the page. On ZeroGPU this process has no GPU: drawings are made on one that is lent."""
    by_owner = not hosting.is_local
    if hosting.kind == "zero_gpu":
        lent = zero_gpu_backend(spaces.GPU, CHECKPOINTS)  # pyright: ignore[reportPossiblyUnboundVariable]
        return Engine(CHECKPOINTS, device=torch.device("cpu"), by_owner=by_owner, elsewhere=lent)
    return Engine(CHECKPOINTS, on_drawing=jobs.pause_for_drawing if isinstance(jobs, Jobs) else None, by_owner=by_owner)


def warm_up(engine: Engine) -> None:
    """Makes the first model ready while the page opens."""
    for info in engine.list_checkpoints()[:1]:
        try:
            engine.warm_up(info.name)
        except PixelArtError as error:  # the page tells it, when that model is chosen
            logging.getLogger(__name__).warning("%s", error)


def wants_tools(words: Sequence[str]) -> bool:
    """Whether the words after `app.py` ask for MCP tools. Raises RequestRejected for any other."""
    for word in words:
        if word != "--mcp":
            raise RequestRejected(f"{word!r:.40}: the only option is --mcp")
    if words and find_spec("mcp") is None:
        raise RequestRejected("--mcp needs a package more: pip install 'gradio[mcp]'")
    return bool(words)


def serve(hosting: Hosting, jobs: Jobs | str, *, tools: bool = False) -> None:
    """Serves the page until KeyboardInterrupt, then closes it without waiting for those who look at it. `tools`: its
    endpoints are MCP tools too."""
    engine = make_engine(hosting, jobs)
    if hosting.kind != "zero_gpu":  # where it would ask for a GPU
        threading.Thread(target=warm_up, args=(engine,), name="warm-up", daemon=True).start()
    page = build(engine, jobs, hosting=hosting)
    settings = launch_settings(hosting, tools=tools)
    launch(page, inbrowser=has_screen(), settings=settings)
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


def run(words: Sequence[str]) -> None:
    """Serve the page until KeyboardInterrupt. `words`: those after `app.py`."""
    tools = wants_tools(words)
    hosting = find_hosting(os.environ)
    with own_temporary_folder(), training(hosting) as jobs:
        serve(hosting, jobs, tools=tools)


def told(error: PixelArtError | OSError) -> str:
    """An error in words."""
    if not isinstance(error, OSError):
        return str(error)
    return f"{error.filename}: {reason_of(error)}" if error.filename else reason_of(error)


def reason_of(error: PixelArtError | OSError) -> str:
    """An error without the file that it is about."""
    return (error.strerror if isinstance(error, OSError) else "") or str(error)


def main() -> NoReturn:
    """Starts the app and serves it until it is interrupted or told to end, which trainings survive; one plain line and
    exit code 2 where it cannot be started."""
    replace_what_cannot_be_printed()
    os.umask(0o077)  # what visitors draw and train is nobody else's on this machine
    start_log()
    share_heaps()
    with suppress(KeyboardInterrupt):
        interrupt_when_told()
        try:
            run(sys.argv[1:])
        except (PixelArtError, OSError) as error:
            refuse(told(error))
        except Exception:
            logging.getLogger(__name__).exception("the app has a fault")
            leave(1)
    leave()


if __name__ == "__main__":
    main()
