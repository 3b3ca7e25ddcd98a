"""How many CPU cores this process may use, and how its threads wait. Must be set before torch is imported.

Nothing heavy is imported here, because `import pixelart` applies the defaults.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, MutableMapping
from contextlib import suppress
from pathlib import Path

WAIT_VARIABLES = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME", "KMP_LIBRARY")
"""Variables by which a user sets how OpenMP threads wait: of the standard, of GNU, and of LLVM and Intel."""
PASSIVE = "PASSIVE"


def set_defaults(variables: MutableMapping[str, str]) -> None:
    """Set the wait policy and number of OpenMP threads, unless the environment `variables` already do.

    OpenMP reads them once, when torch is imported. By default, waiting threads spin for milliseconds; next to another
    busy program they then block the core that the others need. By default it also counts all cores of the machine,
    including those that a container's quota forbids.
    """
    if not any(name in variables for name in WAIT_VARIABLES):
        variables["OMP_WAIT_POLICY"] = PASSIVE
    if "OMP_NUM_THREADS" not in variables and (cores := usable_cores()) < len(_affinity()):
        variables["OMP_NUM_THREADS"] = str(cores)


def usable_cores(root: Path = Path("/")) -> int:
    """How many cores this process may keep busy, from its affinity and cgroup quota (version 1 or 2); at least 1.

    `root`: where /proc and /sys are.
    """
    quotas = [math.ceil(quota) for quota in _quotas(root)]
    return max(1, min([len(_affinity()), *quotas]))


def _affinity() -> set[int]:
    """Numbers of the cores that this process may run on."""
    with suppress(AttributeError, OSError):  # missing on Windows and macOS
        return os.sched_getaffinity(0)
    return set(range(os.cpu_count() or 1))


def _quotas(root: Path) -> Iterator[float]:
    """The quota, in cores, of each cgroup that contains this process."""
    for line in _text(root / "proc/self/cgroup").splitlines():
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if number == "0" and not controllers:
            for folder in _upwards(root / "sys/fs/cgroup", path):
                yield from _quota(*_text(folder / "cpu.max").split()[:2])
        elif "cpu" in controllers.split(","):
            for mount in dict.fromkeys((controllers, "cpu")):
                for folder in _upwards(root / "sys/fs/cgroup" / mount, path):
                    names = ("cpu.cfs_quota_us", "cpu.cfs_period_us")
                    yield from _quota(*(_text(folder / name).strip() for name in names))


def _upwards(mount: Path, path: str) -> Iterator[Path]:
    """The folder of a cgroup and its ancestors. In a container the path may be the host's; missing folders are then
    skipped and the mount itself is the container's cgroup."""
    parts = [part for part in path.split("/") if part not in ("", "..")]
    for length in range(len(parts), -1, -1):
        yield mount.joinpath(*parts[:length])


def _quota(allowed: str = "max", period: str = "") -> Iterator[float]:
    with suppress(ValueError, ZeroDivisionError):  # "max", or empty
        if (share := int(allowed) / int(period)) > 0:  # -1 = no limit
            yield share


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""
