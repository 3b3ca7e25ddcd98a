"""Make sure that standard input, output and error exist and can be written to."""

from __future__ import annotations

import io
import os
import sys
from typing import TextIO

_BROKEN = (BrokenPipeError, ConnectionError)


def secure_streams() -> None:
    """Open missing standard streams, and send output to the null device once its reader has gone.

    Services and `pythonw` start programs without standard streams. The next opened file or socket would take the free
    descriptor and receive what is printed.
    """
    for number, mode in enumerate((os.O_RDONLY, os.O_WRONLY, os.O_WRONLY)):
        _ensure_descriptor(number, mode)
    if sys.stdin is None:
        sys.stdin = io.TextIOWrapper(io.BufferedReader(io.FileIO(0, closefd=False)), encoding="utf-8")
    sys.stdout, sys.stderr = _lasting(sys.stdout, 1), _lasting(sys.stderr, 2)


def replace_unprintable() -> None:
    """Print question marks for characters that the output encoding lacks, such as class names on a Windows console."""
    for stream in (sys.stdout, sys.stderr):
        if getattr(stream, "errors", None) == "strict" and hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # pyright: ignore[reportAttributeAccessIssue, reportOptionalMemberAccess]


def _ensure_descriptor(number: int, mode: int) -> None:
    try:
        os.fstat(number)
    except OSError:
        opened = os.open(os.devnull, mode)
        if opened != number:
            os.dup2(opened, number)
            os.close(opened)


class _LastingStream(io.TextIOWrapper):
    """A text stream that switches to the null device when its reader closes."""

    def write(self, text: str, /) -> int:
        """As `TextIOWrapper.write`."""
        try:
            return super().write(text)
        except _BROKEN:
            self._switch_to_null_device()
            return len(text)

    def flush(self) -> None:
        """As `TextIOWrapper.flush`."""
        try:
            super().flush()
        except _BROKEN:
            self._switch_to_null_device()

    def _switch_to_null_device(self) -> None:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, self.fileno())
        os.close(null)


def _lasting(stream: TextIO | None, number: int) -> TextIO:
    if stream is None:
        raw = io.BufferedWriter(io.FileIO(number, "wb", closefd=False))
        return _LastingStream(raw, encoding="utf-8", errors="backslashreplace", line_buffering=True)
    if type(stream) is not io.TextIOWrapper:  # replaced by a test or a notebook
        return stream
    kept = {"encoding": stream.encoding, "errors": stream.errors, "line_buffering": stream.line_buffering}
    write_through = stream.write_through
    return _LastingStream(stream.detach(), **kept, write_through=write_through)
