"""What the events of every tab have in common."""

from __future__ import annotations

from typing import Any

SESSION_SECONDS = 24 * 3600
"""How long what a visitor has is kept while its page is open."""
PRIVATE: dict[str, Any] = {"api_visibility": "private"}
AT_ONCE: dict[str, Any] = {**PRIVATE, "queue": False, "show_progress": "hidden"}
ENDPOINTS = ("generate", "complete")
"""The events that programs may call."""
