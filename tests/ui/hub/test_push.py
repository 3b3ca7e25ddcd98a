"""Push to Hub: who pushes what, in whose name, and what a page is told."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
from huggingface_hub import get_token

from pixelart.checkpoint.ownership import request_owner
from pixelart.errors import Cancelled, HubFailure, RequestRejected
from pixelart.hub import Pushed
from pixelart.settings import SETTINGS
from pixelart.ui.hub import push as push_page
from pixelart.ui.hub.push import (
    FULL,
    NOT_ON_DESKTOP,
    NOT_ON_SERVER,
    NOT_ON_SPACE,
    NOT_YOURS,
    ONE_AT_A_TIME,
    PushHandlers,
    Terms,
)
from pixelart.ui.hub.push_report import DRAWN_LATER, card_body, pushed_html
from pixelart.ui.security.hosting import Hosting
from pixelart.ui.security.safe_blocks import FAULT
from tests.hub_server import Answer, HubServer
from tests.ui.fake_engine import FakeEngine
from tests.ui.hub_apps import hub_of, make_models, serving_models
from tests.ui.page_events import BAD, GOOD, JOB, MEMORY, PICTURES, TRAINING, assert_plain
from tests.ui.security.test_sign_in import HOSTING, NOBODY, OAUTH, OF_ANN, OF_BOB, OF_THE_SPACE, session
from tests.ui.serving import GRADIO_WARNINGS
from tests.ui.visitor import Visitor

pytestmark = pytest.mark.filterwarnings(*GRADIO_WARNINGS)
ANN, BOB = ({"Cookie": session(user, token)} for user, token in (("ann", OF_ANN), ("bob", OF_BOB)))
FORM = ["anns", "ann/anns", "cc0-1.0", "My own.", True]
SECRETS = (OF_THE_SPACE, OF_ANN, OF_BOB)


@pytest.fixture(scope="module")
def hub() -> Iterator[HubServer]:
    with hub_of({OF_THE_SPACE: "art", OF_ANN: "ann", OF_BOB: "bob"}) as hub:
        yield hub


@pytest.fixture(autouse=True)
def nothing_asked(hub: HubServer) -> None:
    hub.asked.clear()
    hub.faults.clear()
    hub.repos.clear()


@pytest.fixture(scope="module")
def folder(tiny_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("published") / "checkpoints"
    make_models(tiny_run, folder, {"tiny": "", "anns": HOSTING.owner("ann", "")})
    return folder


@pytest.fixture(scope="module")
def space(folder: Path, hub: HubServer) -> Iterator[str]:
    """The app as a Space that has a secret itself."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {**OAUTH, "SYSTEM": "spaces", "SPACE_ID": "art/studio", "HF_TOKEN": OF_THE_SPACE}.items():
            patch.setenv(name, value)
        for name, value in OAUTH.items():
            patch.setattr(f"gradio.oauth.{name}", value)
        patch.setattr("gradio.http_server.watchfn_spaces", lambda reloader: None)
        assert get_token() == OF_THE_SPACE
        with serving_models(folder, folder.parent / "jobs", HOSTING) as url:
            yield url


@pytest.fixture(scope="module")
def desktop(folder: Path, hub: HubServer) -> Iterator[str]:
    with serving_models(folder, folder.parent / "desktop", Hosting("desktop")) as url:
        yield url


def arrived(url: str, headers: dict[str, str] | None = None) -> Visitor:
    visitor = Visitor(url, headers=headers)
    visitor.post("on_load", [None])
    return visitor


@pytest.mark.slow
@pytest.mark.parametrize("case", [case for case, (_, body) in NOBODY.items() if not body])
def test_who_did_not_sign_in_pushes_nothing(space: str, hub: HubServer, case: str) -> None:
    """T39"""
    visitor = arrived(space, NOBODY[case][0])
    for event, data in (("offer_push", ["anns", "anns", ""]), ("preview_card", FORM), ("push", FORM)):
        answer = visitor.post(event, data)
        assert answer.error or NOT_ON_SPACE in answer.told(), answer
    tiny = ["tiny", "art/tiny", *FORM[2:]]
    assert "Pushed" not in visitor.post("push", tiny).raw
    assert hub.asked == [] and hub.repos == {}


