"""A set of pictures drawn by one and by two processes with one thread each.

    python -m benchmarks.scale_out --pictures 256 --rounds 1

All processes have imported, loaded and compiled everything before the clock starts. Rounds of one and of two processes
take turns. Prints pictures per second of the whole (from the start to the complete set) and while drawing (the sum over
the processes, without waiting for the last shard), processor seconds per picture, which other programs of the machine
hardly change, and the memory of a process after its first and last shard. The exit code is 1 if the sets of the rounds
differ in any byte.
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
SHARD = 8


@dataclass(frozen=True)
class Round:
    """Some processes drew the set: how many, seconds, pictures per second while drawing, processor seconds per picture,
    the digest of the set, MiB after the first and last shard."""

    processes: int
    seconds: float
    rate: float
    processor: float
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
    memory, before = list[float](), time.process_time()
    done = draw_set(
        engine, ShardedSet(request, SHARD), options.child, on_shard=lambda *_: memory.append(resident_memory())
    )
    memory = memory or [resident_memory()]
    rate = done.pictures / done.seconds if done.seconds else 0.0
    told = {"digest": done.digest, "rate": rate, "processor": time.process_time() - before}
    print(json.dumps({**told, "memory": [memory[0], memory[-1]]}), flush=True)


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
    rate, processor = (sum(one[name] for one in found) for name in ("rate", "processor"))
    return Round(processes, seconds, rate, processor / options.pictures, found[0]["digest"], tuple(found[0]["memory"]))


def report(rounds: list[Round], pictures: int) -> list[str]:
    """The rows of the table, and the ratio."""
    names = ("processes", "seconds", "pictures/s", "while drawing", "processor s/picture", "MiB, first / last shard")
    rows = [f"| {' | '.join(names)} |", "|---" * len(names) + "|"]
    for one in rounds:
        speeds = f"{one.seconds:.1f} | {pictures / one.seconds:.2f} | {one.rate:.2f} | {one.processor:.4f}"
        rows.append(f"| {one.processes} | {speeds} | {one.memory[0]:.0f} / {one.memory[1]:.0f} |")

    def ratio(value: str) -> float:
        total = {count: sum(getattr(one, value) for one in rounds if one.processes == count) for count in (1, 2)}
        return total[1] / total[2]

    same = "the same bytes in all rounds" if len({one.digest for one in rounds}) == 1 else "THE SETS DIFFER"
    ratios = f"{ratio('seconds'):.2f} times as fast as one on the whole, {1 / ratio('rate'):.2f} while drawing"
    ratios += f", and would be {2 * ratio('processor'):.2f} on two cores without other programs"
    return [*rows, "", f"Two processes are {ratios}; {same}."]


def main() -> int:
    """Print the table. Returns 1 if the sets differ."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale_out", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--pictures", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=1)
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
