"""The tab Train: three steps from an artist's pictures to a model of their style."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import gradio as gr
from gradio.events import Dependency

from pixelart.engine import Engine
from pixelart.jobs import Jobs
from pixelart.training.config import OptionOnPage, Schedule
from pixelart.training.efforts import EFFORTS, USUAL_EFFORT
from pixelart.training.options import KINDS
from pixelart.ui.browser_storage import keep, recalled, restored
from pixelart.ui.components import FileDrop, FileSaver, Work
from pixelart.ui.events import AT_ONCE, LATEST, PRIVATE, SESSION_SECONDS, listen
from pixelart.ui.hub.push import push_panel
from pixelart.ui.inputs import CheckedCheckbox, CheckedTextbox, Choice, Real, Switch, WholeNumber
from pixelart.ui.security.hosting import Hosting
from pixelart.ui.status import status_text
from pixelart.ui.train.dataset_form import AS_MODEL, DATASET, PICTURE_SIDES, ZIP
from pixelart.ui.train.dataset_step import NOTHING_YET, START, ImagesHandlers
from pixelart.ui.train.form import FIT_PALETTE, KEEP_PALETTE, ON_PAGE
from pixelart.ui.train.remote import RemoteHandlers, can_rent
from pixelart.ui.train.remote_panel import remote_panel, wire_remote
from pixelart.ui.train.report import CURVE_COLUMNS, HELD_OUT, NO_JOB, TRAINING
from pixelart.ui.train.runs import RESUME, RunHandlers
from pixelart.ui.train.scratch import Scratch
from pixelart.ui.train.times import TimesHandlers
from pixelart.ui.train.unusual import UnusualHandlers
from pixelart.ui.train.uploads import Images

STORAGE = "pixelart-studio-jobs"
POLL_SECONDS = 2.0
CHECKS: dict[str, Any] = {
    **PRIVATE, "concurrency_id": "pictures", "concurrency_limit": 16, "show_progress": "hidden",
    "trigger_mode": "multiple",
}  # fmt: skip
"""Queue of checks. Its events only wait; `ImagesHandlers` limits how many checks run at once. A new check replaces the
visitor's last one."""


SEARCHES: dict[str, Any] = {
    **PRIVATE, "concurrency_id": "unusual", "concurrency_limit": 8, "show_progress": "hidden",
    "trigger_mode": "always_last",
}  # fmt: skip
"""Queue of searches for unusual pictures, which Start does not wait for."""
TIMES: dict[str, Any] = {
    **PRIVATE, "concurrency_id": "times", "concurrency_limit": 8, "show_progress": "hidden",
    "trigger_mode": "always_last",
}  # fmt: skip
"""Queue of measured times. Its events only wait; `Timing` measures one training at a time."""

MESSAGES: dict[str, Any] = {
    **PRIVATE, "concurrency_id": "messages", "concurrency_limit": 8, "show_progress": "hidden"
}  # fmt: skip
"""Queue of events that may show a message over the page: gradio shows none for events that are not queued."""


@dataclass(frozen=True)
class Models:
    """The choice of a model above the tabs. `follow`: updates the tab Create after an event that has changed it."""

    choice: gr.Dropdown
    follow: Callable[[Dependency], None]


def job_memory() -> gr.BrowserState:
    """The browser's memory of jobs. Build it outside the tabs, whose content is created when first shown."""
    return gr.BrowserState(None, storage_key=STORAGE, secret=STORAGE)  # public: only this browser has the value


