"""The docker of the Krita plug-in in a stand-in of Qt: which buttons can be pressed, and what they start."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from pixelart.integrations.krita.pixelart_studio.pixels import Box
from tests.integrations.krita_stand_in import FakeKrita, Thing, load_docker

MODELS = {
    "models": [
        {
            "name": "tiny", "width": 8, "height": 8, "classes": ["hero"], "looks": [], "kinds": {},
            "presets": ["balanced"], "any_size": False, "takes_palettes": False,
        }
    ],
    "version": "0",
}  # fmt: skip
CLOSED = {"error": "The app does not answer.", "is_closed": True}


class Session:
    """A docker, the apps that it has started, and the messages that it has sent."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        docker, connection = load_docker(monkeypatch)
        self.started, self.sent = list[Any](), list[str]()
        for module in (docker, connection):
            monkeypatch.setattr(module, "start_command", lambda: ["python", "app.py"])
        session = self

        class Process(Thing):
            def startDetached(self) -> bool:
                session.started.append(self)
                return True

        monkeypatch.setattr(connection, "QProcess", Process)
        monkeypatch.setattr(connection.Connection, "ask", lambda _, message: session.sent.append(message["action"]))
        self.docker = docker.StudioDocker()

    def answer(self, answer: dict[str, Any]) -> None:
        assert self.docker.is_busy, "it has asked"
        self.docker._answered(answer)

    def press(self, name: str) -> None:
        self.docker.form.buttons[name].press()

    def can(self, name: str) -> bool:
        button = self.docker.form.buttons[name]
        return button.is_enabled and button.is_visible


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch) -> Session:
    return Session(monkeypatch)


def test_the_app_can_be_started_again_after_it_was_closed(session: Session) -> None:
    session.answer(MODELS)
    assert session.can("draw") and not session.can("start")
    session.docker.layers = Thing()  # results of an earlier drawing
    session.docker.find_models()
    session.answer(CLOSED)
    assert session.can("start") and not session.can("draw") and session.docker.form.status.text() == CLOSED["error"]
    assert session.can("apply") and session.can("discard") and not session.can("again"), "this would only discard them"
    session.press("start")
    assert len(session.started) == 1


class Document(Thing):
    """An open picture of 20 x 10 pixels."""

    def width(self) -> int:
        return 20

    def height(self) -> int:
        return 10


def test_results_are_only_put_where_they_were_asked_for(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    docker, shown = sys.modules[type(session.docker).__module__], list[str]()
    document, layer, box = Document(), Thing(), Box(0, 0, 20, 10)
    place = docker.Place(document, layer, box, box, bytes(800), b"\xff" * 200)
    monkeypatch.setattr(docker, "selection_place", lambda model: place)
    monkeypatch.setattr(docker.StudioDocker, "_show", lambda self, *given: shown.append(self.form.status.text()))
    session.answer(MODELS)
    answer, told = {"results": [], "width": 20, "height": 10, "left": 0, "up": 0}, list[str]()
    for opened, name, value in (
        ([], "", None),
        ([document], "width", lambda: 21),
        ([document], "width", lambda: 20),
    ):
        monkeypatch.setattr(FakeKrita, "documents", lambda _, opened=opened: opened, raising=False)
        setattr(document, name or "other", value)
        session.press("complete")
        session.answer(answer)
        told.append(session.docker.form.status.text())
    setattr(layer, "parentNode", lambda: None)  # noqa: B010 - it stands for any class
    session.press("complete")
    session.answer(answer)
    gone = "The picture or its layer is gone."
    assert told == [gone, "The picture has another size now; draw again.", "Waiting"] and len(shown) == 1
    assert session.docker.form.status.text() == gone and session.can("complete")


def test_only_the_layers_colours_are_drawn_or_nothing(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    docker, box = sys.modules[type(session.docker).__module__], Box(0, 0, 1, 2)
    session.answer(MODELS)
    session.docker.form.own_colours.isChecked = lambda: True
    for rgba, told in ((bytes(8), docker.NO_PALETTE), (b"\1\2\3\xff\4\5\6\xff", "Waiting")):
        monkeypatch.setattr(docker, "drawing_place", lambda rgba=rgba: docker.Place(Thing(), Thing(), box, box, rgba))
        session.press("draw")
        assert session.docker.form.status.text() == told
    assert session.sent == ["models", "generate"]


def test_what_is_too_large_to_send_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    _, connection = load_docker(monkeypatch)
    told, reply = list[Any](), Thing()
    asking = connection.Connection(told.append)
    for status, wanted in ((413, connection.TOO_LARGE), (404, "has no route for editors: it is older, or a server.")):
        setattr(reply, "attribute", lambda _, status=status: status)  # noqa: B010
        asking._reply = reply
        asking._finish(reply)
        assert told.pop()["error"].endswith(wanted)


def test_the_app_is_started_once_while_it_loads(session: Session) -> None:
    session.answer(CLOSED)
    session.press("start")
    for _ in range(3):
        session.press("start")
        session.docker.starter._again()
        assert not session.can("start"), "also while it asks"
        session.answer(CLOSED)
        assert session.docker.form.status.text() == "The app is starting ..."
    assert len(session.started) == 1
    session.docker.starter._again()
    session.answer(MODELS)
    assert session.can("draw") and not session.can("start")


def test_an_app_that_never_answers_can_be_started_again(session: Session) -> None:
    session.answer(CLOSED)
    session.press("start")
    session.docker.starter._left = 1
    session.docker.starter._again()
    session.answer(CLOSED)
    assert session.can("start") and session.docker.form.status.text() == CLOSED["error"]


def test_an_app_that_was_started_elsewhere_is_found_when_the_pointer_enters(session: Session) -> None:
    session.answer(CLOSED)
    asked = len(session.sent)
    session.docker.enterEvent(None)
    assert session.sent[asked:] == ["models"]
    session.answer(MODELS)
    session.docker.enterEvent(None)
    assert session.sent[asked:] == ["models"] and session.can("draw"), "asked only as long as it has no models"
