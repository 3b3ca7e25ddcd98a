"""Clean up proxy variables: no proxy for this machine itself, and none that HTTP clients here cannot use.

HTTP clients read all proxies on creation, and creation fails if one of them is unusable.
"""

from __future__ import annotations

import os
from importlib.util import find_spec
from urllib.parse import urlsplit
from urllib.request import getproxies

OWN_NAMES = ("localhost", "127.0.0.1", "::1")
_KINDS = ("http", "https", "all")
_SOCKS = ("socks5", "socks5h")
_SAME = {"socks": "socks5"}
"""Spelling of desktop settings -> spelling of HTTP clients."""
_rejected: dict[str, str] = {}


def settle_proxies() -> None:
    """Change this process's proxy variables: bypass proxies for this machine, and remove unusable ones.

    Proxies from system settings are first copied to variables: clients read both, but only variables have exceptions.
    """
    found = getproxies()
    proxies = {kind: found[kind] for kind in _KINDS if found.get(kind)}
    for kind, address in proxies.items():
        usable = _usable(address)
        _set_variable(f"{kind}_proxy", usable)
        if usable is None:
            _rejected[kind] = _why_not(kind, address)
        else:
            _rejected.pop(kind, None)
    if proxies:
        _except_own_names(found.get("no", ""))


def proxy_refusal() -> str:
    """Why the proxy set for https addresses cannot be used; "" if it can."""
    if "https" in _rejected or os.environ.get("https_proxy"):
        return _rejected.get("https", "")
    return _rejected.get("all", "")


def _usable(address: str) -> str | None:
    """The address as HTTP clients accept it, or None."""
    scheme, separator, rest = address.strip().rpartition("://")
    scheme = _SAME.get(scheme.lower(), scheme.lower()) if separator else "http"
    try:
        parts = urlsplit(f"{scheme}://{rest}")
        is_whole = bool(parts.hostname) and (parts.port is None or 0 < parts.port < 65536)
    except ValueError:
        return None
    known = scheme in ("http", "https") or (scheme in _SOCKS and find_spec("socksio") is not None)
    return f"{scheme}://{rest}" if known and is_whole else None


def _why_not(kind: str, address: str) -> str:
    """Why HTTP clients cannot use the proxy. Leaves out the address, which may hold a password."""
    scheme = address.strip().rpartition("://")[0].lower()
    if _SAME.get(scheme, scheme) in _SOCKS and find_spec("socksio") is None:
        return f"{kind.upper()}_PROXY is a SOCKS proxy, which needs another package: pip install socksio"
    return f"{kind.upper()}_PROXY is not a proxy address such as http://name:port"


def _except_own_names(given: str) -> None:
    """Add the names of this machine, and the one the app listens on, to the exceptions."""
    server = os.environ.get("GRADIO_SERVER_NAME", "").strip("[]")
    names = [name.strip() for name in given.split(",") if name.strip()]
    own = [name for name in (*OWN_NAMES, server) if name and name not in names]
    _set_variable("no_proxy", ",".join([*names, *own]))


def _set_variable(name: str, value: str | None) -> None:
    """Set both spellings: clients differ in which one they read."""
    for spelling in (name, name.upper()):
        if value is None:
            os.environ.pop(spelling, None)
        else:
            os.environ[spelling] = value
