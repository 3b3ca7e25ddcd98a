"""The sign-in of a Space asks for the permission to run Jobs only when a visitor wants to rent a machine.

gradio asks for all scopes of the Space at every sign-in. This middleware takes JOBS_SCOPE out of the address that a
sign-in is sent to, unless the visitor came by the link that asks for it.
"""

from __future__ import annotations

from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit, urlunsplit

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

JOBS_SCOPE = "jobs"
_LOGIN, _WANTED = "/login/huggingface", "rent"
SIGN_IN_FOR_JOBS = (
    f'<a href="{_LOGIN.lstrip("/")}?{_WANTED}=1" target="_blank" rel="noopener">Sign in again and allow it</a>'
)


class AskScopesLater:
    """The middleware."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on; change the answer to a sign-in."""
        if scope["type"] != "http" or not scope["path"].endswith(_LOGIN):
            return await self._app(scope, receive, send)
        wanted = _WANTED in parse_qs(scope["query_string"].decode("latin-1"))

        async def send_changed(message: Message) -> None:
            if message["type"] == "http.response.start" and not wanted:
                headers = MutableHeaders(scope=message)
                if "location" in headers:
                    headers["location"] = _without_jobs(headers["location"])
            await send(message)

        await self._app(scope, receive, send_changed)


def _without_jobs(address: str) -> str:
    """The address of a sign-in without the scope."""
    parts = urlsplit(address)
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    if not any(name == "scope" for name, _ in pairs):
        return address
    kept = [
        (name, " ".join(each for each in value.split() if each != JOBS_SCOPE) if name == "scope" else value)
        for name, value in pairs
    ]
    return urlunsplit((parts.scheme, parts.netloc, parts.path, urlencode(kept), parts.fragment))
