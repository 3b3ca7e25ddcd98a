"""Faults of the program itself: told in one plain line, and in full only to its log."""

from __future__ import annotations

import logging
from typing import Any

import gradio as gr

log = logging.getLogger(__name__)
FAULT = "Something went wrong; the program's log says more. If it happens again, reload the page."


class PlainBlocks(gr.Blocks):
    """An app whose visitors see the text of a gr.Error, and of no other exception: neither of a handler, nor of gradio
    when it reads what a page posted."""

    async def process_api(self, *args: Any, **settings: Any) -> dict[str, Any]:
        """What every event goes through. Raises gr.Error alone."""
        try:
            return await super().process_api(*args, **settings)
        except gr.Error:
            raise
        except Exception as error:
            log.exception("an event failed")
            raise gr.Error(FAULT, print_exception=False) from error
