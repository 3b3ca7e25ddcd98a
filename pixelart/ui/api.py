"""The API endpoints `generate` and `complete`: the page's two buttons, with PNG files in and out.

Values have the page's names, limits and messages: both are made from `pixelart.controls`. Pictures arrive as base64
text: the app accepts no file uploads and stores only its own results.
"""

# Without `from __future__ import annotations`: gradio reads the return types at runtime.

from collections.abc import Callable
from dataclasses import replace
from inspect import Parameter, cleandoc, signature
from typing import Any

import gradio as gr
from gradio.data_classes import FileData
from gradio.events import api

from pixelart.checkpoint.presets import DEFAULT_PRESET
from pixelart.controls import COMPLETE, CONTROLS, GENERATE, Control, controls_of
from pixelart.engine import CheckpointInfo, Drawing, Engine, Request
from pixelart.errors import ImageRejected, PixelArtError, RequestRejected
from pixelart.images.coercion import percent_of
from pixelart.images.io import Facts, decode_picture, mask_of, read_facts
from pixelart.ui.create.drawing_job import DrawFunction, DrawingWorker, drawing_worker
from pixelart.ui.create.form import OF_PRESET, name_of, only_for, request_from, sized
from pixelart.ui.create.model_choice import NO_MODEL, model_info
from pixelart.ui.events import ENDPOINTS
from pixelart.ui.metrics import CountedFault
from pixelart.ui.results import ResultFiles, bits
from pixelart.ui.uploaded import file_bytes

POSITIONAL_OR_KEYWORD, VAR_KEYWORD = Parameter.POSITIONAL_OR_KEYWORD, Parameter.VAR_KEYWORD
DrawnFiles = tuple[list[FileData], list[dict[str, Any]]]
"""The PNG files, and the seed and bits of each. An MCP client gets the files' URLs."""


class ApiHandlers:
    """The endpoints. They use no session."""

    def __init__(self, engine: Engine, results: ResultFiles) -> None:
        self.engine, self.results = engine, results

    def generate(self, **values: Any) -> DrawnFiles:
        """Draw new pixel art pictures. Returns PNG files, and the seed and bits of each."""
        request = self._request(GENERATE, **values)
        return self._draw(lambda on_row, cancel: self.engine.generate(request, on_row=on_row, cancel=cancel))

    def complete(self, picture: str, mask: str, **values: Any) -> DrawnFiles:
        """Repaint the masked part of a pixel art picture; every other pixel stays exactly as it is. Returns PNG files,
        the most probable first, and the seed and bits of each.

        Args:
            picture: a PNG file, at least as large as the model draws, in base64.
            mask: a PNG file of the same size, in base64; white is repainted, black stays.
        """
        data = _with_gradio_error(lambda: file_in(picture, "picture"))
        known, facts = _with_gradio_error(
            lambda: (decode_picture(data, name="picture"), read_facts(data, name="picture"))
        )
        request = self._request(COMPLETE, shape=known.shape[:2], **values)
        marked = _with_gradio_error(lambda: mask_of(decode_picture(file_in(mask, "mask"), name="mask")))
        return self._draw(
            lambda on_row, cancel: self.engine.complete(request, known, marked, on_row=on_row, cancel=cancel), facts
        )

    def _request(self, action: str, **values: Any) -> Request:
        return _with_gradio_error(lambda: request_of(self.engine, action, **values))

    def _draw(self, work: DrawFunction, facts: Facts | None = None) -> DrawnFiles:
        """`facts`: metadata of the completed file, kept in the results."""
        worker = drawing_worker(work)
        worker.wait()
        drawn = _with_gradio_error(lambda: _result(worker))
        drawings = [replace(drawing, facts=facts or drawing.facts) for drawing in drawn]
        paths = _with_gradio_error(lambda: [self.results.save(drawing) for drawing in drawings])
        files = [FileData(path=path, mime_type="image/png") for path in paths]
        about = [{"seed": drawing.seed, "bits": round(bits(drawing), 2)} for drawing in drawings]
        return files, about


