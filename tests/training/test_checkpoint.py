"""Saves that survive what can go wrong: failing calls, damage, retention, power cuts."""

from __future__ import annotations

import errno
import itertools
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from pixelart.errors import WeightsRejected
from pixelart.training.checkpoint import (
    KEEP,
    MANIFEST,
    Files,
    last_checkpoint,
    list_checkpoints,
    load_checkpoint,
    save_checkpoint,
    write_file,
)

Parts = dict[str, bytes]
FAULTS = [errno.ENOSPC, errno.EIO, errno.EROFS, errno.EACCES]


def _parts(step: int, *, size: int = 200) -> Parts:
    random = np.random.default_rng(step)
    return {name: random.bytes(size) for name in ("model.safetensors", "optimizer.safetensors", "state.json")}


def _names(run: Path) -> list[str]:
    return sorted(p.name for p in run.iterdir())


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run folder with the checkpoints 10 and 20."""
    for step in (10, 20):
        save_checkpoint(tmp_path / "run", step, _parts(step))
    return tmp_path / "run"


# --- the plain course ---------------------------------------------------------------------------------------------


def test_what_is_saved_is_loaded(run: Path) -> None:
    assert [load_checkpoint(f) for f in list_checkpoints(run)] == [_parts(10), _parts(20)]
    assert last_checkpoint(run) == (20, _parts(20))
    assert _names(run) == ["step-00000010", "step-00000020"]


def test_the_newest_two_are_kept(run: Path) -> None:
    for step in (30, 40):
        assert save_checkpoint(run, step, _parts(step)) == run / f"step-{step:08d}"
    assert _names(run) == ["step-00000030", "step-00000040"] and KEEP == 2


def test_steps_are_ordered_by_number(tmp_path: Path) -> None:
    for step in (9, 100, 99, 1000):
        save_checkpoint(tmp_path, step, _parts(step))
    assert last_checkpoint(tmp_path) == (1000, _parts(1000))


def test_an_empty_run_has_no_checkpoint(tmp_path: Path) -> None:
    assert last_checkpoint(tmp_path) is None and list_checkpoints(tmp_path) == []
    assert last_checkpoint(tmp_path / "gone") is None


def test_a_step_that_is_there_is_not_written_again(run: Path) -> None:
    before = (run / "step-00000020" / MANIFEST).stat().st_mtime_ns
    save_checkpoint(run, 20, _parts(99))
    assert last_checkpoint(run) == (20, _parts(20))
    assert (run / "step-00000020" / MANIFEST).stat().st_mtime_ns == before


def test_leftovers_of_a_killed_save_do_not_matter(run: Path) -> None:
    (run / "step-00000030.tmp").mkdir()
    (run / "step-00000030.tmp" / "model.safetensors").write_bytes(b"half")
    (run / "step-00000025").mkdir()
    assert last_checkpoint(run) == (20, _parts(20))
    save_checkpoint(run, 30, _parts(30))
    assert _names(run) == ["step-00000020", "step-00000030"]


def test_write_file_replaces_whole(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    write_file(path, b"old")
    write_file(path, b"new and longer")
    assert path.read_bytes() == b"new and longer" and _names(tmp_path) == ["log.csv"]


# --- T17: every failing call --------------------------------------------------------------------------------------


@dataclass
class Failing(Files):
    """The call number `fail_at` (from 1) raises `code`: before it does anything, half way, or after it is done."""

    fail_at: int
    code: int
    moment: str = "half way"
    calls: int = 0
    stays_broken: bool = False

    def _count(self, half: Callable[[], object], whole: Callable[[], object]) -> None:
        self.calls += 1
        if self.calls != self.fail_at and not (self.stays_broken and self.calls > self.fail_at):
            whole()
            return
        if self.moment == "half way":
            half()
        elif self.moment == "after":
            whole()
        raise OSError(self.code, os.strerror(self.code))

    def write(self, path: Path, data: bytes) -> None:
        self._count(lambda: path.write_bytes(data[: len(data) // 2]), lambda: Files.write(self, path, data))

    def make_folder(self, path: Path) -> None:
        self._count(lambda: None, lambda: Files.make_folder(self, path))

    def sync_folder(self, path: Path) -> None:
        self._count(lambda: None, lambda: Files.sync_folder(self, path))

    def rename(self, source: Path, target: Path) -> None:
        self._count(lambda: None, lambda: Files.rename(self, source, target))

    def remove(self, path: Path) -> None:
        self._count(lambda: next(path.iterdir()).unlink(), lambda: Files.remove(self, path))


@pytest.mark.parametrize("moment", ["before", "half way", "after"])
@pytest.mark.parametrize("code", FAULTS, ids=lambda code: errno.errorcode[code])
def test_every_failing_call_leaves_a_whole_checkpoint(run: Path, tmp_path: Path, code: int, moment: str) -> None:
    """The n-th call fails, for every n until a save passes; then the save is tried again."""
    number = 0
    for number in itertools.count(1):
        trial = shutil.copytree(run, tmp_path / f"trial-{number}")
        files = Failing(number, code, moment)
        try:
            save_checkpoint(trial, 30, _parts(30), files=files)
        except OSError as error:
            assert error.errno == code
        else:
            assert files.calls < number
            break
        found = last_checkpoint(trial)
        assert found in [(20, _parts(20)), (30, _parts(30))]
        assert all(load_checkpoint(f) == _parts(int(f.name[5:])) for f in list_checkpoints(trial))
        save_checkpoint(trial, 30, _parts(30))
        assert last_checkpoint(trial) == (30, _parts(30))
        save_checkpoint(trial, 40, _parts(40))
        assert _names(trial) == ["step-00000030", "step-00000040"]
    assert number == 10  # make, 3 parts, manifest, sync, rename, sync, remove 10: none was left out


@pytest.mark.parametrize("code", FAULTS, ids=lambda code: errno.errorcode[code])
def test_a_disk_that_stays_broken_leaves_the_last_checkpoint(run: Path, tmp_path: Path, code: int) -> None:
    for number in range(1, 10):
        trial = shutil.copytree(run, tmp_path / f"trial-{number}")
        for step in (30, 40, 50):
            with pytest.raises(OSError, match=os.strerror(code)):
                save_checkpoint(trial, step, _parts(step), files=Failing(number, code, stays_broken=True))
        found = last_checkpoint(trial)
        assert found is not None and found[0] >= 20 and found[1] == _parts(found[0])


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_failing_write_file_leaves_the_old_file(tmp_path: Path, number: int) -> None:
    path = tmp_path / "run.json"
    write_file(path, b"old")
    with pytest.raises(OSError, match="No space"):
        write_file(path, b"new and longer", files=Failing(number, errno.ENOSPC))
    assert path.read_bytes() in (b"old", b"new and longer")
    assert _names(tmp_path) == ["run.json"], "a leftover"
    write_file(path, b"newest")
    assert _names(tmp_path) == ["run.json"]


# --- T18: damage --------------------------------------------------------------------------------------------------


def _refused_and_passed_over(run: Path) -> None:
    with pytest.raises(WeightsRejected):
        load_checkpoint(run / "step-00000020")
    assert last_checkpoint(run) == (10, _parts(10))
    assert [f.name for f in list_checkpoints(run)] == ["step-00000010"]


@pytest.mark.parametrize("name", [*_parts(0), MANIFEST])
def test_a_file_cut_anywhere_is_refused(run: Path, name: str) -> None:
    path = run / "step-00000020" / name
    whole = path.read_bytes()
    for length in np.linspace(0, len(whole) - 1, 50).astype(int):
        path.write_bytes(whole[:length])
        _refused_and_passed_over(run)
    path.write_bytes(whole)
    assert last_checkpoint(run) == (20, _parts(20))


@pytest.mark.parametrize("name", list(_parts(0)))
def test_a_flipped_bit_anywhere_is_refused(run: Path, name: str) -> None:
    path = run / "step-00000020" / name
    whole = path.read_bytes()
    for place in np.random.default_rng(0).choice(8 * len(whole), 50, replace=False).tolist():
        changed = bytearray(whole)
        changed[place // 8] ^= 1 << place % 8
        path.write_bytes(changed)
        _refused_and_passed_over(run)


def test_a_flipped_bit_in_the_manifest_never_gives_other_bytes(run: Path) -> None:
    path = run / "step-00000020" / MANIFEST
    whole = path.read_bytes()
    for place in np.random.default_rng(0).choice(8 * len(whole), 300, replace=False).tolist():
        changed = bytearray(whole)
        changed[place // 8] ^= 1 << place % 8
        path.write_bytes(changed)
        found = last_checkpoint(run)
        assert found in [(10, _parts(10)), (20, _parts(20))]


@pytest.mark.parametrize("name", [*_parts(0), MANIFEST])
def test_a_missing_file_is_refused(run: Path, name: str) -> None:
    (run / "step-00000020" / name).unlink()
    _refused_and_passed_over(run)


@pytest.mark.parametrize(
    "text", ["[]", "{}", "null", "1", '{"model.safetensors": 1}', '{"../step-00000010/state.json": "x"}']
)
def test_an_odd_manifest_is_refused(run: Path, text: str) -> None:
    (run / "step-00000020" / MANIFEST).write_text(text)
    _refused_and_passed_over(run)


def test_when_all_are_damaged_there_is_none(run: Path) -> None:
    for folder in list_checkpoints(run):
        (folder / "state.json").write_bytes(b"")
    assert last_checkpoint(run) is None


def test_a_damaged_step_is_written_anew(run: Path) -> None:
    (run / "step-00000020" / "state.json").write_bytes(b"")
    save_checkpoint(run, 20, _parts(20))
    assert last_checkpoint(run) == (20, _parts(20))


def test_a_damaged_newer_step_does_not_count_as_kept(run: Path) -> None:
    (run / "step-00000020" / "state.json").write_bytes(b"")
    save_checkpoint(run, 15, _parts(15))
    assert _names(run) == ["step-00000010", "step-00000015"]


# --- T19: a watcher -----------------------------------------------------------------------------------------------


@dataclass
class Watched(Files):
    """After every call, how many whole checkpoints lie in `run`."""

    run: Path
    seen: list[int] = field(default_factory=list)

    def _look(self) -> None:
        self.seen.append(len(list_checkpoints(self.run)))

    def write(self, path: Path, data: bytes) -> None:
        super().write(path, data)
        self._look()

    def make_folder(self, path: Path) -> None:
        super().make_folder(path)
        self._look()

    def sync_folder(self, path: Path) -> None:
        super().sync_folder(path)
        self._look()

    def rename(self, source: Path, target: Path) -> None:
        super().rename(source, target)
        self._look()

    def remove(self, path: Path) -> None:
        (path / MANIFEST).unlink()  # the worst order
        self._look()
        super().remove(path)
        self._look()


def test_a_watcher_of_100_saves_always_sees_a_whole_checkpoint(tmp_path: Path) -> None:
    save_checkpoint(tmp_path, 1, _parts(1))
    files = Watched(tmp_path)
    for step in range(2, 102):
        save_checkpoint(tmp_path, step, _parts(step, size=50), files=files)
    assert len(files.seen) > 900
    assert files.seen[0] == 1 and min(files.seen[20:]) == 2 and max(files.seen) == 3


# --- T20: power cuts ----------------------------------------------------------------------------------------------


@dataclass
class Disk(Files):
    """Plays each call for real and keeps what a power cut right after it may leave: one state of names a call.

    A write is durable when it returns (it syncs). A change of names in a folder (make, rename) is durable only once
    that folder is synced, and whatever lies below a name that is lost is lost with it.
    """

    run: Path
    volatile: list[tuple[str, Path, Path | None]] = field(default_factory=list)
    states: list[Path] = field(default_factory=list)

    def _cut(self) -> None:
        """Every subset of the volatile changes may be lost, the later ones first: one copy of the run for each."""
        for lost in range(len(self.volatile) + 1):
            copy = self.run.with_name(f"cut-{len(self.states)}")
            shutil.copytree(self.run, copy)
            for kind, path, target in reversed(self.volatile[len(self.volatile) - lost :]):
                here, there = copy / path.name, copy / target.name if target else None
                if kind == "make" and here.exists():
                    shutil.rmtree(here)
                elif kind == "rename" and there:
                    there.rename(here)
            self.states.append(copy)

    def write(self, path: Path, data: bytes) -> None:
        path.write_bytes(data[: len(data) // 2])
        self._cut()
        super().write(path, data)
        self._cut()

    def make_folder(self, path: Path) -> None:
        super().make_folder(path)
        self.volatile.append(("make", path, None))
        self._cut()

    def rename(self, source: Path, target: Path) -> None:
        super().rename(source, target)
        self.volatile.append(("rename", source, target))
        self._cut()

    def sync_folder(self, path: Path) -> None:
        super().sync_folder(path)
        if path == self.run:
            self.volatile.clear()
        self._cut()

    def remove(self, path: Path) -> None:
        for file in sorted(path.iterdir()):
            file.unlink()
            self._cut()
        super().remove(path)
        self._cut()


def test_a_power_cut_after_any_call_recovers_to_old_or_new(run: Path) -> None:
    disk = Disk(run)
    save_checkpoint(run, 30, _parts(30), files=disk)
    found = [last_checkpoint(state) for state in disk.states]
    assert len(found) > 20
    assert all(f in [(20, _parts(20)), (30, _parts(30))] for f in found)
    assert found[0] == (20, _parts(20)) and found[-1] == (30, _parts(30))
    for state in disk.states:
        save_checkpoint(state, 40, _parts(40))
        assert last_checkpoint(state) == (40, _parts(40))


def test_the_very_first_save_may_be_lost_but_never_half_there(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    disk = Disk(tmp_path / "run")
    save_checkpoint(disk.run, 10, _parts(10), files=disk)
    found = [last_checkpoint(state) for state in disk.states]
    assert all(f in [None, (10, _parts(10))] for f in found)
    assert found[0] is None and found[-1] == (10, _parts(10))


def test_old_steps_are_removed_only_when_the_new_one_is_durable(run: Path) -> None:
    calls: list[str] = []

    class Recorded(Files):
        def rename(self, source: Path, target: Path) -> None:
            calls.append(f"rename {target.name}")
            super().rename(source, target)

        def sync_folder(self, path: Path) -> None:
            calls.append(f"sync {path.name}")
            super().sync_folder(path)

        def remove(self, path: Path) -> None:
            calls.append(f"remove {path.name}")
            super().remove(path)

    save_checkpoint(run, 30, _parts(30), files=Recorded())
    new = "step-00000030"
    assert calls == [f"sync {new}.tmp", f"rename {new}", "sync run", "remove step-00000010"]


def test_files_and_folders_are_really_synced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[str] = []
    original = os.fsync

    def spy(handle: int) -> None:
        synced.append(Path(os.readlink(f"/proc/self/fd/{handle}")).name)
        original(handle)

    monkeypatch.setattr(os, "fsync", spy)
    save_checkpoint(tmp_path / "run", 10, _parts(10))
    assert synced == [*_parts(10), MANIFEST, "step-00000010.tmp", "run"]
