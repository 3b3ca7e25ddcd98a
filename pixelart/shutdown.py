"""How a program ends when it is told to: in a plain line, at any moment of its life, and soon."""

from __future__ import annotations

import atexit
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, NoReturn

SIGNALS = (signal.SIGINT, signal.SIGTERM)
"""Ctrl+C; or the machine is shut down, say."""
ENDED = "Pixel Art Studio has ended."
EXIT_BAD_INPUT = 2
EXIT_INTERRUPTED = 130
"""As shells have it for Ctrl+C."""
_AGAIN = 0.05
"""Seconds after which an interrupt that was lost is told again."""
_received: list[int] = []


def leave_when_told() -> None:
    """From now on the app ends at once: nothing is there yet that would have to be closed."""
    for number in SIGNALS:
        signal.signal(number, _leave_at_once)


def leave_when_interrupted() -> None:
    """From now on a command ends at once at Ctrl+C, without a line. One that was started to ignore it still does."""
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, _leave_silently)
        sys.unraisablehook = _leave_if_interrupted


@contextmanager
def interruptible() -> Iterator[None]:
    """Inside, the first Ctrl+C raises KeyboardInterrupt, so that what is half made is removed; a second one, or one
    that comes before or after, ends the process at once."""
    handler = signal.getsignal(signal.SIGINT)
    try:
        if handler is not signal.SIG_IGN:
            signal.signal(signal.SIGINT, _interrupt_once)
        yield
    except KeyboardInterrupt:
        os._exit(EXIT_INTERRUPTED)
    finally:
        signal.signal(signal.SIGINT, handler)


def interrupt_when_told() -> None:
    """From now on KeyboardInterrupt is raised in the main thread; what told it first is remembered by `leave`."""
    for number in SIGNALS:
        signal.signal(number, _interrupt)
    sys.unraisablehook = _tell_again


def leave(code: int | None = None) -> NoReturn:
    """End the process, and wait for no thread: one that compiles or draws cannot be stopped, and would bring the end of
    the interpreter down.

    Exit code: `code`, without a line; when None, that of what told it to end: 130 of Ctrl+C, else 0.
    """
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    with suppress(OSError):  # a full disk: nobody can be told
        if code is None:
            print(ENDED)
        sys.stdout.flush()
    if code is None:
        code = EXIT_INTERRUPTED if signal.SIGINT in _received else 0
    atexit._run_exitfuncs()  # which `os._exit` leaves out
    os._exit(code)


def refuse(reason: str) -> NoReturn:
    """End the app, which cannot be started, with one plain line and exit code 2."""
    with suppress(OSError):
        print(f"app.py: {' '.join(reason.splitlines())}", file=sys.stderr, flush=True)
    leave(EXIT_BAD_INPUT)


def _interrupt(number: int, _: object) -> None:
    _received.append(number)
    raise KeyboardInterrupt


def _leave_at_once(number: int, _: object) -> NoReturn:
    with suppress(OSError):  # nobody reads it
        os.write(1, f"{ENDED}\n".encode())  # what was interrupted may be a print
    os._exit(EXIT_INTERRUPTED if number == signal.SIGINT else 0)


def _tell_again(unraisable: Any) -> None:
    """Where Python could only report an interrupt, with a traceback, and go on: in a destructor or a callback."""
    if issubclass(unraisable.exc_type, KeyboardInterrupt):
        threading.Timer(_AGAIN, os.kill, (os.getpid(), _received[-1])).start()
    else:
        sys.__unraisablehook__(unraisable)


def _interrupt_once(*_: object) -> NoReturn:
    signal.signal(signal.SIGINT, _leave_silently)
    raise KeyboardInterrupt


def _leave_if_interrupted(unraisable: Any) -> None:
    """As `_tell_again`, of a command, which has nothing to close."""
    if issubclass(unraisable.exc_type, KeyboardInterrupt):
        os._exit(EXIT_INTERRUPTED)
    sys.__unraisablehook__(unraisable)


def _leave_silently(*_: object) -> NoReturn:
    os._exit(EXIT_INTERRUPTED)
