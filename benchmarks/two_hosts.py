"""Train on two hosts, kill one of them, and go on: the recipe of docs/training.md, tried in two network namespaces.

    python -m benchmarks.two_hosts            (Linux, as root, with the program ip)

Each namespace has its own network stack, joined by a virtual cable, and stands for a host; both see the same run
folder. Trains once on two processes of this machine without a stop, as the reference. Then trains on the two "hosts",
kills all processes of the second one after a save, waits until the first one notices, and starts both again. Prints
what happened; the exit code is 1 unless the weights are those of the reference, bit for bit.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from benchmarks.machine import describe_machine
from pixelart.training.snapshots import last_checkpoint

ROOT = Path(__file__).parents[1]
PORT = 29500
PATIENCE = 300.0
LAUNCH = (sys.executable, "-m", "accelerate.commands.accelerate_cli", "launch", "--multi_gpu", "--num_processes", "2")
LAUNCH += ("--mixed_precision", "no", "--dynamo_backend", "no")


class Host:
    """A network namespace. `interface`: its end of the cable."""

    def __init__(self, name: str, address: str, interface: str) -> None:
        self.name, self.address, self.interface = name, address, interface

    def start(self, words: Sequence[str]) -> subprocess.Popen[bytes]:
        """Run a program on this host."""
        inside = ["ip", "netns", "exec", self.name, "env", f"GLOO_SOCKET_IFNAME={self.interface}"]
        return subprocess.Popen([*inside, *words], cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def kill(self) -> int:
        """Kill every program of this host; returns how many there were."""
        found = subprocess.run(["ip", "netns", "pids", self.name], capture_output=True, text=True, check=True)
        for pid in found.stdout.split():
            with suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)
        return len(found.stdout.split())


@contextmanager
def two_hosts() -> Iterator[tuple[Host, Host]]:
    """Two hosts that reach each other and nothing else."""
    number = os.getpid()
    hosts = [Host(f"studio-{number}-{i}", f"10.77.0.{i}", f"cable{i}") for i in (1, 2)]
    with ExitStack() as stack:
        for host in hosts:
            _ip("netns", "add", host.name)
            stack.callback(_ip, "netns", "del", host.name)
            stack.callback(host.kill)
        one, two = hosts
        _ip("link", "add", one.interface, "netns", one.name, "type", "veth", "peer", two.interface, "netns", two.name)
        for host in hosts:
            _ip("-n", host.name, "addr", "add", f"{host.address}/24", "dev", host.interface)
            for device in ("lo", host.interface):
                _ip("-n", host.name, "link", "set", device, "up")
        yield one, two


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)


def train_words(run: Path, steps: int, data: Path) -> list[str]:
    """The command after `accelerate launch`."""
    words = f"-m pixelart train --data {data} --preset debug --colours 8 --seed 3 --precision fp32 --threads 1"
    words += f" --memory-format contiguous --batch-size 4 --steps {steps} --save-every 20 --resume --out {run}"
    return words.split()


def launch_words(host_number: int, main: Host, train: Sequence[str]) -> list[str]:
    """The launcher's command on one of two hosts."""
    where = ["--num_machines", "2", "--machine_rank", str(host_number), "--main_process_ip", main.address]
    return [*LAUNCH, *where, "--main_process_port", str(PORT), *train]


def step_of(run: Path) -> int:
    """The step of the last save of a run; 0 without one."""
    with suppress(FileNotFoundError):
        found = last_checkpoint(run) if run.is_dir() else None
        return found[0] if found else 0
    return 0


def weights(run: Path) -> str:
    """SHA-256 of the last saved weights."""
    found = last_checkpoint(run)
    assert found is not None
    return hashlib.sha256(found[1]["model.safetensors"]).hexdigest()


def wait_until(true: Callable[[], bool], what: str) -> float:
    """The seconds until `true()`. Raises TimeoutError."""
    began = time.monotonic()
    while not true():
        if time.monotonic() - began > PATIENCE:
            raise TimeoutError(what)
        time.sleep(0.05)
    return time.monotonic() - began


def interrupted_training(hosts: tuple[Host, Host], run: Path, train: Sequence[str]) -> Iterator[str]:
    """Train on two hosts with a kill in the middle; yields what happened."""
    main = hosts[0]
    both = [host.start(launch_words(number, main, train)) for number, host in enumerate(hosts)]
    wait_until(lambda: step_of(run) > 0, "no save")
    count = hosts[1].kill()
    yield f"host 2 killed ({count} processes) after the save of step {step_of(run)}"
    seconds = wait_until(lambda: both[0].poll() is not None, "host 1 did not notice")
    yield f"host 1 ended by itself {seconds:.1f} s later, with code {both[0].returncode}"
    both[1].wait()
    both = [host.start(launch_words(number, main, train)) for number, host in enumerate(hosts)]
    seconds = wait_until(lambda: all(one.poll() is not None for one in both), "the training did not end")
    codes = ", ".join(str(one.returncode) for one in both)
    yield f"both started again with the same commands: step {step_of(run)} after {seconds:.0f} s, codes {codes}"


def main() -> int:
    """Print what happened. Returns 1 unless the weights are the same."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.two_hosts", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--data", type=Path, default=ROOT / "examples" / "dungeon.zip")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place, two_hosts() as hosts:
        whole, run = Path(place, "whole"), Path(place, "run")
        words = [*LAUNCH, "--num_machines", "1", *train_words(whole, options.steps, options.data.resolve())]
        subprocess.run(words, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        for line in interrupted_training(hosts, run, train_words(run, options.steps, options.data.resolve())):
            print(f"- {line}", flush=True)
        same = weights(run) == weights(whole) and step_of(run) == options.steps
        print(
            f"- weights of step {step_of(run)}: {'the same bits as' if same else 'NOT those of'} a run without a kill"
        )
        print(f"\n{describe_machine()}")
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())
