"""Pushes: one commit that holds all or none, whatever fails on the way, and nothing of others is overwritten."""

from __future__ import annotations

import logging
import re
import threading
import traceback
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import torch
from huggingface_hub import constants

import app as program
from pixelart.checkpoint.format import CARD_FILE, CONFIG_FILE, PALETTE_FILE, WEIGHTS_FILE
from pixelart.engine import Drawing, Engine, Request
from pixelart.errors import Cancelled, HubFailure, RequestRejected
from pixelart.hub import Stage, push_files
from pixelart.hub.publish import preview_card
from pixelart.images.io import decode_picture
from pixelart.images.palette_files import read_palette
from tests.hub.conftest import SECRET
from tests.hub.pushing import DNS, FAULTS, STAGES, WHOLE, Breaking, check_commits, digests, push
from tests.hub.racing import race
from tests.hub_server import SIGNATURE, Answer, HubServer


@pytest.fixture(scope="module")
def engine(tiny_checkpoints: Path) -> Engine:
    """It draws the same pictures only once."""
    engine, drawn = Engine(tiny_checkpoints, device=torch.device("cpu")), dict[str, list[Drawing]]()

    def generate(request: Request, **watched: Any) -> list[Drawing]:
        if repr(request) not in drawn:
            drawn[repr(request)] = Engine.generate(engine, request, **watched)
        return drawn[repr(request)]

    engine.generate = generate  # pyright: ignore[reportAttributeAccessIssue]
    return engine


def _cases() -> Iterator[Any]:
    """Every fault at every stage; a few are quick enough for every run."""
    for kind, stage in product([*FAULTS, DNS], STAGES):
        quick = kind == "503" or (kind, stage) in (("412", "commit"), ("reset", "commit"), ("quota", "create"))
        yield pytest.param(kind, stage, marks=() if quick else pytest.mark.slow)


def test_a_push_is_one_commit_with_all_of_it(hub: HubServer, engine: Engine) -> None:
    stages: list[str] = []
    done = push(engine, "art/tiny", on_stage=stages.append)
    repo, folder = hub.repos["art/tiny"], engine.library.path("tiny")
    assert stages == ["login", "draw", "create", "upload", "commit"]
    assert (done.is_new, done.private, done.commit) == (True, True, repo.commits[-1].oid)
    assert done.url == f"{hub.url}/art/tiny" and repo.private
    assert len(repo.commits) == 2 and repo.commits[-1].title == "tiny: weights, config and card"
    assert set(repo.files) == WHOLE | {".gitattributes"}
    for name in (CONFIG_FILE, WEIGHTS_FILE, "training_log.csv", "training_images.txt"):
        assert repo.files[name] == (folder / name).read_bytes()
    colours = engine.info("tiny").colours
    assert colours is not None
    assert read_palette(repo.files[PALETTE_FILE], name="it").tolist() == colours[1:, :3].tolist()
    sheet = decode_picture(repo.files["samples.png"], name="samples.png")
    assert sheet.shape == (17 * 9, 71 * 9, 4)  # two rows of eight, each pixel nine wide
    drawn = engine.generate(engine.request("tiny", class_weights={"stripe": 1.0}, count=8))  # as the app draws
    assert (sheet[::9, ::9][9:, 9:17] == drawn[1].picture).all()
    assert (sheet == sheet[::9, ::9].repeat(9, 0).repeat(9, 1)).all()
    assert repo.files[CARD_FILE].decode() == preview_card(engine, "tiny", "art/tiny", licence="cc0-1.0")
    assert {token for stage, token in hub.asked if stage != "put"} == {f"Bearer {SECRET}"}


def test_a_second_push_makes_no_commit_and_says_so(hub: HubServer, engine: Engine) -> None:
    first = push(engine, "art/tiny")
    hub.asked.clear()
    assert push(engine, "art/tiny") == first.__class__(**{**first.__dict__, "is_new": False})
    assert len(hub.repos["art/tiny"].commits) == 2
    assert not {"preupload", "batch", "put", "commit"} & {stage for stage, _ in hub.asked}


