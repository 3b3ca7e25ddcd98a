"""Who a page belongs to: its owner, sign-in, and in whose name the Hub is written to.

On a program that others reach, every event is asked by the owner that its page had when it was loaded, which the server
keeps; what a page posts cannot change it.
"""

from __future__ import annotations

import re
import secrets
from html import escape
from typing import Any

import gradio as gr

from pixelart.checkpoint.ownership import current_owner
from pixelart.ui.security.hosting import Hosting, Signer, find_signer

_OWNER = re.compile("[0-9a-f]{32}")
SIGN_IN = "Sign in (top right) to train: your trainings, and the models you make of them, are then yours alone."
LOST = "What is trained on a Space is lost when it restarts: download a model that you want to keep."


class Arrivals:
    """The handler of a page that is loaded."""

    def __init__(self, hosting: Hosting) -> None:
        self.hosting = hosting

    def arrive(self, memory: Any, profile: gr.OAuthProfile | None) -> tuple[Any, str]:
        """What the browser keeps, with a secret of its own, and the owner of its page."""
        browser = browser_of(memory) or secrets.token_hex(16)
        job = memory.get("job") if isinstance(memory, dict) else None
        owner = self.hosting.owner(user_of(profile), browser)
        return {"owner": browser, "job": job if isinstance(job, str) else ""}, owner


def browser_of(memory: Any) -> str:
    """The secret that a browser keeps; nothing when it does not say."""
    owner = memory.get("owner") if isinstance(memory, dict) else None
    return owner if isinstance(owner, str) and _OWNER.fullmatch(owner) else ""


def owner_of(memory: Any) -> str:
    """Whose page it is: as the server knows, or, where nobody told it, as its browser says; "" = nobody's."""
    asked = current_owner()
    return browser_of(memory) if asked is None else asked


def user_of(profile: gr.OAuthProfile | None) -> str:
    """The name of a signed-in visitor, or nothing."""
    return str(profile.username) if profile else ""


def signer_of(hosting: Hosting, profile: gr.OAuthProfile | None, token: gr.OAuthToken | None) -> Signer | None:
    """Who signs for a visitor, as `find_signer` says; a handler gets both by its annotations, from gradio alone."""
    return find_signer(hosting, user=user_of(profile), token=token.token if token else None)


def training_notice(hosting: Hosting, reason: str) -> str:
    """HTML that says why training is off, and on a Space two ways on; or what a visitor of one should know."""
    if not reason:
        texts = [SIGN_IN] * hosting.has_sign_in + [LOST] * hosting.is_space
        return "".join(f'<p class="notice">{text}</p>' for text in texts)
    if not hosting.space:
        return f'<p class="notice">{escape(reason)}</p>'
    address = f"https://huggingface.co/spaces/{escape(hosting.space)}"
    folder = escape(hosting.space.rpartition("/")[2])
    commands = f"git clone {address} && cd {folder} && pip install -r requirements.txt && python app.py"
    return (
        f'<div class="notice">{escape(reason)} Two ways on: <ul>'
        f'<li><a href="{address}?duplicate=true" target="_blank" rel="noopener">Duplicate this Space</a> to hardware '
        f"of your own.</li><li>Run it on your machine: <code>{commands}</code></li></ul></div>"
    )
