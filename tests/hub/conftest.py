"""A Hub on this machine, which the real client asks; it waits for nothing."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from huggingface_hub import HfApi, close_session, constants

from pixelart.hub import client
from tests.hub_server import HubServer, serve

SECRET = "hf_canaryCanaryCanaryCanary"


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """The client tries again after a second, then two, ..."""
    monkeypatch.setattr("time.sleep", lambda seconds: None)


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    """It knows one user, "art", whose token is SECRET."""
    with serve(HubServer(users={SECRET: "art"})) as served:
        monkeypatch.setattr(client, "HfApi", partial(HfApi, endpoint=served.url))
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
        yield served
        close_session()


@pytest.fixture
def files(tiny_checkpoints: Path) -> dict[str, bytes]:
    """Of the checkpoint "tiny"."""
    return {path.name: path.read_bytes() for path in (tiny_checkpoints / "tiny").iterdir()}
