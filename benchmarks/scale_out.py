"""A set of pictures drawn by one and by two processes with one thread each.

    python -m benchmarks.scale_out --pictures 320 --rounds 2

All processes have imported, loaded and compiled everything before the clock starts. Rounds of one and of two processes
take turns. Prints pictures per second, their ratio, and the resident memory of a process after its first and its last
shard. The exit code is 1 if the sets of the rounds differ in any byte.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.machine import describe_machine
from pixelart.engine import Engine
from pixelart.shards.drawing import ShardedSet, draw_set

ROOT = Path(__file__).parents[1]
SHARD = 16


@dataclass(frozen=True)
class Round:
    """Some processes drew the set: how many, seconds, the digest of the set, MiB after the first and last shard."""

    processes: int
    seconds: float
    digest: str
    memory: tuple[float, float]


def child(options: argparse.Namespace) -> None:
    """Get ready, say so, wait for a line, draw the set, and print the results as JSON."""
    engine = Engine(options.checkpoints)
    label = engine.info(options.model).classes[0]
    request = engine.request(options.model, class_weights={label: 1.0}, count=options.pictures)
    engine.warm_up(options.model)
    print("ready", flush=True)
    sys.stdin.readline()
    memory = list[float]()
    done = draw_set(
        engine, ShardedSet(request, SHARD), options.child, on_shard=lambda *_: memory.append(resident_memory())
    )
    memory = memory or [resident_memory()]
    print(json.dumps({"digest": done.digest, "memory": [memory[0], memory[-1]]}), flush=True)


def resident_memory() -> float:
    """MiB of this process (Linux)."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def measure(processes: int, options: argparse.Namespace) -> Round:
    """Time some processes that draw the set together."""
    with tempfile.TemporaryDirectory() as place:
        words = [sys.executable, "-m", "benchmarks.scale_out", "--child", str(Path(place, "set"))]
        words += ["--pictures", str(options.pictures), "--model", options.model]
        words += ["--checkpoints", str(options.checkpoints.resolve())]
        variables = {**os.environ, "OMP_NUM_THREADS": "1"}
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        started = [subprocess.Popen(words, cwd=ROOT, env=variables, **pipes) for _ in range(processes)]
        for one in started:
            assert one.stdout and one.stdout.readline() == "ready\n"
        began = time.monotonic()
        for one in started:
            assert one.stdin
            one.stdin.write("go\n")
            one.stdin.flush()
        found = [json.loads(one.stdout.readline()) for one in started if one.stdout]
        seconds = time.monotonic() - began
        for one in started:
            one.communicate()
    assert len({one["digest"] for one in found}) == 1
    return Round(processes, seconds, found[0]["digest"], tuple(found[0]["memory"]))


def report(rounds: list[Round], pictures: int) -> list[str]:
    """The rows of the table, and the ratio."""
    rows = ["| processes | seconds | pictures/s | MiB of a process after its first / last shard |", "|---|---|---|---|"]
    for one in rounds:
        memory = f"{one.memory[0]:.0f} / {one.memory[1]:.0f}"
        rows.append(f"| {one.processes} | {one.seconds:.1f} | {pictures / one.seconds:.2f} | {memory} |")
    best = {count: min(one.seconds for one in rounds if one.processes == count) for count in (1, 2)}
    mean = {count: sum(one.seconds for one in rounds if one.processes == count) for count in (1, 2)}
    same = "the same bytes in all rounds" if len({one.digest for one in rounds}) == 1 else "THE SETS DIFFER"
    ratios = f"{mean[1] / mean[2]:.2f} (all rounds), {best[1] / best[2]:.2f} (best rounds)"
    return [*rows, "", f"Two processes draw {ratios} times as fast as one; {same}."]


def main() -> int:
    """Print the table. Returns 1 if the sets differ."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale_out", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--pictures", type=int, default=320)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--model", default="dungeon-gated")
    parser.add_argument("--checkpoints", type=Path, default=ROOT / "checkpoints")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child(options)
        return 0
    rounds = [measure(processes, options) for _ in range(options.rounds) for processes in (1, 2)]
    print(*report(rounds, options.pictures), sep="\n")
    print(f"\nShards of {SHARD} pictures of `{options.model}`, one thread for each process. {describe_machine()}")
    return 0 if len({one.digest for one in rounds}) == 1 else 1


if __name__ == "__main__":
    sys.exit(main())
