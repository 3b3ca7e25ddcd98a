"""The address of the page. Gradio reads it from environment variables, some of them while it is imported."""

from __future__ import annotations

import socket
from collections.abc import Mapping, MutableMapping

NAME, PORT, PORTS = "GRADIO_SERVER_NAME", "GRADIO_SERVER_PORT", "GRADIO_NUM_PORTS"
LAST_PORT = 65535
_NUMBERS = {PORT: 7860, PORTS: 100, "GRADIO_NODE_NUM_PORTS": 100}
"""Variable -> gradio's default."""


def keep_to_port(environ: MutableMapping[str, str]) -> None:
    """If a port is set, allow only that port, because users look for the page there. By default gradio also tries the
    next 99 ports."""
    if PORT in environ:
        environ.setdefault(PORTS, "1")


def address_refusal(environ: Mapping[str, str]) -> str:
    """Why these variables make the address invalid; "" if they do not."""
    for name, usual in _NUMBERS.items():
        text = environ.get(name, str(usual)).strip()
        if not (text.isascii() and text.isdigit() and len(text) < 9 and 1 <= int(text) <= LAST_PORT):
            return f"{name} {text!r:.40}: must be a whole number from 1 to {LAST_PORT}"
    return ""


def port_refusal(environ: Mapping[str, str]) -> str:
    """Why the app could not open a port; call it after that failed. `environ` must have passed `address_refusal`."""
    name = environ.get(NAME, "127.0.0.1")
    try:
        with socket.socket(socket.AF_INET6 if ":" in name else socket.AF_INET) as probe:
            probe.bind((name.strip("[]"), 0))
    except OSError as error:
        return f"{NAME} {name!r:.80}: not an address of this machine ({error.strerror or error})"
    first, count = (int(environ.get(number, _NUMBERS[number])) for number in (PORT, PORTS))
    last = min(first + count - 1, LAST_PORT)
    ports = f"port {first} is" if last == first else f"ports {first} to {last} are all"
    return f"{ports} taken or not allowed; {PORT} names another"
