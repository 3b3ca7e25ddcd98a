"""The app under load: many concurrent visitors, with and without a training, and a burst of requests.

    python -m benchmarks.load --users 20 --minutes 30 --training --burst 200

Starts the app in its own process and sends it HTTP requests, as pages do. A visitor completes a mask (60 %), generates
(30 %) or only looks (10 %). Prints a table: the actions, errors, seconds from click to result, changed pixels outside
masks (must be 0), and the resources of the process after a third of the time and at the end. The exit code is 1 after
any error or changed pixel.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.page_client import Client, start_training
from pixelart.devices import share_heaps
from pixelart.engine import Engine
from pixelart.jobs import Jobs
from pixelart.ui import build, launch_settings
from pixelart.ui.create.canvas_value import Canvas

ROOT = Path(__file__).parents[1]


@dataclass
class Tally:
    """Results of visitors; `seconds` by action."""

    seconds: dict[str, list[float]] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    changed_pixels: int = 0

    def add(self, other: Tally) -> None:
        """Add the results of another tally."""
        for name, found in other.seconds.items():
            self.seconds.setdefault(name, []).extend(found)
        self.errors += other.errors
        self.changed_pixels += other.changed_pixels


@dataclass(frozen=True)
class Held:
    """Resources of a process: resident memory in MiB, open files, threads, MiB of temporary files."""

    memory: float
    files: int
    threads: int
    temporary: float

    def __str__(self) -> str:
        return f"{self.memory:.0f} MiB, {self.files} files, {self.threads} threads, {self.temporary:.1f} MiB temporary"


def visit(url: str, model: str, *, seed: int, until: float, think: float) -> Tally:
    """One visitor, until the time `until` of the monotonic clock. `think`: mean seconds between actions."""
    dice, client, tally = random.Random(seed), Client(url), Tally()
    canvas = client.draw("page_generate", model, None)
    while time.monotonic() < until:
        time.sleep(min(dice.expovariate(1 / think), max(0.0, until - time.monotonic())) if think else 0)
        action = dice.choices(("complete", "generate", "look on"), (60, 30, 10))[0]
        began = time.monotonic()
        try:
            if action == "complete":
                masked = Canvas(canvas.picture, strokes(canvas.picture.shape[:2], dice))
                done = client.draw("page_complete", model, masked, images=dice.randint(1, 4))
                changed = (done.picture != canvas.picture).any(-1) & ~masked.painted_mask
                tally.changed_pixels += int(changed.sum())
                canvas = done
            elif action == "generate":
                canvas = client.draw("page_generate", model, None, images=dice.randint(1, 4))
            else:
                time.sleep(max(0.0, min(5.0, until - time.monotonic())))
                continue
            tally.seconds.setdefault(action, []).append(time.monotonic() - began)
        except (RuntimeError, OSError, KeyError, ValueError) as error:
            tally.errors.append(f"{action}: {error}")
    return tally


def visits(url: str, model: str, *, users: int, seconds: float, think: float, third: Callable[[], None]) -> Tally:
    """Run `users` visitors at once; `third` is called after a third of the time."""
    until, whole = time.monotonic() + seconds, Tally()
    watch = threading.Timer(seconds / 3, third)
    watch.start()
    with ThreadPoolExecutor(users) as pool:
        visitors = [pool.submit(visit, url, model, seed=seed, until=until, think=think) for seed in range(users)]
        for visitor in visitors:
            whole.add(visitor.result())
    watch.cancel()
    return whole


@dataclass(frozen=True)
class Burst:
    """Simultaneous requests: how many served and refused, seconds of the slowest refusal and of the next drawing."""

    served: int
    refused: int
    slowest_refusal: float
    normal_after: float


def burst(url: str, model: str, *, size: int) -> Burst:
    """`size` visitors press Generate at the same time."""
    clients, barrier = [Client(url) for _ in range(size)], threading.Barrier(size)

    def press(client: Client) -> float | None:
        barrier.wait()
        began = time.monotonic()
        try:
            client.join("page_generate", client.values("page_generate", ticket=1, model=model))
        except urllib.error.HTTPError as error:
            error.close()
            if error.code != 503:
                raise
            return time.monotonic() - began
        client.outputs()
        return None

    with ThreadPoolExecutor(size) as pool:
        found = list(pool.map(press, clients))
    began = time.monotonic()
    Client(url).draw("page_generate", model, None)
    refusals = [seconds for seconds in found if seconds is not None]
    return Burst(found.count(None), len(refusals), max(refusals, default=0.0), time.monotonic() - began)


def held(pid: int, temporary: Path) -> Held:
    """The resources that the app's process uses now (Linux)."""
    status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if ":" in line)
    size = sum(path.stat().st_size for path in temporary.rglob("*") if path.is_file())
    files = len(list(Path(f"/proc/{pid}/fd").iterdir()))
    return Held(int(status["VmRSS"].split()[0]) / 1024, files, int(status["Threads"]), size / 2**20)


