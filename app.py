"""Serve Pixel Art Studio in a browser: `python app.py`.

`--mcp` also offers the API endpoints as MCP tools. gradio reads GRADIO_SERVER_NAME and GRADIO_SERVER_PORT.
"""

from __future__ import annotations

import gc
import os
import signal

if __name__ == "__main__":
    signal.signal(signal.SIGINT, lambda *_: os._exit(130))  # works during the first imports too
    gc.disable()  # the imports leave little garbage, and looking for it takes a fifth of their time

from pixelart.shutdown import interrupt_on_signals, leave, leave_on_signals, refuse
from pixelart.system.address import address_refusal, keep_to_port
from pixelart.system.proxies import settle_proxies
from pixelart.system.streams import secure_streams

if __name__ == "__main__":
    leave_on_signals()  # before the imports below, which take seconds
    secure_streams()
    settle_proxies()  # before gradio is imported: it reads these variables
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
    import spaces  # pyright: ignore[reportMissingImports] # installed on a Space; before torch, which it patches

import torch

from pixelart.devices import share_heaps
from pixelart.engine import Engine
from pixelart.engine.zero_gpu import zero_gpu_backend
from pixelart.errors import PixelArtError, RequestRejected
from pixelart.jobs import Jobs
from pixelart.settings import SETTINGS
from pixelart.system.streams import replace_unprintable
from pixelart.system.temporary_files import own_temporary_folder
from pixelart.ui import build, launch, launch_settings
from pixelart.ui.security.hosting import Hosting, find_hosting

CHECKPOINTS, JOBS, OUTPUTS = (Path(__file__).with_name(name) for name in ("checkpoints", "jobs", "outputs"))


def has_screen() -> bool:
    """Whether a browser window can be opened for the person who started the program."""
    if os.environ.get("SPACE_ID") or os.environ.get("CI"):
        return False
    return sys.platform != "linux" or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


@contextmanager
def training(hosting: Hosting) -> Iterator[Jobs | str]:
    """Run the background trainings inside this context; gives the jobs, or the reason why training is off."""
    refusal = hosting.training_refusal
    if refusal and not hosting.has_sign_in:  # nobody who could rent a machine
        yield refusal
        return
    settings = SETTINGS.for_one_user() if hosting.is_local else SETTINGS
    try:
        how = {"by_owner": not hosting.is_local, "patient": True, "refusal": refusal}
        jobs = Jobs(JOBS, checkpoints=CHECKPOINTS, settings=settings, **how)
    except (PixelArtError, OSError) as error:
        logging.getLogger(__name__).warning("training is off: %s", error_text(error))
        yield f"Training is off: {reason_of(error).replace(f'{JOBS.resolve()}', 'its folder')}."
        return
    with jobs:
        yield jobs


def make_engine(hosting: Hosting, jobs: Jobs | str) -> Engine:
    """The engine of the page. On ZeroGPU this process has no GPU and draws on a borrowed one."""
    by_owner = not hosting.is_local
    if hosting.kind == "zero_gpu":
        lent = zero_gpu_backend(spaces.GPU, CHECKPOINTS)  # pyright: ignore[reportPossiblyUnboundVariable]
        return Engine(CHECKPOINTS, device=torch.device("cpu"), by_owner=by_owner, remote=lent)
    return Engine(CHECKPOINTS, on_drawing=jobs.pause_for_drawing if isinstance(jobs, Jobs) else None, by_owner=by_owner)


def warm_up(engine: Engine) -> None:
    """Load the first model while the page opens."""
    for info in engine.list_checkpoints()[:1]:
        try:
            engine.warm_up(info.name)
        except PixelArtError as error:  # the page shows it when that model is chosen
            logging.getLogger(__name__).warning("%s", error)


def wants_tools(words: Sequence[str]) -> bool:
    """Whether the arguments ask for MCP tools. Raises RequestRejected for any other argument."""
    for word in words:
        if word != "--mcp":
            raise RequestRejected(f"{word!r:.40}: the only option is --mcp")
    if words and find_spec("mcp") is None:
        raise RequestRejected("--mcp needs another package: pip install 'gradio[mcp]'")
    return bool(words)


def serve(hosting: Hosting, jobs: Jobs | str, *, tools: bool = False) -> None:
    """Serve the page until KeyboardInterrupt, then close it without waiting for open pages.

    `tools`: also offer its endpoints as MCP tools.
    """
    engine = make_engine(hosting, jobs)
    if hosting.kind != "zero_gpu":  # loading there would request a GPU
        threading.Thread(target=warm_up, args=(engine,), name="warm-up", daemon=True).start()
    page = build(engine, jobs, hosting=hosting, outputs=OUTPUTS)
    settings = launch_settings(hosting, tools=tools)
    launch(page, inbrowser=has_screen(), settings=settings)
    try:
        while True:
            time.sleep(1)
    finally:
        threading.Thread(target=page.close, args=(False,), name="close-page", daemon=True).start()


def start_log() -> None:
    """Log to stderr, without requested URLs: those of uploads are signed."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    for client in ("httpx", "httpx2"):  # used by gradio and huggingface_hub
        logging.getLogger(client).setLevel(logging.WARNING)


def run(words: Sequence[str]) -> None:
    """Serve the page until KeyboardInterrupt. `words`: the arguments after `app.py`."""
    tools = wants_tools(words)
    hosting = find_hosting(os.environ)
    with own_temporary_folder(), training(hosting) as jobs:
        serve(hosting, jobs, tools=tools)


def error_text(error: PixelArtError | OSError) -> str:
    """The error as one line, with its file."""
    if not isinstance(error, OSError):
        return str(error)
    return f"{error.filename}: {reason_of(error)}" if error.filename else reason_of(error)


def reason_of(error: PixelArtError | OSError) -> str:
    """The error as one line, without its file."""
    return (error.strerror if isinstance(error, OSError) else "") or str(error)


def main() -> NoReturn:
    """Start the app and serve it until a signal ends it; a training in progress can be resumed.

    If it cannot start, it prints one line and exits with code 2.
    """
    gc.freeze()  # later collections do not look through what was imported, so they stop a drawing only briefly
    gc.enable()
    replace_unprintable()
    os.umask(0o077)  # other users of the machine cannot read what visitors draw and train
    start_log()
    share_heaps()
    with suppress(KeyboardInterrupt):
        interrupt_on_signals()
        try:
            run(sys.argv[1:])
        except (PixelArtError, OSError) as error:
            refuse(error_text(error))
        except Exception:
            logging.getLogger(__name__).exception("the app failed")
            leave(1)
    leave()


if __name__ == "__main__":
    main()
