"""The permission to run Jobs is asked for only by the link of a visitor who wants to rent a machine."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from pixelart.ui.security.scopes import JOBS_SCOPE, SIGN_IN_FOR_JOBS, AskScopesLater

SENT_TO = "https://hub/oauth/authorize?response_type=code&scope=openid+profile+contribute-repos+jobs&state=a%2Fb&nonce="


def _login(request: Request) -> Response:
    return RedirectResponse(SENT_TO if "plain" not in request.query_params else "/elsewhere")


def _page(request: Request) -> Response:
    return PlainTextResponse("page", headers={"Location": SENT_TO})


@pytest.fixture
def client() -> TestClient:
    routes = [Route("/login/huggingface", _login), Route("/", _page)]
    app = Starlette(routes=routes, middleware=[Middleware(AskScopesLater)])
    return TestClient(app, follow_redirects=False)


def test_a_usual_sign_in_does_not_ask_for_it(client: TestClient) -> None:
    asked = parse_qs(urlsplit(client.get("/login/huggingface").headers["location"]).query, keep_blank_values=True)
    assert asked == {
        "response_type": ["code"], "scope": ["openid profile contribute-repos"], "state": ["a/b"], "nonce": [""]
    }  # fmt: skip


def test_the_link_of_the_panel_asks_for_it(client: TestClient) -> None:
    (address,) = [part for part in SIGN_IN_FOR_JOBS.split('"') if part.startswith("login/")]
    assert client.get(f"/{address}").headers["location"] == SENT_TO
    assert JOBS_SCOPE in SENT_TO


def test_other_answers_stay_as_they_are(client: TestClient) -> None:
    assert client.get("/").headers["location"] == SENT_TO
    assert client.get("/login/huggingface?plain=1").headers["location"] == "/elsewhere"
