"""Many visitors of several replicas behind nginx, one of which is killed.

    python -m benchmarks.replicas --replicas 3 --users 60 --seconds 60

Starts the replicas and nginx (it must be installed) with docs/serving/nginx.conf. Every visitor draws the picture of a
seed, which must be the one that it is for a visitor alone, and completes masks of the own picture, which must not
change outside. After a third of the time one replica is killed; its visitors try again with the canvas that they hold,
as the page does. Prints a table. The exit code is 1 after an error, a picture of another visitor, a changed pixel, or a
visitor that did not recover.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.load import app_process, strokes
from benchmarks.machine import describe_machine
from benchmarks.page_client import Client
from pixelart.images.codec import Picture
from pixelart.ui.create.canvas_value import Canvas

ROOT = Path(__file__).parents[1]
CONFIG = ROOT / "docs" / "serving" / "nginx.conf"
PATIENCE = 60.0
"""Seconds after which a visitor of the killed replica must have drawn again."""
GONE = (RuntimeError, OSError, KeyError, ValueError, http.client.HTTPException)


@dataclass
class Seen:
    """What visitors saw."""

    seconds: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    recovered: list[float] = field(default_factory=list)
    """Seconds from the failure to the next drawing, of the killed replica's visitors."""
    told: set[str] = field(default_factory=set)
    """What the proxy told them."""
    others_pictures: int = 0
    changed_pixels: int = 0


class Visitor:
    """One visitor. `expected`: the picture of its seed."""

    def __init__(self, url: str, model: str, seed: int, expected: Picture) -> None:
        self.client, self.model, self.seed, self.expected = Client(url), model, seed, expected
        self.dice, self.canvas, self.replica = random.Random(seed), Canvas(expected), self.client.process()

    def act(self, seen: Seen) -> None:
        """Draw the picture of the seed (a third of the times), or complete a part of the canvas."""
        if self.dice.random() < 1 / 3:
            drawn = self.client.draw("page_generate", self.model, None, seed=self.seed)
            seen.others_pictures += not np.array_equal(drawn.picture, self.expected)
        else:
            masked = Canvas(self.canvas.picture, strokes(self.canvas.picture.shape[:2], self.dice))
            drawn = self.client.draw("page_complete", self.model, masked)
            seen.changed_pixels += int(_outside(drawn.picture, masked).sum())
        self.canvas = drawn

    def recover(self, seen: Seen, until: float) -> None:
        """Try again until a drawing succeeds."""
        began = time.monotonic()
        while time.monotonic() < until:
            time.sleep(1.0)
            try:
                self.act(seen)
            except GONE as error:
                _note(error, seen)
            else:
                self.replica = self.client.process()
                seen.recovered.append(time.monotonic() - began)
                return
        seen.errors.append("a visitor of the killed replica did not recover")


class Trial:
    """The visitors and the kill."""

    def __init__(self, visitors: Sequence[Visitor], *, seconds: float, think: float) -> None:
        self.visitors, self.seconds, self.think = visitors, seconds, think
        self.killed = ""

    def run(self, processes: dict[str, int]) -> Seen:
        """Let all visitors act; kill the busiest replica after a third of the time. `processes`: id -> PID."""
        until = time.monotonic() + self.seconds
        watch = threading.Timer(self.seconds / 3, self._kill, [processes])
        watch.start()
        whole = Seen()
        with ThreadPoolExecutor(len(self.visitors)) as pool:
            for seen in pool.map(lambda visitor: self._stay(visitor, until), self.visitors):
                for name, value in seen.__dict__.items():
                    added = getattr(whole, name) | value if isinstance(value, set) else getattr(whole, name) + value
                    setattr(whole, name, added)
        watch.join()
        return whole

    def _kill(self, processes: dict[str, int]) -> None:
        counts = [visitor.replica for visitor in self.visitors]
        self.killed = max(processes, key=counts.count)
        os.kill(processes[self.killed], signal.SIGKILL)

    def _stay(self, visitor: Visitor, until: float) -> Seen:
        seen = Seen()
        while time.monotonic() < until:
            time.sleep(min(visitor.dice.expovariate(1 / self.think), max(0.0, until - time.monotonic())))
            began = time.monotonic()
            try:
                visitor.act(seen)
                seen.seconds.append(time.monotonic() - began)
            except GONE as error:
                if visitor.replica == self.killed:
                    _note(error, seen)
                    visitor.recover(seen, time.monotonic() + PATIENCE)
                else:
                    seen.errors.append(f"{type(error).__name__}: {error}")
        return seen


