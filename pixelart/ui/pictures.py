"""Everything that puts a picture on the canvas or takes one away, without drawing: model, import, results, export."""

from __future__ import annotations

import base64
import binascii
import logging
from typing import Any

import gradio as gr

from pixelart.engine import CheckpointInfo, Engine
from pixelart.errors import ImageRejected, PixelArtError
from pixelart.images import decode_picture, encode_png
from pixelart.settings import SETTINGS
from pixelart.ui.canvas_value import Canvas, blank_canvas
from pixelart.ui.drawing import model_info
from pixelart.ui.form import ANY_CLASS
from pixelart.ui.importing import fit_to_canvas
from pixelart.ui.palette_value import AllowedColours, everything_allowed, hex_colours, only_colours_of
from pixelart.ui.results import SCALES, download_value, file_name
from pixelart.ui.session import Session
from pixelart.ui.status import WELCOME, counted, status_text

log = logging.getLogger(__name__)
DEFAULT_SIDE = 32


class PictureHandlers:
    """The handlers of one page; what they know of a visitor is in the Session that they are given."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def load(self, session: Session) -> tuple[Any, ...]:
        """A fresh page: notice, models, then what `select_model` returns for the first of them."""
        try:
            models = [info.name for info in self.engine.list_checkpoints()]
        except (PixelArtError, OSError):
            log.exception("checkpoints cannot be listed")
            models = []
        first = models[0] if models else None
        chosen = gr.Dropdown(choices=list(models), value=first, interactive=bool(models))
        return gr.HTML(visible=not models), chosen, *self.select_model(session, None, first)

    def select_model(self, session: Session, canvas: Canvas | None, model: Any) -> tuple[Any, ...]:
        """classes, canvas, palette, gallery, status for a model; the painting stays, fitted to the model's size."""
        session.drawings = []
        info = self._info_or_none(model)
        classes = [ANY_CLASS, *info.classes] if info else [ANY_CLASS]
        colours = info.colours if info else None
        return (
            gr.Dropdown(choices=list(classes), value=ANY_CLASS),
            _canvas_for(canvas, info),
            everything_allowed(colours),
            [],
            status_text(WELCOME if info else "You can paint. To draw, install a model."),
        )

    def import_picture(self, model: Any, event: gr.EventData) -> tuple[Any, Any]:
        """canvas and status for a file that was chosen, dropped or pasted."""
        try:
            name, data = _uploaded(event._data)
            picture = decode_picture(data, name=name)
            info = self._info_or_none(model)
            size = (info.height, info.width) if info else (DEFAULT_SIDE, DEFAULT_SIDE)
            fitted = fit_to_canvas(picture, *size)
            fitted, snapped = self.engine.snap(info.name, fitted) if info else (fitted, 0)
        except PixelArtError as error:
            gr.Warning(str(error))
            return gr.skip(), status_text(str(error))
        height, width = picture.shape[:2]
        text = [f"Imported {name}"]
        text += [f"{width} x {height} fitted to {size[1]} x {size[0]}"] if (height, width) != size else []
        text += [f"{counted(snapped, 'pixel')} snapped to the palette" if snapped else "every colour kept"]
        return Canvas(fitted, blank_canvas(*size).mask), status_text(" · ".join(text))

    def choose(self, session: Session, event: gr.SelectData) -> tuple[Any, Any]:
        """canvas and status for a click on a result."""
        if not isinstance(event.index, int) or not 0 <= event.index < len(session.drawings):
            return gr.skip(), gr.skip()
        session.chosen = event.index
        drawing = session.drawings[event.index]
        return Canvas(drawing.picture), status_text(f"Seed {drawing.seed} is on the canvas.")

    def reuse_seed(self, session: Session, seed: int | None) -> int | None:
        """The seed of the chosen result, or of the last drawing; `seed` where there is none."""
        if session.chosen_drawing:
            return session.chosen_drawing.seed
        if session.last_seed is None:
            gr.Warning("Draw a picture first; then its seed can be used again.")
            return seed
        return session.last_seed

    def colours_on_canvas(self, canvas: Canvas | None, model: Any) -> AllowedColours | Any:
        """Forbids every colour that the canvas does not show."""
        info = self._info_or_none(model)
        if canvas is None or info is None or info.colours is None:
            return gr.skip()
        return only_colours_of(canvas.picture, info.colours)

    def download_canvas(self, canvas: Canvas | None, scale: Any) -> Any:
        """The canvas as an indexed PNG."""
        if canvas is None:
            gr.Warning("The canvas is empty.")
            return gr.skip()
        times = _scale(scale)
        height, width = canvas.picture.shape[:2]
        name = f"canvas_{width * times}x{height * times}.png"
        return download_value(name, encode_png(canvas.picture, scale=times))

    def download_result(self, session: Session, scale: Any) -> Any:
        """The chosen result as an indexed PNG with its settings in the text chunks."""
        drawing = session.chosen_drawing
        if drawing is None:
            gr.Warning("There is no result yet.")
            return gr.skip()
        times = _scale(scale)
        return download_value(file_name(drawing, scale=times), drawing.png(scale=times))

    def _info_or_none(self, model: Any) -> CheckpointInfo | None:
        try:
            return model_info(self.engine, model)
        except PixelArtError as error:
            if model:
                gr.Warning(str(error))
            return None


def _canvas_for(canvas: Canvas | None, info: CheckpointInfo | None) -> Canvas:
    height, width = (info.height, info.width) if info else (DEFAULT_SIDE, DEFAULT_SIDE)
    palette = tuple(c for c in hex_colours(info.colours if info else None) if c)
    if canvas is None:
        fresh = blank_canvas(height, width)
        return Canvas(fresh.picture, fresh.mask, palette=palette)
    return Canvas(fit_to_canvas(canvas.picture, height, width), palette=palette)


def _uploaded(data: Any) -> tuple[str, bytes]:
    """(name, bytes) of what the page sent. Raises ImageRejected."""
    name, text = (data.get(k) if isinstance(data, dict) else None for k in ("name", "data"))
    if not isinstance(name, str) or not isinstance(text, str):
        raise ImageRejected("import: expected a name and the bytes of a picture")
    name = name.replace("\\", "/").rsplit("/", 1)[-1][:80] or "picture"
    if len(text) > SETTINGS.max_file_bytes * 4 // 3 + 4:
        raise ImageRejected(f"{name}: larger than the limit of {SETTINGS.max_file_bytes // 2**20} MiB")
    try:
        return name, base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ImageRejected(f"{name}: not base64") from error


def _scale(scale: Any) -> int:
    return scale if isinstance(scale, int) and scale in SCALES else 1
