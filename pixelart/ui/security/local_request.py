"""Whether a request comes from the machine where the program runs, so that whoever sent it may name its folders."""

from __future__ import annotations

import ipaddress
import re

import gradio as gr

from pixelart.ui.security.hosting import LOOPBACK, host_name

_FORWARDED = re.compile(r"(x-forwarded|x-original|x-envoy|cf)-.*|(x-real|.*-client)-ip|forwarded|via")
"""Headers that a proxy or a tunnel adds."""


def from_own_machine(request: gr.Request | None) -> bool:
    """Whether the client is of the loopback, no proxy or tunnel says that it passes on what another sent, and the page
    was opened by a name of this machine: any other may have been pointed at it by a stranger (DNS rebinding)."""
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