def _note(error: Exception, seen: Seen) -> None:
    if isinstance(error, urllib.error.HTTPError):
        with error:
            seen.told.add(f"{error.code} {error.read().decode(errors='replace').strip()[:120]}")


def _outside(picture: Picture, masked: Canvas) -> NDArray[np.bool_]:
    return (picture != masked.picture).any(-1) & ~masked.painted_mask


@contextlib.contextmanager
def proxy(servers: Sequence[str]) -> Iterator[str]:
    """Run nginx with the documented configuration for these servers, NAME:PORT: its URL. It needs the program nginx."""
    with socket.socket() as free, tempfile.TemporaryDirectory() as place:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        text = CONFIG.read_text().replace("/tmp/", f"{place}/")
        text = re.sub(r"listen \d+;", f"listen 127.0.0.1:{port};", text)
        Path(place, "nginx.conf").write_text(text)
        lines = [f"server {server} max_fails=1 fail_timeout=5s;\n" for server in servers]
        Path(place, "replicas.conf").write_text("".join(lines))
        os.chmod(place, 0o755)  # the workers are another user's
        words = [shutil.which("nginx") or "nginx", "-p", place, "-c", "nginx.conf", "-e", f"{place}/error.log"]
        child = subprocess.Popen([*words, "-g", "daemon off;"])
        try:
            _wait_for_port(port, child)
            yield f"http://127.0.0.1:{port}/"
        finally:
            child.terminate()
            child.wait(30)


def _wait_for_port(port: int, child: subprocess.Popen[bytes]) -> None:
    for _ in range(100):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        if child.poll() is not None:
            break
        time.sleep(0.1)
    raise RuntimeError("nginx did not start")


def report(seen: Seen, visitors: Sequence[Visitor], affected: int, replicas: int) -> list[str]:
    """The rows of the table."""
    p50, p95 = np.percentile(seen.seconds, [50, 95])
    back = np.array(seen.recovered or [0.0])
    return [
        "| what | figure |\n|---|---|",
        f"| replicas, visitors | {replicas}, {len(visitors)} |",
        f"| drawings | {len(seen.seconds)} |",
        f"| seconds from click to result, p50 / p95 | {p50:.2f} / {p95:.2f} |",
        f"| errors | {len(seen.errors)} |",
        f"| pictures of another visitor | {seen.others_pictures} |",
        f"| pixels changed outside masks | {seen.changed_pixels} |",
        f"| visitors of the killed replica | {affected} |",
        f"| of these failed, tried again and drew with the canvas they held | {len(seen.recovered)} |",
        f"| seconds from the failure to the next picture, median / most | {np.median(back):.1f} / {back.max():.1f} |",
        *(f"| told by the proxy | `{text}` |" for text in sorted(seen.told)),
    ]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.replicas", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--replicas", type=int, default=3)
    parser.add_argument("--users", type=int, default=60)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--think", type=float, default=3.0, help="mean seconds between a visitor's actions")
    parser.add_argument("--checkpoints", type=Path, default=ROOT / "checkpoints")
    parser.add_argument("--model", default="dungeon-gated")
    return parser.parse_args()


def main() -> int:
    """Print the table. Returns 1 if anything was wrong."""
    options = _options()
    with contextlib.ExitStack() as stack:
        apps = [
            stack.enter_context(app_process(options.checkpoints.resolve(), Path(stack.enter_context(_folder()))))
            for _ in range(options.replicas)
        ]
        url = stack.enter_context(proxy([address.split("/")[2] for address, _, _ in apps]))
        processes = dict[str, int]()
        for address, pid, _ in apps:
            own = Client(address)
            own.draw("page_generate", options.model, None)  # loads weights
            processes[own.process()] = pid
        alone = Client(apps[0][0])
        expected = [
            alone.draw("page_generate", options.model, None, seed=seed).picture for seed in range(options.users)
        ]
        with ThreadPoolExecutor(8) as pool:
            visitors = list(pool.map(partial(Visitor, url, options.model), range(options.users), expected))
        trial = Trial(visitors, seconds=options.seconds, think=options.think)
        first = [visitor.replica for visitor in visitors]
        seen = trial.run(processes)
        print(*report(seen, visitors, first.count(trial.killed), options.replicas), sep="\n")
        print(
            f"\nVisitors per replica: {', '.join(str(first.count(name)) for name in processes)}. {describe_machine()}"
        )
        print(*seen.errors[:20], sep="\n", file=sys.stderr)
    return 1 if seen.errors or seen.others_pictures or seen.changed_pixels else 0


def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(ignore_cleanup_errors=True)


if __name__ == "__main__":
    sys.exit(main())
