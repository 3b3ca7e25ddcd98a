"""Put pictures on the canvas (an import, a result), and update the page for another model."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

import gradio as gr

from pixelart.checkpoint.info import LARGEST_SIDE
from pixelart.engine import CheckpointInfo, Engine
from pixelart.errors import ImageRejected, PixelArtError
from pixelart.images.class_names import NO_KIND, NO_LOOK
from pixelart.images.codec import ALPHA_THRESHOLD, Picture
from pixelart.images.io import decode_picture
from pixelart.images.kept_kinds import KEEP_NOTHING, KEEP_SKETCH
from pixelart.images.sprite_sheets import to_true_grid, true_grid
from pixelart.settings import SETTINGS
from pixelart.ui.browser_storage import NOTHING_KEPT, Kept
from pixelart.ui.create.canvas_value import MAX_SIDE, Canvas, Imported, Painting, Swatches, blank_canvas
from pixelart.ui.create.examples import examples_for, first_class
from pixelart.ui.create.fit import fit_to_canvas
from pixelart.ui.create.form import ANY_CLASS, OF_PRESET, class_choices
from pixelart.ui.create.label_lists import keep_list, kind_list, look_list
from pixelart.ui.create.model_choice import MAX_DOCUMENT, model_info, size_for
from pixelart.ui.create.palette_value import (
    ALL_COLOURS,
    CUSTOM,
    AllowedColours,
    allowed_from_payload,
    allowed_to_payload,
    everything_allowed,
    hex_colours,
    is_palette_for,
)
from pixelart.ui.gradio_parts import event_data
from pixelart.ui.models_list import model_choices
from pixelart.ui.results import ResultFiles, caption_of
from pixelart.ui.session import Session
from pixelart.ui.status import WELCOME, counted, status_text
from pixelart.ui.uploaded import uploaded_file

_log = logging.getLogger(__name__)
DEFAULT_SIDE = 32
BACK = "Your picture is back, as you left it."


class PictureHandlers:
    """The handlers of one page. A visitor's state is in the Session passed to each handler.

    gradio shows a gr.Warning only for queued events, so the other handlers use the status line.
    """

    def __init__(self, engine: Engine, results: ResultFiles) -> None:
        self.engine, self.results = engine, results

    def load(self, session: Session, kept: Kept) -> tuple[Any, ...]:
        """Fill a fresh page: session, notice, models, classes, canvas, palette, gallery, status, restored from its
        browser storage."""
        models, wanted = self._models(), kept.values.get("model")
        names = [info.name for info in models]
        first = wanted if wanted in names else next(iter(names), None)
        chosen = gr.Dropdown(choices=list(model_choices(models)), value=first, interactive=bool(models))
        session.recover(kept.drawings, kept.mask)
        info, status = self._info(first)
        if info and kept.has_painting:
            status = status_text(BACK)
        shown = swatches_of(info) if kept.has_painting else new_canvas(info)
        if not (kept.has_painting or kept.values or kept.drawings) and (known := examples_for(info)):
            shown, status = with_model(known[0].canvas, info), status_text(known[0].about)
        try:
            gallery = [(self.results.save(d), caption_of(d, session.mask, i)) for i, d in enumerate(session.drawings)]
        except PixelArtError as error:  # the disk is full or read-only: the page opens without the results
            gallery, status = [], status_text(str(error))
        classes = _classes(info, kept.values.get("class", first_class(info)))
        allowed = _allowed(info, kept.values.get("colours"))
        return session, gr.HTML(visible=not models), chosen, classes, shown, allowed, gallery, status

    def swatches(self, model: Any) -> Any:
        """The canvas's swatches and the size of new pictures, for a model."""
        return swatches_of(self._info(model)[0])

    def preset_values(self, model: Any, preset: Any) -> Any:
        """The values of a preset for the controls OF_PRESET; unchanged if no preset is chosen."""
        info, _ = self._info(model)
        if info is None or not isinstance(preset, str) or preset not in info.presets:
            return (gr.skip(),) * len(OF_PRESET)
        return tuple(getattr(info.preset(preset), field) for field in OF_PRESET)

    def offer(
        self,
        model: Any,
        look: Any = NO_LOOK,
        class_name: Any = ANY_CLASS,
        kind: Any = NO_KIND,
        keep: Any = KEEP_NOTHING,
        kept: Kept = NOTHING_KEPT,
    ) -> tuple[Any, ...]:
        """Show only what the models can do: Enlarge if any model enlarges, the others if the chosen one can. The chosen
        or stored look, kind and what is kept stay if the model has them."""
        info, _ = self._info(model)
        return (
            gr.Button(visible=any(one.enlarges for one in self._models())),
            gr.Button(visible=bool(info and KEEP_SKETCH in info.keeps)),
            gr.Dropdown(visible=bool(info and info.any_size)),
            look_list(info, kept.values.get("look", look)),
            kind_list(info, class_name, kept.values.get("kind", kind)),
            keep_list(info, kept.values.get("keep", keep)),
            gr.HTML(visible=bool(examples_for(info))),
        )

    def offer_kinds(self, model: Any, class_name: Any, kind: Any) -> Any:
        """The kinds of the chosen class."""
        return kind_list(self._info(model)[0], class_name, kind, sets_value=False)

    def select_model(
        self,
        session: Session,
        ticket: int,
        canvas: Canvas | None,
        model: Any,
        class_name: Any = ANY_CLASS,
        colours: AllowedColours | None = None,
        palette: Any = CUSTOM,
    ) -> tuple[Any, ...]:
        """classes, canvas, colours and status for a chosen model. The picture and the results stay; class and colours
        stay if the model has them, and a palette of the visitor's own if the model takes one. `palette`: the palette
        choice. The status says how the model would change the picture."""
        session.leave(ticket)
        info, status = self._info(model)
        if info and canvas is not None and canvas.picture[..., 3].any():
            try:
                if seen := self._changes(canvas.picture, info):
                    status = status_text(" · ".join([info.name, *seen]))
            except PixelArtError as error:  # its weights are damaged
                status = status_text(str(error))
        is_blank = canvas is None or not (canvas.picture.any() or canvas.painted_mask.any())
        shown = new_canvas(info) if is_blank else swatches_of(info)
        # ALL_COLOURS are those of the model before: no palette to draw in
        own = None if colours is None or palette == ALL_COLOURS else allowed_to_payload(colours)
        allowed = _allowed(info, own)
        allowed = gr.skip() if allowed == colours else allowed
        return _classes(info, class_name), shown, allowed, session.set_status(status)

    def import_picture(
        self, session: Session, ticket: int, model: Any, event: gr.EventData, snap: Any = False
    ) -> tuple[Any, Any]:
        """canvas and status for a file that was chosen, dropped or pasted, at its true size; if `snap` is True, in the
        model's colours."""
        session.leave(ticket)
        try:
            name, data = uploaded_file(event_data(event))
            info = model_info(self.engine, model) if model else None
            picture = as_document(decode_picture(data, name=name, max_pixels=SETTINGS.max_sheet_pixels), name=name)
            picture, changes = self._in_colours(picture, info, snap is True)
        except PixelArtError as error:
            gr.Warning(str(error))
            return Painting(ticket), session.set_status(status_text(str(error)))
        text = " · ".join([f"Imported {name}", *changes])
        opened = Imported(name, picture, true_grid(picture), event_data(event).get("open") is True)
        return opened, session.set_status(status_text(text))

    def choose(
        self, session: Session, ticket: int, event: gr.EventData, model: Any = None, kept: Kept = NOTHING_KEPT
    ) -> tuple[Any, Any]:
        """canvas and status for a click on a result. The status names its model if another one is chosen now."""
        session.leave(ticket)
        session.recover(kept.drawings, kept.mask)
        data = event_data(event)
        index = data.get("index") if isinstance(data, dict) else None
        if not isinstance(index, int) or not 0 <= index < len(session.drawings):
            return gr.skip(), session.set_status(status_text("This result is gone. Draw again."))
        drawing = session.drawings[index]
        session.chosen, session.seed = index, drawing.seed
        message, checkpoint = f"Seed {drawing.seed} is on the canvas.", drawing.settings.get("checkpoint")
        if isinstance(checkpoint, str) and model and checkpoint != model:
            message += f" {checkpoint} drew it."
        return Canvas(drawing.picture), session.set_status(status_text(message))

    def reuse_seed(self, session: Session, kept: Kept = NOTHING_KEPT) -> tuple[Any, Any]:
        """seed and status: the seed of the last drawing, even a stopped one, or of the chosen result."""
        session.recover(kept.drawings, kept.mask)
        if session.seed is None:
            return gr.skip(), status_text("Draw a picture first, then reuse its seed.")
        return session.seed, gr.skip()

    def _models(self) -> list[CheckpointInfo]:
        try:
            return self.engine.list_checkpoints()
        except (PixelArtError, OSError):
            _log.exception("checkpoints cannot be listed")
            return []

    def _info(self, model: Any) -> tuple[CheckpointInfo | None, str]:
        """The chosen model and a status line; or None and the reason."""
        try:
            if model:
                return model_info(self.engine, model), status_text(WELCOME)
        except PixelArtError as error:
            return None, status_text(str(error))
        return None, status_text("You can paint. To draw, install a model.")

    def _changes(self, picture: Picture, info: CheckpointInfo) -> list[str]:
        """How the model would change the picture: its size and its colours."""
        height, width = picture.shape[:2]
        messages = list[str]()
        size = size_for(picture, info)
        if (height, width) != size:
            messages.append(
                f"it draws {info.width} x {info.height}; Complete mask fits your {width} x {height} picture to it"
            )
        fitted = fit_to_canvas(picture, *size)
        if info.takes_palettes:  # it draws in any colours
            return messages
        near, others = self.engine.snap(info.name, fitted)
        filled = int(((fitted[..., 3] < ALPHA_THRESHOLD) & (near[..., 3] >= ALPHA_THRESHOLD)).sum())
        if filled:
            messages.append(f"it has no transparency and reads {counted(filled, 'pixel')} as filled")
        if others > filled:
            messages.append(f"it reads {counted(others - filled, 'pixel')} as its nearest colours")
        return messages

    def _in_colours(self, picture: Picture, info: CheckpointInfo | None, snap: bool) -> tuple[Picture, list[str]]:
        """The picture, in the model's colours if `snap`; and messages about its colours."""
        is_counted = info is not None and not info.takes_palettes and (snap or max(picture.shape) <= MAX_DOCUMENT)
        near, others = self.engine.snap(info.name, picture) if info and is_counted else (picture, 0)
        if snap and others:
            return near, [f"{counted(others, 'pixel')} snapped to the palette"]
        changes = ["every colour kept"]
        if others:
            changes.append(f"{counted(others, 'pixel')} in colours that the model lacks: it reads the nearest")
        return near if snap else picture, changes


