"""How the app ends when it is told to: in a plain line, at any moment of its life, and soon."""

from __future__ import annotations

import atexit
import os
import signal
import sys
from typing import NoReturn

SIGNALS = (signal.SIGINT, signal.SIGTERM)
"""Ctrl+C; or the machine is shut down, say."""
ENDED = "Pixel Art Studio has ended."


def leave_when_told() -> None:
    """From now on the process ends at once: nothing is there yet that would have to be closed."""
    for number in SIGNALS:
        signal.signal(number, _leave_at_once)


def interrupt_when_told() -> None:
    """From now on KeyboardInterrupt is raised in the main thread."""
    for number in SIGNALS:
        signal.signal(number, signal.default_int_handler)


def leave() -> NoReturn:
    """End the process, exit code 0, and wait for no thread: one that compiles or draws cannot be stopped, and would
    bring the end of the interpreter down."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    print(ENDED)
    sys.stdout.flush()
    atexit._run_exitfuncs()  # which `os._exit` leaves out
    os._exit(0)


def _leave_at_once(*_: object) -> NoReturn:
    os.write(1, f"{ENDED}\n".encode())  # what was interrupted may be a print
    os._exit(0)
