"""The endpoints for programs, `generate` and `complete`: what the page's two buttons do, with PNG files in and out.

Values have the page's names, limits and messages. Pictures come in as base64 text, so that nothing is uploaded: the app
takes no files, and keeps none but its own results.
"""

# Without `from __future__ import annotations`: gradio reads the return types as they stand.

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
from pixelart.ui.create.drawing import NO_MODEL, Work, drawing_worker, model_info
from pixelart.ui.create.form import NO_CLASS, Form, request_from, sized
from pixelart.ui.events import ENDPOINTS
from pixelart.ui.results import ResultFiles, bits

Answer = tuple[list[FileData], list[dict[str, Any]]]
"""The pictures, and the seed and the bits of each. An MCP client gets their addresses."""


class ApiHandlers:
    """The endpoints; they know of no session."""

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
    ) -> Answer:
        """Draw new pixel art pictures. Returns PNG files, and the seed and the bits of each.

        Args:
            model: name of the model; empty for the first one.
            class_name: what to draw, a class of the model; empty for any, and so is Any where no class has that name.
            images: how many pictures, 1 to 16.
            seed: a whole number; -1 for a random one. Picture i has seed + i.
            temperature: 0.1 (careful) to 2 (wild); 0 for that of the preset.
            top_p: only the likeliest colours that have this probability together, 0.01 to 1; 0 for that of the preset.
            top_k: only so many of the likeliest colours; 0 for all, -1 for that of the preset.
            guidance: above 1 truer to the class, 0 to 10; -1 for that of the preset.
            bottom_temperature: temperature of the bottom row, reached evenly from the top; 0 for the same all over.
            seamless: x, y or xy: the edges that meet, so that the picture tiles; empty for none.
            preset: calm, balanced or wild: how careful it draws, where the values above do not say it.
            palette: of a model that takes palettes: model, or colours such as ff0044,ffffff; empty for such as pictures
                of the class have.
            size: of a model that draws any: width x height, such as 48x32; empty for that of the model.
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
    ) -> Answer:
        """Draw the masked part of a pixel art picture anew; every other pixel stays exactly as it is. Returns PNG
        files, the likeliest first, and the seed and the bits of each.

        Args:
            picture: a PNG file of the size that the model draws, in base64.
            mask: a PNG file of the same size, in base64; white is drawn anew, black stays.
            model: name of the model; empty for the first one.
            class_name: what it shows, a class of the model; empty for any, and so is Any where no class has that name.
            images: how many candidates, 1 to 16.
            seed: a whole number; -1 for a random one. Candidate i has seed + i.
            temperature: 0.1 (careful) to 2 (wild); 0 for that of the preset.
            top_p: only the likeliest colours that have this probability together, 0.01 to 1; 0 for that of the preset.
            top_k: only so many of the likeliest colours; 0 for all, -1 for that of the preset.
            guidance: above 1 truer to the class, 0 to 10; -1 for that of the preset.
            bottom_temperature: temperature of the bottom row, reached evenly from the top; 0 for the same all over.
            seamless: x, y or xy: a mask at such an edge is joined to the other side; empty for none.
            preset: calm, balanced or wild: how careful it draws, where the values above do not say it.
            palette: of a model that takes palettes: picture, model, or colours such as ff0044,ffffff; empty for those
                of the picture, and more where it has few.
            keep: shape, and what is transparent stays so; sketch, of a model that draws sketches, and what is light or
                dark stays so too; empty for nothing.
        """
        data = _told(lambda: _file_in(picture, "picture"))
        known, facts = _told(lambda: (decode_picture(data, name="picture"), read_facts(data, name="picture")))
        request = self._request(
            model, class_name, images, seed, temperature, top_p, top_k, guidance, bottom_temperature, seamless, preset,
            palette=palette, keep=keep, shape=known.shape[:2],
        )  # fmt: skip
        marked = _told(lambda: mask_of(decode_picture(_file_in(mask, "mask"), name="mask")))
        return self._draw(
            lambda on_row, cancel: self.engine.complete(request, known, marked, on_row=on_row, cancel=cancel), facts
        )

    def _request(
        self, model: Any, class_name: Any, images: Any, seed: Any, temperature: Any, top_p: Any, top_k: Any,
        guidance: Any, bottom: Any, seamless: Any, preset: Any, *, palette: Any, keep: Any = KEEP_NOTHING,
        size: Any = "", shape: tuple[int, int] | None = None,
    ) -> Request:  # fmt: skip
        """`size`: what new pictures are to have; `shape`: (height, width) of the picture to complete."""
        axes = list(seamless) if isinstance(seamless, str) else None

        def request() -> Request:
            info = model_info(self.engine, self._first() if model == "" else model)
            if shape:
                info.check_size(*shape)
            there = replace(info, height=shape[0], width=shape[1]) if shape else sized(info, size)
            usual = info.preset(preset)
            heat = usual.temperature if temperature == 0 else temperature
            mass, most = usual.top_p if top_p == 0 else top_p, usual.top_k if top_k == -1 else top_k
            led = usual.guidance if guidance == -1 else guidance
            said = {"palette": palette, "keep": keep}
            form = Form(class_name, heat, seed, images, None, mass, most, led, bottom, axes, **said)
            return replace(request_from(form, there), size=(there.height, there.width) if size else None)

        return _told(request)

    def _first(self) -> str:
        models = self.engine.list_checkpoints()
        if not models:
            raise RequestRejected(NO_MODEL)
        return models[0].name

    def _draw(self, work: Work, facts: Facts | None = None) -> Answer:
        """`facts`: of the file that was completed, which the results keep."""
        worker = drawing_worker(work)
        worker.wait()
        drawings = [replace(drawing, facts=facts or drawing.facts) for drawing in _told(worker.result)]
        paths = _told(lambda: [self.results.save(drawing) for drawing in drawings])
        files = [FileData(path=path, mime_type="image/png") for path in paths]
        about = [{"seed": drawing.seed, "bits": round(bits(drawing), 2)} for drawing in drawings]
        return files, about


def _told(work: Callable[[], Any]) -> Any:
    """What `work` returns. Raises gr.Error with the plain line of a PixelArtError."""
    try:
        return work()
    except PixelArtError as error:
        raise gr.Error(str(error), print_exception=False) from error


def _file_in(text: Any, name: str) -> bytes:
    """The bytes of a file in base64, with or without the head of a data URL; `name` is used in errors.

    Raises:
        ImageRejected: no base64, or larger than the limit.
    """
    if not isinstance(text, str):
        raise ImageRejected(f"{name}: must be a PNG file in base64")
    if text.startswith("data:"):
        text = text.partition(",")[2]
    return file_bytes(text, name=name)


def offer_api(engine: Engine, results: ResultFiles, **event: Any) -> None:
    """Adds the endpoints to the open Blocks."""
    handlers = ApiHandlers(engine, results)
    for name in ENDPOINTS:
        api(getattr(handlers, name), api_name=name, **event)
