"""The Hub and whole programs: commands of a terminal, and processes that know nothing of the one that pushed."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from pixelart.checkpoint.format import WEIGHTS_FILE
from pixelart.cli.main import main
from pixelart.engine import Engine, Request
from pixelart.hub.publish import push_checkpoint
from tests.hub.conftest import SECRET
from tests.hub_server import Answer, HubServer
from tests.tiers import a_long


def test_pull_and_push_from_a_terminal(
    hub: HubServer, files: dict[str, bytes], own_checkpoints: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    repo = hub.add("art/tiny", files)
    monkeypatch.setenv("HF_TOKEN", SECRET)
    place = ["--checkpoints", str(own_checkpoints)]
    assert main(["pull", "art/tiny", "--name", "again", *place, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    commit = repo.commits[-1].oid
    target = str(own_checkpoints / "again")
    assert told == {"checkpoint": target, "name": "again", "is_new": True, "repo": "art/tiny", "commit": commit}
    assert main(["pull", "art/tiny", "--name", "again", *place]) == 0
    assert f"exists already: {target}  revision {commit[:8]} of art/tiny" in capsys.readouterr().out
    assert main(["push", "again", "art/copy", "--licence", "cc0-1.0", *place, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["is_new"] and told["private"] and told["commit"] == hub.repos["art/copy"].commits[-1].oid
    assert main(["push", "again", "art/copy", "--licence", "cc0-1.0", *place]) == 0
    assert "nothing to push, the repository is up to date:" in capsys.readouterr().out
    for words, line in [
        (["push", "again", "art/copy", "--licence", "mine"], "pixelart push: argument --licence: invalid choice"),
        (["push", "again", "art/copy"], "pixelart push: the following arguments are required: --licence"),
        (["push", "again", "copy", "--licence", "mit"], "pixelart push: 'copy': write owner/name"),
        (["pull", "art/none"], "pixelart pull: art/none: it does not exist, or it is private"),
    ]:
        try:
            assert main([*words, *place]) == 2
        except SystemExit as left:
            assert left.code == 2
        error = capsys.readouterr().err
        assert error.startswith(line) and error.count("\n") == 1


CLEAN = """
import hashlib, json, sys
from pathlib import Path
import torch
torch.set_num_threads(1)
from pixelart import from_pretrained
assert "torch" in sys.modules and "huggingface_hub" not in sys.modules
from pixelart.engine import Request
engine = from_pretrained("art/pushed", folder=Path("pulled"), token=sys.argv[1])
weights = Path("pulled/art--pushed/model.safetensors").read_bytes()
drawn = engine.generate(Request("art--pushed", class_weights={"cross": 1.0}, count=3, seed=7))
print(json.dumps([hashlib.sha256(weights).hexdigest(), [d.picture.tolist() for d in drawn]]))
"""


@pytest.mark.slow
def test_what_was_pushed_draws_the_same_in_a_clean_process(
    hub: HubServer, tiny_checkpoints: Path, tmp_path: Path
) -> None:
    """T37."""
    engine = Engine(tiny_checkpoints, device=torch.device("cpu"))
    push_checkpoint(engine, "tiny", "art/pushed", licence="cc0-1.0", token=SECRET)
    environment = {**_plain_environment(tmp_path), "HF_ENDPOINT": hub.url}
    command = [sys.executable, "-c", CLEAN, SECRET]
    told = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    digest, pictures = json.loads(told)
    assert digest == hashlib.sha256((tiny_checkpoints / "tiny" / WEIGHTS_FILE).read_bytes()).hexdigest()
    drawn = engine.generate(Request("tiny", class_weights={"cross": 1.0}, count=3, seed=7))
    assert pictures == [drawing.picture.tolist() for drawing in drawn]


def _plain_environment(place: Path) -> dict[str, str]:
    """Nobody signed in, nothing cached."""
    root = Path(__file__).parent.parent.parent
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    more = {
        "HF_HOME": str(place / "home"),
        "HF_HUB_DISABLE_XET": "1",
        "PYTHONPATH": str(root),
        "CUDA_VISIBLE_DEVICES": "",
    }
    return {**kept, **more}


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["commit", *map(a_long, (None, "create", "put", "get"))])
def test_no_token_is_told_anywhere(hub: HubServer, tiny_checkpoints: Path, tmp_path: Path, fault: str | None) -> None:
    """T38: the whole program with all its logs, and a server that tells everything it was told."""
    shutil.copytree(tiny_checkpoints, tmp_path / "checkpoints")
    if fault:
        hub.faults[fault] = Answer(400, {}, SECRET.encode())
    environment = {**_plain_environment(tmp_path), "HF_ENDPOINT": hub.url, "HF_TOKEN": SECRET, "HF_DEBUG": "1"}
    output = b""
    for words in (["push", "tiny", "art/tiny", "--licence", "cc0-1.0"], ["pull", "art/tiny"]):
        command = [sys.executable, "-W", "ignore", "-m", "pixelart", *words]
        done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, check=False)
        output += done.stdout + done.stderr
    assert SECRET.encode() not in output and b"(authenticated: True)" in output  # it does tell what it asks
    assert fault or output.count(b"revision") >= 2
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert not [path for path in files if SECRET.encode() in path.read_bytes()]
    assert not [body for body in hub.bodies if SECRET.encode() in body]
    commits = [commit for repo in hub.repos.values() for commit in repo.commits]
    assert SECRET.encode() not in repr(commits).encode()
