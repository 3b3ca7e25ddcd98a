"""The page is opened, or one line says why it cannot be."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import gradio as gr

from pixelart.errors import RequestRejected
from pixelart.system.address import port_refusal


def launch(page: gr.Blocks, *, inbrowser: bool, settings: Mapping[str, Any]) -> None:
    """Open the page, without waiting for its end.

    Raises:
        RequestRejected: its address cannot be listened on, or gradio does not start for another reason.
    """
    try:
        page.launch(inbrowser=inbrowser, prevent_thread_lock=True, **settings)
    except (OSError, OverflowError) as error:  # the latter: its search for a port ran past the last one
        raise RequestRejected(port_refusal(os.environ)) from error
    except Exception as error:  # gradio raises plain ones
        reason = " ".join(str(error).split()) or type(error).__name__
        raise RequestRejected(f"the page could not be opened: {reason:.300}") from error
