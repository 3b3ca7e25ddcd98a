"""The tab Create: canvas, settings and results."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gradio as gr
from gradio.events import Dependency

from pixelart.checkpoint.presets import DEFAULT_PRESET, PRESET_NAMES
from pixelart.engine import Engine
from pixelart.images.kept_kinds import KEEP_NOTHING, KEEP_SHAPE, KEEP_SKETCH
from pixelart.ui.browser_storage import Kept, keep, recalled, restored
from pixelart.ui.components import Answers, ColourPicker, PixelCanvas, Work
from pixelart.ui.create.canvas import SIZES, PictureHandlers
from pixelart.ui.create.drawing import DrawingHandlers
from pixelart.ui.create.export import export_panel
from pixelart.ui.create.form import ANY_CLASS, MAX_IMAGES, MAX_TEMPERATURE, MIN_TEMPERATURE
from pixelart.ui.create.inspect import InspectHandlers
from pixelart.ui.create.palette_panel import PaletteHandlers, palette_panel
from pixelart.ui.create.palette_value import AllowedColours
from pixelart.ui.events import AT_ONCE, PRIVATE, SESSION_SECONDS
from pixelart.ui.inputs import CheckedCheckboxGroup, CheckedSlider, Choice, Style, Switch, Ticket, WholeNumber
from pixelart.ui.results import ResultFiles
from pixelart.ui.session import Session
from pixelart.ui.status import WAITING, WELCOME, status_text

REFUSED = "Nothing was drawn; see the message."
ENGINE_QUEUE: dict[str, Any] = {**PRIVATE, "concurrency_id": "engine", "concurrency_limit": 1}
"""Queue of all drawing events, of the page and of API clients."""
QUESTIONS: dict[str, Any] = {
    **PRIVATE, "concurrency_id": "questions", "concurrency_limit": 1, "show_progress": "hidden",
    "trigger_mode": "multiple",
}  # fmt: skip
"""Queue of Inspect: one question at a time, over all visitors, and never behind a drawing."""
FILES: dict[str, Any] = {
    **PRIVATE, "concurrency_id": "files", "concurrency_limit": 2, "show_progress": "hidden"
}  # fmt: skip
"""Queue of imports and exports: at most two at once, over all visitors."""


@dataclass(frozen=True)
class Visitor:
    """The session of an event, and the ticket of its drawing."""

    session: gr.State
    ticket: Ticket


@dataclass(frozen=True)
class TopLine:
    """The components above the tabs."""

    notice: gr.HTML
    model: Choice
    work: Work


@dataclass(frozen=True)
class Inputs:
    """The inputs beside the canvas, in the order of `Form`."""

    class_name: gr.Dropdown
    temperature: gr.Slider
    seed: gr.Number
    images: gr.Slider
    colours: ColourPicker
    top_p: gr.Slider
    top_k: gr.Slider
    guidance: gr.Slider
    bottom_temperature: gr.Slider
    seamless: gr.CheckboxGroup
    own_colours: gr.Checkbox
    keep: gr.Radio
    size: gr.Dropdown

    def by_name(self) -> dict[str, Any]:
        """The inputs by name, in the order of `Form`."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


