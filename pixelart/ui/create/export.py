"""Export the canvas, a result or all results as a file for other programs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import gradio as gr
import numpy as np
from numpy.typing import NDArray

from pixelart.controls import whole
from pixelart.engine import Drawing, Engine
from pixelart.errors import PixelArtError, RequestRejected
from pixelart.images.codec import Picture, over_background
from pixelart.images.gif import drawing_gif
from pixelart.images.io import encode_png, encode_rgba_png, is_indexable
from pixelart.images.sprite_json import sprite_sheet
from pixelart.plain_json import to_json
from pixelart.settings import SETTINGS
from pixelart.ui.browser_storage import STORED, Kept
from pixelart.ui.components import FileSaver, PixelCanvas, Work
from pixelart.ui.create.canvas_value import Canvas
from pixelart.ui.create.model_choice import model_info
from pixelart.ui.create.result_sets import sheet_archive
from pixelart.ui.events import listen
from pixelart.ui.inputs import CheckedCheckbox, CheckedSlider, Colour, Switch
from pixelart.ui.results import canvas_file_name, download_value, file_name, sheet_file_name
from pixelart.ui.session import Session

CANVAS, SELECTION, RESULT = "Canvas", "Selection", "Result"
INDEXED, RGBA, GIF, SHEET = FORMATS = ("PNG indexed", "PNG RGBA", "GIF of drawing", "Sprite sheet")
SCALES = (1, 2, 4, 8, 16)
MAX_COLUMNS = 16
MAX_FILE_SIDE, MAX_GIF_SIDE = 4 * SETTINGS.max_side, SETTINGS.max_side
RGBA_INSTEAD = "More than 256 colours, or half-transparent pixels: saved as PNG RGBA."
Background = tuple[int, int, int] | None


@dataclass(frozen=True)
class ExportForm:
    """The raw values, by the names of the panel's inputs; a page may post anything in them."""

    picture: Any
    format: Any
    scale: Any
    transparent: Any
    background: Any
    columns: Any
    json: Any = False


@dataclass(frozen=True)
class Export:
    """The checked values; a `background` of None keeps transparency."""

    picture: str
    format: str
    scale: int
    background: Background
    columns: int
    json: bool = False


def export_from(form: ExportForm) -> Export:
    """Check the form. Raises RequestRejected, with the limit, for a value of a wrong type or out of range."""
    if not isinstance(form.transparent, bool):
        raise RequestRejected("Transparent: must be on or off.")
    if not isinstance(form.json, bool):
        raise RequestRejected("With JSON: must be on or off.")
    return Export(
        _one_of(form.picture, "Picture", (CANVAS, SELECTION, RESULT)),
        _one_of(form.format, "Format", FORMATS),
        _one_of(form.scale, "Scale", SCALES),
        None if form.transparent else _colour(form.background),
        whole(form.columns, "Columns", 1, MAX_COLUMNS),
        form.json,
    )


