"""Faults of the program itself: told in one plain line, and in full only to its log."""

from __future__ import annotations

import logging
from contextlib import nullcontext
from typing import Any

import gradio as gr

from pixelart.owners import asked_by

log = logging.getLogger(__name__)
FAULT = "Something went wrong; the program's log says more. If it happens again, reload the page."


class PlainBlocks(gr.Blocks):
    """An app whose visitors see the text of a gr.Error, and of no other exception: neither of a handler, nor of gradio
    when it reads what a page posted."""

    owner: gr.State | None = None
    """Who each event is asked by (`pixelart.owners`), as the server keeps it of each page; None = that is not told."""

    def _asked(self, session: Any) -> Any:
        if self.owner is None:
            return nullcontext()
        return asked_by(session.get(self.owner._id, "") if session is not None else "")

    async def process_api(self, *args: Any, **settings: Any) -> dict[str, Any]:
        """What every event goes through. Raises gr.Error alone."""
        try:
            with self._asked(settings.get("state")):
                return await super().process_api(*args, **settings)
        except gr.Error:
            raise
        except Exception as error:
            log.exception("an event failed")
            raise gr.Error(FAULT, print_exception=False) from error
