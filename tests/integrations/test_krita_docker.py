"""The docker of the Krita plug-in in a stand-in of Qt: which buttons can be pressed, and what they start."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integrations.krita_stand_in import Thing, load_docker

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
