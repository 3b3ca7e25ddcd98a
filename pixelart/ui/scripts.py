"""The page's JavaScript: ES modules under static/, served by one route, and how a component starts its module."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

STATIC = Path(__file__).with_name("static")
ON_LOAD = "on_load.js"
"""This script runs inside gradio and is not a module."""
_PREFIX = "studio"
_CURRENT, _OTHER = "public, max-age=31536000, immutable", "no-store"


@cache
def read_static(name: str) -> str:
    """The text of a file under static/."""
    return (STATIC / name).read_text(encoding="utf-8")


@cache
def modules() -> Mapping[str, str]:
    """Path below static/ -> text, of every module."""
    names = sorted(path.relative_to(STATIC).as_posix() for path in STATIC.rglob("*.js"))
    return {name: read_static(name) for name in names if name != ON_LOAD}


@cache
def version() -> str:
    """A hash of all modules. It is part of their addresses, so a browser may cache them for ever."""
    return hashlib.sha256(json.dumps(modules()).encode()).hexdigest()[:16]


def address(name: str) -> str:
    """The address of a module, relative to the page, so that it works behind a proxy that adds a path."""
    if name not in modules():
        raise KeyError(f"no module {name!r} under static/")
    return f"{_PREFIX}/{version()}/{name}"


def _serve(request: Request) -> Response:
    """Serve a module by its name in a table, so no path of a client reaches the disk. A page of an older version also
    gets it, but must not cache it."""
    text = modules().get(request.path_params["name"])
    if text is None:
        return PlainTextResponse("Not found.", 404)
    cache_control = _CURRENT if request.path_params["version"] == version() else _OTHER
    return Response(text, media_type="text/javascript", headers={"Cache-Control": cache_control})


ROUTE = Route(f"/{_PREFIX}/{{version}}/{{name:path}}", _serve, methods=["GET"])
"""Serves the modules."""


def on_load(
    module: str,
    *,
    constants: Mapping[str, Any] | None = None,
    services: Collection[str] = (),
    events: Collection[str] = (),
) -> str:
    """The `js_on_load` of a gr.HTML that starts a module.

    Args:
        module: path below static/; it exports `start`, see on_load.js.
        constants: values that Python passes to `start`.
        services: names that `start` returns for the scripts of the page's events; window[name] is a promise of each.
        events: the module's events besides gradio's own; gradio searches this script for their names.
    """
    component = {
        "module": address(module), "constants": constants or {}, "services": list(services), "events": list(events),
    }  # fmt: skip
    return f"const COMPONENT = {json.dumps(component, separators=(',', ':'))};\n{read_static(ON_LOAD)}"


def page_script() -> str:
    """The `js` of the whole page: starts page.js."""
    module = json.dumps(address("page.js"))
    return f"() => {{ import(new URL({module}, document.baseURI)).then(({{ start }}) => start()); }}"


def preloads() -> str:
    """The `head` of the page: load all modules in parallel, not one import after the other."""
    return "\n".join(f'<link rel="modulepreload" href="{address(name)}">' for name in modules())
