"""Where the program runs, and what follows: who may train, whose a training is, and with whose token to sign."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import urlsplit

from pixelart.hub import local_token

Kind = Literal["desktop", "server", "space", "zero_gpu"]
"""desktop: only this machine reaches the page; server: others do; space: of Hugging Face; zero_gpu: a Space that is
lent a GPU for seconds."""
SIGN_IN = ("OAUTH_CLIENT_ID", "OAUTH_CLIENT_SECRET", "OAUTH_SCOPES", "OPENID_PROVIDER_URL")
"""What the Hub tells a Space that lets visitors sign in (`hf_oauth: true`)."""
LOOPBACK = ("127.0.0.1", "localhost", "::1")
"""The names of this machine for itself."""
_TRUE = ("1", "t", "true")


@dataclass(frozen=True)
class Hosting:
    """`space`: owner/name of the Space, or nothing; `has_sign_in`: whether its visitors can sign in; `names`: those
    that the Hub gives a Space on the Web."""

    kind: Kind = "server"
    space: str = ""
    has_sign_in: bool = False
    names: tuple[str, ...] = ()

    @property
    def is_local(self) -> bool:
        """Whether the page is used where the program runs: its visitor may name folders, and is whoever signed in on
        this machine."""
        return self.kind == "desktop"

    @property
    def is_space(self) -> bool:
        """Whether it is a Space, of whatever hardware."""
        return self.kind in ("space", "zero_gpu")

    @property
    def training_refusal(self) -> str:
        """Why nobody may train here, or nothing."""
        if self.kind == "zero_gpu":
            return "Training is off here: this Space is lent a GPU for seconds, and a training takes minutes."
        if self.is_space and not self.has_sign_in:
            return "Training is off here: this Space has no sign-in, so nobody could say whose a training is."
        return ""

    def owner(self, user: str, browser: str) -> str:
        """Whose trainings and models a page may see: of the signed-in `user`, or, where there is no sign-in, of its
        `browser`, by the secret that it keeps. "" = nobody's."""
        if self.has_sign_in:
            return hashlib.sha256(f"user of the Hub: {user}".encode()).hexdigest()[:32] if user else ""
        return browser


SERVER = Hosting()


@dataclass(frozen=True)
class Signer:
    """In whose name the Hub is written to. `user`: of the Hub; "" = whoever the token is of."""

    user: str
    token: str = field(repr=False)


def find_hosting(environ: Mapping[str, str]) -> Hosting:
    """What the environment of the program says."""
    on_space = bool(environ.get("SPACE_ID")) or environ.get("SYSTEM") == "spaces"
    if on_space:
        space = environ.get("SPACE_ID", "")
        can_sign = bool(space) and environ.get("SYSTEM") == "spaces" and all(environ.get(name) for name in SIGN_IN)
        lent = environ.get("SPACES_ZERO_GPU", "").lower() in _TRUE
        names = tuple(name.strip() for name in environ.get("SPACE_HOST", "").split(",") if name.strip())
        return Hosting("zero_gpu" if lent else "space", space, can_sign, names)
    is_named = environ.get("GRADIO_SERVER_NAME", LOOPBACK[0]) not in LOOPBACK
    is_shared = environ.get("GRADIO_SHARE", "").lower() == "true"
    return Hosting("server" if is_named or is_shared else "desktop")


def host_name(header: str) -> str:
    """The name in a header such as Host, without its port; "" when there is none."""
    try:
        parts = urlsplit(f"//{header}")
        _ = parts.port  # raises where there is one that is none
        return parts.hostname or ""
    except ValueError:  # or no closing bracket
        return ""


def find_signer(hosting: Hosting, *, user: Any, token: Any) -> Signer | None:
    """Who signs what is pushed to the Hub for a visitor, `user` and `token` being those of the visitor's own sign-in.

    On a Space that visitor alone, never the Space; on a desktop whoever is signed in on the machine; elsewhere nobody,
    for the machine's sign-in is not the visitor's.

    Raises:
        HubFailure: the machine's sign-in cannot be read.
    """
    if hosting.has_sign_in:
        signed_in = isinstance(user, str) and isinstance(token, str) and user and token
        return Signer(user, token) if signed_in else None
    if hosting.is_local:
        own = local_token()
        return Signer("", own) if own else None
    return None
