"""T34: the program is killed in mid-push."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hub.conftest import SECRET
from tests.hub.killing import kill_and_push_again
from tests.hub_server import HubServer
from tests.training.killing import Nursery


@pytest.fixture
def nursery(hub: HubServer, tiny_checkpoints: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Nursery]:
    """What forks the pushes, signed in at the Hub of this machine."""
    for name, value in {"HF_ENDPOINT": hub.url, "HF_TOKEN": SECRET, "HF_HUB_DISABLE_XET": "1"}.items():
        monkeypatch.setenv(name, value)
    nursery = Nursery(tiny_checkpoints)
    yield nursery
    nursery.close()


@pytest.mark.slow
def test_a_killed_push_is_done_again_and_makes_no_second_commit(
    nursery: Nursery, hub: HubServer, tiny_checkpoints: Path
) -> None:
    tally = kill_and_push_again(nursery, hub, tiny_checkpoints, kills=10)
    assert len(tally.killed) == 10 and 0 < tally.landed < 10