def create_tab(arrived: Dependency, engine: Engine, top: TopLine, results: ResultFiles) -> Callable[[Dependency], None]:
    """Build the tab inside the open Blocks and wire its events; the first ones follow `arrived`.

    Returns a function that updates the tab after an event that has chosen another model."""
    session = gr.State(Session(), time_to_live=SESSION_SECONDS, delete_callback=Session.free)
    ticket = Ticket(0, visible=False)
    pictures = PictureHandlers(engine, results)
    with gr.Row(elem_id="workspace"):
        with gr.Column(scale=3, min_width=300, elem_id="left"):
            canvas = PixelCanvas(elem_id="canvas", label="Canvas")
            status = gr.HTML(status_text(WELCOME), elem_id="status", apply_default_css=False)
            gallery = gr.Gallery(
                label="Results", show_label=False, format="png", elem_id="results", columns=8, object_fit="contain",
                allow_preview=False, interactive=False, height="auto", fit_columns=False, buttons=[],
            )  # fmt: skip
        with gr.Column(scale=1, min_width=290, elem_id="right"):
            buttons = _action_buttons()  # the Tab key reaches them after the canvas
            class_name, size, preset, temperature, seed, images = _main_settings(session, status, pictures, top.work)
            with gr.Column(elem_id="more"):
                palette = palette_panel(canvas, status, top.model, engine, **AT_ONCE)
                top_p, top_k, guidance, bottom, seamless, keep_of_mask = _advanced()
                export = export_panel(session, canvas, top.model, top.work, engine, **FILES)
    settings = Inputs(
        class_name, temperature, seed, images, palette.colours, top_p, top_k, guidance, bottom, seamless,
        palette.own_colours, keep_of_mask, size,
    )  # fmt: skip
    dials = [temperature, top_p, top_k, guidance]
    offered = [*buttons[2:4], size, keep_of_mask]
    preset.input(pictures.preset_values, [top.model, preset], dials, **AT_ONCE)
    for dial in dials:  # the visitor's own values deselect the preset
        dial.input(None, None, preset, js="() => null", **AT_ONCE)
    visitor = Visitor(session, ticket)
    _wire_drawing(DrawingHandlers(engine, results), visitor, (canvas, status, gallery), buttons, top, settings)
    _wire_inspect(InspectHandlers(engine), canvas, top.model, class_name)
    selected: dict[str, Any] = {
        "fn": pictures.select_model,
        "inputs": [session, ticket, canvas, top.model, class_name, palette.colours],
        "outputs": [class_name, canvas, palette.colours, status],
        "js": _ticketed("leave"),
        **AT_ONCE,
    }
    canvas.upload(
        pictures.import_picture, [session, ticket, top.model, palette.snap], [canvas, status], js=_ticketed("leave"),
        **FILES,
    )  # fmt: skip
    gallery.select(
        pictures.choose, [session, ticket, top.model, top.work], [canvas, status], js=_ticketed("leave", kept=True),
        **AT_ONCE,
    )  # fmt: skip

    def select_after(event: Dependency) -> None:
        chosen = event.success(**selected)
        chosen.then(pictures.offer, top.model, offered, **AT_ONCE)
        palette.choice_for(chosen, **AT_ONCE)
        chosen.then(pictures.preset_values, [top.model, preset], dials, **AT_ONCE)

    select_after(top.model.chosen())
    shown = [class_name, canvas, palette.colours, gallery, status]
    loaded = arrived.then(
        pictures.load, [session, top.work], [session, top.notice, top.model, *shown], js=recalled("create"), **AT_ONCE
    )
    others = {name: each for name, each in settings.by_name().items() if name not in ("class_name", "colours")}
    others |= {"palette": palette.choice, "snap": palette.snap, "preset": preset, **export}
    loaded.then(pictures.offer, top.model, offered, **AT_ONCE)
    preset_set = loaded.then(pictures.preset_values, [top.model, preset], dials, **AT_ONCE)
    names = PaletteHandlers(engine)

    def bring_back(model: Any, colours: AllowedColours | None, kept: Kept) -> list[Any]:
        values = dict(kept.values)
        if "palette" in values:
            values["palette"] = names.name_of(model, colours, values["palette"])
        return restored(others, values)

    back = preset_set.then(
        bring_back, [top.model, palette.colours, top.work], list(others.values()), js=recalled("create"), **AT_ONCE
    )
    back.then(None, None, None, js="() => window.work?.startKeeping()", **AT_ONCE)
    keep("create", {"model": top.model, "class": class_name, "colours": palette.colours, **others})

    return select_after


def _main_settings(
    session: gr.State, status: gr.HTML, pictures: PictureHandlers, work: Work
) -> tuple[gr.Dropdown, gr.Dropdown, Style, gr.Slider, gr.Number, gr.Slider]:
    with gr.Column(elem_id="settings"):
        class_name = Choice(choices=[ANY_CLASS], value=ANY_CLASS, label="Class", filterable=True, elem_id="class")
        size = Choice(
            choices=SIZES, value=SIZES[2], label="Size", info="Width x height of new pictures", visible=False,
            allow_custom_value=True, filterable=True, elem_id="size",
        )  # fmt: skip
        preset = Style(
            [(name.title(), name) for name in PRESET_NAMES], value=DEFAULT_PRESET, label="Style",
            info="Calm: typical pictures. Wild: surprising ones.", elem_id="preset", elem_classes="choices",
        )  # fmt: skip
        temperature = CheckedSlider(
            MIN_TEMPERATURE, MAX_TEMPERATURE, value=1.0, step=0.05, label="Temperature", elem_id="temperature",
            info="Low: careful. High: wild.", buttons=[],
        )  # fmt: skip
        with gr.Row(elem_id="seed-row"):
            seed = WholeNumber(-1, precision=0, label="Seed", info="-1: random", elem_id="seed", min_width=90)
            random = gr.Button("Random", size="sm", min_width=60, elem_id="random")
            reuse = gr.Button("Reuse", size="sm", min_width=60, elem_id="reuse")
        images = CheckedSlider(1, MAX_IMAGES, value=1, step=1, label="Images", elem_id="images", buttons=[])
    random.click(lambda: -1, None, seed, **AT_ONCE)
    reuse.click(
        pictures.reuse_seed, [session, work], [seed, status],
        js="(session) => [session, window.work?.results() ?? null]", **AT_ONCE,
    )  # fmt: skip
    return class_name, size, preset, temperature, seed, images


