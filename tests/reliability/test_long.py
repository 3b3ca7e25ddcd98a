"""The long figures: `python -m pytest tests/reliability -m long -n 0` prints the lines of benchmarks/RELIABILITY.md.

Each is a test of the default or slow suite with a higher count; `--share 0.02` shows that they work.
"""

from __future__ import annotations

import contextlib
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from pixelart.errors import WeightsRejected
from pixelart.training.snapshots import last_checkpoint, list_checkpoints, load_checkpoint, save_checkpoint
from tests.hub.conftest import SECRET
from tests.hub.killing import kill_and_push_again
from tests.hub.racing import race
from tests.hub_server import HubServer
from tests.jobs.bystanders import leave_alone
from tests.jobs.survival import Cutter
from tests.mutated import mutate_and_load
from tests.training.disks import Watched, parts
from tests.training.killing import SAVE_EVERY, Nursery, kill_and_resume, train_words
from tests.training.runs import digests_of

pytestmark = pytest.mark.long
Told = Callable[[str, str], None]
Count = Callable[[int], int]


@pytest.fixture
def nursery(tiny_checkpoints: Path) -> Iterator[Nursery]:
    """What forks the runs."""
    nursery = Nursery(tiny_checkpoints)
    yield nursery
    nursery.close()


def test_t13_mutated_checkpoints(own_checkpoints: Path, count: Count, tell: Told) -> None:
    number = count(20_000)
    refused = mutate_and_load(own_checkpoints / "tiny", count=number, seed=13)
    found = f"{number} checkpoints with flipped bits: {refused} refused, the others whole and finite, no death, none"
    tell("T13", f"{found} taken for the one whose hash the Hub tells")


def test_t15_kills(nursery: Nursery, tiny_data: Path, tmp_path: Path, count: Count, tell: Told) -> None:
    assert nursery.run(train_words(tiny_data, tmp_path / "whole")) == 0
    whole = digests_of(tmp_path / "whole")
    tally = kill_and_resume(nursery, tiny_data, tmp_path / "run", whole, kills=count(300))
    found = (
        f"{tally.killed} SIGKILLs, {tally.inside_a_save} of them with a save half written: all resumed, none lost more"
    )
    tell("T15", f"{found} than {SAVE_EVERY} steps, {tally.finished} runs ended with equal SHA-256")


def test_t18_damage(tiny_run: Path, tmp_path: Path, count: Count, tell: Told) -> None:
    run = shutil.copytree(tiny_run, tmp_path / "run")
    older, newest = list_checkpoints(run)
    expected, files, random = load_checkpoint(older), sorted(newest.iterdir()), np.random.default_rng(18)
    cuts, flips = count(50), count(500)
    damaged: list[tuple[Path, bytes]] = []
    for path in files:
        whole = path.read_bytes()
        damaged += [(path, whole[:length]) for length in np.linspace(0, len(whole) - 1, cuts).astype(int)]
    tensors = [path for path in files if path.suffix == ".safetensors"]
    for path in (tensors[index] for index in random.integers(len(tensors), size=flips)):
        changed = bytearray(path.read_bytes())
        place = int(random.integers(8 * len(changed)))
        changed[place // 8] ^= 1 << place % 8
        damaged.append((path, bytes(changed)))
    for path, content in damaged:
        whole = path.read_bytes()
        path.write_bytes(content)
        with pytest.raises(WeightsRejected):
            load_checkpoint(newest)
        assert last_checkpoint(run) == (int(older.name[5:]), expected)
        path.write_bytes(whole)
    assert list_checkpoints(run) == [older, newest]
    tell("T18", f"{cuts} cuts of each of {len(files)} files and {flips} flipped bits: all refused, the one before used")


def test_t19_a_watcher(tmp_path: Path, count: Count, tell: Told) -> None:
    save_checkpoint(tmp_path, 1, parts(1))
    files, saves = Watched(tmp_path), count(1200)
    for step in range(2, saves + 2):
        save_checkpoint(tmp_path, step, parts(step, size=50), files=files)
    assert min(files.seen) >= 1
    tell(
        "T19",
        f"{saves} saves, {len(files.seen)} looks: never fewer than {min(files.seen)} whole checkpoint on the disk",
    )


def test_t22_killed_servers(cutter: Cutter, count: Count, tell: Told) -> None:
    seconds = cutter.servers(count(50), signal.SIGKILL)
    assert max(seconds) <= 5
    tell("T22", f"{_cut(cutter, seconds)} server SIGKILLed, child gone after at most {max(seconds):.1f} s, no orphan")


def test_t23_stopped_jobs(cutter: Cutter, count: Count, tell: Told) -> None:
    seconds = cutter.stops(count(200))
    p95 = float(np.percentile(seconds, 95))
    assert p95 <= 2
    tell(
        "T23",
        f"{_cut(cutter, seconds)} stopped, ended after {p95:.2f} s (p95), {max(seconds):.2f} s at most, no zombie",
    )


def test_t24_servers_told_to_end(cutter: Cutter, count: Count, tell: Told) -> None:
    seconds = cutter.servers(count(50), signal.SIGTERM)
    assert max(seconds) <= 10
    tell("T24", f"{_cut(cutter, seconds)} server told to end, all saved and gone after at most {max(seconds):.1f} s")


def test_t26_bystanders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: Count, tell: Told) -> None:
    number = count(100)
    leave_alone(tmp_path, monkeypatch, count=number)
    tell("T26", f"{number} records that name a living foreign process: it was never signalled")


def test_t34_killed_pushes(
    hub: HubServer, tiny_checkpoints: Path, monkeypatch: pytest.MonkeyPatch, count: Count, tell: Told
) -> None:
    for name, value in {"HF_ENDPOINT": hub.url, "HF_TOKEN": SECRET, "HF_HUB_DISABLE_XET": "1"}.items():
        monkeypatch.setenv(name, value)
    with contextlib.closing(Nursery(tiny_checkpoints)) as nursery:
        tally = kill_and_push_again(nursery, hub, tiny_checkpoints, kills=count(100))
    found = (
        f"{len(tally.killed)} pushes SIGKILLed, {tally.landed} of which had landed: pushed again, each repository has"
    )
    tell("T34", f"{found} the same files, and one commit with them")


def test_t35_races(hub: HubServer, count: Count, tell: Told) -> None:
    rounds = count(100)
    race(hub, rounds=rounds)
    tell("T35", f"{rounds} pairs of pushes that saw the same commit: one won, the other was told, nothing overwritten")


def _cut(cutter: Cutter, seconds: list[float]) -> str:
    assert cutter.survived + cutter.finished == len(seconds)
    ends = f"{cutter.survived} resumed and {cutter.finished} had just ended, all with equal SHA-256"
    return f"{len(seconds)} jobs, {ends};"
