"""Which requests the app answers at all, and what its answers tell a browser.

gradio has some eighty routes: uploads, a proxy, server functions of components, deep links, the ways of its tools for
developers. The page and the API use the few below; any other is answered 404, whether it is there or not.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Collection, Mapping
from pathlib import Path

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pixelart.ui.events import ENDPOINTS
from pixelart.ui.security.hosting import host_name
from pixelart.ui.security.safe_blocks import is_faulty

log = logging.getLogger(__name__)


_READ = ("GET", "HEAD")
_CALL = rf"/gradio_api/call/(?:{'|'.join(ENDPOINTS)})"
_EVENT = r"[\w-]{1,64}"
ROUTES: Mapping[str, tuple[str, ...]] = {
    r"/": _READ,
    r"/config/?": _READ,
    r"/theme\.css": _READ,
    r"/favicon\.ico": _READ,
    r"/robots\.txt": _READ,
    r"/manifest\.json": _READ,
    r"/(?:assets|static)/[\w./-]+": _READ,
    r"/gradio_api/(?:info|startup-events|app_id)": _READ,
    rf"/gradio_api/heartbeat/{_EVENT}": _READ,
    r"/gradio_api/queue/data": _READ,
    r"/gradio_api/queue/join": ("POST",),
    r"/gradio_api/run/predict": ("POST",),
    r"/gradio_api/cancel": ("POST",),
    _CALL: ("POST",),
    rf"{_CALL}/{_EVENT}": _READ,
    r"/login/(?:huggingface|callback)|/logout": _READ,
}
"""Regular expression of a path -> the methods that it takes. A file of a result is judged by `is_result`."""
TOOL_ROUTES: Mapping[str, tuple[str, ...]] = {r"/gradio_api/mcp(?:/[\w./-]*)?": ("GET", "POST", "DELETE")}
"""Further ones, of an app whose endpoints are MCP tools."""

_FILE = "/gradio_api/file="
_FRAMES = "'self' https://huggingface.co"  # a Space is a frame in a page of the Hub
_PORTS = {"http": 80, "https": 443}
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": f"frame-ancestors {_FRAMES}; object-src 'none'; base-uri 'self'",
}
_FILE_HEADERS = {"Content-Security-Policy": "sandbox; default-src 'none'", "Cache-Control": "private, max-age=3600"}


NOT_UNDERSTOOD = "This request is not understood."


class RouteAllowlist:
    """ASGI middleware: refuses what is not listed, a page of another site, and, where `hosts` are given, requests to
    any other name; every answer gets the headers above.

    `results`: the folder whose PNG files are served. `hosts`: names of this machine. A page of a site that has its own
    name lead here (DNS rebinding) asks for that name. `names`: of the page on the Web, beside those that a proxy tells.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        results: Path,
        routes: Mapping[str, tuple[str, ...]],
        hosts: Collection[str] = (),
        names: Collection[str] = (),
    ) -> None:
        self.app, self.results, self.hosts, self.names = app, results, hosts, names
        self.routes = [(re.compile(path), methods) for path, methods in routes.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["type"] != "http":  # the start and the end of the server
            await self.app(scope, receive, send)
            return
        path = str(scope["path"])
        is_file = path.startswith(_FILE)
        refused = self._refusal(scope["method"], path, Headers(scope=scope))

        has_begun = False

        async def answer(message: Message) -> None:
            nonlocal has_begun
            if message["type"] == "http.response.start":
                has_begun = True
                if message["status"] == 500 and not is_faulty.get():  # gradio has it for whatever a client does wrong
                    message["status"] = 400
                headers = MutableHeaders(scope=message)
                headers.update(_HEADERS)
                if is_file:
                    headers.update(_FILE_HEADERS)
                    shown = headers.get("Content-Disposition", "attachment")
                    headers["Content-Disposition"] = shown.replace("inline", "attachment", 1)
            await send(message)

        if refused is None:
            if is_file:  # of a part gradio answers with the headers of the request
                scope["headers"] = [header for header in scope["headers"] if header[0] != b"range"]
            try:
                await self.app(scope, receive, answer)
            except HTTPException:  # whose answer is made further out
                raise
            except Exception as error:  # of gradio, which does not expect what was sent
                if has_begun:
                    await answer({"type": "http.response.body"})
                else:
                    log.info("%s %s is not understood: %r", scope["method"], path, error)
                    await JSONResponse({"detail": NOT_UNDERSTOOD}, 400)(scope, receive, answer)
        else:
            status, text = refused
            await JSONResponse({"detail": text}, status)(scope, receive, answer)

    def _refusal(self, method: str, path: str, headers: Headers) -> tuple[int, str] | None:
        """(status, sentence), or None."""
        told = [value for name in ("host", "x-forwarded-host") for value in headers.getlist(name)]
        asked = [name.strip() for value in told for name in value.split(",")]  # several proxies tell several
        if self.hosts and not all(host_name(name) in self.hosts for name in asked):
            return 403, "This app answers on its own machine only; GRADIO_SERVER_NAME=0.0.0.0 opens it to others."
        origin = headers.get("origin")
        by_another = path == "/logout" and headers.get("sec-fetch-site") == "cross-site"
        if by_another or (origin is not None and not _is_of(origin, [*asked, *self.names])):
            return 403, "This app answers its own page and programs, no page of another site."
        methods = _READ if path.startswith(_FILE) and is_result(path[len(_FILE) :], self.results) else ()
        for pattern, allowed in self.routes:
            if pattern.fullmatch(path) and ".." not in path:
                methods = allowed
        if not methods:
            return 404, "There is nothing here."
        return None if method in methods else (405, f"Only {', '.join(methods)} here.")


def is_result(path: str, folder: Path) -> bool:
    """Whether a path is the plain one of a PNG inside `folder`: no link, no way up, no other spelling."""
    plain = path.endswith(".png") and "\0" not in path and os.path.realpath(path) == path
    return plain and Path(path).is_relative_to(folder)


def _is_of(origin: str, names: Collection[str]) -> bool:
    """Whether a page of `origin`, such as https://name:port, is one of a server that is asked by one of these."""
    scheme, _, request_owner = origin.lower().partition("://")
    port = f":{_PORTS.get(scheme)}"
    return bool(request_owner) and request_owner.removesuffix(port) in {
        name.lower().removesuffix(port) for name in names
    }
