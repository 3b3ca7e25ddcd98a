"""Saves that survive what can go wrong: failing calls, damage, retention, power cuts."""

from __future__ import annotations

import errno
import itertools
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from pixelart.errors import WeightsRejected
from pixelart.storage import Files, write_file
from pixelart.training.snapshots import (
    KEPT_SNAPSHOTS,
    MANIFEST,
    last_checkpoint,
    list_checkpoints,
    load_checkpoint,
    save_checkpoint,
)
from tests.training.disks import Disk, Failing, Watched, parts

FAULTS = [errno.ENOSPC, errno.EIO, errno.EROFS, errno.EACCES]


def _names(run: Path) -> list[str]:
    return sorted(p.name for p in run.iterdir())


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run folder with the checkpoints 10 and 20."""
    for step in (10, 20):
        save_checkpoint(tmp_path / "run", step, parts(step))
    return tmp_path / "run"


# --- the plain course ---------------------------------------------------------------------------------------------


def test_what_is_saved_is_loaded(run: Path) -> None:
    assert [load_checkpoint(f) for f in list_checkpoints(run)] == [parts(10), parts(20)]
    assert last_checkpoint(run) == (20, parts(20))
    assert _names(run) == ["step-00000010", "step-00000020"]


def test_the_newest_two_are_kept(run: Path) -> None:
    for step in (30, 40):
        assert save_checkpoint(run, step, parts(step)) == run / f"step-{step:08d}"
    assert _names(run) == ["step-00000030", "step-00000040"] and KEPT_SNAPSHOTS == 2


def test_steps_are_ordered_by_number(tmp_path: Path) -> None:
    for step in (9, 100, 99, 1000):
        save_checkpoint(tmp_path, step, parts(step))
    assert last_checkpoint(tmp_path) == (1000, parts(1000))


def test_an_empty_run_has_no_checkpoint(tmp_path: Path) -> None:
    assert last_checkpoint(tmp_path) is None and list_checkpoints(tmp_path) == []
    assert last_checkpoint(tmp_path / "gone") is None


def test_a_step_that_is_there_is_not_written_again(run: Path) -> None:
    before = (run / "step-00000020" / MANIFEST).stat().st_mtime_ns
    save_checkpoint(run, 20, parts(99))
    assert last_checkpoint(run) == (20, parts(20))
    assert (run / "step-00000020" / MANIFEST).stat().st_mtime_ns == before


def test_leftovers_of_a_killed_save_do_not_matter(run: Path) -> None:
    (run / "step-00000030.tmp").mkdir()
    (run / "step-00000030.tmp" / "model.safetensors").write_bytes(b"half")
    (run / "step-00000025").mkdir()
    assert last_checkpoint(run) == (20, parts(20))
    save_checkpoint(run, 30, parts(30))
    assert _names(run) == ["step-00000020", "step-00000030"]


def test_write_file_replaces_whole(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    write_file(path, b"old")
    write_file(path, b"new and longer")
    assert path.read_bytes() == b"new and longer" and _names(tmp_path) == ["log.csv"]


# --- T17: every failing call --------------------------------------------------------------------------------------


@pytest.mark.parametrize("moment", ["before", "half way", "after"])
@pytest.mark.parametrize("code", FAULTS, ids=lambda code: errno.errorcode[code])
def test_every_failing_call_leaves_a_whole_checkpoint(run: Path, tmp_path: Path, code: int, moment: str) -> None:
    """The n-th call fails, for every n until a save passes; then the save is tried again."""
    number = 0
    for number in itertools.count(1):
        trial = shutil.copytree(run, tmp_path / f"trial-{number}")
        files = Failing(number, code, moment)
        try:
            save_checkpoint(trial, 30, parts(30), files=files)
        except OSError as error:
            assert error.errno == code
        else:
            assert files.calls < number
            break
        found = last_checkpoint(trial)
        assert found in [(20, parts(20)), (30, parts(30))]
        assert all(load_checkpoint(f) == parts(int(f.name[5:])) for f in list_checkpoints(trial))
        save_checkpoint(trial, 30, parts(30))
        assert last_checkpoint(trial) == (30, parts(30))
        save_checkpoint(trial, 40, parts(40))
        assert _names(trial) == ["step-00000030", "step-00000040"]
    assert number == 10  # make, 3 parts, manifest, sync, rename, sync, remove 10: none was left out


@pytest.mark.parametrize("code", FAULTS, ids=lambda code: errno.errorcode[code])
def test_a_disk_that_stays_broken_leaves_the_last_checkpoint(run: Path, tmp_path: Path, code: int) -> None:
    for number in range(1, 10):
        trial = shutil.copytree(run, tmp_path / f"trial-{number}")
        for step in (30, 40, 50):
            with pytest.raises(OSError, match=os.strerror(code)):
                save_checkpoint(trial, step, parts(step), files=Failing(number, code, stays_broken=True))
        found = last_checkpoint(trial)
        assert found is not None and found[0] >= 20 and found[1] == parts(found[0])


def test_a_disk_that_is_really_full_keeps_the_last_checkpoint(tmp_path: Path) -> None:
    """On a file system of 1 MiB, where one may be mounted."""
    run = tmp_path / "small"
    run.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(run)], capture_output=True)
    if mounted.returncode:
        pytest.skip("no file system may be mounted here")
    try:
        save_checkpoint(run, 10, parts(10, size=100_000))
        for step in (20, 30):
            with pytest.raises(OSError, match="No space left on device"):
                save_checkpoint(run, step, parts(step, size=300_000))
            assert last_checkpoint(run) == (10, parts(10, size=100_000))
        save_checkpoint(run, 30, parts(30, size=100_000))
        assert last_checkpoint(run) == (30, parts(30, size=100_000))
    finally:
        subprocess.run(["umount", str(run)], check=True)


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
    assert last_checkpoint(run) == (10, parts(10))
    assert [f.name for f in list_checkpoints(run)] == ["step-00000010"]


@pytest.mark.parametrize("name", [*parts(0), MANIFEST])
def test_a_file_cut_anywhere_is_refused(run: Path, name: str) -> None:
    path = run / "step-00000020" / name
    whole = path.read_bytes()
    for length in np.linspace(0, len(whole) - 1, 50).astype(int):
        path.write_bytes(whole[:length])
        _refused_and_passed_over(run)
    path.write_bytes(whole)
    assert last_checkpoint(run) == (20, parts(20))


@pytest.mark.parametrize("name", list(parts(0)))
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
        assert found in [(10, parts(10)), (20, parts(20))]


@pytest.mark.parametrize("name", [*parts(0), MANIFEST])
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
    save_checkpoint(run, 20, parts(20))
    assert last_checkpoint(run) == (20, parts(20))


def test_a_damaged_newer_step_does_not_count_as_kept(run: Path) -> None:
    (run / "step-00000020" / "state.json").write_bytes(b"")
    save_checkpoint(run, 15, parts(15))
    assert _names(run) == ["step-00000010", "step-00000015"]


# --- T19: a watcher -----------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_watcher_of_100_saves_always_sees_a_whole_checkpoint(tmp_path: Path) -> None:
    save_checkpoint(tmp_path, 1, parts(1))
    files = Watched(tmp_path)
    for step in range(2, 102):
        save_checkpoint(tmp_path, step, parts(step, size=50), files=files)
    assert len(files.seen) > 900
    assert files.seen[0] == 1 and min(files.seen[20:]) == 2 and max(files.seen) == 3


# --- T20: power cuts ----------------------------------------------------------------------------------------------


def test_a_power_cut_after_any_call_recovers_to_old_or_new(run: Path) -> None:
    disk = Disk(run)
    save_checkpoint(run, 30, parts(30), files=disk)
    found = [last_checkpoint(state) for state in disk.states]
    assert len(found) > 20
    assert all(f in [(20, parts(20)), (30, parts(30))] for f in found)
    assert found[0] == (20, parts(20)) and found[-1] == (30, parts(30))
    for state in disk.states:
        save_checkpoint(state, 40, parts(40))
        assert last_checkpoint(state) == (40, parts(40))


def test_the_very_first_save_may_be_lost_but_never_half_there(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    disk = Disk(tmp_path / "run")
    save_checkpoint(disk.run, 10, parts(10), files=disk)
    found = [last_checkpoint(state) for state in disk.states]
    assert all(f in [None, (10, parts(10))] for f in found)
    assert found[0] is None and found[-1] == (10, parts(10))


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

    save_checkpoint(run, 30, parts(30), files=Recorded())
    new = "step-00000030"
    assert calls == [f"sync {new}.tmp", f"rename {new}", "sync run", "remove step-00000010"]


def test_files_and_folders_are_really_synced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[str] = []
    original = os.fsync

    def spy(handle: int) -> None:
        synced.append(Path(os.readlink(f"/proc/self/fd/{handle}")).name)
        original(handle)

    monkeypatch.setattr(os, "fsync", spy)
    save_checkpoint(tmp_path / "run", 10, parts(10))
    assert synced == [*parts(10), MANIFEST, "step-00000010.tmp", "run"]
