"""The one folder for what visitors put in."""

from __future__ import annotations

from pathlib import Path

import pytest

from pixelart.errors import RequestRejected
from pixelart.ui.train.scratch import Scratch


def test_each_visitor_has_a_folder_of_its_own_in_it(tmp_path: Path) -> None:
    scratch = Scratch(tmp_path / "in" / "coming")
    ann, bob = scratch.new_folder(), scratch.new_folder()
    assert ann != bob and ann.parent == bob.parent == scratch.path
    (ann / "a").write_bytes(b"x")
    scratch.remove(ann)
    assert list(scratch.path.iterdir()) == [bob]


def test_the_bound_is_of_all_visitors_together(tmp_path: Path) -> None:
    scratch = Scratch(tmp_path, limit=100)
    ann, bob = scratch.new_folder(), scratch.new_folder()
    scratch.check(ann, incoming=60)
    with pytest.raises(RequestRejected, match="Storage for pictures is full"):
        scratch.check(bob, incoming=50)
    (ann / "sub").mkdir()
    (ann / "sub" / "a").write_bytes(bytes(30))
    scratch.check(ann)  # fewer than were announced
    scratch.check(bob, incoming=70)
    with pytest.raises(RequestRejected):
        scratch.check(ann, incoming=1)
    scratch.remove(bob)
    scratch.check(ann, incoming=70)
