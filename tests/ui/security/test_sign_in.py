"""Sign-in on a Space that has a secret itself: who a page belongs to, and with whose token the Hub is written to."""

from __future__ import annotations

import base64
import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import gradio as gr
import pytest
from huggingface_hub import get_token
from itsdangerous import TimestampSigner

from pixelart.checkpoint.ownership import current_owner
from pixelart.ui import build
from pixelart.ui.security.hosting import OAUTH_VARIABLES, Hosting, Signer
from pixelart.ui.security.identity import LOST, Arrivals, browser_of, signer_of, training_notice
from pixelart.ui.security.safe_blocks import SafeBlocks
from tests.hub_server import HubServer, serve
from tests.ui.fake_engine import FakeEngine
from tests.ui.serving import GRADIO_WARNINGS, OFF, serving_app, without_resource_warnings
from tests.ui.visitor import Visitor

pytestmark = pytest.mark.filterwarnings(*GRADIO_WARNINGS)
OF_THE_SPACE, OF_ANN, OF_BOB = "hf_secretOfTheSpace", "hf_annsOwn", "hf_bobsOwn"
CLIENT_SECRET = "secret of the OAuth client"
GIVEN = ("client", CLIENT_SECRET, "openid profile contribute-repos", "https://hub")
OAUTH = dict(zip(OAUTH_VARIABLES, GIVEN, strict=True))
HOSTING = Hosting("space", "art/studio", True)


def session(user: str, token: str, *, expires: float = 3600.0, secret: str = CLIENT_SECRET) -> str:
    """The cookie of who signed in, as gradio signs it."""
    profile = {"name": user, "preferred_username": user, "profile": f"https://hub/{user}", "picture": ""}
    info = {"access_token": token, "scope": "contribute-repos", "expires_at": int(time.time() + expires)}
    data = base64.b64encode(json.dumps({"oauth_info": {**info, "userinfo": profile}}).encode())
    return "session=" + TimestampSigner(sha256(f"{secret}-v4".encode()).hexdigest()).sign(data).decode()


@dataclass
class Space:
    """A Space that pushes on request, and the Hub that it pushes to."""

    url: str
    hub: HubServer
    events: dict[str, Any]

    def call(self, name: str, data: list[Any], headers: dict[str, str], body: dict[str, Any] | None = None) -> Any:
        sent = {"data": data, "fn_index": self.events[name], "session_hash": "someone", **(body or {})}
        request = urllib.request.Request(
            f"{self.url}gradio_api/run/predict",
            json.dumps(sent).encode(),
            {"Content-Type": "application/json", **headers},
        )
        try:
            with urllib.request.urlopen(request) as answer:
                return json.load(answer)["data"][0]
        except urllib.error.HTTPError as error:
            error.close()
            return f"error {error.code}"


@pytest.fixture(scope="module")
def space() -> Iterator[Space]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {**OAUTH, "SYSTEM": "spaces", "SPACE_ID": "art/studio", "HF_TOKEN": OF_THE_SPACE}.items():
            patch.setenv(name, value)
        for name, value in OAUTH.items():
            patch.setattr(f"gradio.oauth.{name}", value)
        patch.setattr("gradio.http_server.watchfn_spaces", lambda reloader: None)  # which needs the package of Spaces
        assert get_token() == OF_THE_SPACE
        users = {OF_THE_SPACE: "art", OF_ANN: "ann", OF_BOB: "bob"}
        with serve(HubServer(users=users)) as hub, without_resource_warnings():
            app = _pushing(hub)
            app.launch(prevent_thread_lock=True, server_name="127.0.0.1", quiet=True, ssr_mode=False)
            assert app.local_url
            with urllib.request.urlopen(f"{app.local_url}config") as answer:
                events = {d["api_name"]: d["id"] for d in json.load(answer)["dependencies"]}
            yield Space(app.local_url, hub, events)
            app.close(verbose=False)
            del app


def _pushing(hub: HubServer) -> gr.Blocks:
    """An app whose one event pushes."""

    def push(profile: gr.OAuthProfile | None, token: gr.OAuthToken | None) -> str:
        signer = signer_of(HOSTING, profile, token)
        return _push(hub, signer) if signer else "nobody"

    with SafeBlocks(analytics_enabled=False) as app:
        gr.LoginButton()
        app.load(push, None, gr.Textbox(), queue=False)
    return app.queue()


def _push(hub: HubServer, signer: Signer) -> str:
    sent = urllib.request.Request(f"{hub.url}/api/whoami-v2", headers={"Authorization": f"Bearer {signer.token}"})
    with urllib.request.urlopen(sent) as answer:
        return json.load(answer)["name"]