class ExportHandlers:
    """The handlers of one page. A visitor's state is in the Session passed to each handler."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def download(
        self,
        session: Session,
        canvas: Canvas | None,
        model: Any,
        kept: Kept,
        selected: Canvas | None = None,
        **values: Any,
    ) -> Any:
        """The value of the file saver, or a warning. A result keeps the palette of the model that drew it. `selected`:
        the selected pixels in their box, if there are any."""
        session.recover(kept.drawings, kept.mask)
        try:
            export = export_from(ExportForm(**values))
            drawing = session.chosen_drawing
            by = drawing.settings.get("checkpoint", model) if drawing else model
            if export.format == SHEET:
                name, data = sheet_file(session.drawings, export, self._colours(by))
            elif export.picture == SELECTION:
                if selected is None:
                    raise RequestRejected("Nothing is selected.")
                name, data = canvas_file(selected, export, self._colours(model))
            elif export.picture == CANVAS:
                name, data = canvas_file(canvas, export, self._colours(model))
            else:
                name, data = result_file(drawing, session.mask, export, self._colours(by))
        except PixelArtError as error:
            gr.Warning(str(error))
            return gr.skip()
        return download_value(name, data)

    def _colours(self, model: Any) -> NDArray[np.uint8] | None:
        """The palette for indexed files; None without a model, because a painting can be saved without one."""
        try:
            return model_info(self.engine, model).colours
        except PixelArtError:
            return None


def canvas_file(canvas: Canvas | None, export: Export, colours: NDArray[np.uint8] | None) -> tuple[str, bytes]:
    """(name, bytes) of the canvas. Raises PixelArtError."""
    if canvas is None:
        raise RequestRejected("The canvas is empty.")
    picture = canvas.picture
    name = canvas_file_name(picture, scale=export.scale, suffix=_suffix(export))
    return name, _encode(picture, None, export, colours, {})


def result_file(
    drawing: Drawing | None, mask: NDArray[np.bool_] | None, export: Export, colours: NDArray[np.uint8] | None
) -> tuple[str, bytes]:
    """(name, bytes) of one result, drawn where `mask` is True (None = everywhere). A PNG includes its settings.

    Raises:
        PixelArtError: there is no result, or the format cannot hold it.
    """
    if drawing is None:
        raise RequestRejected("There is no result yet.")
    name = file_name(drawing, scale=export.scale, suffix=_suffix(export))
    return name, _encode(drawing.picture, mask, export, colours, drawing.text())


def sheet_file(drawings: list[Drawing], export: Export, colours: NDArray[np.uint8] | None) -> tuple[str, bytes]:
    """(name, PNG) of all results in one sheet, row by row, without gaps; with `json`, a .zip of it and the JSON that
    game engines read.

    Its text chunk `pixelart` is JSON with the size of the cells and the settings of each result.

    Raises:
        PixelArtError: there is no result, or the sheet would be too large.
    """
    if not drawings:
        raise RequestRejected("There is no result yet.")
    height, width = drawings[0].picture.shape[:2]
    columns = min(export.columns, len(drawings))
    check_size(-(-len(drawings) // columns) * height, columns * width, export.scale, MAX_FILE_SIDE)
    sheet = sprite_sheet([d.picture for d in drawings], [d.name for d in drawings], columns=columns)
    cells = {"columns": columns, "rows": sheet.rows, "width": width * export.scale, "height": height * export.scale}
    text = {"pixelart": to_json({"sheet": cells, "pictures": [dict(d.settings) for d in drawings]})}
    name = sheet_file_name(sheet.picture, count=len(drawings), scale=export.scale)
    png = _encode(sheet.picture, None, export, colours, text)
    return sheet_archive(sheet, png, name.removesuffix(".png"), scale=export.scale) if export.json else (name, png)


def check_size(height: int, width: int, scale: int, limit: int) -> None:
    """Raises RequestRejected, with the limit, for a file that would be too large to make."""
    if max(height, width) * scale > limit:
        size = f"{width * scale} x {height * scale}"
        raise RequestRejected(f"Scale x{scale}: {size} pixels; the limit is {limit} a side.")


def _encode(
    picture: Picture,
    mask: NDArray[np.bool_] | None,
    export: Export,
    colours: NDArray[np.uint8] | None,
    text: dict[str, str],
) -> bytes:
    height, width = picture.shape[:2]
    check_size(height, width, export.scale, MAX_GIF_SIDE if export.format == GIF else MAX_FILE_SIDE)
    if export.format == GIF:
        drawn = np.ones((height, width), np.bool_) if mask is None else mask
        return drawing_gif(picture, drawn, scale=export.scale, background=export.background)
    picture, palette = _on_background(picture, colours, export.background)
    if export.format == RGBA:
        return encode_rgba_png(picture, scale=export.scale, text=text)
    if not is_indexable(picture):
        gr.Info(RGBA_INSTEAD)
    return encode_png(picture, scale=export.scale, text=text, palette=palette)


def _on_background(
    picture: Picture, colours: NDArray[np.uint8] | None, background: Background
) -> tuple[Picture, NDArray[np.uint8] | None]:
    """Fill transparent pixels with the background, which becomes entry 0 of the palette.

    Without a background, fully transparent pixels get the colour 0, as in the palette."""
    if background is None:
        return np.where(picture[..., 3:] > 0, picture, np.uint8(0)), colours
    opaque = np.full((*picture.shape[:2], 1), 255, np.uint8)
    if colours is not None:
        colours = np.concatenate([np.array([[*background, 255]], np.uint8), colours[1:]])
    return np.concatenate([over_background(picture, background), opaque], -1), colours


def _suffix(export: Export) -> str:
    return "gif" if export.format == GIF else "png"


def _one_of(value: Any, name: str, choices: tuple[Any, ...]) -> Any:
    if isinstance(value, bool) or not isinstance(value, str | int) or value not in choices:
        raise RequestRejected(f"{name} {value!r:.40}: choose one of {', '.join(map(str, choices))}.")
    return value


def _colour(value: Any) -> tuple[int, int, int]:
    """RGB of a colour picker's value: "#ff0044" or "rgba(255, 0, 68, 1)"."""
    text = value.strip().lower() if isinstance(value, str) and len(value) <= 60 else ""
    number = r"\s*([0-9]{1,3}(?:\.[0-9]*)?)\s*"
    if found := re.fullmatch(r"#([0-9a-f]{6})", text):
        red, green, blue = bytes.fromhex(found[1])
    elif found := re.fullmatch(rf"rgba?\({number},{number},{number}(?:,[0-9. ]*)?\)", text):
        red, green, blue = (min(255, round(float(n))) for n in found.groups())
    else:
        raise RequestRejected(f"Background {value!r:.40}: must be a colour such as #ff0044.")
    return red, green, blue


