"""The tab Create: canvas, settings and results."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gradio as gr
from gradio.events import Dependency

from pixelart.engine import Engine
from pixelart.images.class_names import NO_KIND, NO_LOOK
from pixelart.ui.browser_storage import STORED, Kept, keep, recalled, restored
from pixelart.ui.components import Answers, Examples, PastPictures, PixelCanvas, ResultTools, Work
from pixelart.ui.create.canvas import PictureHandlers
from pixelart.ui.create.controls import advanced_controls, control_input
from pixelart.ui.create.drawing import DrawingHandlers
from pixelart.ui.create.example_strip import ExampleHandlers
from pixelart.ui.create.examples import strip_html
from pixelart.ui.create.export import export_panel
from pixelart.ui.create.form import ANY_CLASS, OF_PRESET, name_of
from pixelart.ui.create.inspect import InspectHandlers
from pixelart.ui.create.label_lists import ANY_KIND, ANY_LOOK, SIZES, USUAL_SIZE
from pixelart.ui.create.palette_panel import palette_panel
from pixelart.ui.create.palette_value import AllowedColours
from pixelart.ui.create.reuse import ReuseHandlers
from pixelart.ui.create.variation_panel import Press, result_set_panel, variation_panel
from pixelart.ui.create.variations import VariationHandlers
from pixelart.ui.events import AT_ONCE, LATEST, PRIVATE, SESSION_SECONDS, listen
from pixelart.ui.inputs import CheckedCheckboxGroup, Choice, Ticket, WholeNumber
from pixelart.ui.newest import listen_newest
from pixelart.ui.results import ResultFiles
from pixelart.ui.session import Session
from pixelart.ui.status import WAITING, WELCOME, status_text

REFUSED = "Nothing was drawn. See the message."
ENGINE_QUEUE: dict[str, Any] = {**PRIVATE, "concurrency_id": "engine", "concurrency_limit": 1}
"""Queue of all drawing events, of the page and of API clients."""
QUESTIONS: dict[str, Any] = {
    **PRIVATE, "concurrency_id": "questions", "concurrency_limit": 1, "show_progress": "hidden",
    "trigger_mode": "multiple",
}  # fmt: skip
"""Queue of Inspect: one question at a time over all visitors, separate from drawings."""
FILES: dict[str, Any] = {
    **PRIVATE, "concurrency_id": "files", "concurrency_limit": 2, "show_progress": "hidden"
}  # fmt: skip
"""Queue of imports and exports: at most two at once over all visitors."""


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
class CreateTab:
    """What other parts of the page use of the tab.

    follow: updates the tab after an event that has chosen another model. reuse_from: has a component's event `upload`
    send a picture's settings to the tab, see `ReuseHandlers`.
    """

    follow: Callable[[Dependency], None]
    reuse_from: Callable[[PastPictures], None]


def create_tab(arrived: Dependency, engine: Engine, top: TopLine, results: ResultFiles) -> CreateTab:
    """Build the tab inside the open Blocks and wire its events; the first ones follow `arrived`."""
    session = gr.State(Session(), time_to_live=SESSION_SECONDS, delete_callback=Session.free)
    ticket = Ticket(0, visible=False, elem_id="ticket")
    pictures, variations = PictureHandlers(engine, results), VariationHandlers(engine, results)
    with gr.Row(elem_id="workspace"):
        with gr.Column(scale=3, min_width=300, elem_id="left"):
            canvas = PixelCanvas(elem_id="canvas", label="Canvas")
            status = gr.HTML(status_text(WELCOME), elem_id="status", apply_default_css=False)
            with gr.Column(elem_id="outcome"):
                tools = ResultTools(elem_id="result-tools")
                gallery = gr.Gallery(
                    label="Results", show_label=False, format="png", elem_id="results", columns=8, object_fit="contain",
                    allow_preview=False, interactive=False, height="auto", fit_columns=False, buttons=[],
                )  # fmt: skip
                result_set_panel(session, gallery, top.work, variations, **FILES)
            strip = Examples(strip_html(), elem_id="examples")
        with gr.Column(scale=1, min_width=290, elem_id="right"):
            buttons = _action_buttons()  # the Tab key reaches them after the canvas
            settings = _main_settings(session, status, pictures, top.work)
            with gr.Column(elem_id="more"):
                palette = palette_panel(canvas, status, top.model, engine, (session, ticket))
                settings |= _advanced()
                varied = variation_panel(canvas, variations)
                export = export_panel(session, canvas, top.model, top.work, engine, **FILES)
    preset = settings.pop("preset")  # it only sets the sliders
    dials = [settings[name_of(field)] for field in OF_PRESET]
    class_name, colours = settings["class_name"], palette.colours
    settings |= {"colours": colours, "own_colours": palette.own_colours, **varied.blend}
    kind = settings["kind"]
    offered = [*buttons[2:4], settings["size"], settings["look"], kind, settings["keep"], strip]
    able = {
        "model": top.model, "look": settings["look"], "class_name": class_name, "kind": kind, "keep": settings["keep"],
    }  # fmt: skip
    listen(
        class_name.change,
        pictures.offer_kinds,
        {"model": top.model, "class_name": class_name, "kind": kind},
        kind,
        **AT_ONCE,
    )
    of_preset: dict[str, Any] = {"model": top.model, "preset": preset}
    listen(preset.input, pictures.preset_values, of_preset, dials, **LATEST)
    for dial in dials:  # the visitor's own values deselect the preset
        dial.input(None, None, preset, js="() => null", **AT_ONCE)
    visitor = Visitor(session, ticket)
    pressed = buttons, tools, varied.presses
    _wire_drawing(DrawingHandlers(engine, results), visitor, (canvas, status, gallery), pressed, top, settings)
    _wire_inspect(InspectHandlers(engine), canvas, top.model, class_name)
    here = {"session": session, "ticket": ticket, "model": top.model}
    leaving = {"ticket": "(await window.drawings).leave()"}
    page: dict[str, Any] = {"session": session, "clock": ticket}
    listen_newest(
        canvas.upload, pictures.import_picture, {**here, "snap": palette.snap}, [canvas, status], scripts=leaving,
        **page, **FILES,
    )  # fmt: skip
    listen_newest(
        gallery.select, pictures.choose, {**here, "kept": top.work}, [canvas, status],
        scripts={**leaving, "kept": STORED}, **page, **AT_ONCE,
    )  # fmt: skip
    listen_newest(
        strip.select, ExampleHandlers(engine).choose, here,
        [canvas, class_name, settings["keep"], settings["seamless"], palette.choice, colours, status],
        scripts=leaving, **page, **AT_ONCE,
    )  # fmt: skip

    def select_after(event: Dependency) -> None:
        drawn = {"canvas": canvas, "class_name": class_name, "colours": colours, "palette": palette.choice}
        shown = [class_name, canvas, colours, status]
        chosen = listen(event.success, pictures.select_model, {**here, **drawn}, shown, scripts=leaving, **LATEST)
        listen(chosen.then, pictures.offer, able, offered, **LATEST)
        palette.choice_for(chosen.then, top.model, **LATEST)
        listen(chosen.then, pictures.preset_values, of_preset, dials, **LATEST)
        varied.offer_after(chosen.then, top.model, **LATEST)

    select_after(top.model.chosen())
    shown = [class_name, canvas, colours, gallery, status]
    stored, recall = {"session": session, "kept": top.work}, {"kept": recalled("create")}
    loaded = listen(
        arrived.then, pictures.load, stored, [session, top.notice, top.model, *shown], scripts=recall, **AT_ONCE
    )
    by_model = {name: settings[name] for name in ("blend_class", "look", "kind", "keep")}  # lists that the model fills
    apart = {"class_name", "colours", *by_model}
    others = {name: each for name, each in settings.items() if name not in apart}
    others |= {"palette": palette.choice, "snap": palette.snap, "preset": preset, **export, **varied.others}
    listen(loaded.then, pictures.offer, {**able, "kept": top.work}, offered, scripts=recall, **AT_ONCE)
    varied.offer_after(loaded.then, top.model, inputs={"kept": top.work}, scripts=recall, **AT_ONCE)
    preset_set = listen(loaded.then, pictures.preset_values, of_preset, dials, **AT_ONCE)

    def bring_back(model: Any, colours: AllowedColours | None, kept: Kept) -> list[Any]:
        values = dict(kept.values)
        if "palette" in values:
            values["palette"] = palette.handlers.name_of(model, colours, values["palette"])
        return restored(others, values)

    kept = {"model": top.model, "colours": colours, "kept": top.work}
    back = listen(preset_set.then, bring_back, kept, list(others.values()), scripts=recall, **AT_ONCE)
    back.then(None, None, None, js="async () => { (await window.work)?.startKeeping(); }", **AT_ONCE)
    keep("create", {"model": top.model, "class": class_name, "colours": colours, **by_model, **others})

    def reuse_from(past: PastPictures) -> None:
        reuse = ReuseHandlers(engine, {**others, **by_model, "own_colours": palette.own_colours})
        set_by = [top.model, class_name, colours, canvas, status, *reuse.inputs.values()]
        visitor_here = {"session": session, "ticket": ticket}
        sent = listen_newest(past.upload, reuse.reuse, visitor_here, set_by, scripts=leaving, **page, **FILES)
        after = listen(sent.success, pictures.swatches, {"model": top.model}, canvas, **LATEST)
        listen(after.then, pictures.offer, able, offered, **LATEST)
        palette.choice_for(after.then, top.model, **LATEST)

    return CreateTab(select_after, reuse_from)


def _main_settings(session: gr.State, status: gr.HTML, pictures: PictureHandlers, work: Work) -> dict[str, Any]:
    """The inputs by name."""
    with gr.Column(elem_id="settings"):
        class_name = Choice(choices=[ANY_CLASS], value=ANY_CLASS, label="Class", filterable=True, elem_id="class")
        kind = Choice(
            choices=[(ANY_KIND, NO_KIND)], value=NO_KIND, label="Kind", info="Any: the seed picks one for each picture",
            visible=False, filterable=True, elem_id="kind",
        )  # fmt: skip
        size = Choice(
            choices=SIZES, value=USUAL_SIZE[1], label="Size", info="Width x height of new pictures", visible=False,
            allow_custom_value=True, filterable=True, elem_id="size",
        )  # fmt: skip
        look = Choice(
            choices=[(ANY_LOOK, NO_LOOK)], value=NO_LOOK, label="Look", visible=False, filterable=True, elem_id="look",
            info="Of the pictures it learned from. Any: the seed may pick one",
        )  # fmt: skip
        preset = control_input("preset")
        with gr.Row(elem_id="seed-row"):
            seed = WholeNumber(-1, precision=0, label="Seed", info="-1: random", elem_id="seed", min_width=90)
            random = gr.Button("Random", size="sm", min_width=60, elem_id="random")
            reuse = gr.Button("Reuse", size="sm", min_width=60, elem_id="reuse")
        images = control_input("count")
    random.click(lambda: -1, None, seed, **AT_ONCE)
    stored = {"session": session, "kept": work}
    listen(reuse.click, pictures.reuse_seed, stored, [seed, status], scripts={"kept": STORED}, **AT_ONCE)
    return {
        "class_name": class_name, "kind": kind, "size": size, "look": look, "preset": preset, "seed": seed,
        "images": images,
    }  # fmt: skip


def _action_buttons() -> tuple[gr.Button, ...]:
    with gr.Row(elem_id="actions"):
        generate = gr.Button("Generate", variant="primary", elem_id="generate", min_width=90)
        complete = gr.Button("Complete mask", elem_id="complete", min_width=120)
        enlarge = gr.Button("Enlarge", elem_id="enlarge", min_width=80, visible=False)
        recolour = gr.Button("New colours", elem_id="recolour", min_width=90, visible=False)
        stop = gr.Button("Stop", variant="stop", elem_id="stop", min_width=60)
    return generate, complete, enlarge, recolour, stop


def _advanced() -> dict[str, Any]:
    """The inputs by name."""
    with gr.Accordion("Advanced", open=False, elem_id="advanced"):
        inputs = advanced_controls()
        inputs["seamless"] = CheckedCheckboxGroup(
            [("X", "x"), ("Y", "y")], value=[], label="Seamless", elem_id="seamless",
            info="X: left and right edges match. Y: top and bottom edges match. With Complete mask, a mask at an edge "
            "continues on the opposite side.",
        )  # fmt: skip
    return inputs


def _wire_drawing(
    drawing: DrawingHandlers,
    visitor: Visitor,
    shown: tuple[PixelCanvas, gr.HTML, gr.Gallery],
    pressed: tuple[tuple[gr.Button, ...], ResultTools, tuple[Press, ...]],
    top: TopLine,
    settings: dict[str, Any],
) -> None:
    session, ticket = visitor.session, visitor.ticket
    canvas, status, _ = shown
    (generate, complete, enlarge, recolour, stop), tools, presses = pressed
    here, values = {"session": session, "ticket": ticket}, {"model": top.model, **settings}
    for press, handler, inputs in (
        (generate.click, drawing.generate, {**here, "canvas": canvas, **values}),
        (complete.click, drawing.complete, {**here, "canvas": canvas, **values}),
        (enlarge.click, drawing.enlarge, {**here, "canvas": canvas, **values}),
        (recolour.click, drawing.recolour, {**here, "canvas": canvas, **values}),
        (tools.select, drawing.more_like, {**here, **values}),
        *((press, handler, {**here, **values, **own}) for press, handler, own in presses),
    ):
        press(None, None, status, js=f"() => {WAITING!r}", **AT_ONCE)
        drawn = listen(
            press, handler, inputs, list(shown), scripts={"ticket": "(await window.drawings).press()"},
            api_name=f"page_{handler.__name__}", show_progress="hidden", **ENGINE_QUEUE,
        )  # fmt: skip
        drawn.failure(lambda: status_text(REFUSED), None, status, **AT_ONCE)
        drawn.then(  # gradio frees only values that a handler returns
            lambda session: (session, session.drawings or gr.skip()), session, [session, top.work], **AT_ONCE
        )
    listen(stop.click, drawing.stop, here, status, scripts={"ticket": "(await window.drawings).latest()"}, **AT_ONCE)


def _wire_inspect(handlers: InspectHandlers, canvas: PixelCanvas, model: gr.Dropdown, class_name: gr.Dropdown) -> None:
    answers = Answers(elem_id="answers")
    inputs = {"model": model, "class_name": class_name}
    answered = listen(canvas.select, handlers.inspect, inputs, answers, **QUESTIONS)
    answered.failure(None, None, None, js="async () => { (await window.inspection)?.fail(); }", **AT_ONCE)
    for chosen in (model, class_name):
        chosen.change(None, None, None, js="async () => { (await window.inspection)?.forget(); }", **AT_ONCE)
