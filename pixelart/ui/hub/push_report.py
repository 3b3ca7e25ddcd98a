"""What the page shows of a push: how far it is, where it went, and the card that goes with it."""

from __future__ import annotations

from html import escape
from typing import get_args

from pixelart.checkpoint.format import SAMPLES_FILE
from pixelart.hub import Pushed, Stage
from pixelart.ui.status import status_progress

DRAWN_LATER = "*The picture of its samples is drawn when it is pushed.*"
STAGES: dict[Stage, str] = {
    "login": "Signing in",
    "draw": "Drawing the samples of the card",
    "create": "Making the repository",
    "upload": "Uploading",
    "commit": "Making the commit",
}
assert tuple(STAGES) == get_args(Stage)


def card_body(card: str) -> str:
    """The Markdown of a card as the page shows it: without what the Hub reads before it, and without its picture."""
    _, _, text = card.removeprefix("---\n").partition("\n---\n")
    lines = [DRAWN_LATER if line.endswith(f"]({SAMPLES_FILE})") else line for line in text.splitlines()]
    return "\n".join(lines).strip()


def pushed_html(done: Pushed, *, asked_private: bool) -> str:
    """HTML of one line: where it is now, with a link that leads there."""
    what = "Pushed to" if done.is_new else "It is there already, and nothing was to be pushed:"
    name, address = escape(done.repo_id), f"{done.url}/commit/{done.commit}"
    shown = f'<a href="{escape(address)}" target="_blank" rel="noopener">{name}</a>' if _is_web(address) else name
    told = f"revision {done.commit[:7]}, {'private' if done.private else 'public'}."
    if done.private and not asked_private:
        told += " It was private before and stays so; its settings on the Hub change that."
    return f'<div class="status" role="status"><span>{what} {shown}, {escape(told)}</span></div>'


def _is_web(address: str) -> bool:
    return address.startswith(("https://", "http://"))


def push_progress(stage: Stage) -> str:
    """HTML of a progress bar with what is being done."""
    return status_progress(STAGES[stage], done=list(STAGES).index(stage), rows=len(STAGES))
