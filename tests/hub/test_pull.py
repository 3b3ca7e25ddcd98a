"""Pulls: looked at before they are fetched, checked before they are there, pinned to a commit, all or nothing."""

from __future__ import annotations

import errno
import logging
import os
import socket
import time
import traceback
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from huggingface_hub import HfApi, constants

from pixelart import from_pretrained
from pixelart.checkpoint.format import CONFIG_FILE, WEIGHTS_FILE
from pixelart.checkpoint.origin import ORIGIN_FILE, Origin, read_origin
from pixelart.engine import Engine, Request
from pixelart.errors import HubFailure, RequestRejected, WeightsRejected
from pixelart.hub import client, pull_checkpoint
from pixelart.hub import pull as pulling
from pixelart.hub.client import LONGEST_PAUSE
from pixelart.hub.repo_files import MAX_FILE_BYTES
from pixelart.settings import SETTINGS
from pixelart.storage import Files
from tests.checkpoint.hostile import HOSTILE
from tests.hub.conftest import SECRET
from tests.hub_server import PAGE, Answer, HubServer, Repo
from tests.modes import readable_by_others

PLACE = "art/tiny"
EXTRA = {
    "README.md": b"# tiny",
    "samples.png": b"\x89PNG\0",
    "pytorch_model.bin": b"\x80\x04\0",
    "other/config.json": b"{}",
}


@pytest.fixture
def repo(hub: HubServer, files: dict[str, bytes]) -> Repo:
    """A repository of it, in which there is more than is wanted."""
    return hub.add(PLACE, {**files, **EXTRA})


def _left(place: Path) -> list[str]:
    return sorted(path.name for path in place.iterdir()) if place.exists() else []


def _fetched(hub: HubServer) -> set[str]:
    return {stage for stage, _ in hub.asked if stage in ("get", "head")}


def test_a_checkpoint_is_pulled_as_it_is(
    hub: HubServer, repo: Repo, files: dict[str, bytes], tiny_checkpoints: Path, tmp_path: Path
) -> None:
    done = pull_checkpoint(PLACE, tmp_path / "new")
    target = tmp_path / "new" / "art--tiny"
    assert (done.name, done.origin, done.is_new) == ("art--tiny", Origin(PLACE, repo.commits[-1].oid), True)
    assert _left(tmp_path / "new") == ["art--tiny"]
    found = {path.name: path.read_bytes() for path in target.iterdir() if path.name != ORIGIN_FILE}
    assert found == {**files, "README.md": EXTRA["README.md"], "samples.png": EXTRA["samples.png"]}
    assert not any(path.is_symlink() for path in target.iterdir())
    assert read_origin(target) == done.origin
    engine = Engine(tmp_path / "new", device=torch.device("cpu"))
    assert engine.info("art--tiny").origin == done.origin
    assert engine.library.info("art--tiny").training == Engine(tiny_checkpoints).info("tiny").training
    assert {token for _, token in hub.asked} == {None}


def test_what_is_there_is_kept_unless_it_is_the_same_revision(
    hub: HubServer, repo: Repo, files: dict[str, bytes], tmp_path: Path
) -> None:
    first = repo.commits[-1].oid
    assert pull_checkpoint(PLACE, tmp_path).is_new
    hub.asked.clear()
    assert not pull_checkpoint(PLACE, tmp_path).is_new and _fetched(hub) == set()
    hub.commit(repo, {**files, "README.md": b"newer"})
    with pytest.raises(RequestRejected, match=rf"art--tiny: is revision {first[:8]}; {repo.commits[-1].oid[:8]} needs"):
        pull_checkpoint(PLACE, tmp_path)
    assert not pull_checkpoint(PLACE, tmp_path, revision=first).is_new
    assert pull_checkpoint(PLACE, tmp_path, name="newer").origin.commit == repo.commits[-1].oid
    assert pull_checkpoint(PLACE, tmp_path, revision=first, name="older").origin.commit == first
    assert (tmp_path / "newer" / "README.md").read_bytes() == b"newer" != (tmp_path / "older/README.md").read_bytes()
    (tmp_path / "mine").mkdir()
    with pytest.raises(RequestRejected, match="mine: exists already"):
        pull_checkpoint(PLACE, tmp_path, name="mine")
    hub.add("art/other", files)
    with pytest.raises(RequestRejected, match="newer: exists already"):
        pull_checkpoint("art/other", tmp_path, name="newer")


