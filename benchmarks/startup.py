"""Measure how long the program takes to start: help, the package, and the app up to its first picture.

    python -m benchmarks.startup
    python -m benchmarks.startup --rounds 1 --json

Each figure is the median of several starts, each in a new process, on a warm disk: one start before them is not
counted, because it may compile kernels. The app serves the checkpoints of this folder without a browser, from a
temporary folder of its own; the clock stops when its first page has received a generated picture. CPU seconds are
those of the whole process until then.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from benchmarks.machine import describe_machine
from benchmarks.page_client import Client
from pixelart.engine import Engine

ROOT = Path(__file__).parents[1]
HELP = ("-m", "pixelart", "--help")
PACKAGE = ("-c", "import pixelart")
TARGETS = {"help": 0.5, "import pixelart": 0.3, "first picture": 8.0}
"""Seconds."""
Times = Mapping[str, float]


def run_times(words: Sequence[str]) -> Times:
    """Seconds and CPU seconds of `python WORDS`, from its start to its end."""
    began = time.perf_counter()
    child = subprocess.Popen([sys.executable, *words], cwd=ROOT, stdout=subprocess.DEVNULL)
    cpu = _finish(child)
    return {"seconds": time.perf_counter() - began, "cpu_seconds": cpu}


def app_times() -> Times:
    """Seconds of `python app.py` until it listens and until the first picture, and its CPU seconds.

    Raises:
        RuntimeError: the app ended or drew nothing.
    """
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for name in ("app.py", "checkpoints"):  # so that jobs and outputs are not those of a user
            (folder / name).symlink_to(ROOT / name)
        began = time.perf_counter()
        child = subprocess.Popen(
            [sys.executable, "-u", str(folder / "app.py")],
            env={**os.environ, "CI": "1", "GRADIO_ANALYTICS_ENABLED": "False"},
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        try:
            url = _address(child)
            listens = time.perf_counter() - began
            _draw(url)
            seconds = time.perf_counter() - began
        finally:
            child.terminate()
            cpu = _finish(child)
    return {"seconds": seconds, "listens": listens, "cpu_seconds": cpu}


def _address(child: subprocess.Popen[str]) -> str:
    assert child.stdout
    for line in child.stdout:
        if found := re.search(r"http://127\.0\.0\.1:\d+", line):
            return f"{found[0]}/"
    raise RuntimeError("the app did not start")


def _draw(url: str) -> None:
    """Press Generate on a new page, with the model that the page opens with."""
    model = Engine(ROOT / "checkpoints").list_checkpoints()[0].name
    Client(url).draw("page_generate", model, None)


def _finish(child: subprocess.Popen[str] | subprocess.Popen[bytes]) -> float:
    """Wait for the end of a process. Returns its CPU seconds, those of its own children included."""
    if child.stdout:
        child.stdout.read()
        child.stdout.close()
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    return used.ru_utime + used.ru_stime


def measure(*, rounds: int) -> dict[str, dict[str, float]]:
    """The medians of each figure; the starts take turns."""
    starts: dict[str, Callable[[], Times]] = {
        "help": lambda: run_times(HELP),
        "import pixelart": lambda: run_times(PACKAGE),
        "first picture": app_times,
    }
    for start in starts.values():
        start()
    found: dict[str, list[Times]] = {name: [] for name in starts}
    for _ in range(rounds):
        for name, start in starts.items():
            found[name].append(start())
    return {
        name: {key: statistics.median(times[key] for times in all_times) for key in all_times[0]}
        for name, all_times in found.items()
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Print a table or one JSON value."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="number of starts of each kind (5)")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    found = measure(rounds=options.rounds)
    if options.json:
        print(json.dumps({"machine": describe_machine(), "rounds": options.rounds, "starts": found}))
        return 0
    print(f"Medians of {options.rounds} starts, on {describe_machine()}\n")
    print("| start | seconds | goal | CPU seconds |\n|---|---|---|---|")
    for name, times in found.items():
        print(f"| {name} | {times['seconds']:.2f} | {TARGETS[name]:g} | {times['cpu_seconds']:.2f} |")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