def train_tab(
    arrived: Dependency,
    tab: gr.Tab,
    engine: Engine,
    jobs: Jobs,
    models: Models,
    browser: tuple[gr.BrowserState, Work],
    hosting: Hosting,
) -> None:
    """Build the tab inside the open Blocks and wire its events; the first ones follow `arrived`.

    `browser`: the browser's memory of jobs, and the stored work of the page."""
    memory, work = browser
    images = gr.State(Images(Scratch(jobs.incoming)), time_to_live=SESSION_SECONDS, delete_callback=Images.free)
    with gr.Row(elem_id="train"):
        with gr.Column(elem_id="train-left", min_width=0):
            with gr.Column(elem_classes="step"):
                _heading(1, "Images")
                chosen, drop, (check, stop), status, report, unusual = _images()
            with gr.Column(elem_classes="step"):
                _heading(2, "Settings")
                values = _settings()
        with gr.Column(elem_classes="step", elem_id="train-right", min_width=0):
            _heading(3, "Run")
            rented = remote_panel(only_rented=bool(jobs.refusal)) if can_rent(hosting) else None
            run = _run(starts=not jobs.refusal)
            follow_used = push_panel(engine, models.choice, hosting)
    base, name, start = values["base"], values["name"], run["start"]
    checks, times = ImagesHandlers(engine, local=hosting.is_local), TimesHandlers(engine, jobs)
    searches = UnusualHandlers(engine)
    listen(base.change, searches.show_unusual, {"images": images, "base": base}, unusual, **SEARCHES)
    listen(stop.click, searches.stop_search, {"images": images}, **AT_ONCE)
    inputs, shown = {"images": images, **chosen, "base": base, "name": name}, [status, report, name, start]
    compared = [images, status, start]
    for event, handler in ((drop.upload, checks.receive_archive), (check.click, checks.check_pictures)):
        checked = listen(event, handler, inputs, shown, **CHECKS)
        listen(checked.then, checks.compare, inputs, compared, **LATEST)  # settings may have changed during the check
        listen(checked.then, times.show_times, {"images": images, **values}, values["effort"], **TIMES)
        listen(checked.then, searches.show_unusual, {"images": images, "base": base}, unusual, **SEARCHES)
    _wire_times(times, images, values)
    changed = partial(gr.on, [each.input for each in (*chosen.values(), base)])
    listen(changed, checks.compare, inputs, compared, **LATEST)
    listen(stop.click, checks.stop_check, {"images": images}, status, **AT_ONCE)
    runs = RunHandlers(engine, jobs)
    remote = RemoteHandlers(runs, times, hosting)
    for event in (tab.select, base.focus):
        offered = {"chosen": base, "kept": work}
        listen(event, runs.offer_bases, offered, base, scripts={"kept": recalled("train")}, **AT_ONCE)
    started, used = _wire_run(
        arrived, (runs, remote), run, (memory, work), {"images": images, **chosen}, values, models
    )
    resumed = {"memory": memory, "job": run["job"], "images": images, **(rented.chosen if rented else {})}
    listen(run["resume"].click, remote.resume_training, resumed, started[1], **MESSAGES)
    if rented:
        wire_remote(rented, remote, tab, run["start"], values, started)
    follow_used(used)
    _wire_keeping(arrived, checks, work, chosen, values)


def _wire_times(times: TimesHandlers, images: gr.State, values: dict[str, Any]) -> None:
    """Show the times again when a setting has changed. A chosen effort undoes steps and minutes under Advanced."""
    effort, numbers = values["effort"], [values[name] for name in (*ON_PAGE, "minutes")]
    given = {"images": images, **values}
    undone = listen(effort.input, times.undo_numbers, {}, [values["steps"], values["minutes"]], **AT_ONCE)
    listen(undone.then, times.show_times, given, effort, **TIMES)
    changed = partial(gr.on, [values["base"].change, *(each.blur for each in numbers)])
    listen(changed, times.show_times, given, effort, **TIMES)


def _wire_keeping(
    arrived: Dependency, checks: ImagesHandlers, work: Work, chosen: Mapping[str, Any], values: Mapping[str, Any]
) -> None:
    """Store the inputs, and restore them on a fresh page. The source and the base model have their own handlers,
    because their choices depend on the visitor and the installed models."""
    inputs = {**chosen, **values}
    plain = {name: each for name, each in inputs.items() if name not in ("source", "base")}
    recall: dict[str, Any] = {"scripts": {"kept": recalled("train")}, **AT_ONCE}
    listen(arrived.then, checks.offer_folder, {"kept": work}, inputs["source"], **recall)
    listen(
        arrived.then, lambda kept: restored(plain, kept.values), {"kept": work}, list(plain.values()), **recall
    )  # fmt: skip
    keep("train", inputs)


def _heading(number: int, text: str) -> None:
    gr.HTML(f'<h2 class="step-name"><span>{number}</span>{text}</h2>', apply_default_css=False)


