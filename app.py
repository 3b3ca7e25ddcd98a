"""Pixel Art Studio in a browser: `python app.py`. gradio reads GRADIO_SERVER_NAME and GRADIO_SERVER_PORT."""

from __future__ import annotations

import logging
import os
import sys
import threading
from pathlib import Path

from pixelart.engine import Engine
from pixelart.errors import PixelArtError
from pixelart.ui import build, launch_settings

CHECKPOINTS = Path(__file__).with_name("checkpoints")


def has_screen() -> bool:
    """Whether a browser window can be opened for the person who started the program."""
    if os.environ.get("SPACE_ID") or os.environ.get("CI"):
        return False
    return sys.platform != "linux" or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def warm_up(engine: Engine) -> None:
    """Makes the first model ready while the page opens."""
    for info in engine.list_checkpoints()[:1]:
        try:
            engine.warm_up(info.name)
        except PixelArtError as error:  # the page tells it, when that model is chosen
            logging.getLogger(__name__).warning("%s", error)


def main() -> None:
    """Starts the app and serves it until it is interrupted."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    engine = Engine(CHECKPOINTS)
    threading.Thread(target=warm_up, args=(engine,), name="warm-up", daemon=True).start()
    build(engine).launch(inbrowser=has_screen(), **launch_settings())


if __name__ == "__main__":
    main()