@contextlib.contextmanager
def app_process(checkpoints: Path, jobs: Path) -> Iterator[tuple[str, int, Path]]:
    """Run the app in its own process on a free port: its URL, process ID and temporary folder."""
    with socket.socket() as free, tempfile.TemporaryDirectory() as temporary:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        words = ["-m", "benchmarks.load", "--serve", str(port), "--checkpoints", str(checkpoints), "--jobs", str(jobs)]
        child = subprocess.Popen(
            [sys.executable, *words], cwd=ROOT, stdin=subprocess.PIPE, env={**os.environ, "TMPDIR": temporary}
        )
        url = f"http://127.0.0.1:{port}/"
        try:
            _wait_for(url, child)
            yield url, child.pid, Path(temporary)
        finally:
            assert child.stdin
            child.stdin.close()
            child.wait(60)


def serve(port: int, checkpoints: Path, jobs_folder: Path) -> None:
    """Run the app until standard input ends."""
    share_heaps()  # as app.py does
    with Jobs(jobs_folder, checkpoints=checkpoints) as jobs:
        app = build(Engine(checkpoints, on_drawing=jobs.pause_for_drawing), jobs)
        app.launch(prevent_thread_lock=True, server_name="127.0.0.1", server_port=port, quiet=True, **launch_settings())
        sys.stdin.read()
        app.close(verbose=False)


def p95(tally: Tally) -> float:
    """The 95th percentile of the seconds of all drawings."""
    return float(np.percentile([seconds for each in tally.seconds.values() for seconds in each], 95))


def lines(name: str, tally: Tally, early: Held | None, late: Held) -> list[str]:
    """The rows of the table for one phase."""
    rows = []
    for action, seconds in sorted(tally.seconds.items()):
        p50, p95 = np.percentile(seconds, [50, 95])
        rows.append(f"| {name} | {action} | {len(seconds)} | {p50:.2f} s | {p95:.2f} s | {max(seconds):.2f} s |")
    rows.append(f"| {name} | errors | {len(tally.errors)} | | | |")
    rows.append(f"| {name} | pixels changed outside masks | {tally.changed_pixels} | | | |")
    rows += [f"| {name} | held {when} | {what} | | | |" for when, what in (("early", early), ("late", late)) if what]
    return rows


def strokes(shape: tuple[int, ...], dice: random.Random) -> np.ndarray[Any, np.dtype[np.bool_]]:
    mask = np.zeros(shape, np.bool_)
    for _ in range(dice.randint(1, 3)):
        top, left = (dice.randrange(side) for side in shape)
        mask[top : top + dice.randint(1, 6), left : left + dice.randint(1, 6)] = True
    return mask


def _wait_for(url: str, child: subprocess.Popen[bytes]) -> None:
    for _ in range(600):
        with contextlib.suppress(OSError), urllib.request.urlopen(f"{url}config", timeout=5):
            return
        if child.poll() is not None:
            break
        time.sleep(0.2)
    raise RuntimeError("the app did not start")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.load", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--users", type=int, default=20)
    parser.add_argument("--minutes", type=float, default=30.0, help="minutes of each phase")
    parser.add_argument("--think", type=float, default=3.0, help="mean seconds between a visitor's actions")
    parser.add_argument("--training", action="store_true", help="add a phase during a fine-tuning")
    parser.add_argument("--burst", type=int, default=0, help="then send this many requests at once")
    parser.add_argument("--checkpoints", type=Path, default=ROOT / "checkpoints")
    parser.add_argument("--model", default="dungeon-gated")
    parser.add_argument("--data", type=Path, default=ROOT / "examples" / "dungeon.zip", help=".zip to fine-tune on")
    parser.add_argument("--jobs", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--serve", type=int, help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> int:
    """Print the table. Returns 1 after any error or changed pixel."""
    options = _options()
    if options.serve:
        serve(options.serve, options.checkpoints, options.jobs)
        return 0
    print("| phase | what | count | p50 | p95 | most |\n|---|---|---|---|---|---|", flush=True)
    bad, all_p95 = 0, list[float]()
    with (
        tempfile.TemporaryDirectory() as jobs,
        app_process(options.checkpoints.resolve(), Path(jobs)) as (url, pid, temporary),
    ):
        Client(url).draw("page_generate", options.model, None)  # loads weights and compiles kernels
        for name in ["drawing alone", "beside a training"][: 1 + options.training]:
            end = None
            if name == "beside a training":
                end = start_training(url, options.model, options.data, minutes=min(30.0, options.minutes + 1))
            early: list[Held] = []
            tally = visits(
                url, options.model, users=options.users, seconds=60 * options.minutes, think=options.think,
                third=lambda early=early: early.append(held(pid, temporary)),
            )  # fmt: skip
            print(*lines(name, tally, early[0] if early else None, held(pid, temporary)), sep="\n", flush=True)
            print(*tally.errors[:20], sep="\n", file=sys.stderr)
            bad += len(tally.errors) + tally.changed_pixels
            all_p95.append(p95(tally))
            if end:
                print(f"| {name} | status of the training: {end()} | | | | |", flush=True)
                print(f"| {name} / alone | all drawings | | | {all_p95[1] / all_p95[0]:.2f} x | |", flush=True)
        if options.burst:
            found = burst(url, options.model, size=options.burst)
            print(f"| burst of {options.burst} | served | {found.served} | | | |")
            print(f"| | refused, queue full | {found.refused} | | | {found.slowest_refusal:.2f} s |")
            print(f"| | next drawing | 1 | | | {found.normal_after:.2f} s |")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
