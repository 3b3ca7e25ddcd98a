"""Cache of speed measurements of this machine: a small, optional file in the user's cache folder."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import secrets
import sys
from collections.abc import Container, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch

from pixelart.training.run_config import RunConfig

CACHE_VARIABLE = "PIXELART_CACHE"
"""Environment variable that sets the folder."""
FILE = "training-speed.json"
TIMED_AS = 2
"""To be raised when steps are timed in another way, or when one way to compute has become faster."""
KEPT = 200
"""Entries kept, the newest ones."""
_ISA = ("ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA", "ATEN_CPU_CAPABILITY")
"""Environment variables that restrict the processor's instruction sets."""
_OF_THE_DATA = ("levels", "num_classes")
"""Fields of a network's config that hardly change its speed."""


def key(config: RunConfig, device: torch.device) -> str:
    """The key of a measurement: machine, network, batch, and the settings that `config` leaves open."""
    schedule = config.schedule
    network = {name: value for name, value in config.model_config.items() if name not in _OF_THE_DATA}
    digest = hashlib.sha256(json.dumps(network, sort_keys=True, default=str).encode()).hexdigest()[:12]
    settings = (schedule.precision, schedule.memory_format, schedule.threads or "any threads")
    machine = (describe_device(device), *(f"{name}={os.environ[name]}" for name in _ISA if name in os.environ))
    parts = (*machine, torch.__version__, f"{torch.get_num_threads()} threads", config.model, digest, *settings)
    return ", ".join(map(str, (*parts, f"{schedule.batch_size} pictures", f"timed as {TIMED_AS}")))


def describe_device(device: torch.device) -> str:
    """The name of the processor or GPU."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    with suppress(OSError), open("/proc/cpuinfo", encoding="ascii", errors="replace") as file:
        for line in file:
            if line.startswith("model name"):
                return f"{device.type} {line.split(':', 1)[1].strip()} {torch.backends.cpu.get_cpu_capability()}"
    return f"{device.type} {platform.processor() or platform.machine()} {torch.backends.cpu.get_cpu_capability()}"


def recall(key: str, name: str, allowed: Container[Any]) -> dict[str, Any] | None:
    """The cached result under `key`, if its value of `name` is one of `allowed`; else None."""
    found = _read_cache().get(key)
    if not isinstance(found, dict) or not isinstance(found.get(name), str | int) or found[name] not in allowed:
        return None
    measured = found.get("measured")
    return found if isinstance(measured, dict) and all(type(v) is float for v in measured.values()) else None


def remember(key: str, found: Mapping[str, Any]) -> None:
    """Store a result. If nothing can be written, the next run measures again."""
    folder = _folder()
    if folder is None:
        return
    entries = {name: value for name, value in _read_cache().items() if name != key}
    entries = dict([*entries.items()][-(KEPT - 1) :]) | {key: dict(found)}
    with suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        partial = folder / f".{FILE}.{secrets.token_hex(4)}.tmp"
        try:
            partial.write_text(json.dumps(entries, indent=1), encoding="ascii")
            os.replace(partial, folder / FILE)
        finally:
            partial.unlink(missing_ok=True)


def _read_cache() -> dict[str, Any]:
    folder = _folder()
    with suppress(OSError, ValueError):
        entries = json.loads((folder / FILE).read_bytes()) if folder else {}
        return entries if isinstance(entries, dict) else {}
    return {}


def _folder() -> Path | None:
    """The user's cache folder; None without a home folder."""
    if chosen := os.environ.get(CACHE_VARIABLE):
        return Path(chosen)
    try:
        if sys.platform == "win32":
            base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
        elif sys.platform == "darwin":
            base = Path.home() / "Library" / "Caches"
        else:
            base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    except RuntimeError:
        return None
    return base / "pixelart"