def test_what_changed_is_a_second_commit_which_leaves_other_files_alone(hub: HubServer, engine: Engine) -> None:
    push(engine, "art/tiny")
    repo = hub.repos["art/tiny"]
    hub.commit(repo, {**repo.files, "LICENSE": b"mine", "training_log.csv": b"old"})
    push(engine, "art/tiny", data_note="my own")
    assert len(repo.commits) == 4 and repo.files["LICENSE"] == b"mine" and b"my own" in repo.files[CARD_FILE]
    kept = {name: data for name, data in repo.files.items() if name in WHOLE and name != PALETTE_FILE}
    push_files(kept, "art/tiny", title="no palette", token=SECRET)
    assert PALETTE_FILE not in repo.files and repo.files["LICENSE"] == b"mine"


def test_a_public_repository_is_not_pushed_to_in_private(hub: HubServer, engine: Engine) -> None:
    done = push(engine, "art/open", private=False, data_note="drawn by me")
    assert not done.private and not hub.repos["art/open"].private
    with pytest.raises(
        RequestRejected, match=r"^art/open: is public; nothing was pushed, because you asked for private"
    ):
        push(engine, "art/open")
    push(engine, "art/shut")
    assert push(engine, "art/shut", private=False, data_note="drawn by me").private


@pytest.mark.parametrize(
    ("terms", "told"),
    [
        ({"licence": "mine"}, "licence 'mine': choose one of cc0-1.0, "),
        ({"private": False}, "note on the data: say who made"),
        ({"private": False, "data_note": " \n\u200b"}, "note on the data: say who made"),
        ({"data_note": "x" * 2001}, "note on the data: 2001 characters; the limit is 2000"),
        ({"token": None}, "sign-in: nobody is signed in; nothing was pushed"),
    ],
)
def test_terms_that_cannot_be_are_refused_before_anything_is_sent(
    hub: HubServer, engine: Engine, terms: dict[str, Any], told: str
) -> None:
    with pytest.raises((RequestRejected, HubFailure), match=rf"^{re.escape(told)}"):
        push(engine, "art/tiny", **terms)
    assert hub.asked == []


@pytest.mark.parametrize(
    "name", ["tiny", "art/tiny/x", "../x", "a b/c", "art/", "art/.x", "a" * 65 + "/b", "https://x/y"]
)
def test_what_is_no_name_is_not_pushed_to(hub: HubServer, engine: Engine, name: str) -> None:
    with pytest.raises(RequestRejected, match="write owner/name"):
        push(engine, name)
    assert hub.asked == []


