"""HTML and Markdown of a push: its progress, the commit and the card."""

from __future__ import annotations

from html import escape
from typing import get_args

from pixelart.checkpoint.format import SAMPLES_FILE
from pixelart.hub import Pushed, Stage
from pixelart.ui.status import status_progress

DRAWN_LATER = "*The sample picture is drawn during the push.*"
STAGES: dict[Stage, str] = {
    "login": "Signing in",
    "draw": "Drawing the samples of the card",
    "create": "Creating the repository",
    "upload": "Uploading",
    "commit": "Committing",
}
assert tuple(STAGES) == get_args(Stage)


def card_body(card: str) -> str:
    """The Markdown of a card without its YAML front matter and sample picture."""
    _, _, text = card.removeprefix("---\n").partition("\n---\n")
    lines = [DRAWN_LATER if line.endswith(f"]({SAMPLES_FILE})") else line for line in text.splitlines()]
    return "\n".join(lines).strip()


def pushed_html(done: Pushed, *, asked_private: bool) -> str:
    """HTML of one line with a link to the commit."""
    what = "Pushed to" if done.is_new else "Nothing to push, the repository is up to date:"
    name, address = escape(done.repo_id), f"{done.url}/commit/{done.commit}"
    shown = f'<a href="{escape(address)}" target="_blank" rel="noopener">{name}</a>' if _is_web(address) else name
    state = f"revision {done.commit[:7]}, {'private' if done.private else 'public'}."
    if done.private and not asked_private:
        state += " It was private before and stays private; change that in its settings on the Hub."
    return f'<div class="status" role="status"><span>{what} {shown}, {escape(state)}</span></div>'


def _is_web(address: str) -> bool:
    return address.startswith(("https://", "http://"))


def push_progress(stage: Stage) -> str:
    """HTML of a progress bar with the current stage."""
    return status_progress(STAGES[stage], done=list(STAGES).index(stage), rows=len(STAGES))
