"""How much memory this process may use, on a machine or in a container."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path, PurePosixPath

MIB = 2**20
UNKNOWN = 4 * 2**30
"""Assumed memory if the system does not report it."""
_VERSION_2, _VERSION_1 = (("", "memory.max"), ("unified", "memory.max")), (("memory", "memory.limit_in_bytes"),)
"""Folders below /sys/fs/cgroup that may hold a memory hierarchy, and the name of the limit file."""


@cache
def usable_memory() -> int:
    """Bytes of memory that this program may use: the machine's, or its cgroup limit if lower."""
    return min([physical_memory(), *cgroup_limits()])


def share_of_memory(divisor: int, *, least: int, most: int = sys.maxsize) -> int:
    """The usable memory divided by `divisor`, clamped to `least` to `most` bytes."""
    return max(least, min(most, usable_memory() // divisor))


def physical_memory() -> int:
    """Bytes of physical memory."""
    with suppress(AttributeError, ValueError, OSError):
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    with suppress(AttributeError, OSError):
        status = _MemoryStatus(ctypes.sizeof(_MemoryStatus))
        if ctypes.windll.kernel32.GlobalMemoryStatusEx(ctypes.byref(status)):  # pyright: ignore[reportAttributeAccessIssue]
            return int(status.total)
    return UNKNOWN


def cgroup_limits(root: Path = Path("/")) -> Iterator[int]:
    """Memory limits in bytes of the cgroups (version 1 and 2) that contain this process.

    A container often sees its own cgroup as the root of the hierarchy, whatever /proc/self/cgroup says.
    """
    try:
        lines = (root / "proc/self/cgroup").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, place = [*line.split(":", 2), "", ""][:3]
        version_1 = _VERSION_1 if "memory" in controllers.split(",") else ()
        for name, limit_file in version_1 if controllers else _VERSION_2:
            yield from _limits_up_to(root / "sys/fs/cgroup" / name, place, limit_file)


def _limits_up_to(hierarchy: Path, place: str, limit_file: str) -> Iterator[int]:
    inside = PurePosixPath(place.lstrip("/"))
    for folder in (inside, *inside.parents):
        with suppress(OSError, ValueError):
            yield int((hierarchy / folder / limit_file).read_text(encoding="ascii"))  # "max" is no number


class _MemoryStatus(ctypes.Structure):
    """MEMORYSTATUSEX of Windows."""

    _fields_ = [
        ("length", ctypes.c_ulong),
        ("load", ctypes.c_ulong),
        ("total", ctypes.c_ulonglong),
        ("others", ctypes.c_ulonglong * 6),
    ]
