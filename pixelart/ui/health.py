"""Routes for the programs that watch a server: /healthz for load balancers, /metrics for Prometheus."""

from __future__ import annotations

import hmac
import os
import time
from collections.abc import Callable, Mapping

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from pixelart.ui.metrics import METRICS
from pixelart.ui.security.local_request import from_own_machine
from pixelart.ui.security.request_filter import NOT_FOUND

TOKEN = "PIXELART_METRICS_TOKEN"
"""Environment variable with the token that reads /metrics from other machines."""
SHORTEST_TOKEN = 16
_FRESH = 10.0
"""Seconds for which the answer about models is reused, so that requests cost no disk access."""


class Health:
    """Whether the program has a model to draw with. /healthz tells that and nothing else."""

    def __init__(self, has_models: Callable[[], bool]) -> None:
        self._has_models = has_models
        self._known: tuple[float, bool] | None = None

    def is_ready(self) -> bool:
        """Whether there is a model; looked up again after some seconds."""
        now = time.monotonic()
        if self._known is None or now - self._known[0] > _FRESH:
            self._known = now, self._has_models()
        return self._known[1]


async def _healthz(request: Request) -> Response:
    """200 "ok", or 503. Asynchronous, because the threads may all be busy with drawings."""
    text, status = ("ok\n", 200) if request.app.get_blocks().health.is_ready() else ("no models\n", 503)
    return PlainTextResponse(text, status, headers={"Cache-Control": "no-store"})


def may_read_metrics(request: Request, environ: Mapping[str, str]) -> bool:
    """Whether a request may read /metrics: it comes from this machine and through no proxy, or it has the token.

    A proxy on this machine is on the loopback, too. So any header of a proxy refuses, and none of them is believed.
    """
    token = environ.get(TOKEN, "")
    given = request.headers.get("authorization", "").encode()
    has_token = len(token) >= SHORTEST_TOKEN and hmac.compare_digest(given, f"Bearer {token}".encode())
    return has_token or from_own_machine(request)


async def _metrics(request: Request) -> Response:
    if not may_read_metrics(request, os.environ):
        return JSONResponse(*NOT_FOUND)
    text = METRICS.text(waiting=request.app.get_blocks().waiting)
    return PlainTextResponse(text, media_type="text/plain; version=0.0.4", headers={"Cache-Control": "no-store"})


HEALTH_ROUTES = [
    Route("/healthz", _healthz, methods=["GET"]),
    Route("/metrics", _metrics, methods=["GET"]),
]
"""The app's blocks have `health` and `waiting`."""
