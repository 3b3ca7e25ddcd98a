"""Pushes that fail, at each stage and in every way, and what must be true afterwards."""

from __future__ import annotations

import hashlib
import socket
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import get_session

from pixelart.engine import Engine
from pixelart.hub import Pushed
from pixelart.hub.publish import push_checkpoint
from tests.hub.conftest import SECRET
from tests.hub_server import Answer, Fault, HubServer

ECHO = SECRET.encode()
"""A server that tells everything it was told."""
FAULTS: dict[str, Fault] = {
    **{str(status): Answer(status, {}, ECHO) for status in (401, 403, 404, 409, 412, 413)},
    "429": Answer(429, {"Retry-After": "1"}, ECHO),
    "500": Answer(500, {}, ECHO),
    "503": Answer(503, {}, ECHO),
    "quota": Answer(403, {"X-Error-Message": "Private repository storage limit reached"}, ECHO),
    "timeout": "timeout",
    "reset": "reset",
}
DNS = "dns"
STAGES = {"login": "login", "create": "create", "upload": "put", "commit": "commit"}
"""Stage of a push -> the request that fails."""
WHOLE = {"README.md", "config.json", "model.safetensors", "samples.png", "palette.gpl", "training_log.csv"}
WHOLE |= {"training_images.txt"}


def push(engine: Engine, repo_id: str, **more: Any) -> Pushed:
    """The checkpoint "tiny" as the user of the Hub."""
    return push_checkpoint(engine, "tiny", repo_id, **{"licence": "cc0-1.0", "token": SECRET, **more})


def digests(folder: Path) -> dict[str, str]:
    """File name -> SHA-256."""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}


def check_commits(hub: HubServer, repo_id: str, *, at_most: int) -> None:
    """No commit but the empty first one lacks a part, and there are not too many."""
    commits = hub.repos[repo_id].commits if repo_id in hub.repos else []
    assert all(set(commit.files) >= WHOLE for commit in commits[1:])
    assert len(commits) <= at_most


class Breaking:
    """Makes the Hub fail at one stage of a push, until it is mended."""

    def __init__(self, hub: HubServer, kind: str, stage: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self.hub, self.kind, self.stage, self.monkeypatch = hub, kind, stage, monkeypatch
        if kind in FAULTS:
            hub.faults[STAGES[stage]] = FAULTS[kind]

    def on_stage(self, stage: str) -> None:
        """Of the push."""
        if stage == self.stage and self.kind == "timeout":
            get_session().timeout = 0.1
        if stage == self.stage and self.kind == DNS:
            self.monkeypatch.setattr(socket, "getaddrinfo", _nowhere)

    def mend(self) -> None:
        """From here on nothing fails."""
        self.hub.faults.clear()
        get_session().timeout = 10.0
        self.monkeypatch.setattr(socket, "getaddrinfo", _GETADDRINFO)


_GETADDRINFO = socket.getaddrinfo


def _nowhere(*_: Any, **__: Any) -> Any:
    raise socket.gaierror(-2, "Name or service not known")
