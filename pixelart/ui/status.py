"""HTML of status lines, such as the one under the canvas."""

from __future__ import annotations

from html import escape

WELCOME = "Press Generate, or paint. Mask a part (M) and press Complete mask to redraw it."
WAITING = '<div class="status"><progress></progress><span>Waiting for the model</span></div>'


def status_text(text: str) -> str:
    """HTML of a message that screen readers read out."""
    return f'<div class="status" role="status"><span>{escape(text)}</span></div>'


def status_progress(text: str, *, done: int, rows: int) -> str:
    """HTML of a message and a progress bar; `rows` 0 = unknown."""
    bar = f'<progress value="{done}" max="{rows}"></progress>' if rows else "<progress></progress>"
    return f'<div class="status">{bar}<span>{escape(text)}</span></div>'


def counted(count: int, one: str, many: str | None = None) -> str:
    """A count and its noun: "1 pixel", "2 pixels"."""
    return f"{count} {one if count == 1 else many or one + 's'}"
