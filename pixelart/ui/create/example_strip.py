"""A click on an example: its picture on the canvas, with fitting settings."""

from __future__ import annotations

from typing import Any

import gradio as gr

from pixelart.engine import Engine
from pixelart.errors import PixelArtError
from pixelart.ui.create.examples import example_at
from pixelart.ui.create.model_choice import model_info
from pixelart.ui.create.palette_panel import PaletteHandlers
from pixelart.ui.gradio_parts import event_data
from pixelart.ui.session import Session
from pixelart.ui.status import status_text


class ExampleHandlers:
    """The handler of the strip."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def choose(self, session: Session, ticket: int, model: Any, event: gr.EventData) -> tuple[Any, ...]:
        """canvas, class, keep, seamless, palette, colours and status for a click on an example."""
        session.leave(ticket)
        try:
            info = model_info(self.engine, model)
            example = example_at(event_data(event), info)
        except PixelArtError as error:
            return *(gr.skip(),) * 6, session.set_status(status_text(str(error)))
        colours, _ = PaletteHandlers(self.engine).choose_palette(model, example.palette)
        status = session.set_status(status_text(example.about))
        class_name = example.class_name if example.class_name in info.classes else gr.skip()
        return (
            example.canvas, class_name, example.keep, list(example.seamless), example.palette, colours, status,
        )  # fmt: skip
