"""Where the program runs. This decides who may train, who owns a training, and whose token signs."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import urlsplit

from pixelart.hub import local_token

Kind = Literal["desktop", "server", "space", "zero_gpu"]
"""desktop: only this machine reaches the page; server: other machines do too; space: a Hugging Face Space; zero_gpu: a
Space that borrows a GPU for seconds."""
OAUTH_VARIABLES = ("OAUTH_CLIENT_ID", "OAUTH_CLIENT_SECRET", "OAUTH_SCOPES", "OPENID_PROVIDER_URL")
"""Variables of a Space that lets visitors sign in (`hf_oauth: true`)."""
LOOPBACK = ("127.0.0.1", "localhost", "::1")
"""Names and addresses of this machine itself."""
_TRUE = ("1", "t", "true")


@dataclass(frozen=True)
class Hosting:
    """Where the program runs.

    `space`: owner/name of the Space, or "". `has_sign_in`: whether visitors can sign in. `names`: host names of the
    Space.
    """

    kind: Kind = "server"
    space: str = ""
    has_sign_in: bool = False
    names: tuple[str, ...] = ()

    @property
    def is_local(self) -> bool:
        """Whether only this machine reaches the page: its visitor may name folders and uses the machine's sign-in."""
        return self.kind == "desktop"

    @property
    def is_space(self) -> bool:
        """Whether it is a Space, on any hardware."""
        return self.kind in ("space", "zero_gpu")

    @property
    def training_refusal(self) -> str:
        """Why training is off here, or ""."""
        if self.kind == "zero_gpu":
            return "Training is off here: this Space borrows a GPU for seconds, and training takes minutes."
        if self.is_space and not self.has_sign_in:
            return "Training is off here: this Space has no sign-in, so a training would have no owner."
        return ""

    def owner(self, user: str, browser: str) -> str:
        """The owner whose trainings and models a page may see; "" = nobody.

        This is the signed-in `user` or, if the Space has no sign-in, the secret of the `browser`."""
        if self.has_sign_in:
            return hashlib.sha256(f"user of the Hub: {user}".encode()).hexdigest()[:32] if user else ""
        return browser


SERVER = Hosting()


@dataclass(frozen=True)
class Signer:
    """The account that pushes to the Hub. `user`: its Hub name; "" = the owner of the token."""

    user: str
    token: str = field(repr=False)


def find_hosting(environ: Mapping[str, str]) -> Hosting:
    """Detect the hosting from the environment."""
    on_space = bool(environ.get("SPACE_ID")) or environ.get("SYSTEM") == "spaces"
    if on_space:
        space = environ.get("SPACE_ID", "")
        can_sign = (
            bool(space) and environ.get("SYSTEM") == "spaces" and all(environ.get(name) for name in OAUTH_VARIABLES)
        )
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
        _ = parts.port  # raises if the port is not a number
        return parts.hostname or ""
    except ValueError:  # also a missing closing bracket
        return ""


def find_signer(hosting: Hosting, *, user: Any, token: Any) -> Signer | None:
    """The account that pushes for a visitor. `user` and `token`: of the visitor's own sign-in.

    On a Space only the visitor, never the Space; on a desktop the account signed in on the machine; elsewhere nobody,
    because the machine's sign-in is not the visitor's.

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
