"""Custom components built on gr.HTML: the canvas, its answers, the colour picker, file drop and file save."""

from __future__ import annotations

from typing import Any

import gradio as gr

from pixelart.controls import CONTROLS
from pixelart.errors import PixelArtError
from pixelart.images.heatmap import RAMP
from pixelart.images.palette_files import KNOWN
from pixelart.settings import SETTINGS
from pixelart.ui.browser_storage import kept_from_payload, results_to_payload
from pixelart.ui.create.canvas_value import Canvas, canvas_from_payload, canvas_to_payload
from pixelart.ui.create.model_choice import MAX_DOCUMENT
from pixelart.ui.create.palette_value import AllowedColours, allowed_from_payload, allowed_to_payload, hex_names
from pixelart.ui.scripts import on_load, read_static


class PixelCanvas(gr.HTML):
    """A pixel-exact drawing canvas. Its value in Python is a `Canvas`, or None before the page has sent one.
    A handler may also return a `Painting`, `Swatches`, `Imported` or `LoadedColours`.

    Its event `upload` carries the bytes of a picture file, `palette` those of a palette file, `select` a question of
    Inspect (see `InspectHandlers`), and `lock` whether only the shown colours may be drawn (see `PaletteHandlers`).
    """

    def __init__(self, value: Canvas | None = None, **settings: Any) -> None:
        super().__init__(
            value=value,
            html_template=read_static("canvas/canvas.html"),
            css_template=read_static("canvas/canvas.css"),
            js_on_load=on_load(
                "canvas/main.js",
                constants={
                    "limits": {
                        "side": SETTINGS.max_side,
                        "document": MAX_DOCUMENT,
                        "fileBytes": SETTINGS.max_file_bytes,
                        "paletteBytes": SETTINGS.max_palette_bytes,
                    },
                    "palettes": [{"name": p.name, "colours": hex_names(p.colours)} for p in KNOWN],
                    "ramp": RAMP.tolist(),  # the colours of the heat map
                },
                services=("drawings", "inspection", "showing", "swatches"),
                events=("upload", "select", "palette", "lock"),
            ),
            apply_default_css=False,
            **settings,
        )

    def preprocess(self, payload: Any) -> Any:
        """The checked canvas. Raises gr.Error with one plain line."""
        try:
            return None if payload is None else canvas_from_payload(payload)
        except PixelArtError as error:
            raise gr.Error(str(error), print_exception=False) from error

    def postprocess(self, value: Any) -> Any:
        """What the page's script reads."""
        return None if value is None else canvas_to_payload(value)


class Work(gr.HTML):
    """Invisible: stores in the browser what a page must not lose (`browser_storage.py`). Its value in Python is a
    `Kept`; a handler returns the results of a session."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(
            html_template="", js_on_load=on_load("work.js", services=["work"]), apply_default_css=False, **settings
        )

    def preprocess(self, payload: Any) -> Any:
        """What was stored, without unusable parts."""
        return kept_from_payload(payload)

    def postprocess(self, value: Any) -> Any:
        """What the page's script stores."""
        return None if value is None else results_to_payload(value)


def _told_controls() -> list[tuple[str, str, Any]]:
    """(field, label, default) of the advanced numbers that drawings carry in their settings, besides the temperature,
    which is always told."""
    told = ((field, control) for field, control in CONTROLS.items() if control.of_preset and field != "temperature")
    return [(field, c.page.label, c.default) for field, c in told if c.page and c.page.advanced]


class PastPictures(gr.HTML):
    """The pictures of earlier drawings, which the browser stores. Its event `upload` carries a picture's name, PNG and
    settings."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(
            html_template=read_static("past/past.html"),
            css_template=read_static("past/past.css"),
            js_on_load=on_load("past/panel.js", constants={"controls": _told_controls()}, events=["upload"]),
            apply_default_css=False,
            **settings,
        )


class Answers(gr.HTML):
    """Invisible: passes its value, the answer to a question of the canvas, to the canvas script."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(html_template="", js_on_load=on_load("answers.js"), apply_default_css=False, **settings)

    def postprocess(self, value: Any) -> Any:
        """Passed on as it is."""
        return value


class Examples(gr.HTML):
    """A strip of example pictures. Its event `select` carries the number of the one that was clicked."""

    def __init__(self, strip: str, **settings: Any) -> None:
        super().__init__(
            html_template=read_static("examples.html").replace("STRIP", strip),
            css_template=read_static("examples.css"),
            js_on_load=on_load("examples.js", events=["select"]),
            apply_default_css=False,
            **settings,
        )


class ResultTools(gr.HTML):
    """The starred results and the menu of a result. Its event `select` carries the bytes of a result and the percentage
    of it to redraw."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(
            html_template=read_static("results.html"),
            css_template=read_static("results.css"),
            js_on_load=on_load("results.js", events=["select"]),
            apply_default_css=False,
            **settings,
        )


class ColourPicker(gr.HTML):
    """Lets the visitor choose which of a model's colours may be drawn. Its value is an `AllowedColours`, or None.

    Its event `upload` carries the bytes of a palette file.
    """

    def __init__(self, value: AllowedColours | None = None, **settings: Any) -> None:
        super().__init__(
            value=value,
            html_template=read_static("palette.html"),
            css_template=read_static("palette.css"),
            js_on_load=on_load("palette.js", constants={"mostBytes": SETTINGS.max_palette_bytes}, events=["upload"]),
            apply_default_css=False,
            **settings,
        )

    def preprocess(self, payload: Any) -> Any:
        """The checked choice. Raises gr.Error with one plain line."""
        try:
            return None if payload is None else allowed_from_payload(payload)
        except PixelArtError as error:
            raise gr.Error(str(error), print_exception=False) from error

    def postprocess(self, value: Any) -> Any:
        """What the page's script reads."""
        return None if value is None else allowed_to_payload(value)


class FileDrop(gr.HTML):
    """A place to drop or choose an archive. Its event `upload` carries the name and the bytes."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(
            html_template=read_static("drop.html"),
            css_template=read_static("drop.css"),
            js_on_load=on_load("drop.js", constants={"mostBytes": SETTINGS.max_file_bytes}, events=["upload"]),
            apply_default_css=False,
            **settings,
        )


class ModelDrop(gr.HTML):
    """A place to drop the .zip of a model. Its event `upload` carries a part of the bytes (see `ModelUpload`), `select`
    follows the last part. Its value in Python is the answer to a part."""

    def __init__(self, *, most_bytes: int, part_bytes: int, **settings: Any) -> None:
        super().__init__(
            html_template=read_static("model_drop.html"),
            css_template=read_static("drop.css"),
            js_on_load=on_load(
                "model_drop.js",
                constants={"mostBytes": most_bytes, "partBytes": part_bytes},
                events=("upload", "select"),
            ),
            apply_default_css=False,
            **settings,
        )

    def postprocess(self, value: Any) -> Any:
        """Passed on as it is."""
        return value


class FileSaver(gr.HTML):
    """Invisible: set to `{"name": ..., "type": ..., "data": base64}` it saves that file on the visitor's machine."""

    def __init__(self, value: dict[str, Any] | None = None, **settings: Any) -> None:
        super().__init__(
            value=value, html_template="", js_on_load=on_load("download.js"), apply_default_css=False, **settings
        )

    def postprocess(self, value: Any) -> Any:
        """Passed on as it is."""
        return value
