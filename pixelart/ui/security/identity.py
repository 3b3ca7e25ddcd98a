"""The owner of a page, its sign-in, and the account that pushes to the Hub.

On a shared server, every event runs as the owner that its page had when it was loaded. The server keeps that owner;
posted values cannot change it.
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
SIGN_IN = "Sign in (top right) to train. Only you can see your trainings and the models made from them."
RENT_BELOW = "<li>Sign in and rent a machine from Hugging Face: see step 3.</li>"
LOST = "Trainings on a Space are lost when it restarts: download the models that you want to keep."


class Arrivals:
    """The handler of a page that is loaded."""

    def __init__(self, hosting: Hosting) -> None:
        self.hosting = hosting

    def on_load(self, memory: Any, profile: gr.OAuthProfile | None) -> tuple[Any, str]:
        """The value for the browser to store, with its secret; and the owner of the page."""
        browser = browser_of(memory) or secrets.token_hex(16)
        job = memory.get("job") if isinstance(memory, dict) else None
        owner = self.hosting.owner(user_of(profile), browser)
        return {"owner": browser, "job": job if isinstance(job, str) else ""}, owner


def browser_of(memory: Any) -> str:
    """The secret that a browser stores, or ""."""
    owner = memory.get("owner") if isinstance(memory, dict) else None
    return owner if isinstance(owner, str) and _OWNER.fullmatch(owner) else ""


def owner_of(memory: Any) -> str:
    """The owner of a page: the one that the server stores, else the browser's secret; "" = nobody."""
    owner = current_owner()
    return browser_of(memory) if owner is None else owner


def user_of(profile: gr.OAuthProfile | None) -> str:
    """The name of a signed-in visitor, or ""."""
    return str(profile.username) if profile else ""


def signer_of(hosting: Hosting, profile: gr.OAuthProfile | None, token: gr.OAuthToken | None) -> Signer | None:
    """The account that pushes for a visitor (see `find_signer`). gradio passes `profile` and `token` by annotation."""
    return find_signer(hosting, user=user_of(profile), token=token.token if token else None)


def training_notice(hosting: Hosting, reason: str) -> str:
    """HTML of the notice about training: why it is off, or what visitors should know."""
    if not reason:
        texts = [SIGN_IN] * hosting.has_sign_in + [LOST] * hosting.is_space
        return "".join(f'<p class="notice">{text}</p>' for text in texts)
    if not hosting.space:
        return f'<p class="notice">{escape(reason)}</p>'
    address = f"https://huggingface.co/spaces/{escape(hosting.space)}"
    folder = escape(hosting.space.rpartition("/")[2])
    commands = f"git clone {address} && cd {folder} && pip install -r requirements.txt && python app.py"
    return (
        f'<div class="notice">{escape(reason)} You can: <ul>'
        f"{RENT_BELOW if hosting.has_sign_in else ''}"
        f'<li><a href="{address}?duplicate=true" target="_blank" rel="noopener">Duplicate this Space</a> to hardware '
        f"of your own.</li><li>Run it on your machine: <code>{commands}</code></li></ul></div>"
    )
