"""The app before a Hub on this machine, with models of several visitors."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from huggingface_hub import HfApi, close_session, constants

from pixelart.engine import Drawing, Engine
from pixelart.engine.request import RequestLike, as_request
from pixelart.hub import client
from pixelart.jobs import Jobs
from pixelart.training.export import export_run
from pixelart.ui.security.hosting import Hosting
from tests.hub_server import HubServer, serve
from tests.ui.serving import serving


@contextmanager
def hub_of(users: dict[str, str]) -> Iterator[HubServer]:
    """A Hub that the real client asks; `users`: token -> name."""
    with serve(HubServer(users=users)) as hub, pytest.MonkeyPatch.context() as patch:
        patch.setattr(client, "HfApi", partial(HfApi, endpoint=hub.url))
        patch.setattr(constants, "HF_HUB_DISABLE_XET", True)
        yield hub
        close_session()


def make_models(run: Path, folder: Path, owners: dict[str, str]) -> None:
    """`owners`: name of a checkpoint of the run -> its owner, or "" for everybody. And "pulled", of the Hub."""
    for name, owner in owners.items():
        export_run(run, folder / name, **({"owner": owner} if owner else {}))
    export_run(run, folder / "pulled")
    (folder / "pulled" / "hub.json").write_text(json.dumps({"repo": "eve/heroes", "commit": "0123456789" * 4}))


class QuickEngine(Engine):
    """Draws the same pictures only once."""

    def __init__(self, *folder: Path, **how: Any) -> None:
        super().__init__(*folder, **how)
        self._drawn: dict[str, list[Drawing]] = {}

    def generate(self, request: RequestLike, **watched: Any) -> list[Drawing]:
        request = as_request(request)
        key = repr(request).replace(request.checkpoint, "")
        if key not in self._drawn:
            self._drawn[key] = super().generate(request, **watched)
        return self._drawn[key]


@contextmanager
def serving_models(folder: Path, jobs_folder: Path, hosting: Hosting) -> Iterator[str]:
    """The app over the checkpoints in `folder`, at its URL."""
    engine = QuickEngine(folder, device=torch.device("cpu"), by_owner=not hosting.is_local)
    with Jobs(jobs_folder, checkpoints=folder) as jobs, serving(engine, jobs, hosting=hosting) as url:
        yield url
