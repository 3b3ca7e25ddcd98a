"""The API endpoints `generate` and `complete`: the page's two buttons, with PNG files in and out.

Values have the page's names, limits and messages. Pictures arrive as base64 text: the app accepts no file uploads and
stores only its own results.
"""

# Without `from __future__ import annotations`: gradio reads the return types at runtime.

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import gradio as gr
from gradio.data_classes import FileData
from gradio.events import api

from pixelart.checkpoint.presets import DEFAULT_PRESET
from pixelart.engine import Engine, Request
from pixelart.errors import ImageRejected, PixelArtError, RequestRejected
from pixelart.images.io import Facts, decode_picture, mask_of, read_facts
from pixelart.images.kept_kinds import KEEP_NOTHING
from pixelart.ui.create.canvas import file_bytes
from pixelart.ui.create.drawing import NO_MODEL, DrawFunction, drawing_worker, model_info
from pixelart.ui.create.form import NO_CLASS, Form, request_from, sized
from pixelart.ui.events import ENDPOINTS
from pixelart.ui.results import ResultFiles, bits

DrawnFiles = tuple[list[FileData], list[dict[str, Any]]]
"""The PNG files, and the seed and bits of each. An MCP client gets the files' URLs."""


class ApiHandlers:
    """The endpoints. They use no session."""

    def __init__(self, engine: Engine, results: ResultFiles) -> None:
        self.engine, self.results = engine, results

    def generate(
        self,
        model: str = "",
        class_name: str = NO_CLASS,
        images: int = 1,
        seed: int = -1,
        temperature: float = 0.0,
        top_p: float = 0.0,
        top_k: int = -1,
        guidance: float = -1.0,
        bottom_temperature: float = 0.0,
        seamless: str = "",
        preset: str = DEFAULT_PRESET,
        palette: str = "",
        size: str = "",
    ) -> DrawnFiles:
        """Draw new pixel art pictures. Returns PNG files, and the seed and bits of each.

        Args:
            model: name of the model; empty for the first one.
            class_name: what to draw, a class of the model; empty for any class. Any means the same unless a class has
                that name.
            images: how many pictures, 1 to 16.
            seed: a whole number; -1 for a random one. Picture i uses seed + i.
            temperature: 0.1 (careful) to 2 (wild); 0 for the preset's.
            top_p: draw from the likeliest colours that together have this probability, 0.01 to 1; 0 for the preset's.
            top_k: draw from this many of the likeliest colours; 0 for all, -1 for the preset's.
            guidance: 0 to 10, above 1 truer to the class; -1 for the preset's.
            bottom_temperature: temperature of the bottom row, changing evenly from the top; 0 for the same in every
                row.
            seamless: x, y or xy: directions in which the picture tiles without a seam; empty for none.
            preset: calm, balanced or wild: sets the values above that are left at the preset's.
            palette: for models that accept palettes: model, or colours such as ff0044,ffffff; empty for typical colours
                of the class.
            size: for models that draw any size: width x height, such as 48x32; empty for the model's own.
        """
        request = self._request(
            model, class_name, images, seed, temperature, top_p, top_k, guidance, bottom_temperature, seamless, preset,
            palette=palette, size=size,
        )  # fmt: skip
        return self._draw(lambda on_row, cancel: self.engine.generate(request, on_row=on_row, cancel=cancel))

    def complete(
        self,
        picture: str,
        mask: str,
        model: str = "",
        class_name: str = NO_CLASS,
        images: int = 1,
        seed: int = -1,
        temperature: float = 0.0,
        top_p: float = 0.0,
        top_k: int = -1,
        guidance: float = -1.0,
        bottom_temperature: float = 0.0,
        seamless: str = "",
        preset: str = DEFAULT_PRESET,
        palette: str = "",
        keep: str = KEEP_NOTHING,
    ) -> DrawnFiles:
        """Repaint the masked part of a pixel art picture; every other pixel stays exactly as it is. Returns PNG files,
        the likeliest first, and the seed and bits of each.

        Args:
            picture: a PNG file of a size that the model draws, in base64.
            mask: a PNG file of the same size, in base64; white is repainted, black stays.
            model: name of the model; empty for the first one.
            class_name: what it shows, a class of the model; empty for any class. Any means the same unless a class has
                that name.
            images: how many candidates, 1 to 16.
            seed: a whole number; -1 for a random one. Candidate i uses seed + i.
            temperature: 0.1 (careful) to 2 (wild); 0 for the preset's.
            top_p: draw from the likeliest colours that together have this probability, 0.01 to 1; 0 for the preset's.
            top_k: draw from this many of the likeliest colours; 0 for all, -1 for the preset's.
            guidance: 0 to 10, above 1 truer to the class; -1 for the preset's.
            bottom_temperature: temperature of the bottom row, changing evenly from the top; 0 for the same in every
                row.
            seamless: x, y or xy: directions in which a mask at the edge continues on the opposite side; empty for none.
            preset: calm, balanced or wild: sets the values above that are left at the preset's.
            palette: for models that accept palettes: picture, model, or colours such as ff0044,ffffff; empty for the
                colours of the picture, and more if it has few.
            keep: shape: transparent pixels stay transparent; sketch, for models that draw sketches: light and dark
                stay too; empty for nothing.
        """
        data = _with_gradio_error(lambda: _file_in(picture, "picture"))
        known, facts = _with_gradio_error(
            lambda: (decode_picture(data, name="picture"), read_facts(data, name="picture"))
        )
        request = self._request(
            model, class_name, images, seed, temperature, top_p, top_k, guidance, bottom_temperature, seamless, preset,
            palette=palette, keep=keep, shape=known.shape[:2],
        )  # fmt: skip
        marked = _with_gradio_error(lambda: mask_of(decode_picture(_file_in(mask, "mask"), name="mask")))
        return self._draw(
            lambda on_row, cancel: self.engine.complete(request, known, marked, on_row=on_row, cancel=cancel), facts
        )

    def _request(
        self, model: Any, class_name: Any, images: Any, seed: Any, temperature: Any, top_p: Any, top_k: Any,
        guidance: Any, bottom: Any, seamless: Any, preset: Any, *, palette: Any, keep: Any = KEEP_NOTHING,
        size: Any = "", shape: tuple[int, int] | None = None,
    ) -> Request:  # fmt: skip
        """`size`: of new pictures; `shape`: (height, width) of the picture to complete."""
        axes = list(seamless) if isinstance(seamless, str) else None

        def request() -> Request:
            info = model_info(self.engine, self._first() if model == "" else model)
            if shape:
                info.check_size(*shape)
            there = replace(info, height=shape[0], width=shape[1]) if shape else sized(info, size)
            usual = info.preset(preset)
            form = Form(
                class_name,
                temperature=usual.temperature if temperature == 0 else temperature,
                seed=seed,
                images=images,
                colours=None,
                top_p=usual.top_p if top_p == 0 else top_p,
                top_k=usual.top_k if top_k == -1 else top_k,
                guidance=usual.guidance if guidance == -1 else guidance,
                bottom_temperature=bottom,
                seamless=axes,
                palette=palette,
                keep=keep,
            )
            return replace(request_from(form, there), size=(there.height, there.width) if size else None)

        return _with_gradio_error(request)

    def _first(self) -> str:
        models = self.engine.list_checkpoints()
        if not models:
            raise RequestRejected(NO_MODEL)
        return models[0].name

    def _draw(self, work: DrawFunction, facts: Facts | None = None) -> DrawnFiles:
        """`facts`: metadata of the completed file, kept in the results."""
        worker = drawing_worker(work)
        worker.wait()
        drawings = [replace(drawing, facts=facts or drawing.facts) for drawing in _with_gradio_error(worker.result)]
        paths = _with_gradio_error(lambda: [self.results.save(drawing) for drawing in drawings])
        files = [FileData(path=path, mime_type="image/png") for path in paths]
        about = [{"seed": drawing.seed, "bits": round(bits(drawing), 2)} for drawing in drawings]
        return files, about


def _with_gradio_error(work: Callable[[], Any]) -> Any:
    """The result of `work`. A PixelArtError becomes a gr.Error with the same message."""
    try:
        return work()
    except PixelArtError as error:
        raise gr.Error(str(error), print_exception=False) from error


def _file_in(text: Any, name: str) -> bytes:
    """The bytes of a base64 file, with or without a data URL prefix; `name` is used in errors.

    Raises:
        ImageRejected: not base64, or larger than the limit.
    """
    if not isinstance(text, str):
        raise ImageRejected(f"{name}: must be a PNG file in base64")
    if text.startswith("data:"):
        text = text.partition(",")[2]
    return file_bytes(text, name=name)


def offer_api(engine: Engine, results: ResultFiles, **event: Any) -> None:
    """Add the endpoints to the open Blocks."""
    handlers = ApiHandlers(engine, results)
    for name in ENDPOINTS:
        api(getattr(handlers, name), api_name=name, **event)
