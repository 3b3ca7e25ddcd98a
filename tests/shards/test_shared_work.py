"""Pieces of work that processes share through a folder: each is made once, also when processes are killed."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from pixelart.errors import RequestRejected
from pixelart.shards import shared_work
from pixelart.shards.claims import Claims
from pixelart.shards.shared_work import PLAN, SharedWork
from pixelart.storage import write_file

ROOT = Path(__file__).parents[2]
PIECES = 12
PATIENCE = 30.0
WORKER = f"""
import os, sys, time
from pathlib import Path
from pixelart.shards.shared_work import SharedWork
from pixelart.storage import write_file
folder = Path(sys.argv[1])
parts = [folder / f"{{i}}.txt" for i in range({PIECES})]
def make(piece):
    with (folder / "log").open("a") as log:
        log.write(f"{{piece}} {{os.getpid()}}\\n")
    time.sleep(float(sys.argv[2]))
    write_file(parts[piece], str(piece).encode())
SharedWork(folder, {{"pieces": {PIECES}}}).make(parts, make, name="parts")
"""
Start = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts a worker whose pieces take `seconds` each; those still running are killed at the end."""
    started = list["subprocess.Popen[bytes]"]()

    def begin(seconds: float) -> subprocess.Popen[bytes]:
        started.append(subprocess.Popen([sys.executable, "-c", WORKER, str(tmp_path / "work"), str(seconds)], cwd=ROOT))
        return started[-1]

    yield begin
    for process in started:
        process.kill()
        process.wait()


def made(folder: Path) -> list[tuple[int, int]]:
    """(piece, process) of all that were begun."""
    with suppress(FileNotFoundError):
        return [(int(piece), int(pid)) for piece, pid in (s.split() for s in (folder / "log").read_text().splitlines())]
    return []


def wait_until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_processes_make_each_piece_once(start: Start, tmp_path: Path) -> None:
    workers = [start(0.03) for _ in range(3)]
    assert [worker.wait(PATIENCE) for worker in workers] == [0, 0, 0]
    done = made(tmp_path / "work")
    assert sorted(piece for piece, _ in done) == list(range(PIECES))
    assert len({pid for _, pid in done}) > 1


def test_a_killed_process_loses_only_its_piece_and_another_process_takes_it(start: Start, tmp_path: Path) -> None:
    folder = tmp_path / "work"
    stuck, other = start(PATIENCE), None
    wait_until(lambda: bool(made(folder)))
    other = start(0.0)
    wait_until(lambda: sum(path.suffix == ".txt" for path in folder.iterdir()) == PIECES - 1)
    time.sleep(0.1)
    assert other.poll() is None, "it waits for the piece of the other process"
    stuck.send_signal(signal.SIGKILL)
    assert other.wait(PATIENCE) == 0
    lost = next(piece for piece, pid in made(folder) if pid == stuck.pid)
    assert Counter(piece for piece, _ in made(folder)) == Counter([*range(PIECES), lost])
    assert [(folder / f"{i}.txt").read_text() for i in range(PIECES)] == [str(i) for i in range(PIECES)]


def test_a_claim_ends_with_its_process(tmp_path: Path) -> None:
    hold = "import sys; from pixelart.shards.claims import Claims; c = Claims(__import__('pathlib').Path(sys.argv[1]))"
    hold += "\nwith c.claim(3) as mine: print(mine, flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", hold, str(tmp_path / "claims")]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout and other.stdout.readline() == "True\n"
        with closing(Claims(tmp_path / "claims")) as claims:
            with claims.claim(3) as is_mine, claims.claim(4) as is_next:
                assert (is_mine, is_next) == (False, True)
            other.kill()
            other.wait()
            with claims.claim(3) as is_mine:
                assert is_mine


def test_a_piece_that_fails_is_made_by_the_next_process(tmp_path: Path) -> None:
    parts = [tmp_path / "a", tmp_path / "b"]

    def fail(piece: int) -> None:
        if piece:
            raise OSError("disk full")
        write_file(parts[piece], b"")

    with pytest.raises(OSError, match="disk full"):
        SharedWork(tmp_path, {}).make(parts, fail, name="x")
    assert SharedWork(tmp_path, {}).make(parts, lambda piece: write_file(parts[piece], b""), name="x") == 1


def test_other_work_is_refused(tmp_path: Path) -> None:
    SharedWork(tmp_path, {"count": 5, "temperature": 1.0})
    SharedWork(tmp_path, {"count": 5, "temperature": 1.0})
    with pytest.raises(RequestRejected, match="holds other work: count 5, not 6; use another folder"):
        SharedWork(tmp_path, {"count": 6, "temperature": 1.0})
    with pytest.raises(RequestRejected, match='other work: device unknown, not "cpu"; use another folder'):
        SharedWork(tmp_path, {"count": 5, "temperature": 1.0, "device": "cpu"})
    (tmp_path / PLAN).write_text("[" * 9)
    with pytest.raises(RequestRejected, match=r"plan\.json: damaged"):
        SharedWork(tmp_path, {"count": 5})


def test_a_file_system_without_locks_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr("fcntl.lockf", refuse)
    with pytest.raises(RequestRejected, match="its file system has no locks"):
        SharedWork(tmp_path, {})
    assert shared_work.PLAN not in [path.name for path in tmp_path.iterdir()]
