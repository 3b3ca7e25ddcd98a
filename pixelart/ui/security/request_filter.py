"""Allow only the routes that the app needs, and add security headers.

gradio has some eighty routes: uploads, a proxy, server functions, deep links, developer tools. The page and the API use
the few below; all others answer 404.
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

_log = logging.getLogger(__name__)


_READ = ("GET", "HEAD")
_CALL = rf"/gradio_api/call/(?:{'|'.join(ENDPOINTS)})"
_EVENT = r"[\w-]{1,64}"
ROUTES: Mapping[str, tuple[str, ...]] = {
    r"/": _READ,
    r"/config/?": _READ,
    r"/theme\.css": _READ,
    r"/favicon\.ico": _READ,
    r"/robots\.txt": _READ,
    r"/healthz|/metrics": _READ,  # see ui/health.py
    r"/manifest\.json": _READ,
    r"/(?:assets|static)/[\w./-]+": _READ,
    r"/studio/[0-9a-f]{16}/[\w/-]+\.js": _READ,  # the page's own modules
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
"""Regular expression of a path -> allowed methods. `is_result` checks result files."""
TOOL_ROUTES: Mapping[str, tuple[str, ...]] = {r"/gradio_api/mcp(?:/[\w./-]*)?": ("GET", "POST", "DELETE")}
"""More routes, for an app that offers MCP tools."""

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


NOT_FOUND = {"detail": "Not found."}, 404
NOT_UNDERSTOOD = "This request is not understood."


class RouteAllowlist:
    """ASGI middleware: refuses unlisted routes, other sites' pages and, if `hosts` are given, other host names. It adds
    the headers above to every answer.

    `results`: the folder whose PNG files are served. `hosts`: names of this machine; against DNS rebinding, where a
    site's own name resolves here. `names`: public names of the page, beside those in proxy headers. `sockets`: paths
    that accept WebSockets.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        results: Path,
        routes: Mapping[str, tuple[str, ...]],
        hosts: Collection[str] = (),
        names: Collection[str] = (),
        sockets: Collection[str] = (),
    ) -> None:
        self.app, self.results, self.hosts, self.names, self.sockets = app, results, hosts, names, sockets
        self.routes = [(re.compile(path), methods) for path, methods in routes.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            if scope["path"] in self.sockets and self._foreign(scope["path"], Headers(scope=scope)) is None:
                await self.app(scope, receive, send)
            else:
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
                if message["status"] == 500 and not is_faulty.get():  # gradio answers 500 to clients' errors too
                    message["status"] = 400
                headers = MutableHeaders(scope=message)
                headers.update(_HEADERS)
                if is_file:
                    headers.update(_FILE_HEADERS)
                    shown = headers.get("Content-Disposition", "attachment")
                    headers["Content-Disposition"] = shown.replace("inline", "attachment", 1)
            await send(message)

        if refused is None:
            if is_file:  # for a range gradio echoes request headers
                scope["headers"] = [header for header in scope["headers"] if header[0] != b"range"]
            try:
                await self.app(scope, receive, answer)
            except HTTPException:  # an outer layer answers it
                raise
            except Exception as error:  # gradio failed on unexpected input
                if has_begun:
                    await answer({"type": "http.response.body"})
                else:
                    _log.info("%s %s is not understood: %r", scope["method"], path, error)
                    await JSONResponse({"detail": NOT_UNDERSTOOD}, 400)(scope, receive, answer)
        else:
            status, text = refused
            await JSONResponse({"detail": text}, status)(scope, receive, answer)

    def _refusal(self, method: str, path: str, headers: Headers) -> tuple[int, str] | None:
        """(status, message) of a refusal, or None."""
        if foreign := self._foreign(path, headers):
            return foreign
        methods = _READ if path.startswith(_FILE) and is_result(path[len(_FILE) :], self.results) else ()
        for pattern, allowed in self.routes:
            if pattern.fullmatch(path) and ".." not in path:
                methods = allowed
        if not methods:
            return NOT_FOUND[1], NOT_FOUND[0]["detail"]
        return None if method in methods else (405, f"Use {', '.join(methods)} here.")

    def _foreign(self, path: str, headers: Headers) -> tuple[int, str] | None:
        """The refusal of another host name, or of another site's page; None if it is neither."""
        values = [value for name in ("host", "x-forwarded-host") for value in headers.getlist(name)]
        hosts_named = [name.strip() for value in values for name in value.split(",")]  # each proxy adds one
        if self.hosts and not all(host_name(name) in self.hosts for name in hosts_named):
            return 403, "This app answers on its own machine only; GRADIO_SERVER_NAME=0.0.0.0 opens it to others."
        origin = headers.get("origin")
        by_another = path == "/logout" and headers.get("sec-fetch-site") == "cross-site"
        if by_another or (origin is not None and not _is_of(origin, [*hosts_named, *self.names])):
            return 403, "This app answers its own page and API clients, not pages of other sites."
        return None


def is_result(path: str, folder: Path) -> bool:
    """Whether a path is the canonical path of a PNG inside `folder`: no link, no `..`."""
    plain = path.endswith(".png") and "\0" not in path and os.path.realpath(path) == path
    return plain and Path(path).is_relative_to(folder)


def _is_of(origin: str, names: Collection[str]) -> bool:
    """Whether `origin`, such as https://name:port, is one of the host `names`."""
    scheme, _, host = origin.lower().partition("://")
    port = f":{_PORTS.get(scheme)}"
    return bool(host) and host.removesuffix(port) in {name.lower().removesuffix(port) for name in names}