def _images() -> tuple[dict[str, Any], FileDrop, tuple[gr.Button, gr.Button], gr.HTML, gr.HTML, gr.HTML]:
    """The inputs by the names of `ImagesForm` (without base and name), drop area, Check and Cancel, status, report,
    unusual pictures."""
    source = Switch([ZIP, DATASET], value=ZIP, label="From", show_label=False, elem_id="source", elem_classes="choices")
    drop = FileDrop(elem_id="train-zip")
    dataset = CheckedTextbox(
        label="Dataset", placeholder="owner/name", info="Its folders are the classes.", elem_id="dataset"
    )
    folder = CheckedTextbox(label="Folder", placeholder="/home/me/sprites", info="On this machine.", elem_id="folder")
    with gr.Accordion("Size and sheets", open=False, elem_id="sheets"):
        size = Choice(
            [AS_MODEL, *((f"{s} x {s}", s) for s in PICTURE_SIDES)], value=AS_MODEL, label="Size", elem_id="size",
            info="Size to train on. Pictures of other sizes are skipped.",
        )  # fmt: skip
        resize = CheckedCheckbox(False, label="Resize the others", info="By nearest neighbour.", elem_id="resize")
        enlarged = CheckedCheckbox(
            True, label="Undo enlargement", elem_id="enlarged",
            info="Pictures enlarged 2 x, 3 x ... get their original size back, exactly.",
        )  # fmt: skip
        frames = CheckedCheckbox(
            False, label="All frames", info="Use all frames of animations, not just the first.", elem_id="frames",
        )  # fmt: skip
        with gr.Row(elem_classes="numbers"):
            tile_width = WholeNumber(0, label="Tile width", info="0: no sheet", min_width=70)
            tile_height = WholeNumber(0, label="Tile height", info="0: same as width", min_width=70)
            margin = WholeNumber(0, label="Margin", info="Around all", min_width=70)
            spacing = WholeNumber(0, label="Spacing", info="Between tiles", min_width=70)
    with gr.Row(elem_id="check-actions"):
        check = gr.Button("Check", elem_id="check", min_width=90)
        stop = gr.Button("Cancel", elem_id="cancel-check", min_width=90)
    status = gr.HTML(status_text(NOTHING_YET), elem_id="images-status", apply_default_css=False)
    report = gr.HTML("", elem_id="report", apply_default_css=False)
    unusual = gr.HTML("", elem_id="unusual", apply_default_css=False)
    chosen = {
        "source": source, "dataset": dataset, "folder": folder, "size": size, "resize": resize, "enlarged": enlarged,
        "frames": frames, "tile_width": tile_width, "tile_height": tile_height, "margin": margin, "spacing": spacing,
    }  # fmt: skip
    return chosen, drop, (check, stop), status, report, unusual


def _settings() -> dict[str, Any]:
    """The inputs by the names that `job_from` reads."""
    base = Choice(
        [], label="Base model", elem_id="base", filterable=True,
        info="The model to fine-tune on your pictures. New: train from scratch; needs hundreds of pictures.",
    )  # fmt: skip
    name = CheckedTextbox(label="Name", placeholder="my-sprites", info="Name of the new model.", elem_id="job-name")
    effort = Switch(
        list(EFFORTS), value=USUAL_EFFORT, label="How long", elem_id="effort", elem_classes="choices",
        info="The times are measured on this machine when the pictures are checked.",
    )  # fmt: skip
    flip = CheckedCheckbox(True, label="Flip", info="Also learn from mirrored pictures.", elem_id="flip")
    with gr.Accordion("Advanced", open=False, elem_id="train-advanced"):
        palette = Switch(
            [KEEP_PALETTE, FIT_PALETTE], value=KEEP_PALETTE, label="Palette", elem_id="train-palette",
            elem_classes="choices", info="Keep the base's palette, or fit a new one to your pictures.",
        )  # fmt: skip
        with gr.Row(elem_classes="numbers"):
            minutes = Real(0, label="Minutes", info="0: as chosen above", min_width=90, elem_id="minutes")
            numbers = {option: _number(option, page) for option, page in ON_PAGE.items()}
    return {
        "base": base, "name": name, "minutes": minutes, "flip": flip, "palette": palette, **numbers, "effort": effort
    }  # fmt: skip