def test_offline_mode_is_told(hub: HubServer, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(HubFailure, match=r"^sign-in: HF_HUB_OFFLINE is set, .*; nothing was pushed$"):
        push(engine, "art/tiny")


@pytest.mark.parametrize("stage", ["login", "draw", "create", "upload"])
def test_a_push_that_is_cancelled_makes_no_commit(hub: HubServer, engine: Engine, stage: str) -> None:
    reached: list[str] = []
    with pytest.raises(Cancelled):
        push(engine, "art/tiny", on_stage=reached.append, cancel=lambda: stage in reached)
    assert reached[-1] == stage and "commit" not in [asked for asked, _ in hub.asked]
    assert push(engine, "art/tiny").is_new


def test_the_log_of_the_app_has_no_address_of_an_upload(
    hub: HubServer, engine: Engine, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("httpx", "httpx2"):
        monkeypatch.setattr(logging.getLogger(name), "level", logging.NOTSET)
    program.start_log()
    hub.faults["put"] = Answer(503)
    hub.on_request = lambda stage, when: hub.faults.clear() if [s for s, _ in hub.asked].count("put") > 1 else None
    with caplog.at_level(logging.INFO):
        push(engine, "art/tiny")
    assert [stage for stage, _ in hub.asked].count("put") > 1
    assert SIGNATURE not in caplog.text and hub.url not in caplog.text


@pytest.mark.parametrize(("kind", "stage"), [*_cases()])
def test_a_push_that_fails_leaves_all_as_it_was_and_the_next_one_finishes(
    hub: HubServer,
    engine: Engine,
    kind: str,
    stage: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """T33, and T38 in each of its cases."""
    folder = engine.library.path("tiny")
    before, breaking = digests(folder), Breaking(hub, kind, stage, monkeypatch)
    with caplog.at_level(logging.DEBUG), pytest.raises(HubFailure) as failed:
        push(engine, "art/tiny", on_stage=breaking.on_stage)
    told = str(failed.value)
    known = r"nothing was pushed(, the repository is as it was)?$"
    is_open = stage == "commit" and kind in ("500", "503", "timeout", "reset", DNS)  # it may still be at work on it
    assert re.search(r"; whether the commit was made is unknown\. Push again: " if is_open else known, told)
    assert "\n" not in told and len(told) < 200
    assert digests(folder) == before
    check_commits(hub, "art/tiny", at_most=1)
    output = "".join(capfd.readouterr())
    assert SECRET not in "".join([*traceback.format_exception(failed.value), caplog.text, output])
    breaking.mend()
    assert push(engine, "art/tiny").is_new
    check_commits(hub, "art/tiny", at_most=2)
    assert set(hub.repos["art/tiny"].files) >= WHOLE


@pytest.mark.parametrize("kind", ["500", "reset", "timeout"])
def test_a_commit_whose_answer_is_lost_is_found(
    hub: HubServer, engine: Engine, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    breaking = Breaking(hub, kind, "commit", monkeypatch)
    hub.lost.add("commit")
    done = push(engine, "art/tiny", on_stage=breaking.on_stage)
    assert done.is_new and done.commit == hub.repos["art/tiny"].commits[-1].oid
    breaking.mend()
    assert not push(engine, "art/tiny").is_new
    check_commits(hub, "art/tiny", at_most=2)


@pytest.mark.parametrize("stage", ["info", "tree", "preupload", "batch"])
def test_any_other_question_may_fail_too(hub: HubServer, engine: Engine, stage: str) -> None:
    hub.faults[stage] = Answer(503)
    with pytest.raises(HubFailure, match=r"the Hub answers 503; try again later; .*nothing was pushed"):
        push(engine, "art/tiny")
    check_commits(hub, "art/tiny", at_most=1)


def test_an_account_that_is_full_is_told(hub: HubServer, engine: Engine) -> None:
    hub.faults["put"] = FAULTS["quota"]
    with pytest.raises(HubFailure, match=r"^upload to art/tiny: the storage of the account on the Hub is full; "):
        push(engine, "art/tiny")


def test_two_pushes_that_race_do_not_overwrite_each_other(hub: HubServer) -> None:
    """T35."""
    race(hub, rounds=3)


@pytest.mark.slow
def test_ten_pairs_race(hub: HubServer) -> None:
    """T35."""
    race(hub, rounds=10)


def test_files_that_could_not_be_pulled_are_not_pushed(hub: HubServer) -> None:
    with pytest.raises(RequestRejected, match=r"^palette.gpl: 65537 bytes; the limit is 65536$"):
        push_files({PALETTE_FILE: b"x" * 65537}, "art/tiny", title="", token=SECRET)
    assert hub.asked == []


def test_racing_is_noticed_even_when_both_push_the_same(hub: HubServer) -> None:
    """Then both are content: all that either wanted is there."""
    files, barrier, done = {CARD_FILE: b"same"}, threading.Barrier(2), []

    def meet(stage: Stage) -> None:
        if stage == "upload":
            barrier.wait(30)

    def one() -> None:
        done.append(push_files(files, "art/same", title="it", token=SECRET, on_stage=meet))

    hub.add("art/same", {}, private=True)
    threads = [threading.Thread(target=one) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(done) == 2 and len({pushed.commit for pushed in done}) == 1 and len(hub.repos["art/same"].commits) == 2
