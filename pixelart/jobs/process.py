"""The child process of a job: start it, send it commands, and read its exit code."""

from __future__ import annotations

import contextlib
import math
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from pixelart.devices import pick_device
from pixelart.jobs.folder import open_private
from pixelart.settings import ROOT, Settings
from pixelart.system.cpus import usable_cores

COMMAND = (sys.executable, "-m", "pixelart")
LOWEST = 19
Stopper = Literal["owner", "limit", "server"]
_KEPT = re.compile(
    "PATH|HOME|USERPROFILE|APPDATA|LOCALAPPDATA|SYSTEMROOT|WINDIR|COMSPEC|PATHEXT|TMPDIR|TEMP|TMP|TZ|LANG|LC_.*"
    "|VIRTUAL_ENV|PYTHON[A-Z0-9]*|LD_LIBRARY_PATH|DYLD_.*|XDG_CACHE_HOME|CUDA_.*|NVIDIA_.*|HIP_.*|ROCR_.*|NUMBA_.*|MKL_.*"
    "|OMP_.*|GOMP_.*|KMP_.*|ONEDNN_.*|DNNL_.*|ATEN_.*|PIXELART_CACHE"
)
_SECRET = re.compile("TOKEN|KEY|SECRET|PASS|CREDENTIAL")


def environment(variables: Mapping[str, str], *, threads: int) -> dict[str, str]:
    """The environment of a child with `threads` threads: only the variables it needs, and no secrets."""
    kept = {name: value for name, value in variables.items() if is_kept(name.upper())}
    return {**kept, "OMP_NUM_THREADS": str(threads)}


def is_kept(name: str) -> bool:
    """Whether a child gets the variable of this upper-case name."""
    return bool(_KEPT.fullmatch(name)) and not _SECRET.search(name)


class ChildLimits(NamedTuple):
    """CPU threads of a child, and its memory in bytes; None = no limit."""

    threads: int
    memory: int | None

    @classmethod
    def of(cls, settings: Settings) -> ChildLimits:
        """The limits on this machine. That of memory counts memory that a GPU driver maps, so it applies to a CPU
        only."""
        memory = settings.max_job_bytes if pick_device().type == "cpu" else None
        return cls(min(settings.max_job_threads, usable_cores()), memory)


class Child:
    """A training process at the lowest priority, in its own session. Thread-safe.

    It reads commands from a pipe. The pipe closes when this process dies for any reason, and then the child ends.
    """

    def __init__(self, command: Sequence[str], *, log: Path, limits: ChildLimits) -> None:
        """Start the process; its memory is limited on Linux.

        Raises:
            OSError: it could not be started.
        """
        with open(log, "ab", opener=open_private) as file:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=file,
                stderr=subprocess.STDOUT,
                cwd=ROOT,
                env=environment(os.environ, threads=limits.threads),
                start_new_session=True,
                umask=-1 if os.name == "nt" else 0o077,
                creationflags=getattr(subprocess, "BELOW_NORMAL_PRIORITY_CLASS", 0),  # of Windows
            )
        memory = limits.memory
        self.memory = memory if memory and _limit_memory(self._process.pid, memory) else None
        assert self._process.stdin
        self._pipe = self._process.stdin
        if os.name != "nt":
            os.set_blocking(self._pipe.fileno(), False)  # never block on a child that does not read
            _lower_priority(self._process.pid)
        self._lock = threading.RLock()
        self._paused_since: float | None = None
        self._paused_before, self._started = 0.0, time.monotonic()
        self.stopped_by: Stopper | None = None
        self.was_killed = False
        self._ends_by = math.inf

    @property
    def pid(self) -> int:
        """Its PID, which is safe to signal until `wait` has returned an exit code."""
        return self._process.pid

    @property
    def seconds(self) -> float:
        """Run time so far, without pauses."""
        with self._lock:
            now = time.monotonic()
            paused = self._paused_before + (now - self._paused_since if self._paused_since is not None else 0.0)
            return now - self._started - paused

    @property
    def is_late(self) -> bool:
        """Whether its deadline has passed."""
        return time.monotonic() > self._ends_by

    def stop(self, by: Stopper, *, patience: float) -> None:
        """Ask it to save and end within `patience` seconds.

        With `by` "server", a child that has nothing to save ends at once. The first `by` is kept; of several deadlines
        the earliest counts.
        """
        with self._lock:
            self.stopped_by = self.stopped_by or by
            self._ends_by = min(self._ends_by, time.monotonic() + patience)
        self._order(b"leave\n" if by == "server" else b"stop\n")

    def pause(self) -> None:
        """Ask it to pause."""
        with self._lock:
            if self._paused_since is None:
                self._paused_since = time.monotonic()
                self._order(b"pause\n")

    def go(self) -> None:
        """Ask it to continue."""
        with self._lock:
            if self._paused_since is not None:
                self._paused_before += time.monotonic() - self._paused_since
                self._paused_since = None
                self._order(b"go\n")

    def kill(self) -> None:
        """Kill it."""
        self.was_killed = True
        self._process.kill()

    def wait(self, seconds: float) -> int | None:
        """Wait up to `seconds` for its exit code (negative: the signal that ended it); None if it still runs."""
        try:
            code = self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None
        with self._lock, contextlib.suppress(OSError):
            self._pipe.close()
        return code

    def _order(self, line: bytes) -> None:
        with self._lock:
            if not self._pipe.closed:  # file descriptors get reused after close
                with contextlib.suppress(OSError):  # the child is gone, or its pipe is full
                    os.write(self._pipe.fileno(), line)


def _limit_memory(pid: int, size: int) -> bool:
    """Limit the data memory of a process to `size` bytes; mapped files and program code do not count.

    Set from the parent, like the priority.
    """
    if sys.platform != "linux":
        return False
    import resource

    with contextlib.suppress(OSError, ValueError):  # the hard limit is lower already
        resource.prlimit(pid, resource.RLIMIT_DATA, (size, size))
        return True
    return False


def _lower_priority(pid: int) -> None:
    """Set from the parent, because the child spends its first seconds on imports.

    Linux autogrouping gives each session its own scheduling group. The group's priority is lowered too; otherwise the
    child would get as much CPU time as the whole app.
    """
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, pid, LOWEST)
        Path(f"/proc/{pid}/autogroup").write_text(str(LOWEST), encoding="ascii")