def export_panel(
    session: gr.State, canvas: PixelCanvas, model: gr.Dropdown, work: Work, engine: Engine, **event: Any
) -> dict[str, Any]:
    """Build the accordion inside the open Blocks and return its inputs by name. studio.css hides inputs that a format
    does not use."""
    with gr.Accordion("Export", open=False, elem_id="export"):
        picture = Switch(
            [CANVAS, SELECTION, RESULT], value=CANVAS, label="Picture", elem_id="export-picture",
            elem_classes="choices",
            info="Selection: the selected pixels. Result: the chosen result; its PNG includes its settings.",
        )  # fmt: skip
        format = Switch(list(FORMATS), value=INDEXED, label="Format", elem_id="format", elem_classes="choices")
        columns = CheckedSlider(
            1, MAX_COLUMNS, value=4, step=1, label="Columns", elem_id="columns", buttons=[],
            info="All results in one PNG.",
        )  # fmt: skip
        json = CheckedCheckbox(
            False, label="With JSON", elem_id="sheet-json",
            info="A .zip of the PNG and of a JSON file that game engines read, in the form that Aseprite writes.",
        )  # fmt: skip
        scale = Switch([(f"x{s}", s) for s in SCALES], value=1, label="Scale", elem_id="scale", elem_classes="choices")
        with gr.Row(elem_id="backdrop"):
            transparent = CheckedCheckbox(True, label="Transparent", elem_id="transparent", min_width=110)
            background = Colour("#ffffff", label="Background", elem_id="background", min_width=60)
        download = gr.Button("Download", elem_id="save")
        saver = FileSaver(elem_id="download")
    values = {
        "picture": picture, "format": format, "scale": scale, "transparent": transparent, "background": background,
        "columns": columns, "json": json,
    }  # fmt: skip
    inputs = {"session": session, "canvas": canvas, "model": model, "kept": work, **values, "selected": canvas}
    is_selection = f"picture === {SELECTION!r}"  # only one of both pictures is posted: two may be too large
    scripts = {
        "kept": STORED,
        "canvas": f"{is_selection} ? null : canvas",
        "selected": f"{is_selection} ? (await window.drawings).selected() : null",
    }
    listen(download.click, ExportHandlers(engine).download, inputs, saver, scripts=scripts, **event)
    return values
