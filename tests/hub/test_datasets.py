"""Datasets of the Hub: fetched whole or not at all, and every failure in a plain sentence that tells no secret."""

from __future__ import annotations

import errno
import logging
import socket
from dataclasses import replace
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import HfApi, constants

from pixelart.errors import Cancelled, DataRejected, HubFailure, RequestRejected
from pixelart.hub import client, datasets, fetch_dataset, local_token, translate_errors
from pixelart.settings import SETTINGS
from pixelart.training.data.pictures import read_pictures
from tests.cancelling import Patience
from tests.hub.conftest import SECRET
from tests.hub_server import Answer, HubServer
from tests.training.files import dot

FILES = {
    "README.md": b"# sprites",
    "data/train/cat/1.png": dot(1),
    "data/train/cat/2.PNG": dot(2),
    "data/train/dog/3.png": dot(3),
    "data/test/dog/4.png": dot(4),
    ".cache/5.png": dot(5),
    "data/train.parquet": b"PAR1",
}


@pytest.fixture
def fake(hub: HubServer) -> HubServer:
    """A Hub with a dataset."""
    hub.add("datasets/art/sprites", FILES)
    return hub


def _left(place: Path) -> list[str]:
    return sorted(path.name for path in place.iterdir())


def test_the_pictures_of_a_dataset_are_fetched(fake: HubServer, tmp_path: Path) -> None:
    target = fetch_dataset("art/sprites", tmp_path / "sprites")
    assert target == tmp_path / "sprites" and _left(tmp_path) == ["sprites"]
    found = {str(path.relative_to(target)): path.read_bytes() for path in target.rglob("*") if path.is_file()}
    assert found == {name: data for name, data in FILES.items() if name.lower().endswith(".png") and name[0] != "."}
    assert read_pictures(target).classes == ("cat", "dog") and len(read_pictures(target)) == 4


def test_nobody_is_asked_for_unless_a_token_is_given(
    fake: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("HF_TOKEN", SECRET)
    assert local_token() == SECRET
    with caplog.at_level(logging.DEBUG):
        fetch_dataset("art/sprites", tmp_path / "1")
        assert {token for _, token in fake.asked} == {None}
        fake.asked.clear()
        fetch_dataset("art/sprites", tmp_path / "2", token=SECRET)
    assert {token for _, token in fake.asked} == {f"Bearer {SECRET}"}
    assert SECRET not in caplog.text
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and SECRET.encode() in path.read_bytes()]