FORGED = f"Bearer {OF_THE_SPACE}"
UNSIGNED = base64.b64encode(b'{"oauth_info": {"access_token": "x"}}').decode()
NOBODY: dict[str, tuple[dict[str, str], dict[str, Any]]] = {
    "anonymous": ({}, {}),
    "an empty cookie": ({"Cookie": "session="}, {}),
    "a cookie of noise": ({"Cookie": "session=abc.def.ghi"}, {}),
    "an unsigned cookie": ({"Cookie": f"session={UNSIGNED}"}, {}),
    "a cookie signed by another": ({"Cookie": session("art", OF_THE_SPACE, secret="guessed")}, {}),
    "a cookie signed without a secret": ({"Cookie": session("art", OF_THE_SPACE, secret="")}, {}),
    "an expired sign-in": ({"Cookie": session("ann", OF_ANN, expires=-1)}, {}),
    "a sign-in without a token": ({"Cookie": session("ann", "")}, {}),
    "a token without a name": ({"Cookie": session("", OF_ANN)}, {}),
    "another cookie": ({"Cookie": f"token={OF_THE_SPACE}; access-token={OF_THE_SPACE}"}, {}),
    "Authorization": ({"Authorization": FORGED}, {}),
    "X-HF-Token": ({"X-HF-Token": OF_THE_SPACE}, {}),
    "X-HF-User": ({"X-HF-User": "art", "X-Forwarded-User": "art"}, {}),
    "X-IP-Token": ({"X-IP-Token": OF_THE_SPACE}, {}),
    "a token in the body": ({}, {"oauth_token": OF_THE_SPACE}),
    "a token and a name in the body": ({}, {"oauth_token": OF_ANN, "username": "ann", "profile": {"username": "ann"}}),
    "a forged session in the body": ({}, {"session": {"oauth_info": {"access_token": OF_ANN}}}),
    "an expired sign-in and a token in the body": (
        {"Cookie": session("ann", OF_ANN, expires=-1)},
        {"oauth_token": OF_ANN},
    ),
}


@pytest.mark.parametrize("case", NOBODY)
def test_who_did_not_sign_in_pushes_nothing_and_the_secret_of_the_space_stays(space: Space, case: str) -> None:
    space.hub.asked.clear()
    headers, body = NOBODY[case]
    assert space.call("push", [], headers, body) in ("nobody", "error 500")
    assert space.hub.asked == []


@pytest.mark.parametrize(("user", "token"), [("ann", OF_ANN), ("bob", OF_BOB)])
def test_who_signed_in_pushes_as_themselves_whatever_else_is_sent(space: Space, user: str, token: str) -> None:
    space.hub.asked.clear()
    headers = {"Cookie": session(user, token), "Authorization": FORGED, "X-HF-User": "art"}
    assert space.call("push", [], headers, {"oauth_token": OF_THE_SPACE}) == user
    assert [authorization for _, authorization in space.hub.asked] == [f"Bearer {token}"]


@pytest.mark.slow
@pytest.mark.usefixtures("space")  # or gradio warns that there is none
@pytest.mark.parametrize("hosting", [HOSTING, Hosting("space", "art/studio"), Hosting("server"), Hosting("desktop")])
def test_the_page_offers_sign_in_where_there_is_one_and_is_told_apart_but_on_a_desktop(hosting: Hosting) -> None:
    with without_resource_warnings():
        app = build(FakeEngine(), OFF, hosting=hosting)  # pyright: ignore[reportArgumentType]
        assert app.expects_oauth == hosting.has_sign_in
        assert isinstance(app, SafeBlocks) and (app.owner is None) == hosting.is_local
        del app


class DatasetSpec(FakeEngine):
    """Remembers who asked for its list."""

    def list_checkpoints(self) -> list[Any]:
        self.asker = current_owner()
        return super().list_checkpoints()


@pytest.mark.slow
def test_events_of_a_server_are_asked_by_the_owner_that_the_page_arrived_with() -> None:
    engine = DatasetSpec()
    with serving_app(engine, hosting=Hosting("server")) as (_, url):
        ann, bob = Visitor(url), Visitor(url)
        ann.post("load", [None, None])
        assert engine.asker == ""  # not arrived yet
        kept = ann.post("on_load", [{"owner": "a" * 32, "job": "x"}]).data[0]
        assert kept == {"owner": "a" * 32, "job": "x"}
        bob.post("on_load", [None])
        ann.post("load", [None, None])
        assert engine.asker == "a" * 32
        bob.post("load", [None, None])
        assert engine.asker not in ("", "a" * 32) and engine.asker and len(engine.asker) == 32


@pytest.mark.parametrize("memory", [None, {}, "x", {"owner": 5}, {"owner": "../" * 10}, {"owner": "a" * 33}, []])
def test_a_browser_without_a_secret_is_given_one(memory: Any) -> None:
    arrivals = Arrivals(Hosting("server"))
    given, owner = arrivals.on_load(memory, None)
    assert browser_of(given) == owner and len(owner) == 32 and owner != arrivals.on_load(memory, None)[1]


@pytest.mark.slow
def test_on_a_space_with_sign_in_the_secret_of_a_browser_opens_nothing() -> None:
    ann = gr.OAuthProfile({"name": "Ann", "preferred_username": "ann", "profile": "", "picture": ""})
    owner = Arrivals(HOSTING).on_load(None, ann)[1]
    assert owner and Arrivals(HOSTING).on_load({"owner": owner}, None)[1] == ""


@pytest.mark.slow
def test_why_training_is_off_comes_with_two_ways_on() -> None:
    zero = Hosting("zero_gpu", "art/studio", True)
    text = training_notice(zero, zero.training_refusal)
    assert "Training is off here" in text and "spaces/art/studio?duplicate=true" in text and "python app.py" in text
    assert "duplicate" not in training_notice(Hosting("desktop"), "Training is off: <b>.")
    assert "&lt;b&gt;" in training_notice(Hosting("desktop"), "Training is off: <b>.")
    assert LOST in training_notice(HOSTING, "") and training_notice(Hosting("desktop"), "") == ""
