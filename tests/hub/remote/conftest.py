"""A Hub with Jobs on this machine, and a training to run there."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from huggingface_hub import HfApi, close_session, constants

from pixelart.hub import client
from pixelart.hub.remote import upload
from pixelart.hub.remote.following import RemotePace
from pixelart.hub.remote.hardware import Flavor
from pixelart.hub.remote.training import RemoteTraining
from tests.hub.conftest import SECRET
from tests.hub_jobs import JobsHub
from tests.hub_server import serve

QUICK = RemotePace(look=0.2, fetch=0.5, push=0.5, push_save=0.5, settle=0.5)
GPU = Flavor("a10g-small", "a10g-small", 1.0, True)


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[JobsHub]:
    """It knows one user, "art", whose token is SECRET."""
    served = JobsHub(users={SECRET: "art"}, place=tmp_path / "machines")
    with serve(served):
        monkeypatch.setattr(client, "HfApi", partial(HfApi, endpoint=served.url))
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
        yield served
        served.close()
        close_session()


def asleep(hub: JobsHub, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let machines run nothing, so that they need no program."""
    hub.runs = False
    monkeypatch.setattr(upload, "make_wheel", lambda: ("pixelart-0-py3-none-any.whl", b"\0"))


@pytest.fixture
def pictures(tmp_path: Path, tiny_data: Path) -> Path:
    """A .zip of `tiny_data`."""
    return Path(shutil.make_archive(str(tmp_path / "pictures"), "zip", tiny_data))


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """Where a run folder will be."""
    return tmp_path / "run"


@pytest.fixture
def training() -> RemoteTraining:
    return RemoteTraining(SECRET, GPU, 30, pace=QUICK)


OPTIONS = (
    "--save-every=10", "--batch-size=8", "--seed=1", "--threads=1", "--precision=fp32", "--memory-format=channels_last",
)  # fmt: skip