def as_document(picture: Picture, *, name: str) -> Picture:
    """The picture; one larger than the page shows is reduced to its true grid, which loses nothing.

    Raises:
        ImageRejected: it is larger, and not enlarged pixel art.
    """
    height, width = picture.shape[:2]
    if max(height, width) > MAX_SIDE:
        picture = to_true_grid(picture)
    if max(picture.shape[:2]) > MAX_SIDE:
        raise ImageRejected(f"{name}: {width} x {height}; the limit is {MAX_SIDE} pixels a side")
    return picture


def new_canvas(info: CheckpointInfo | None) -> Canvas:
    """An empty canvas in the model's size, with its palette."""
    return with_model(blank_canvas(*_size(info)), info)


def with_model(canvas: Canvas, info: CheckpointInfo | None) -> Canvas:
    """The canvas, with the palette of a model and what it draws at once."""
    return replace(canvas, palette=_palette(info), largest=_largest(info))


def swatches_of(info: CheckpointInfo | None) -> Swatches:
    """The palette and the size for new pictures of a model."""
    return Swatches(_palette(info), _size(info), _largest(info))


def _palette(info: CheckpointInfo | None) -> tuple[str, ...]:
    return tuple(c for c in hex_colours(info.colours if info else None) if c)


def _classes(info: CheckpointInfo | None, chosen: Any) -> Any:
    """The list of classes; the chosen class stays if the model has it."""
    choices = class_choices(info.classes if info else ())
    values = [value for _, value in choices]
    return gr.Dropdown(choices=list(choices), value=chosen if chosen in values else values[0])


def _allowed(info: CheckpointInfo | None, before: Any) -> AllowedColours:
    """The colours that may be drawn: those of before if they fit the model's palette or form a palette that it can use,
    else all."""
    everything = everything_allowed(info.colours if info else None)
    try:
        chosen = allowed_from_payload(before)
        fits = chosen.colours == everything.colours or (info is not None and is_palette_for(info, chosen))
    except PixelArtError:
        return everything
    return chosen if fits else everything


def _largest(info: CheckpointInfo | None) -> tuple[int, int] | None:
    """What the model draws at once, if that is larger than the size of its pictures."""
    return (LARGEST_SIDE, LARGEST_SIDE) if info and info.any_size else None


def _size(info: CheckpointInfo | None) -> tuple[int, int]:
    return (info.height, info.width) if info else (DEFAULT_SIDE, DEFAULT_SIDE)
