"""Pushes that are killed at some moment, and done again."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from tests.hub.pushing import WHOLE
from tests.hub_server import HubServer
from tests.training.killing import Nursery

STAGES = ("login", "create", "info", "tree", "validate", "preupload", "batch", "put", "commit", "commit", "commit")
"""The commit more often than the others: before and after it are two things."""
PATIENCE = 60.0


@dataclass
class Tally:
    """Where pushes were killed, and how many of them had landed by then."""

    killed: list[tuple[str, str]] = field(default_factory=list)
    landed: int = 0


def kill_and_push_again(nursery: Nursery, hub: HubServer, checkpoints: Path, *, kills: int, seed: int = 34) -> Tally:
    """Every push of its own repository: killed before or after a request of a stage is done (the first two: the commit;
    the others: a random one), then pushed again, which must end with what an undisturbed push gives, in one commit."""
    random, tally = np.random.default_rng(seed), Tally()
    for number in range(kills):
        place = f"art/killed-{number}"
        stage = "commit" if number < 2 else str(random.choice(STAGES))
        when = ("before", "after")[number if number < 2 else int(random.integers(2))]
        moment, dead = threading.Event(), threading.Event()

        def hold(
            at: str,
            now: str,
            *,
            wanted: tuple[str, str] = (stage, when),
            m: threading.Event = moment,
            d: threading.Event = dead,
        ) -> None:
            if (at, now) == wanted and not m.is_set():
                m.set()
                d.wait(PATIENCE)
                raise ConnectionAbortedError("who asked is dead")

        hub.large.clear()  # or what other repositories have need not be sent
        hub.on_request = hold
        words = ["push", "tiny", place, "--licence", "cc0-1.0", "--checkpoints", str(checkpoints), "--json"]
        code = nursery.run(words, kill=moment.is_set)
        dead.set()
        hub.on_request = lambda at, now: None
        assert (code, moment.is_set()) == (-9, True), f"not killed {when} {stage}"
        commits = len(hub.repos[place].commits) if place in hub.repos else 0
        tally.killed.append((stage, when))
        tally.landed += commits == 2
        for _ in range(2):
            assert nursery.run(words) == 0
            assert len(hub.repos[place].commits) == 2, f"a second commit after a kill {when} {stage}"
        _check_tree(hub.repos[place].files, checkpoints / "tiny", place)
    return tally


def _check_tree(files: Mapping[str, bytes], folder: Path, place: str) -> None:
    assert set(files) == WHOLE | {".gitattributes"}
    assert all(files[path.name] == path.read_bytes() for path in folder.iterdir())
    assert place.encode() in files["README.md"]