@pytest.mark.slow
def test_who_signed_in_pushes_the_own_model_in_the_own_name(space: str, hub: HubServer) -> None:
    visitor = arrived(space, ANN | {"Authorization": f"Bearer {OF_THE_SPACE}"})
    notice, _, _, login, model, repository = visitor.post("offer_push", ["", "tiny", ""]).data
    assert notice == "" and login is None and repository == "ann/anns"  # a gr.State is not told
    assert model["value"] == "anns" and model["choices"] == [["anns", "anns"]]
    assert hub.asked == []
    answer = visitor.post("push", FORM)
    assert "Signing in" in answer.raw
    repo = hub.repos["ann/anns"]
    (shown,) = answer.data
    assert f'href="{hub.url}/ann/anns/commit/{repo.commits[-1].oid}"' in shown and "private." in shown
    assert repo.private and "My own." in repo.files["README.md"].decode()
    assert {asked for stage, asked in hub.asked if stage != "put"} == {f"Bearer {OF_ANN}"}
    assert "the repository is up to date" in visitor.post("push", FORM).data[0]


FOREIGN = [
    ["anns", "bob/anns"], ["anns", "ann/anns"], ["tiny", "bob/tiny"], ["pulled", "bob/pulled"], ["", "bob/x"],
    ["../checkpoints/anns", "bob/x"], ["checkpoints/anns", "bob/x"], ["./anns", "bob/x"], [None, "bob/x"],
]  # fmt: skip


@pytest.mark.parametrize("chosen", FOREIGN)
def test_a_model_that_is_not_the_visitors_is_not_pushed(space: str, hub: HubServer, chosen: list[Any]) -> None:
    """T11"""
    bob = arrived(space, BOB)
    assert bob.post("offer_push", ["anns", "anns", ""]).data[4]["choices"] == []
    for event in ("push", "preview_card"):
        assert NOT_YOURS in bob.post(event, [*chosen, *FORM[2:]]).told()
    assert hub.asked == []


def test_a_page_of_another_is_not_pushed_from(space: str, hub: HubServer) -> None:
    """Whoever knows the number of Ann's session is not Ann."""
    ann, bob = arrived(space, ANN), Visitor(space, headers=BOB)
    object.__setattr__(bob, "session", ann.session)
    assert NOT_ON_SPACE in bob.post("push", ["anns", "bob/anns", *FORM[2:]]).told()
    assert hub.asked == []


@pytest.mark.parametrize(
    ("place", "value", "told"),
    [
        (1, "bob/anns", "ann/name"),
        (1, "art/anns", "ann/name"),
        (1, "Ann/anns", "ann/name"),
        (1, "anns", "write owner/name"),
        (1, "ann/../x", "write owner/name"),
        (1, "https://hub/ann/x", "write owner/name"),
        (1, "", "Write the repository"),
        (1, None, "Write the repository"),
        (2, None, "Choose a licence"),
        (2, "mine", "Choose a licence"),
        (2, ["cc0-1.0"], "Choose a licence"),
        (3, "x" * 2001, "2001 characters"),
    ],
)
def test_terms_that_cannot_be_are_told_before_anything_is_asked(
    space: str, hub: HubServer, place: int, value: Any, told: str
) -> None:
    data = [*FORM[:place], value, *FORM[place + 1 :]]
    assert told in arrived(space, ANN).post("push", data).told()
    assert hub.asked == []


def test_a_public_push_says_whose_pictures_and_only_an_open_tick_is_public(space: str, hub: HubServer) -> None:
    ann = arrived(space, ANN)
    assert "say who made" in ann.post("push", [*FORM[:3], " ", False]).told()
    for private in (None, 0, "", [], "false"):
        assert "private." in ann.post("push", [*FORM[:4], private]).data[0]
    hub.repos.clear()
    assert "public." in ann.post("push", [*FORM[:4], False]).data[0] and not hub.repos["ann/anns"].private


@pytest.mark.slow
def test_any_value_of_who_signed_in_answers_plainly(space: str, hub: HubServer) -> None:
    hub.faults["login"] = Answer(401)
    ann = arrived(space, ANN)
    for event in ("push", "preview_card", "offer_push"):
        good = FORM if event != "offer_push" else ["anns", "tiny", ""]
        for place in range(len(good)):
            for value in BAD:
                answer = ann.post(event, [*good[:place], value, *good[place + 1 :]])
                assert_plain(answer)
                assert "went wrong" not in answer.told() and "went wrong" not in answer.raw, (event, place, value)


