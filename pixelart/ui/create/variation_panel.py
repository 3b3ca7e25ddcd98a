"""The accordion Variations, and the tileset or the animation that the results form."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gradio as gr
from gradio.events import Dependency

from pixelart.engine.variations import FRAMES, REDRAWN
from pixelart.ui.browser_storage import STORED
from pixelart.ui.components import FileSaver, PixelCanvas, Work
from pixelart.ui.create.form import NO_BLEND, second_classes
from pixelart.ui.create.variations import MARGIN_SIDES, MOST_ADDED, VariationHandlers
from pixelart.ui.events import AT_ONCE, listen
from pixelart.ui.inputs import CheckedCheckboxGroup, CheckedSlider, CheckedTextbox, Choice

FIRST_TEMPERATURES = "0.6, 0.8, 1, 1.2, 1.5"
Press = tuple[Callable[..., Dependency], Callable[..., Any], dict[str, Any]]
"""(event of a button, handler of a drawing, its inputs by name besides those of every drawing)."""


@dataclass(frozen=True)
class VariationPanel:
    """`blend`: inputs of every drawing, by name; `others`: inputs of single buttons; `presses`: the buttons."""

    blend: dict[str, Any]
    others: dict[str, Any]
    presses: tuple[Press, ...]
    handlers: VariationHandlers

    def offer_after(self, event: Callable[..., Dependency], model: gr.Dropdown, **settings: Any) -> None:
        """Offer the second classes of the model after an event. `settings`: of the event, and the inputs `kept`."""
        second = self.blend["blend_class"]
        inputs = {"model": model, "chosen": second, **settings.pop("inputs", {})}
        listen(event, self.handlers.offer_classes, inputs, second, **settings)


def result_set_panel(
    session: gr.State, gallery: gr.Gallery, work: Work, handlers: VariationHandlers, **event: Any
) -> None:
    """Build the tileset or animation below the results and its buttons, which are hidden for other results. `event`:
    settings of downloads."""
    with gr.Column(elem_id="result-set"):
        shown = gr.HTML("", apply_default_css=False)
        with gr.Row(elem_id="result-set-files"):
            gif = gr.Button("Download GIF", size="sm", min_width=90, elem_id="save-gif")
            sheet = gr.Button("Download PNG + JSON", size="sm", min_width=90, elem_id="save-sheet")
        saver = FileSaver(elem_id="result-set-file")
    listen(gallery.change, handlers.show, {"session": session}, shown, **AT_ONCE)
    stored = {"session": session, "kept": work}
    for button, handler in ((gif, handlers.save_gif), (sheet, handlers.save_sheet)):
        listen(button.click, handler, stored, saver, scripts={"kept": STORED}, **event)


def variation_panel(canvas: PixelCanvas, handlers: VariationHandlers) -> VariationPanel:
    """Build the accordion inside the open Blocks. The caller wires `presses`."""
    with gr.Accordion("Variations", open=False, elem_id="variations"):
        with gr.Column(elem_classes="variation"):
            second = Choice(
                choices=second_classes(()), value=NO_BLEND, label="Second class", filterable=True,
                elem_id="blend-class", info="A blend of two classes, for everything that is drawn.",
            )  # fmt: skip
            share = CheckedSlider(0, 100, value=50, step=1, label="Second class, %", elem_id="blend-share", buttons=[])
        with gr.Column(elem_classes="variation"):
            temperatures = CheckedTextbox(
                FIRST_TEMPERATURES, label="Temperatures", elem_id="temperatures", max_length=200,
                info="One seed at each of these: from careful to wild.",
            )  # fmt: skip
            sweep = gr.Button("Sweep", size="sm", elem_id="sweep")
        with gr.Column(elem_classes="variation"):
            sides = CheckedCheckboxGroup(
                [(side.capitalize(), side) for side in MARGIN_SIDES], value=["right"], label="Extend", elem_id="sides",
                elem_classes="choices", info="Draws on beyond the edges of the picture on the canvas.",
            )  # fmt: skip
            pixels = CheckedSlider(1, MOST_ADDED, value=16, step=1, label="Pixels", elem_id="pixels", buttons=[])
            extend = gr.Button("Extend", size="sm", elem_id="extend")
        with gr.Column(elem_classes="variation"):
            _note("Tileset", "The 16 border tiles of the tile on the canvas, to the transparent outside.")
            tileset = gr.Button("Draw tileset", size="sm", elem_id="tileset")
        with gr.Column(elem_classes="variation"):
            _note("Animation", f"{REDRAWN[0].upper()}{REDRAWN[1:]}.")
            frames = CheckedSlider(*FRAMES, value=3, step=1, label="Frames", elem_id="frames", buttons=[])
            animate = gr.Button("Animate mask", size="sm", elem_id="animate")
    presses: tuple[Press, ...] = (
        (sweep.click, handlers.sweep, {"temperatures": temperatures}),
        (extend.click, handlers.extend, {"canvas": canvas, "sides": sides, "pixels": pixels}),
        (tileset.click, handlers.tileset, {"canvas": canvas}),
        (animate.click, handlers.animate, {"canvas": canvas, "frames": frames}),
    )
    others = {"temperatures": temperatures, "sides": sides, "pixels": pixels, "frames": frames}
    return VariationPanel({"blend_class": second, "blend_share": share}, others, presses, handlers)


def _note(title: str, text: str) -> None:
    gr.HTML(f'<p class="note"><strong>{title}</strong>{text}</p>', apply_default_css=False)
