"""Compile kernels with numba and cache the result on disk, so that later starts need not compile again."""

from __future__ import annotations

import contextlib
import logging
import os
import stat
import tempfile
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import numba
from numba.core import config as numba_config
from numba.core.caching import FunctionCache, IndexDataCacheFile

_log = logging.getLogger(__name__)
_CACHE_FOLDER = "CACHE_DIR"
"""Name of numba's setting."""
IS_COMPILED = not vars(numba_config)["DISABLE_JIT"]
"""Whether kernels are compiled; NUMBA_DISABLE_JIT=1 runs them in plain Python."""
_FOLDER = "pixel-art-studio-compiled"


@lru_cache
def _sources(folder: Path) -> tuple[tuple[str, float, int], ...]:
    """Name, time and size of the Python files of a folder."""
    found = ((path.name, path.stat()) for path in sorted(folder.glob("*.py")))
    return tuple((name, status.st_mtime, status.st_size) for name, status in found)


class _LenientCache(FunctionCache):
    """A cache whose errors never stop a drawing: unreadable entries are compiled again, failed writes are ignored.

    A function is compiled with those that it calls, so an entry is valid while all files of its folder are as they
    were; numba itself compares only the function's own file."""

    def __init__(self, py_func: Callable[..., Any]) -> None:
        super().__init__(py_func)
        sources = _sources(Path(py_func.__code__.co_filename).parent)
        self._cache_file = IndexDataCacheFile(self._cache_path, self._impl.filename_base, sources)

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """The compiled function for a signature, or None."""
        try:
            return super().load_overload(sig, target_context)
        except Exception as error:  # unreadable or damaged; numba raises many types
            _log.info("compiled functions: not read (%s)", type(error).__name__)
            with contextlib.suppress(Exception):
                self.flush()
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        """Write a compiled function to disk, if possible."""
        try:
            super().save_overload(sig, data)
        except Exception as error:  # for example a full disk
            _log.info("compiled functions: not kept (%s)", type(error).__name__)


def compiled(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """Like `numba.njit(nogil=True, cache=True)`, but works without a writable cache.

    The cache is beside the code, or else in the user's cache folder, or else in a private temporary folder. If none is
    writable, every start compiles again.
    """

    def compile_later(function: Callable[..., Any]) -> Any:
        dispatcher: Any = numba.njit(nogil=True, **options)(function)
        cache = _cache_of(function)
        if cache is not None:
            dispatcher._cache = cache  # as its `enable_caching` does
        return dispatcher

    return compile_later


def _cache_of(function: Callable[..., Any]) -> FunctionCache | None:
    with contextlib.suppress(RuntimeError, OSError):  # numba finds no writable folder
        return _LenientCache(function)
    folder = _temporary_folder()
    if folder is None:
        return None
    before = getattr(numba_config, _CACHE_FOLDER)
    setattr(numba_config, _CACHE_FOLDER, str(folder))
    try:
        return _LenientCache(function)
    except (RuntimeError, OSError):
        return None
    finally:
        setattr(numba_config, _CACHE_FOLDER, before)


def _temporary_folder() -> Path | None:
    """A temporary folder that only this user can write to, since its contents are executed; None if it is not
    private."""
    try:
        user = os.getuid() if os.name != "nt" else 0
        folder = Path(tempfile.gettempdir(), f"{_FOLDER}-{user}")
        with contextlib.suppress(FileExistsError):
            folder.mkdir(mode=0o700)
        found = folder.lstat()
        is_private = stat.S_ISDIR(found.st_mode) and (
            os.name == "nt" or (found.st_uid == user and not found.st_mode & 0o077)
        )
        return folder if is_private else None
    except OSError:
        return None