@pytest.mark.slow
def test_no_token_is_told_to_a_page_or_to_a_log(
    space: str, hub: HubServer, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """T38"""
    told = ""
    with caplog.at_level(logging.DEBUG):
        for fault in (None, "login", "create", "info", "preupload", "put", "commit"):
            hub.faults.clear()
            hub.repos.clear()
            hub.large.clear()
            if fault:
                hub.faults[fault] = Answer(400, {}, OF_ANN.encode())
            ann = arrived(space, ANN)
            for event, data in (
                ("offer_push", ["", "", ""]), ("suggest_repository", [None, "anns"]), ("preview_card", FORM),
                ("push", FORM), ("follow_used", [None, "anns"]),
            ):  # fmt: skip
                told += ann.post(event, data).raw
            told += json.dumps(ann.events)
    printed = "".join(capfd.readouterr())
    assert "Pushed to" in told and "nothing was pushed" in told and caplog.records
    for secret in SECRETS:
        assert secret not in told + caplog.text + printed
        assert not [record for record in caplog.records if secret in repr(record.__dict__)]
        assert not [body for body in hub.bodies if secret.encode() in body]


def test_a_failure_is_one_sentence_and_the_model_stays(space: str, hub: HubServer, folder: Path) -> None:
    before = {path.name: path.read_bytes() for path in (folder / "anns").iterdir()}
    hub.faults["commit"] = Answer(403)
    (shown,) = arrived(space, ANN).post("push", FORM).data
    assert "commit to ann/anns: the sign-in does not allow it; nothing was pushed" in shown
    assert {path.name: path.read_bytes() for path in (folder / "anns").iterdir()} == before


@pytest.mark.slow
def test_on_a_desktop_whoever_is_signed_in_on_the_machine_pushes(
    desktop: str, hub: HubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pixelart.ui.security.hosting.local_token", lambda: None)
    form = ["tiny", "bob/sprites", *FORM[2:]]
    visitor = arrived(desktop)
    assert NOT_ON_DESKTOP in visitor.post("offer_push", ["", "tiny", ""]).told() and NOT_ON_DESKTOP in visitor.post(
        "push", form
    ).told().replace("&#x27;", "'")
    monkeypatch.setattr("pixelart.ui.security.hosting.local_token", lambda: OF_BOB)
    *_, model, repository = visitor.post("offer_push", ["", "tiny", ""]).data
    assert repository == "bob/tiny" and model["value"] == "tiny" and ["pulled", "pulled"] not in model["choices"]
    assert visitor.post("suggest_repository", [None, "anns"]).data == ["bob/anns"]
    assert [update["value"] for update in visitor.post("follow_used", [None, "anns"]).data[:1]] == ["anns"]
    assert "Pushed to" in visitor.post("push", form).data[0] and "bob/sprites" in hub.repos
    hub.asked.clear()
    passed_on = arrived(desktop, {"X-Forwarded-For": "203.0.113.5"})
    assert "Pushed" not in passed_on.post("push", ["tiny", "bob/tiny", *FORM[2:]]).raw and hub.asked == []


@pytest.mark.slow
def test_a_sign_in_that_cannot_be_asked_for_is_told_and_the_form_stays(
    desktop: str, hub: HubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pixelart.ui.security.hosting.local_token", lambda: OF_BOB)
    hub.faults["login"] = Answer(500)
    notice, form, status, *_, repository = arrived(desktop).post("offer_push", ["", "tiny", ""]).data
    assert notice == "" and form["visible"] and "sign-in: the Hub answers 500" in status
    assert repository == gr.skip()


def test_a_repository_that_is_written_stays_if_the_account_is_not_known() -> None:
    handlers: Any = PushHandlers(FakeEngine(), Hosting("desktop"))  # pyright: ignore[reportArgumentType]
    assert handlers.suggest_repository("ann", "tiny") == "ann/tiny"
    assert handlers.suggest_repository("", "tiny") == gr.skip()
    handlers.engine.own_checkpoints = handlers.engine.list_checkpoints
    assert handlers.follow_used("", "tiny")[1] == gr.skip()


@pytest.mark.slow
def test_a_server_of_others_pushes_nothing(folder: Path, hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pixelart.ui.security.hosting.local_token", lambda: OF_BOB)
    with serving_models(folder, folder.parent / "server", Hosting("server")) as url:
        visitor = arrived(url)
        assert NOT_ON_SERVER in visitor.post("offer_push", ["", "tiny", ""]).told()
        assert NOT_ON_SERVER in visitor.post("push", ["tiny", "bob/tiny", *FORM[2:]]).told()
        assert hub.asked == [] and "load_model" not in visitor.events


RENTING = ["rent_training", "show_cost", *(f"show_cost_{i}" for i in (1, 2, 3))]
RENTING += ["choose_place", "choose_place_1", "choose_place_2"]
"""Of the panel of rented machines, where somebody can pay for them."""
CHOSEN_AFTER = {"select_model": 2, "offer": 4, "name_of": 4, "offer_classes": 3, "preset_values": 4}
"""What follows a model that is loaded from the Hub or a file -> the number of its first event."""


@pytest.mark.slow
def test_a_desktop_has_these_events_more(desktop: str) -> None:
    assert set(Visitor(desktop).events) == {
        *GOOD,
        "load_model",
        "add_model",
        "receive_part",
        "editor",
        *RENTING,
        *(f"{name}_{i}" for name, first in CHOSEN_AFTER.items() for i in (first, first + 1)),
    }


RENTED = "Hugging Face GPU"
RENTALS: dict[str, list[Any]] = {
    "choose_place": [RENTED, "a10g-small"],
    "show_cost": [None, None, "a10g-small", 60, *TRAINING],
    "rent_training": [MEMORY, None, *PICTURES[:-2], *TRAINING, None, "a10g-small", 60],
    "resume_training": [MEMORY, JOB, None, None, "a10g-small", 60],
    "delete_uploaded": [MEMORY, JOB],
}


@pytest.mark.slow
@pytest.mark.parametrize("event", RENTALS)
def test_a_rental_with_any_value_answers_plainly_and_rents_nothing(desktop: str, hub: HubServer, event: str) -> None:
    visitor = arrived(desktop)
    for place in range(len(RENTALS[event])):
        for value in BAD:
            data = [*RENTALS[event][:place], value, *RENTALS[event][place + 1 :]]
            answer = visitor.post(event, data)
            assert_plain(answer)
            assert answer.error != FAULT, (place, value)
    assert not {stage for stage, _ in hub.asked} & {"create", "submit"}


def test_the_card_that_is_shown_is_of_the_page_alone(space: str, folder: Path) -> None:
    status, card = (
        arrived(space, ANN).post("preview_card", [*FORM[:3], "<img src=x onerror=alert(1)> [a](b)", False]).data
    )
    assert "Nothing is pushed" in status and card.startswith("# anns")
    assert DRAWN_LATER in card and "samples.png" not in card and "license:" not in card
    assert "<img" not in card and "&lt;img" in card and "\\[a\\]" in card
    assert card_body("---\na: 1\n---\n\n# x\n\n![y](samples.png)\n") == f"# x\n\n{DRAWN_LATER}"


@pytest.mark.parametrize("url", ["javascript:alert(1)//", "data:text/html,x", 'https://hub/"><script>x</script>'])
def test_what_a_hub_answers_is_no_way_into_the_page(url: str) -> None:
    shown = pushed_html(Pushed("a/b", url, "0" * 40, True, False), asked_private=False)
    assert "<script" not in shown and 'href="javascript' not in shown and 'href="data' not in shown


@pytest.mark.slow
def test_what_was_private_before_stays_so_and_is_told() -> None:
    assert "stays private" in pushed_html(Pushed("a/b", "https://hub/a/b", "0" * 40, True, True), asked_private=False)


@pytest.mark.slow
def test_so_many_pushes_are_on_their_way_at_once_and_a_failed_one_leaves_its_place(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    engine: Any = FakeEngine()
    handlers = PushHandlers(engine, HOSTING)
    terms = Terms("tiny", "ann/tiny", "mit", "", True, OF_ANN)
    assert OF_ANN not in repr(terms)

    def push_checkpoint(*_: Any, on_stage: Any, **__: Any) -> None:
        on_stage("login")
        raise HubFailure("no")

    monkeypatch.setattr(push_page, "push_checkpoint", push_checkpoint)
    told = list[str]()

    def beside(others: list[str]) -> Any:
        def tell(stage: str) -> None:
            if others:
                try:
                    handlers._push(others[0], terms, beside(others[1:]))
                except (HubFailure, RequestRejected) as error:
                    told.append(str(error))

        return tell

    for _ in range(3):
        for others, refused in ((["ann"], ONE_AT_A_TIME), (["bob", "cy"], FULL)):
            told.clear()
            with pytest.raises(HubFailure):
                handlers._push("ann", terms, beside(others))
            assert told[0] == refused and told[1:] == ["no"] * (len(others) - 1)
    assert SETTINGS.max_pushes == 2


@pytest.mark.slow
def test_a_push_is_cancelled_by_its_own_visitor_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    engine: Any = FakeEngine()
    handlers, began, ended = PushHandlers(engine, HOSTING), threading.Event(), list[Exception]()

    def push_checkpoint(*_: Any, cancel: Any, **__: Any) -> None:
        began.set()
        while not cancel():
            time.sleep(0.01)
        raise Cancelled

    def push() -> None:
        try:
            handlers._push("ann", Terms("tiny", "ann/tiny", "mit", "", True, OF_ANN), lambda stage: None)
        except Cancelled as error:
            ended.append(error)

    monkeypatch.setattr(push_page, "push_checkpoint", push_checkpoint)
    thread = threading.Thread(target=push)
    thread.start()
    assert began.wait(10)
    for other in ("bob", ""):
        with request_owner(other):
            handlers.stop_push()
    thread.join(0.1)
    assert thread.is_alive()
    with request_owner("ann"):
        handlers.stop_push()
        thread.join(10)
        assert len(ended) == 1
        handlers.stop_push()  # there is none any more