def test_from_pretrained_asks_the_hub_only_for_what_is_not_there(
    hub: HubServer, repo: Repo, files: dict[str, bytes], tmp_path: Path
) -> None:
    engine = from_pretrained(PLACE, folder=tmp_path)
    assert engine.generate(Request("art--tiny", seed=3))[0].picture.shape == (8, 8, 4)
    hub.commit(repo, {**files, "README.md": b"newer"})
    hub.asked.clear()
    from_pretrained(PLACE, folder=tmp_path)
    from_pretrained(PLACE, folder=tmp_path, revision=repo.commits[0].oid)
    assert hub.asked == []
    with pytest.raises(RequestRejected, match="needs another name beside it"):
        from_pretrained(PLACE, folder=tmp_path, revision="main")
    from_pretrained(PLACE, folder=tmp_path, revision="main", name="newer")


def test_a_private_repository_needs_a_token(hub: HubServer, repo: Repo, tmp_path: Path, monkeypatch: Any) -> None:
    repo.private = True
    monkeypatch.setenv("HF_TOKEN", SECRET)
    with pytest.raises(HubFailure, match=r"^art/tiny: it does not exist, or it is private$"):
        pull_checkpoint(PLACE, tmp_path)
    assert pull_checkpoint(PLACE, tmp_path, token=SECRET).is_new


@pytest.mark.parametrize("revision", ["", "../x", "a b", "-x", "x" * 101, "a\nb"])
def test_what_is_no_revision_is_not_asked_for(hub: HubServer, tmp_path: Path, revision: str) -> None:
    with pytest.raises(RequestRejected, match=r"^revision .*: write a branch, a tag or a commit$"):
        pull_checkpoint(PLACE, tmp_path, revision=revision)
    assert hub.asked == []


@pytest.mark.parametrize("name", ["", ".x", "../x", "a/b", "x" * 65])
def test_what_is_no_name_is_refused(hub: HubServer, tmp_path: Path, name: str) -> None:
    with pytest.raises(RequestRejected):
        pull_checkpoint(PLACE, tmp_path, name=name)
    assert hub.asked == [] and _left(tmp_path) == []


def test_a_revision_that_is_not_there_is_told(hub: HubServer, repo: Repo, tmp_path: Path) -> None:
    with pytest.raises(HubFailure, match=r"^art/tiny: it has no such revision$"):
        pull_checkpoint(PLACE, tmp_path, revision="v9")


@pytest.mark.parametrize("name", MAX_FILE_BYTES)
def test_what_is_too_large_is_refused_before_it_is_fetched(
    hub: HubServer, repo: Repo, tmp_path: Path, name: str
) -> None:
    hub.commit(repo, {**repo.files, name: b"\0"})
    hub.sizes[name] = MAX_FILE_BYTES[name] + 1
    with pytest.raises(WeightsRejected, match=rf"^art/tiny/{name}: \d+ bytes; the limit is {MAX_FILE_BYTES[name]}$"):
        pull_checkpoint(PLACE, tmp_path)
    assert _fetched(hub) == set() and _left(tmp_path) == []


@pytest.mark.parametrize("change", [-4, SETTINGS.max_config_bytes + 1])
def test_weights_of_another_size_than_the_config_implies_are_not_fetched(
    hub: HubServer, repo: Repo, tmp_path: Path, change: int
) -> None:
    least = len(repo.files[WEIGHTS_FILE]) - int.from_bytes(repo.files[WEIGHTS_FILE][:8], "little")
    hub.sizes[WEIGHTS_FILE] = least + change
    with pytest.raises(WeightsRejected, match=r"^art--tiny/model.safetensors: \d+ bytes; the model of config.json"):
        pull_checkpoint(PLACE, tmp_path)
    assert [stage for stage, _ in hub.asked].count("get") == 1 and _left(tmp_path) == []