def _action_buttons() -> tuple[gr.Button, ...]:
    with gr.Row(elem_id="actions"):
        generate = gr.Button("Generate", variant="primary", elem_id="generate", min_width=90)
        complete = gr.Button("Complete mask", elem_id="complete", min_width=120)
        enlarge = gr.Button("Enlarge", elem_id="enlarge", min_width=80, visible=False)
        recolour = gr.Button("New colours", elem_id="recolour", min_width=90, visible=False)
        stop = gr.Button("Stop", variant="stop", elem_id="stop", min_width=60)
    return generate, complete, enlarge, recolour, stop


def _advanced() -> tuple[gr.Slider, gr.Slider, gr.Slider, gr.Slider, gr.CheckboxGroup, gr.Radio]:
    with gr.Accordion("Advanced", open=False, elem_id="advanced"):
        top_p = CheckedSlider(0.05, 1, value=1, step=0.01, label="Top-p", info="1: every colour", buttons=[])
        top_k = CheckedSlider(0, 256, value=0, step=1, label="Top-k", info="0: every colour", buttons=[])
        guidance = CheckedSlider(
            0, 10, value=1, step=0.1, label="Guidance", info="Above 1: truer to the class", buttons=[]
        )
        bottom = CheckedSlider(
            0, MAX_TEMPERATURE, value=0, step=0.05, label="Temperature at bottom",
            info="Changes evenly from top to bottom. 0: the same in every row.", buttons=[],
        )  # fmt: skip
        seamless = CheckedCheckboxGroup(
            [("X", "x"), ("Y", "y")], value=[], label="Seamless", elem_id="seamless",
            info="X: left and right edges match. Y: top and bottom. Generate: the picture tiles. Complete mask: a mask "
            "at an edge continues on the opposite side.",
        )  # fmt: skip
        keep = Switch(
            [("Nothing", KEEP_NOTHING), ("Shape", KEEP_SHAPE), ("Shading", KEEP_SKETCH)], value=KEEP_NOTHING,
            label="Complete mask keeps",
            info="Shape: transparent pixels stay transparent. Shading: light and dark stay, too.",
            elem_id="keep", elem_classes="choices",
        )  # fmt: skip
    return top_p, top_k, guidance, bottom, seamless, keep


def _wire_drawing(
    drawing: DrawingHandlers,
    visitor: Visitor,
    shown: tuple[PixelCanvas, gr.HTML, gr.Gallery],
    buttons: tuple[gr.Button, ...],
    top: TopLine,
    settings: Inputs,
) -> None:
    session, ticket = visitor.session, visitor.ticket
    canvas, status, _ = shown
    generate, complete, enlarge, recolour, stop = buttons
    values = [top.model, *settings.by_name().values()]
    for button, handler, inputs in (
        (generate, drawing.generate, [session, ticket, *values]),
        (complete, drawing.complete, [session, ticket, canvas, *values]),
        (enlarge, drawing.enlarge, [session, ticket, canvas, *values]),
        (recolour, drawing.recolour, [session, ticket, canvas, *values]),
    ):
        button.click(None, None, status, js=f"() => {WAITING!r}", **AT_ONCE)
        drawn = button.click(
            handler, inputs, list(shown), js=_ticketed("press"), api_name=f"page_{handler.__name__}",
            show_progress="hidden", **ENGINE_QUEUE,
        )  # fmt: skip
        drawn.failure(lambda: status_text(REFUSED), None, status, **AT_ONCE)
        drawn.then(  # gradio frees only values that it was given
            lambda session: (session, session.drawings or gr.skip()), session, [session, top.work], **AT_ONCE
        )
    stop.click(drawing.stop, [session, ticket], status, js=_ticketed("latest"), **AT_ONCE)


def _wire_inspect(handlers: InspectHandlers, canvas: PixelCanvas, model: gr.Dropdown, class_name: gr.Dropdown) -> None:
    answers = Answers(elem_id="answers")
    answered = canvas.select(handlers.inspect, [model, class_name], answers, **QUESTIONS)
    answered.failure(None, None, None, js="() => window.inspection?.fail()", **AT_ONCE)
    for chosen in (model, class_name):
        chosen.change(None, None, None, js="() => window.inspection?.forget()", **AT_ONCE)


def _ticketed(verb: str, *, kept: bool = False) -> str:
    """Script that sets the ticket, the second input of an event; canvas/value.js has the verbs. If `kept`, it adds the
    stored results as the last input."""
    if kept:
        return f"(session, ticket, model) => [session, drawings.{verb}(), model, window.work?.results() ?? null]"
    return f"(session, ticket, ...rest) => [session, drawings.{verb}(), ...rest]"
