"""Describe the machine that figures were measured on, and the command that measured them."""

from __future__ import annotations

import platform
import shlex
from collections.abc import Sequence
from pathlib import Path

import torch


def describe_machine() -> str:
    """Processor, threads in use, GPU and versions."""
    names = [line for line in _lines(Path("/proc/cpuinfo")) if line.startswith("model name")]
    processor = names[0].split(":", 1)[1].strip() if names else platform.processor() or platform.machine()
    gpu = f", {torch.cuda.get_device_name()}" if torch.cuda.is_available() else ""
    return f"{processor}, {torch.get_num_threads()} threads{gpu}, torch {torch.__version__}, {platform.system()}"


def told_command(module: str, words: Sequence[str]) -> str:
    """The command line of a benchmark, as a report tells it: absolute paths are cut to their last part."""
    told = [Path(word).name if Path(word).is_absolute() else word for word in words]
    return shlex.join(["python", "-m", f"benchmarks.{module}", *told])


def _lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.is_file() else []
