"""Where the program runs, and what follows from it."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from pixelart.ui.security import hosting as module
from pixelart.ui.security.hosting import OAUTH_VARIABLES, Hosting, find_hosting, find_signer

SPACE = {"SYSTEM": "spaces", "SPACE_ID": "art/studio", "GRADIO_SERVER_NAME": "0.0.0.0"}
SIGNED = {**SPACE, **dict.fromkeys(OAUTH_VARIABLES, "x")}
ZERO = {**SIGNED, "SPACES_ZERO_GPU": "true"}
DESKTOP = Hosting("desktop")
OWN = "hf_ofTheMachine"


@pytest.fixture(autouse=True)
def signed_in_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "local_token", lambda: OWN)


@pytest.mark.parametrize(
    ("environ", "wanted"),
    [
        ({}, DESKTOP),
        ({"GRADIO_SERVER_NAME": "localhost"}, DESKTOP),
        ({"GRADIO_SERVER_NAME": "0.0.0.0"}, Hosting("server")),
        ({"GRADIO_SERVER_NAME": "::1", "GRADIO_SHARE": "False"}, DESKTOP),
        ({"GRADIO_SHARE": "True"}, Hosting("server")),
        (SPACE, Hosting("space", "art/studio")),
        ({"SPACE_ID": "art/studio"}, Hosting("space", "art/studio")),
        ({"SYSTEM": "spaces"}, Hosting("space")),
        (SIGNED, Hosting("space", "art/studio", True)),
        ({**SIGNED, "SYSTEM": ""}, Hosting("space", "art/studio")),
        ({**SIGNED, OAUTH_VARIABLES[1]: ""}, Hosting("space", "art/studio")),
        ({**SIGNED, "GRADIO_SERVER_NAME": "127.0.0.1"}, Hosting("space", "art/studio", True)),
        (ZERO, Hosting("zero_gpu", "art/studio", True)),
        ({**SIGNED, "SPACES_ZERO_GPU": "false"}, Hosting("space", "art/studio", True)),
        ({"SPACES_ZERO_GPU": "true"}, DESKTOP),
    ],
)
def test_the_environment_says_where(environ: Mapping[str, str], wanted: Hosting) -> None:
    assert find_hosting(environ) == wanted


@pytest.mark.parametrize(
    ("hosting", "reason"),
    [
        (DESKTOP, ""),
        (Hosting("server"), ""),
        (find_hosting(SIGNED), ""),
        (find_hosting(SPACE), "no sign-in"),
        (find_hosting(ZERO), "for seconds"),
    ],
)
def test_training_is_off_where_nobody_owns_it_or_no_time_is_lent(hosting: Hosting, reason: str) -> None:
    assert reason in hosting.training_refusal and bool(hosting.training_refusal) == bool(reason)


def test_an_owner_is_the_signed_in_user_or_else_the_browser() -> None:
    signed, browser = find_hosting(SIGNED), "a" * 32
    assert signed.owner("ann", browser) == signed.owner("ann", "b" * 32) != signed.owner("bob", browser)
    assert signed.owner("", browser) == "" and browser not in (signed.owner("ann", browser), "")
    assert Hosting("server").owner("ann", browser) == browser == DESKTOP.owner("", browser)


def test_a_desktop_signs_as_whoever_is_signed_in_on_it(monkeypatch: pytest.MonkeyPatch) -> None:
    signer = find_signer(DESKTOP, user="", token=None)
    assert signer and signer.token == OWN and OWN not in repr(signer)
    monkeypatch.setattr(module, "local_token", lambda: None)
    assert find_signer(DESKTOP, user="", token=None) is None


@pytest.mark.parametrize("hosting", [Hosting("server"), find_hosting(SPACE), find_hosting(SIGNED), find_hosting(ZERO)])
@pytest.mark.parametrize(
    ("user", "token"), [("", ""), ("", None), ("ann", ""), ("ann", None), ("", "hf_x"), (1, "hf_x")]
)
def test_who_is_not_signed_in_signs_nothing_and_the_machine_least(
    hosting: Hosting, user: object, token: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "local_token", lambda: pytest.fail("the machine's token was asked for"))
    assert find_signer(hosting, user=user, token=token) is None


def test_a_visitor_of_a_space_signs_with_their_own_token_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "local_token", lambda: pytest.fail("the machine's token was asked for"))
    signer = find_signer(find_hosting(SIGNED), user="ann", token="hf_annsOwn")
    assert signer and (signer.user, signer.token) == ("ann", "hf_annsOwn")
    assert find_signer(Hosting("server"), user="ann", token="hf_annsOwn") is None
