"""The app of an engine on a free port."""

from __future__ import annotations

import gc
import os
import socket
import subprocess
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import gradio as gr

from pixelart.jobs import Jobs
from pixelart.ui import build, launch_settings
from pixelart.ui.security.hosting import SERVER, Hosting

GRADIO_WARNINGS = (
    "ignore::ResourceWarning",  # gradio leaves event loops and sockets to the garbage collector
    "ignore::pytest.PytestUnraisableExceptionWarning",
)
"""For `pytest.mark.filterwarnings` of every module that serves the app."""

OFF = "Training is off in this test."


def free_port() -> int:
    """A port that no other test process looks at, as gradio's own search from 7860 does."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def serving(
    engine: Any, training: Jobs | str = OFF, *, hosting: Hosting = SERVER, port: int | None = None
) -> Iterator[str]:
    """Its URL."""
    with serving_app(engine, training, hosting=hosting, port=port) as (_, url):
        yield url


@contextmanager
def serving_app(
    engine: Any, training: Jobs | str = OFF, *, hosting: Hosting = SERVER, port: int | None = None
) -> Iterator[tuple[gr.Blocks, str]]:
    """It and its URL. What gradio leaves behind is collected here, so that no later test is blamed for it."""
    with without_resource_warnings():
        app = build(engine, training, hosting=hosting)
        settings = {**launch_settings(hosting), "server_port": port or free_port()}
        _, url, _ = app.launch(prevent_thread_lock=True, server_name="127.0.0.1", quiet=True, **settings)
    try:
        yield app, url
    finally:
        with without_resource_warnings():
            app.close(verbose=False)
            del app


@contextmanager
def without_resource_warnings() -> Iterator[None]:
    """For what gradio leaves behind, which is collected at the end of the context."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        yield
        gc.collect()


@contextmanager
def serving_apart(*names: str, size: int = 16, row_seconds: float = 0.0) -> Iterator[tuple[str, int]]:
    """The app of a FakeEngine with these models in a process of its own: its URL, and the number of the process."""
    command = [sys.executable, "-W", "ignore", "-m", "tests.ui.serving", str(size), str(row_seconds), *names]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin and process.stdout
        try:
            yield process.stdout.readline().strip(), process.pid
        finally:
            process.stdin.close()


def main() -> None:
    """Serves until the standard input ends."""
    from tests.ui.fake_engine import FakeEngine

    size, row_seconds = int(sys.argv[1]), float(sys.argv[2])
    with serving(FakeEngine(names=tuple(sys.argv[3:]), size=size, row_seconds=row_seconds)) as url:
        print(url, flush=True)
        sys.stdin.read()
    os._exit(0)  # gradio's threads go with it


if __name__ == "__main__":
    main()
