"""Threads share two heaps, where the C library has many."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

from pixelart.devices import share_heaps

MEASURE = """
import sys, threading
from pixelart.devices import share_heaps
if sys.argv[1] == "shared":
    assert share_heaps()
there = threading.Barrier(9)
def hold():
    kept = [bytes(3000) for _ in range(100)]
    there.wait()
    there.wait()
threads = [threading.Thread(target=hold) for _ in range(8)]
for thread in threads:
    thread.start()
there.wait()
import ctypes
ctypes.CDLL(None).malloc_stats()
there.wait()
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="of glibc alone")
@pytest.mark.slow
def test_threads_share_two_heaps() -> None:
    heaps = {}
    for how in ("shared", "as it is"):
        done = subprocess.run([sys.executable, "-c", MEASURE, how], capture_output=True, text=True, check=True)
        heaps[how] = done.stderr.count("Arena ")
    assert heaps["shared"] <= 2 < heaps["as it is"]


def test_elsewhere_nothing_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert not share_heaps()
