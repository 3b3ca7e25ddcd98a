"""The one folder of a server for what its visitors put in."""

from __future__ import annotations

import gc
from pathlib import Path

import pytest

from pixelart.errors import RequestRejected
from pixelart.ui.training.scratch import PREFIX, Scratch


def test_it_is_emptied_at_the_end_also_where_nobody_closes_it(tmp_path: Path) -> None:
    scratch = Scratch(tmp_path)
    (scratch.new_folder() / "a").write_bytes(b"x")
    assert len(list(tmp_path.iterdir())) == 1
    scratch.close()
    assert not list(tmp_path.iterdir())
    Scratch(tmp_path).new_folder()
    gc.collect()
    assert not list(tmp_path.iterdir())


def test_what_a_dead_server_left_is_removed_and_what_a_living_one_has_is_not(tmp_path: Path) -> None:
    left = tmp_path / f"{PREFIX}dead"
    (left / "visitor").mkdir(parents=True)
    (left / "lock").touch()
    (tmp_path / "another").mkdir()
    first = Scratch(tmp_path)
    second = Scratch(tmp_path)
    assert not left.exists() and first.path.exists() and second.path.exists() and (tmp_path / "another").exists()
    for scratch in (first, second):
        scratch.close()


def test_the_bound_is_of_all_visitors_together(tmp_path: Path) -> None:
    scratch = Scratch(tmp_path, limit=100)
    ann, bob = scratch.new_folder(), scratch.new_folder()
    scratch.check(ann, incoming=60)
    with pytest.raises(RequestRejected, match="no room for more pictures"):
        scratch.check(bob, incoming=50)
    (ann / "sub").mkdir()
    (ann / "sub" / "a").write_bytes(bytes(30))
    scratch.check(ann)  # fewer than were announced
    scratch.check(bob, incoming=70)
    with pytest.raises(RequestRejected):
        scratch.check(ann, incoming=1)
    scratch.remove(bob)
    scratch.check(ann, incoming=70)
    scratch.close()