def _number(name: str, page: OptionOnPage) -> WholeNumber | Real:
    """The input of a training option."""
    value = 0 if not page.zero else getattr(Schedule(), name)
    kind = WholeNumber if KINDS[name] is int else Real
    return kind(value, label=page.label, info=page.info, min_width=90, elem_id=f"train-{name.replace('_', '-')}")


def _run(*, starts: bool) -> dict[str, Any]:
    with gr.Row(elem_id="run-actions"):
        start = gr.Button(START, variant="primary", elem_id="start", min_width=90, interactive=False, visible=starts)
        stop = gr.Button("Stop and save", variant="stop", elem_id="train-stop", min_width=90, visible=False)
        resume = gr.Button(RESUME, elem_id="resume", min_width=90, visible=False)
    job = Choice([], label="Job", elem_id="job", visible=False)
    status = gr.HTML(status_text(NO_JOB), elem_id="run-status", apply_default_css=False)
    x, y, color = CURVE_COLUMNS
    plot = gr.LinePlot(
        x=x, y=y, color=color, color_map={TRAINING: "#9a9ca8", HELD_OUT: "#6366f1"}, x_title="step",
        y_title="surprise (less is better)",
        color_title=" ", height=260, visible=False, elem_id="curve", buttons=[],
    )  # fmt: skip
    with gr.Row(elem_id="model-actions"):
        use = gr.Button("Use this model", elem_id="use", min_width=110, visible=False)
        download = gr.Button("Download", elem_id="download-model", min_width=90, visible=False)
        delete = gr.Button("Delete", elem_id="delete-job", min_width=70, visible=False)
        unload = gr.Button("Delete uploaded pictures", elem_id="delete-uploaded", min_width=110, visible=False)
    samples = gr.HTML("", elem_id="samples", apply_default_css=False)
    with gr.Accordion("Log", open=False, elem_id="log"):
        log = gr.HTML("", apply_default_css=False)
    return {
        "start": start, "stop": stop, "resume": resume, "job": job, "status": status, "plot": plot,
        "use": use, "download": download, "delete": delete, "unload": unload, "samples": samples, "log": log,
        "saver": FileSaver(elem_id="model-file"),
    }  # fmt: skip


def _wire_run(
    arrived: Dependency,
    handlers: tuple[RunHandlers, RemoteHandlers],
    run: dict[str, Any],
    browser: tuple[gr.BrowserState, Work],
    pictures: Mapping[str, Any],
    values: Mapping[str, Any],
    models: Models,
) -> tuple[tuple[Mapping[str, Any], Sequence[Any]], Dependency]:
    """Wire step 3. Returns the inputs and outputs of an event that starts a training, and the event that makes a model
    of one."""
    (memory, work), (runs, remote) = browser, handlers
    timer, shown = gr.Timer(POLL_SECONDS, active=False), gr.State(None)
    names = ("job", "status", "plot", "samples", "log", "stop", "resume", "use", "download", "delete", "unload")
    view = [*(run[name] for name in names), timer, shown]
    chosen_job, base = {"memory": memory, "job": run["job"]}, values["base"]
    stored, recall = {"memory": memory, "kept": work}, {"kept": recalled("train")}
    listen(arrived.then, runs.recall, stored, [memory, base, *view], scripts=recall, **AT_ONCE)
    listen(timer.tick, runs.tick, {**chosen_job, "shown": shown}, view, **AT_ONCE)
    listen(run["job"].chosen().success, runs.look_at, chosen_job, [memory, *view], **LATEST)
    started = {"memory": memory, **pictures, **values}
    listen(run["start"].click, runs.start_training, started, [memory, *view], **AT_ONCE)
    listen(run["stop"].click, runs.stop_training, chosen_job, [memory, *view], **AT_ONCE)
    for name, handler in (("delete", remote.delete_job), ("unload", remote.delete_uploaded)):
        listen(run[name].click, handler, chosen_job, [memory, *view], **MESSAGES)
    used = listen(run["use"].click, runs.use_model, chosen_job, [run["status"], models.choice], **MESSAGES)
    models.follow(used)
    listen(used.success, runs.offer_bases, {"chosen": base}, base, **AT_ONCE)
    listen(run["download"].click, runs.download_model, chosen_job, [run["status"], run["saver"]], **AT_ONCE)
    return (started, [memory, *view]), used
