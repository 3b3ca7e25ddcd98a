"""End the program on a signal: quickly, at any time, with one line of text."""

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
"""Ctrl+C, and for example a shutdown of the machine."""
END_MESSAGE = "Pixel Art Studio has ended."
EXIT_BAD_INPUT = 2
EXIT_INTERRUPTED = 130
"""The exit code that shells use for Ctrl+C."""
_AGAIN = 0.05
"""Seconds after which a lost interrupt is raised again."""
_received: list[int] = []


def leave_on_signals() -> None:
    """From now on signals end the app at once; used before anything needs closing."""
    for number in SIGNALS:
        signal.signal(number, _leave_at_once)


def leave_on_interrupt() -> None:
    """From now on Ctrl+C ends a command at once, silently. A command started with SIGINT ignored still ignores it."""
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, _leave_silently)
        sys.unraisablehook = _leave_if_interrupted


@contextmanager
def interruptible() -> Iterator[None]:
    """Within this context, the first Ctrl+C raises KeyboardInterrupt, so that partial results can be removed.

    A second Ctrl+C, or one outside the context, ends the process at once.
    """
    handler = signal.getsignal(signal.SIGINT)
    try:
        if handler is not signal.SIG_IGN:
            signal.signal(signal.SIGINT, _interrupt_once)
        yield
    except KeyboardInterrupt:
        os._exit(EXIT_INTERRUPTED)
    finally:
        signal.signal(signal.SIGINT, handler)


def interrupt_on_signals() -> None:
    """From now on signals raise KeyboardInterrupt in the main thread; `leave` uses the first signal for the exit
    code."""
    for number in SIGNALS:
        signal.signal(number, _interrupt)
    sys.unraisablehook = _raise_again


def leave(code: int | None = None) -> NoReturn:
    """End the process without waiting for threads: a thread that compiles or draws cannot be stopped and would crash
    the interpreter at exit.

    The exit code is `code`. If None, END_MESSAGE is printed and the code depends on the signal: 130 for Ctrl+C, else 0.
    """
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    with suppress(OSError):  # for example a full disk
        if code is None:
            print(END_MESSAGE)
        sys.stdout.flush()
    if code is None:
        code = EXIT_INTERRUPTED if signal.SIGINT in _received else 0
    atexit._run_exitfuncs()  # `os._exit` skips these
    os._exit(code)


def refuse(reason: str) -> NoReturn:
    """End an app that cannot start, with one plain line and exit code 2."""
    with suppress(OSError):
        print(f"app.py: {' '.join(reason.splitlines())}", file=sys.stderr, flush=True)
    leave(EXIT_BAD_INPUT)


def _interrupt(number: int, _: object) -> None:
    _received.append(number)
    raise KeyboardInterrupt


def _leave_at_once(number: int, _: object) -> NoReturn:
    with suppress(OSError):  # nobody reads the output
        os.write(1, f"{END_MESSAGE}\n".encode())  # not print: the interrupted code may be in the middle of a print
    os._exit(EXIT_INTERRUPTED if number == signal.SIGINT else 0)


def _raise_again(unraisable: Any) -> None:
    """Raise an interrupt again that Python could not raise but only reported, in a destructor or callback."""
    if issubclass(unraisable.exc_type, KeyboardInterrupt):
        threading.Timer(_AGAIN, os.kill, (os.getpid(), _received[-1])).start()
    else:
        sys.__unraisablehook__(unraisable)


def _interrupt_once(*_: object) -> NoReturn:
    signal.signal(signal.SIGINT, _leave_silently)
    raise KeyboardInterrupt


def _leave_if_interrupted(unraisable: Any) -> None:
    """As `_raise_again`, for a command, which has nothing to close."""
    if issubclass(unraisable.exc_type, KeyboardInterrupt):
        os._exit(EXIT_INTERRUPTED)
    sys.__unraisablehook__(unraisable)


def _leave_silently(*_: object) -> NoReturn:
    os._exit(EXIT_INTERRUPTED)
