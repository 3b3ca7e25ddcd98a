"""Palette: choose which colours may be drawn, and how colours outside the model's palette are handled."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gradio as gr
import numpy as np
from gradio.events import Dependency
from numpy.typing import NDArray

from pixelart.engine import CheckpointInfo, Engine
from pixelart.errors import PixelArtError, RequestRejected
from pixelart.images.codec import ALPHA_THRESHOLD, normalise
from pixelart.images.palette_files import KNOWN, read_palette
from pixelart.ui.components import ColourPicker, PixelCanvas
from pixelart.ui.create.canvas_value import Canvas, LoadedColours
from pixelart.ui.create.model_choice import model_info
from pixelart.ui.create.palette_value import (
    ALL_COLOURS,
    CUSTOM,
    AllowedColours,
    everything_allowed,
    hex_colours,
    hex_names,
    nearest_allowed,
    only_colours_of,
    shown_from_payload,
)
from pixelart.ui.events import AT_ONCE, LATEST, listen
from pixelart.ui.gradio_parts import event_data
from pixelart.ui.inputs import CheckedCheckbox, Choice, Ticket
from pixelart.ui.newest import listen_newest
from pixelart.ui.status import counted, status_text
from pixelart.ui.uploaded import uploaded_file


class PaletteHandlers:
    """The handlers of one page. They are not queued, so their messages go to the status line."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def choose_palette(self, model: Any, name: Any) -> tuple[Any, Any]:
        """colours and status: all colours of the model, or those nearest to a built-in palette."""
        try:
            info = self._info(model)
            if name == CUSTOM:
                return gr.skip(), status_text("Choose the colours below.")
            if name == ALL_COLOURS:
                return everything_allowed(info.colours), status_text(f"Every colour of {info.name} may be drawn.")
            known = next((palette for palette in KNOWN if palette.name == name), None)
            if known is None:
                raise RequestRejected(f"Palette {name!r:.40}: not found.")
        except PixelArtError as error:
            return gr.skip(), status_text(str(error))
        return _only_nearest(f"{known.name} ({known.origin})", known.colours, info)

    def load_palette(self, model: Any, event: gr.EventData) -> tuple[Any, Any, Any]:
        """colours, choice and status: the model's colours nearest to those of a file."""
        try:
            info = self._info(model)
            name, data = uploaded_file(event_data(event))
            colours = read_palette(data, name=name)
        except PixelArtError as error:
            return gr.skip(), gr.skip(), status_text(str(error))
        allowed, status = _only_nearest(name, colours, info)
        return allowed, CUSTOM, status

    def load_own(self, event: gr.EventData) -> tuple[Any, Any]:
        """canvas and status: add the colours of a file to the visitor's own. The page says how many it had room for."""
        try:
            name, data = uploaded_file(event_data(event))
            colours = read_palette(data, name=name)
        except PixelArtError as error:
            return gr.skip(), status_text(str(error))
        return LoadedColours(tuple(hex_names(colours))), status_text(f"{name}: {counted(len(colours), 'colour')}.")

    def lock(self, model: Any, event: gr.EventData) -> tuple[Any, Any, Any]:
        """colours, status and choice: draw only in the colours that the canvas shows, or in all."""
        try:
            shown = shown_from_payload(event_data(event))
            if shown is None:
                return *self.choose_palette(model, ALL_COLOURS), ALL_COLOURS
            allowed, status = _only_nearest("Locked", shown, self._info(model))
        except PixelArtError as error:
            return gr.skip(), status_text(str(error)), gr.skip()
        return allowed, status, CUSTOM

    def colours_on_canvas(self, canvas: Canvas | None, model: Any) -> tuple[Any, Any, Any]:
        """colours, choice and status: allow only the colours on the canvas."""
        try:
            info = self._info(model)
        except PixelArtError as error:
            return gr.skip(), gr.skip(), status_text(str(error))
        if canvas is None or info.colours is None or (canvas.picture[..., 3] < ALPHA_THRESHOLD).all():
            return gr.skip(), gr.skip(), status_text("The canvas is empty.")
        if info.takes_palettes:
            seen = np.unique(normalise(canvas.picture).view(np.uint32)).view(np.uint8).reshape(-1, 4)
            colours = seen[seen[:, 3] > 0][:, :3]
            if 1 < len(colours) <= info.most_colours:
                allowed, status = _only_nearest("Colours on the canvas", colours, info)
                return allowed, CUSTOM, status
        return only_colours_of(canvas.picture, info.colours), CUSTOM, gr.skip()

    def name_of(self, model: Any, colours: AllowedColours | None, name: Any) -> Any:
        """The value of the palette choice for these colours. It showed `name` before, which stays if choosing it gives
        these colours."""
        try:
            own = hex_colours(self._info(model).colours)
        except PixelArtError:
            return ALL_COLOURS
        if colours is None or (colours.colours == own and all(colours.allowed)):
            return ALL_COLOURS
        return name if self.choose_palette(model, name)[0] == colours else CUSTOM

    def _info(self, model: Any) -> CheckpointInfo:
        info = model_info(self.engine, model)
        if info.colours is None:
            raise RequestRejected(f"{info.name} has no palette to choose from.")
        return info