def request_of(
    engine: Engine,
    action: str,
    *,
    model: Any = "",
    preset: Any = DEFAULT_PRESET,
    shape: tuple[int, int] | None = None,
    **values: Any,
) -> Request:
    """The request that a client's values of the controls make. `shape`: (height, width) of the picture to complete.

    Raises:
        RequestRejected: a value is of a wrong type or out of range, or there is no such model.
        ImageRejected: the temperature map is not a PNG within the limits.
    """
    info = chosen_model(engine, model)
    if shape:
        info.window_of(*shape)
    size = values.get("size")
    there = replace(info, height=shape[0], width=shape[1]) if shape else sized(info, values)
    usual = info.preset(preset).values()
    unset = {field for field in OF_PRESET if values.get(field, CONTROLS[field].unset) == CONTROLS[field].unset}
    given = {**values, **{field: usual[field] for field in unset}}
    if values.get("temperature_percent"):
        file = file_in(values["temperature_percent"], "temperature_percent")
        given["temperature_percent"] = percent_of(decode_picture(file, name="temperature_percent"))
    drawn = request_from(only_for(action, given), there)
    return replace(drawn, size=(there.height, there.width) if size else None)


def chosen_model(engine: Engine, model: Any) -> CheckpointInfo:
    """The model that a client names, or the first one if it sends "". Raises RequestRejected if there is none."""
    if model != "":
        return model_info(engine, model)
    models = engine.list_checkpoints()
    if not models:
        raise RequestRejected(NO_MODEL)
    return models[0]


def _with_gradio_error(work: Callable[[], Any]) -> Any:
    """The result of `work`. A PixelArtError becomes a gr.Error with the same message."""
    try:
        return work()
    except PixelArtError as error:
        raise gr.Error(str(error), print_exception=False) from error


def _result(worker: DrawingWorker) -> list[Drawing]:
    """The pictures of a drawing that has ended. Raises its PixelArtError; any other error is a CountedFault."""
    try:
        return worker.result()
    except PixelArtError:
        raise
    except Exception as error:
        raise CountedFault from error


def file_in(text: Any, name: str) -> bytes:
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
        api(endpoint(name, getattr(handlers, name)), api_name=name, **event)


def endpoint(action: str, handler: Callable[..., DrawnFiles]) -> Callable[..., DrawnFiles]:
    """The handler with the signature and the docstring that gradio publishes: its own parameters, the model, and the
    controls of the action."""
    own = [parameter for parameter in signature(handler).parameters.values() if parameter.kind is not VAR_KEYWORD]
    texts = {"model": "name of the model; empty for the first one."}
    parameters = [*own, Parameter("model", POSITIONAL_OR_KEYWORD, default="", annotation=str)]
    for field, control in controls_of(action):
        name, usual = name_of(field), _usual(field)
        texts[name] = f"{control.help(action, control.limits and control.shown, _default_text(control, usual))}."
        parameters.append(Parameter(name, POSITIONAL_OR_KEYWORD, default=usual, annotation=control.kind))
    about = signature(handler).replace(parameters=parameters, return_annotation=DrawnFiles)

    def call(*values: Any, **named: Any) -> DrawnFiles:
        bound = about.bind(*values, **named)
        bound.apply_defaults()
        return handler(**bound.arguments)

    own_text = cleandoc(handler.__doc__ or "")
    head = own_text if own else f"{own_text}\n\nArgs:"
    lines = "\n".join(f"    {name}: {text}" for name, text in texts.items())
    call.__name__, call.__doc__ = action, f"{head}\n{lines}"
    call.__signature__ = about  # pyright: ignore[reportFunctionMemberAccess]
    call.__annotations__ = {p.name: p.annotation for p in parameters} | {"return": DrawnFiles}
    return call


def _usual(field: str) -> Any:
    """The default of the API parameter of a control."""
    control = CONTROLS[field]
    return control.default if control.unset is None else control.unset


def _default_text(control: Control, usual: Any) -> str:
    """What a client gets who sends the usual value, such as "-1: the preset's"."""
    if control.unset is not None:
        return f"{usual:g}: {control.default_words}"
    return f"empty: {control.default_words}" if usual == "" else f"{usual}"
