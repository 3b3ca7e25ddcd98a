"""Settings shared by the events of all tabs."""

from __future__ import annotations

from typing import Any

SESSION_SECONDS = 24 * 3600
"""How long a visitor's state is kept while the page is open."""
PRIVATE: dict[str, Any] = {"api_visibility": "private"}
AT_ONCE: dict[str, Any] = {**PRIVATE, "queue": False, "show_progress": "hidden"}
ENDPOINTS = ("generate", "complete")
"""The events that API clients may call."""