@pytest.mark.parametrize("lacking", [CONFIG_FILE, WEIGHTS_FILE])
def test_what_is_no_checkpoint_is_told(hub: HubServer, repo: Repo, tmp_path: Path, lacking: str) -> None:
    hub.commit(repo, {name: data for name, data in repo.files.items() if name != lacking})
    with pytest.raises(WeightsRejected, match=rf"^art/tiny: not a checkpoint of pixelart \(no {lacking}\)$"):
        pull_checkpoint(PLACE, tmp_path)


@pytest.mark.parametrize("name", [CONFIG_FILE, WEIGHTS_FILE])
def test_what_comes_otherwise_than_the_hub_says_is_refused(
    hub: HubServer, repo: Repo, tmp_path: Path, name: str
) -> None:
    changed = bytearray(repo.files[name])
    changed[-10] ^= 1
    hub.served[name] = bytes(changed)
    with pytest.raises(HubFailure, match=rf"^art/tiny/{name}: arrived damaged; try again$"):
        pull_checkpoint(PLACE, tmp_path)
    assert _left(tmp_path) == []


def _serve_spoilt(hub: HubServer, folder: Path) -> None:
    """A repository of what the folder holds; huge files are only said to be."""
    files = [path for path in folder.iterdir() if path.is_file()]
    small = {path.name: path for path in files if path.stat().st_size < 1 << 24}
    hub.sizes |= {path.name: path.stat().st_size for path in files if path.name not in small}
    hub.add(PLACE, {path.name: path.read_bytes() if path.name in small else b"\0" for path in files})


KINDS = ["pickle", "npz of objects", "header of 2^63", "overlapping tensors", "NaN", "width 10^9", "an unknown model"]


@pytest.mark.parametrize("kind", [k if k in KINDS else pytest.param(k, marks=pytest.mark.slow) for k in HOSTILE])
def test_hostile_checkpoints_of_the_hub_are_refused(
    hub: HubServer, own_checkpoints: Path, tmp_path: Path, kind: str
) -> None:
    """T12, from the other side of the network."""
    HOSTILE[kind](own_checkpoints / "tiny")
    _serve_spoilt(hub, own_checkpoints / "tiny")
    with pytest.raises(WeightsRejected) as refused:
        pull_checkpoint(PLACE, tmp_path / "new")
    assert "\n" not in str(refused.value) and len(str(refused.value)) < 300
    assert _left(tmp_path / "new") == [] and not (tmp_path / "sentinel").exists()


@pytest.mark.parametrize("stage", ["info", "tree", "get"])
@pytest.mark.parametrize("answer", [Answer(503, {}, SECRET.encode()), Answer(404), "reset"])
def test_failures_are_told_plainly_and_nothing_is_left(
    hub: HubServer, repo: Repo, tmp_path: Path, caplog: pytest.LogCaptureFixture, stage: str, answer: Any
) -> None:
    hub.faults[stage] = answer
    with caplog.at_level(logging.DEBUG), pytest.raises(HubFailure, match=r"^art/tiny: [^\n]+$") as failed:
        pull_checkpoint(PLACE, tmp_path / "new", token=SECRET)
    assert _left(tmp_path / "new") == []
    assert SECRET not in "".join([*traceback.format_exception(failed.value), caplog.text])
    hub.faults.clear()
    assert pull_checkpoint(PLACE, tmp_path / "new", token=SECRET).is_new


def test_a_full_disk_stays_one_and_leaves_nothing(
    hub: HubServer, repo: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: Files, path: Path, data: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Files, "write", full)
    with pytest.raises(OSError, match="No space left"):
        pull_checkpoint(PLACE, tmp_path / "new")
    assert _left(tmp_path / "new") == []