def _only_nearest(name: str, colours: NDArray[np.uint8], info: CheckpointInfo) -> tuple[AllowedColours, str]:
    """The colours themselves, if the model accepts palettes; else the model's nearest colours."""
    assert info.colours is not None
    if 1 < len(colours) <= info.most_colours:
        opaque = np.concatenate([colours, np.full_like(colours[:, :1], 255)], axis=1)
        table = np.concatenate([np.zeros((1, 4), np.uint8), opaque])
        return everything_allowed(table), status_text(f"{name}: drawn in exactly these {len(colours)} colours.")
    allowed = nearest_allowed(colours, info.colours)
    there = counted(len(colours), "colour")
    nearest = counted(sum(allowed.allowed) - 1, "nearest colour")
    return allowed, status_text(f"{name}: {there}. Drawn with the {nearest} of {info.name}.")


@dataclass(frozen=True)
class PalettePanel:
    """The inputs of the panel and its handlers.

    `own_colours`: draw in the picture's own colours; `snap`: snap imports to the model's.
    """

    handlers: PaletteHandlers
    choice: Choice
    colours: ColourPicker
    own_colours: CheckedCheckbox
    snap: CheckedCheckbox

    def choice_for(self, event: Callable[..., Dependency], model: gr.Dropdown, **settings: Any) -> None:
        """Update the palette choice after an event that may have changed the colours."""
        inputs = {"model": model, "colours": self.colours, "name": self.choice}
        listen(event, self.handlers.name_of, inputs, self.choice, **settings)


def palette_panel(
    canvas: PixelCanvas, status: gr.HTML, model: gr.Dropdown, engine: Engine, page: tuple[gr.State, Ticket]
) -> PalettePanel:
    """Build the accordion inside the open Blocks. `page`: session and clock of `listen_newest`."""
    handlers = PaletteHandlers(engine)
    with gr.Accordion("Palette", open=False, elem_id="palette"):
        choice = Choice(
            choices=[ALL_COLOURS, *(palette.name for palette in KNOWN), CUSTOM], value=ALL_COLOURS, label="Draw with",
            info="A model of fixed colours draws with those nearest to a palette.", elem_id="palette-choice",
        )  # fmt: skip
        colours = ColourPicker(elem_id="colours", label="Colours")
        only = gr.Button("Only colours on the canvas", size="sm", elem_id="only-canvas")
        own = CheckedCheckbox(
            True, label="Use my colours", elem_id="own-colours",
            info="Complete mask and Enlarge draw in your picture's colours; a model of fixed colours only where they "
            "are near its own.",
        )  # fmt: skip
        snap = CheckedCheckbox(
            False, label="Snap colours on import", elem_id="snap",
            info="For models of fixed colours. Off: your picture keeps its exact colours, and the model reads the "
            "nearest of its own.",
        )  # fmt: skip
    chosen = {"model": model, "name": choice}
    listen(choice.chosen().success, handlers.choose_palette, chosen, [colours, status], **LATEST)
    shown, newest = [colours, choice, status], {"session": page[0], "clock": page[1], **AT_ONCE}
    listen_newest(canvas.lock, handlers.lock, {"model": model}, [colours, status, choice], **newest)
    listen(canvas.palette, handlers.load_own, {}, [canvas, status], trigger_mode="multiple", **AT_ONCE)  # all are added
    for changed in (colours.change, colours.input):
        show_lock = "async (now) => { (await window.swatches)?.showLock(now); }"
        changed(None, colours, None, js=show_lock, **AT_ONCE)
    listen_newest(colours.upload, handlers.load_palette, {"model": model}, shown, **newest)
    listen(only.click, handlers.colours_on_canvas, {"canvas": canvas, "model": model}, shown, **AT_ONCE)
    panel = PalettePanel(handlers, choice, colours, own, snap)
    # A drag over swatches is many events: the choice must be that of the last one.
    panel.choice_for(colours.input, model, **LATEST)
    return panel
