"""Everything that puts a picture on the canvas without drawing: model, import, results."""

from __future__ import annotations

import base64
import binascii
import logging
from dataclasses import replace
from typing import Any

import gradio as gr
import numpy as np

from pixelart.codec import Picture
from pixelart.engine import CheckpointInfo, Engine
from pixelart.errors import ImageRejected, PixelArtError
from pixelart.images import decode_picture
from pixelart.settings import SETTINGS
from pixelart.ui.canvas_value import Canvas, Painting, blank_canvas
from pixelart.ui.drawing import model_info
from pixelart.ui.form import ANY_CLASS
from pixelart.ui.importing import fit_to_canvas
from pixelart.ui.models_list import model_choices
from pixelart.ui.palette_value import everything_allowed, hex_colours
from pixelart.ui.session import Session
from pixelart.ui.status import WELCOME, counted, status_text

log = logging.getLogger(__name__)
DEFAULT_SIDE = 32


class PictureHandlers:
    """The handlers of one page; what they know of a visitor is in the Session that they are given.

    gradio shows a gr.Warning of a queued event only, so the others tell everything on the status line.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def load(self, session: Session) -> tuple[Any, ...]:
        """A fresh page: its session, notice, models, then what `select_model` returns for the first of them."""
        models = self._models()
        first = models[0].name if models else None
        chosen = gr.Dropdown(choices=list(model_choices(models)), value=first, interactive=bool(models))
        return session, gr.HTML(visible=not models), chosen, *self._page(None, first, True)

    def offer_enlarge(self) -> Any:
        """The button Enlarge, seen where some model enlarges."""
        return gr.Button(visible=any(info.enlarges for info in self._models()))

    def select_model(
        self, session: Session, ticket: int, canvas: Canvas | None, model: Any, snap: Any = True
    ) -> tuple[Any, ...]:
        """classes, canvas, palette, gallery, status for a model; the painting stays, fitted to its size and, unless
        `snap` is False, its colours."""
        session.leave(ticket)
        session.drawings = []
        *shown, status = self._page(canvas, model, snap)
        return *shown, session.say(status)

    def import_picture(
        self, session: Session, ticket: int, model: Any, event: gr.EventData, snap: Any = True
    ) -> tuple[Any, Any]:
        """canvas and status for a file that was chosen, dropped or pasted; `snap` as above."""
        session.leave(ticket)
        try:
            name, data = uploaded_file(event._data)
            info = model_info(self.engine, model) if model else None
            picture, changes, others = self._fitted(decode_picture(data, name=name), info, snap)
        except PixelArtError as error:
            gr.Warning(str(error))
            return Painting(ticket), session.say(status_text(str(error)))
        text = [f"Imported {name}", *changes, *([] if others else ["every colour kept"])]
        return Canvas(picture, np.zeros(picture.shape[:2], np.bool_)), session.say(status_text(" · ".join(text)))

    def choose(self, session: Session, ticket: int, event: gr.EventData) -> tuple[Any, Any]:
        """canvas and status for a click on a result."""
        session.leave(ticket)
        index = event._data.get("index") if isinstance(event._data, dict) else None
        if not isinstance(index, int) or not 0 <= index < len(session.drawings):
            return gr.skip(), session.say(status_text("This result is gone. Draw again."))
        drawing = session.drawings[index]
        session.chosen, session.seed = index, drawing.seed
        return Canvas(drawing.picture), session.say(status_text(f"Seed {drawing.seed} is on the canvas."))

    def reuse_seed(self, session: Session) -> tuple[Any, Any]:
        """seed and status: the seed of what was last drawn, also when it was stopped, or chosen."""
        if session.seed is None:
            return gr.skip(), status_text("Draw a picture first; then its seed can be used again.")
        return session.seed, gr.skip()

    def _models(self) -> list[CheckpointInfo]:
        try:
            return self.engine.list_checkpoints()
        except (PixelArtError, OSError):
            log.exception("checkpoints cannot be listed")
            return []

    def _page(self, canvas: Canvas | None, model: Any, snap: Any) -> tuple[Any, ...]:
        """classes, canvas, palette, gallery, status."""
        info, notes = None, ["You can paint. To draw, install a model."]
        try:
            if model:
                info, notes = model_info(self.engine, model), []
        except PixelArtError as error:
            notes = [str(error)]
        shown, changes = self._canvas_for(canvas, info, snap)
        if info:
            notes = [info.name, *changes] if changes else [WELCOME]
        classes = [ANY_CLASS, *info.classes] if info else [ANY_CLASS]
        return (
            gr.Dropdown(choices=list(classes), value=ANY_CLASS),
            shown,
            everything_allowed(info.colours if info else None),
            [],
            status_text(" · ".join(notes)),
        )

    def _canvas_for(self, canvas: Canvas | None, info: CheckpointInfo | None, snap: Any) -> tuple[Canvas, list[str]]:
        """The painting as the model can hold it, or a blank canvas; and what was changed."""
        palette = tuple(c for c in hex_colours(info.colours if info else None) if c)
        if canvas is None:
            return replace(blank_canvas(*_size(info)), palette=palette), []
        try:
            picture, changes, _ = self._fitted(canvas.picture, info, snap)
        except PixelArtError as error:  # the model is damaged: the painting need not suffer
            picture, changes = fit_to_canvas(canvas.picture, *_size(info)), [str(error)]
        return Canvas(picture, palette=palette), changes

    def _fitted(self, picture: Picture, info: CheckpointInfo | None, snap: Any) -> tuple[Picture, list[str], int]:
        """The picture in the model's size and, unless `snap` is False, its colours; what is to be said of it; and how
        many pixels had other colours."""
        height, width = picture.shape[:2]
        size = _size(info)
        fitted = fit_to_canvas(picture, *size)
        changes = [f"{width} x {height} fitted to {size[1]} x {size[0]}"] if (height, width) != size else []
        near, others = self.engine.snap(info.name, fitted) if info else (fitted, 0)
        if not others:
            return fitted if snap is False else near, changes, 0
        if snap is False:
            return fitted, [*changes, f"{counted(others, 'pixel')} of colours that the model does not have"], others
        return near, [*changes, f"{counted(others, 'pixel')} snapped to the palette"], others


def _size(info: CheckpointInfo | None) -> tuple[int, int]:
    return (info.height, info.width) if info else (DEFAULT_SIDE, DEFAULT_SIDE)


def uploaded_file(data: Any) -> tuple[str, bytes]:
    """(name, bytes) of what the page sent. Raises ImageRejected."""
    name, text = (data.get(k) if isinstance(data, dict) else None for k in ("name", "data"))
    if not isinstance(name, str) or not isinstance(text, str):
        raise ImageRejected("import: expected a name and the bytes of a file")
    name = name.replace("\\", "/").rsplit("/", 1)[-1][:80] or "picture"
    return name, file_bytes(text, name=name)


def file_bytes(text: str, *, name: str) -> bytes:
    """What base64 stands for; `name` is used in errors. Raises ImageRejected."""
    if len(text) > SETTINGS.max_file_bytes * 4 // 3 + 4:
        raise ImageRejected(f"{name}: larger than the limit of {SETTINGS.max_file_bytes // 2**20} MiB")
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ImageRejected(f"{name}: not base64") from error