def test_it_tells_how_far_it_is(fake: HubServer, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    fetch_dataset("art/sprites", tmp_path / "sprites", on_progress=lambda *n: told.append(n))
    assert told == [(n, 4) for n in range(1, 5)]


def test_cancelled_at_any_moment_nothing_is_left(fake: HubServer, tmp_path: Path) -> None:
    """Asked before each of the files that are listed, then before each of the four pictures."""
    patient = Patience()
    fetch_dataset("art/sprites", tmp_path / "whole", cancel=patient)
    assert patient.asked == len(FILES) + 4
    for moment in range(patient.asked):
        with pytest.raises(Cancelled):
            fetch_dataset("art/sprites", tmp_path / "cut", cancel=Patience(moment))
        assert _left(tmp_path) == ["whole"]


def test_cancelled_it_asks_for_nothing_more(fake: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets, "CONNECTIONS", 1)
    fake.add("datasets/art/sprites", {f"a/{n:03}.png": dot(n) for n in range(100)})
    told: list[int] = []
    with pytest.raises(Cancelled):
        fetch_dataset(
            "art/sprites", tmp_path / "cut", cancel=lambda: len(told) > 2, on_progress=lambda done, _: told.append(done)
        )
    assert [stage for stage, _ in fake.asked].count("get") < 50 and _left(tmp_path) == []


GATED = Answer(403, {"X-Error-Code": "GatedRepo"}, SECRET.encode())
MISSING = Answer(401, {"X-Error-Code": "RepoNotFound"}, SECRET.encode())
DISABLED = Answer(403, {"X-Error-Message": "Access to this resource is disabled."})


REFUSALS = {
    "gated": (GATED, "its owner gives access on request; ask on its page, then sign in"),
    "missing": (MISSING, "it does not exist, or it is private"),
    "disabled": (DISABLED, "it was disabled"),
    "403": (Answer(403, {}, SECRET.encode()), "the sign-in does not allow it"),
    "429": (Answer(429, {"Retry-After": "1"}, SECRET.encode()), "too many requests to the Hub; wait a few minutes"),
    "418": (Answer(418, {}, SECRET.encode()), "the Hub answers 418"),
    "503": (Answer(503, {}, SECRET.encode()), "the Hub answers 503; try again later"),
}


@pytest.mark.parametrize(
    ("stage", "kind"),
    [*(("info", kind) for kind in REFUSALS), *product(["tree", "get"], ["missing", "503"])],
)
def test_what_the_hub_refuses_is_told_plainly_and_nothing_is_left(
    fake: HubServer, tmp_path: Path, stage: str, kind: str
) -> None:
    fake.faults[stage], told = REFUSALS[kind]
    with pytest.raises(HubFailure) as failed:
        fetch_dataset("art/sprites", tmp_path / "sprites", token=SECRET)
    assert str(failed.value) == f"dataset 'art/sprites': {told}"
    assert (stage, f"Bearer {SECRET}") in fake.asked and _left(tmp_path) == []


@pytest.mark.parametrize("name", ["", "a/b/c", "../x", "a b", "a\nb", "https://example.com/x", "x" * 200])
def test_what_is_no_name_is_not_asked_for(fake: HubServer, tmp_path: Path, name: str) -> None:
    with pytest.raises(HubFailure, match=r"^dataset .*: not a name on the Hub, such as user/name$") as failed:
        fetch_dataset(name, tmp_path / "sprites")
    assert len(str(failed.value)) < 160 and fake.asked == [] and _left(tmp_path) == []


def test_an_answer_of_another_server_is_told(fake: HubServer, tmp_path: Path) -> None:
    fake.faults["info"] = Answer(200, {}, b"<html>welcome to this hotel</html>")
    with pytest.raises(HubFailure, match=r"^dataset 'art/sprites': the Hub's answer is not understood$"):
        fetch_dataset("art/sprites", tmp_path / "sprites")


def test_no_connection_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # and it does not listen
        monkeypatch.setattr(client, "HfApi", partial(HfApi, endpoint=f"http://127.0.0.1:{closed.getsockname()[1]}"))
        with pytest.raises(HubFailure, match=r"^dataset 'art/sprites': the Hub cannot be reached$"):
            fetch_dataset("art/sprites", tmp_path / "sprites")


def test_offline_mode_is_told(fake: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(HubFailure, match="HF_HUB_OFFLINE is set"):
        fetch_dataset("art/sprites", tmp_path / "sprites")


@pytest.mark.parametrize(
    ("limits", "told"),
    [
        ({"max_files": 6}, "art/sprites: more than 6 files, the limit"),
        ({"max_pictures": 3}, "art/sprites: 4 pictures; the limit is 3"),
        ({"max_archive_bytes": 3 << 20}, "art/sprites: its pictures are 4 MiB; the limit is 3 MiB"),
    ],
)
def test_too_much_is_refused_before_it_is_fetched(
    fake: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limits: dict[str, Any], told: str
) -> None:
    fake.sizes["data/test/dog/4.png"] = 4 << 20
    monkeypatch.setattr(datasets, "SETTINGS", replace(SETTINGS, **limits))
    with pytest.raises(DataRejected) as refused:
        fetch_dataset("art/sprites", tmp_path / "sprites")
    assert str(refused.value) == told
    assert {stage for stage, _ in fake.asked} == {"info", "tree"} and _left(tmp_path) == []


def test_a_dataset_without_picture_files_is_refused(fake: HubServer, tmp_path: Path) -> None:
    fake.add("datasets/art/sprites", {"data/train.parquet": b"PAR1"})
    with pytest.raises(DataRejected, match=r"^art/sprites: no picture files in it \(.*Parquet, are not supported$"):
        fetch_dataset("art/sprites", tmp_path / "sprites")


def test_a_target_that_exists_is_left_alone(fake: HubServer, tmp_path: Path) -> None:
    with pytest.raises(RequestRejected, match="exists already"):
        fetch_dataset("art/sprites", tmp_path)
    assert fake.asked == []


def test_an_error_of_the_disk_stays_one() -> None:
    with pytest.raises(OSError, match="No space left"), translate_errors("it"):
        raise OSError(errno.ENOSPC, "No space left on device")
    with pytest.raises(HubFailure, match=r"^it: the Hub cannot be reached$"), translate_errors("it"):
        raise ConnectionResetError(errno.ECONNRESET, "Connection reset by peer")
    with pytest.raises(DataRejected, match=r"^as it was$"), translate_errors("it"):
        raise DataRejected("as it was")
