"""Check that a request comes from this machine, so that its sender may name folders."""

from __future__ import annotations

import ipaddress
import re

import gradio as gr
from starlette.requests import Request

from pixelart.ui.security.hosting import LOOPBACK, host_name

_FORWARDED = re.compile(r"(x-forwarded|x-original|x-envoy|cf)-.*|(x-real|.*-client)-ip|forwarded|via")
"""Headers that a proxy or a tunnel adds."""


def from_own_machine(request: gr.Request | Request | None) -> bool:
    """Whether the client is on the loopback, no header shows a proxy or tunnel, and the Host names this machine.

    Any other Host may come from DNS rebinding.
    """
    if request is None:
        return False
    headers = {name.lower(): value for name, value in dict(request.headers).items()}
    return (
        _is_loopback(getattr(request.client, "host", None))
        and not any(_FORWARDED.fullmatch(name) for name in headers)
        and host_name(headers.get("host", "")) in LOOPBACK
    )


def _is_loopback(address: object) -> bool:
    try:
        return ipaddress.ip_address(str(address)).is_loopback
    except ValueError:
        return False