def test_who_comes_second_leaves_the_first_one_alone(
    hub: HubServer, repo: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load = pulling.load_weights

    def slowly(*given: Any) -> Any:
        monkeypatch.setattr(pulling, "load_weights", load)
        pull_checkpoint(PLACE, tmp_path)
        return load(*given)

    monkeypatch.setattr(pulling, "load_weights", slowly)
    assert not pull_checkpoint(PLACE, tmp_path).is_new, "the very same is there by now"
    assert _left(tmp_path) == ["art--tiny"] and Engine(tmp_path).list_checkpoints()[0].name == "art--tiny"


def test_who_comes_second_with_another_one_is_told(
    hub: HubServer, repo: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slowly(*given: Any) -> Any:
        (tmp_path / "mine").mkdir()
        (tmp_path / "mine" / "file").touch()

    monkeypatch.setattr(pulling, "load_weights", slowly)
    with pytest.raises(RequestRejected, match="mine: exists already"):
        pull_checkpoint(PLACE, tmp_path, name="mine")
    assert _left(tmp_path) == ["mine"] and [path.name for path in (tmp_path / "mine").iterdir()] == ["file"]


def test_a_repository_with_much_else_in_it_is_not_listed_through(
    hub: HubServer, repo: Repo, files: dict[str, bytes], tmp_path: Path
) -> None:
    hub.commit(repo, {**files, **{f"deep/{i}.bin": b"x" for i in range(50)}})
    hub.asked.clear()
    pull_checkpoint(PLACE, tmp_path)
    assert [stage for stage, _ in hub.asked].count("tree") == 1 + len(files) // PAGE


@pytest.mark.parametrize("headers", [{"Retry-After": "86400"}, {"RateLimit": '"api";r=0;t=86400'}])
def test_a_hub_that_wants_long_pauses_is_not_waited_for(
    hub: HubServer, repo: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, headers: dict[str, str]
) -> None:
    waited: list[float] = []
    monkeypatch.setattr("time.sleep", waited.append)
    hub.faults["tree"] = Answer(429, headers)
    with pytest.raises(HubFailure, match="too many requests to the Hub; wait a few minutes"):
        pull_checkpoint(PLACE, tmp_path)
    assert waited and max(waited) <= LONGEST_PAUSE
    waited.clear()
    hub.faults["tree"] = Answer(429, {name: value.replace("86400", "7") for name, value in headers.items()})
    with pytest.raises(HubFailure, match="too many requests to the Hub"):
        pull_checkpoint(PLACE, tmp_path)
    assert set(waited) == {8.0}, "what the Hub asks for within reason is waited for"


def test_no_network_is_told_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []
    monkeypatch.setattr("time.sleep", waited.append)
    began = time.monotonic()
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # and it does not listen
        monkeypatch.setattr(client, "HfApi", partial(HfApi, endpoint=f"http://127.0.0.1:{closed.getsockname()[1]}"))
        with pytest.raises(HubFailure, match=r"^art/tiny: the Hub cannot be reached$"):
            pull_checkpoint(PLACE, tmp_path)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(HubFailure, match=r"^art/tiny: HF_HUB_OFFLINE is set, so the Hub is not called$"):
        pull_checkpoint(PLACE, tmp_path)
    assert time.monotonic() - began < 5 and waited == []


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"[]",
        b'{"repo": "a/b"}',
        b'{"repo": 1, "commit": 2}',
        b'{"repo": "<b>/x", "commit": "%s"}' % (b"0" * 40),
        b"[" * 10**5,
    ],
)
def test_an_origin_of_another_form_is_none(tmp_path: Path, text: bytes) -> None:
    (tmp_path / ORIGIN_FILE).write_bytes(text)
    assert read_origin(tmp_path) is None
    (tmp_path / ORIGIN_FILE).write_bytes(Origin("a/b", "0" * 40).to_json())
    assert read_origin(tmp_path) == Origin("a/b", "0" * 40)


@pytest.mark.skipif(os.name == "nt", reason="modes of POSIX")
@pytest.mark.usefixtures("no_umask")
def test_no_other_user_of_the_machine_may_read_what_was_pulled(hub: HubServer, repo: Repo, tmp_path: Path) -> None:
    name = pull_checkpoint(PLACE, tmp_path).name
    assert (tmp_path / name / WEIGHTS_FILE).is_file() and readable_by_others(tmp_path / name) == {}
