"""Start the server and open the page; errors are one line."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import gradio as gr

from pixelart.errors import RequestRejected
from pixelart.system.address import port_refusal


def launch(page: gr.Blocks, *, inbrowser: bool, settings: Mapping[str, Any]) -> None:
    """Open the page and return.

    Raises:
        RequestRejected: the app cannot listen on its address, or gradio fails to start.
    """
    try:
        page.launch(inbrowser=inbrowser, prevent_thread_lock=True, **settings)
    except (OSError, OverflowError) as error:  # OverflowError: the search passed the last port
        raise RequestRejected(port_refusal(os.environ)) from error
    except Exception as error:  # gradio raises plain Exceptions
        reason = " ".join(str(error).split()) or type(error).__name__
        raise RequestRejected(f"the page could not be opened: {reason:.300}") from error
