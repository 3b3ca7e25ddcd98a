"""The process of a job: how it is started, told, and how it ended."""

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
from typing import Literal

PROGRAM = (sys.executable, "-m", "pixelart")
ROOT = Path(__file__).parent.parent.parent
LOWEST = 19
Stopper = Literal["owner", "limit", "server"]
_KEPT = re.compile(
    "PATH|HOME|USERPROFILE|APPDATA|LOCALAPPDATA|SYSTEMROOT|WINDIR|COMSPEC|PATHEXT|TMPDIR|TEMP|TMP|TZ|LANG|LC_.*"
    "|VIRTUAL_ENV|PYTHON[A-Z0-9]*|LD_LIBRARY_PATH|DYLD_.*|XDG_CACHE_HOME|CUDA_.*|NVIDIA_.*|HIP_.*|ROCR_.*|NUMBA_.*|MKL_.*"
    "|OMP_.*|GOMP_.*|KMP_.*|ONEDNN_.*|DNNL_.*|ATEN_.*|PIXELART_CACHE"
)
_SECRET = re.compile("TOKEN|KEY|SECRET|PASS|CREDENTIAL")


def environment(variables: Mapping[str, str], *, threads: int) -> dict[str, str]:
    """What a child of so many threads needs of these variables, and nothing else: no token of any name."""
    kept = {name: value for name, value in variables.items() if is_kept(name.upper())}
    return {**kept, "OMP_NUM_THREADS": str(threads)}


def is_kept(name: str) -> bool:
    """Whether a child gets the variable of this name, in capitals."""
    return bool(_KEPT.fullmatch(name)) and not _SECRET.search(name)


class Child:
    """A training at the lowest priority in a session of its own. It obeys a pipe; when this process dies, however that
    happens, the pipe ends and so does the child. Safe under threads."""

    def __init__(self, command: Sequence[str], *, log: Path, threads: int, memory: int | None = None) -> None:
        """Starts it; it uses so many CPU threads, and may take so many bytes of `memory` of its own, where the system
        can be told (Linux).

        Raises:
            OSError: it could not be started.
        """
        with open(log, "ab", opener=_open_private) as file:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=file,
                stderr=subprocess.STDOUT,
                cwd=ROOT,
                env=environment(os.environ, threads=threads),
                start_new_session=True,
                umask=-1 if os.name == "nt" else 0o077,
                creationflags=getattr(subprocess, "BELOW_NORMAL_PRIORITY_CLASS", 0),  # of Windows
            )
        self.memory = memory if memory and _limit_memory(self._process.pid, memory) else None
        assert self._process.stdin
        self._pipe = self._process.stdin
        if os.name != "nt":
            os.set_blocking(self._pipe.fileno(), False)  # a child that does not listen holds nobody up
            _lower_priority(self._process.pid)
        self._lock = threading.RLock()
        self._paused_since: float | None = None
        self._paused_before, self._started = 0.0, time.monotonic()
        self.stopped_by: Stopper | None = None
        self.was_killed = False
        self._ends_by = math.inf

    @property
    def pid(self) -> int:
        """Of the process, which is ours to signal until `wait` has told its end."""
        return self._process.pid

    @property
    def seconds(self) -> float:
        """Since its start, without those in which it gave way."""
        with self._lock:
            now = time.monotonic()
            paused = self._paused_before + (now - self._paused_since if self._paused_since is not None else 0.0)
            return now - self._started - paused

    @property
    def is_late(self) -> bool:
        """Whether it was told to end by now."""
        return time.monotonic() > self._ends_by

    def stop(self, by: Stopper, *, patience: float) -> None:
        """Tell it to save and end within `patience` seconds from now; one that has nothing to save yet, and is told by
        the server, ends at once. Who says it first is remembered, and of several ends the earliest counts."""
        with self._lock:
            self.stopped_by = self.stopped_by or by
            self._ends_by = min(self._ends_by, time.monotonic() + patience)
        self._order(b"leave\n" if by == "server" else b"stop\n")

    def pause(self) -> None:
        """Tell it to give way."""
        with self._lock:
            if self._paused_since is None:
                self._paused_since = time.monotonic()
                self._order(b"pause\n")

    def go(self) -> None:
        """Tell it to go on."""
        with self._lock:
            if self._paused_since is not None:
                self._paused_before += time.monotonic() - self._paused_since
                self._paused_since = None
                self._order(b"go\n")

    def kill(self) -> None:
        """End it at once."""
        self.was_killed = True
        self._process.kill()

    def wait(self, seconds: float) -> int | None:
        """Its exit code, or None when it lives on for so long; the negative number of the signal that ended it."""
        try:
            code = self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None
        with self._lock, contextlib.suppress(OSError):
            self._pipe.close()
        return code

    def _order(self, line: bytes) -> None:
        with self._lock:
            if not self._pipe.closed:  # or its number may be another file by now
                with contextlib.suppress(OSError):  # the child is gone, or does not listen
                    os.write(self._pipe.fileno(), line)


def _limit_memory(pid: int, size: int) -> bool:
    """Have allocations of a process fail beyond `size` bytes; files that it maps, and programs, are not counted. From
    here, as the priority."""
    if sys.platform != "linux":
        return False
    import resource

    with contextlib.suppress(OSError, ValueError):  # a hard limit that is lower already
        resource.prlimit(pid, resource.RLIMIT_DATA, (size, size))
        return True
    return False


def _open_private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _lower_priority(pid: int) -> None:
    """From here, not in the child, whose first seconds are busy with imports. Where Linux groups processes by session,
    the group has a priority of its own, and a session of its own would get as much as the whole app."""
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, pid, LOWEST)
        Path(f"/proc/{pid}/autogroup").write_text(str(LOWEST), encoding="ascii")
