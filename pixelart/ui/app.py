"""The page: its top line, tabs, look and launch settings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr
from gradio.themes import Base
from starlette.middleware import Middleware

from pixelart.engine import Engine
from pixelart.jobs import Jobs
from pixelart.settings import SETTINGS
from pixelart.ui.api import offer_api
from pixelart.ui.components import PastPictures, Work
from pixelart.ui.create.tab import ENGINE_QUEUE, TopLine, create_tab
from pixelart.ui.editor.desk import EditorDesk
from pixelart.ui.editor.route import EDITOR_ROUTES, SERVED
from pixelart.ui.events import AT_ONCE, listen
from pixelart.ui.gradio_parts import get_upload_folder, written_files
from pixelart.ui.health import HEALTH_ROUTES, Health
from pixelart.ui.hub.load import LoadHandlers, load_button, load_line, origin_line
from pixelart.ui.inputs import Choice
from pixelart.ui.results import ResultFiles
from pixelart.ui.scripts import ROUTE, page_script, preloads, read_static
from pixelart.ui.security.body_limit import BodyLimit
from pixelart.ui.security.hosting import LOOPBACK, SERVER, Hosting
from pixelart.ui.security.identity import Arrivals, training_notice
from pixelart.ui.security.request_filter import ROUTES, TOOL_ROUTES, RouteAllowlist
from pixelart.ui.security.safe_blocks import SafeBlocks
from pixelart.ui.security.scopes import AskScopesLater
from pixelart.ui.security.sessions import Presence
from pixelart.ui.train import Models, job_memory, train_tab

TITLE = "Pixel Art Studio"
FONT = ("ui-sans-serif", "system-ui", "sans-serif")
MONO = ("ui-monospace", "monospace")
ONLY_AT_THE_END = (10**9, 10**9)
"""(seconds between gradio's clean-ups of the result files, their age in seconds): practically never. `ResultFiles`
deletes them instead, because gradio's clean-up fails when a picture is drawn meanwhile."""


def build(engine: Engine, training: Jobs | str, *, hosting: Hosting = SERVER, outputs: Path | None = None) -> gr.Blocks:
    """Build the whole app, ready to launch with `launch_settings()`. It works without any checkpoint and says so.

    `training`: the program's jobs, or why training is off. `hosting`: where it runs. `outputs`: the folder that gets
    every drawn picture; only on a desktop, where no one else draws.
    """
    with SafeBlocks(title=TITLE, analytics_enabled=False, delete_cache=ONLY_AT_THE_END, fill_width=True) as app:
        app.health = Health(lambda: bool(engine.list_checkpoints()))
        notice = gr.HTML(read_static("notice.html"), visible=False, elem_id="notice", apply_default_css=False)
        with gr.Row(elem_id="top"):
            gr.HTML(read_static("title.html"), elem_id="title", apply_default_css=False)
            model = Choice(label="Model", choices=[], show_label=False, container=False, elem_id="model", scale=0)
            hub = LoadHandlers(engine)
            origin_line(hub, model)
            opener = load_button() if hosting.is_local else None
            gr.HTML(f'<span class="device" title="Where the model runs">{engine.device_name}</span>', elem_id="device")
            if hosting.has_sign_in:
                gr.LoginButton("Sign in", size="sm", scale=0, min_width=90, elem_id="sign-in")
        work = Work(elem_id="work")
        loaded = load_line(hub, opener, model, notice) if opener else ()
        memory, owner = job_memory(), gr.State("")
        kept_in = outputs if hosting.is_local else None
        results = ResultFiles(Path(get_upload_folder()), written_files(app), outputs=kept_in)
        if not hosting.is_local:
            app.owner = owner
        arrived = listen(app.load, Arrivals(hosting).on_load, {"memory": memory}, [memory, owner], **AT_ONCE)
        with gr.Tabs():
            with gr.Tab("Create"):
                create = create_tab(arrived, engine, TopLine(notice, model, work), results)
                for event in loaded:
                    create.follow(event)
            with gr.Tab("History"):
                create.reuse_from(PastPictures(elem_id="past"))
            with gr.Tab("Train") as tab:
                reason = training if isinstance(training, str) else training.refusal
                if note := training_notice(hosting, reason):
                    gr.HTML(note, apply_default_css=False)
                if not isinstance(training, str):
                    models = Models(model, create.follow)
                    train_tab(arrived, tab, engine, training, models, (memory, work), hosting)
        offer_api(engine, results, **{**ENGINE_QUEUE, "api_visibility": "public"})
        if hosting.is_local:
            app.editor_desk = EditorDesk(engine)
            app.editor_desk.offer(**ENGINE_QUEUE)
    app.queue(max_size=SETTINGS.max_queue, api_open=False)  # api_open would let clients bypass the queue
    return app


def launch_settings(hosting: Hosting = SERVER, *, tools: bool = False) -> dict[str, Any]:
    """Keyword arguments for `gr.Blocks.launch`. `hosting`: as above; on a desktop the app answers only to this
    machine's own names. `tools`: also offer the endpoints as MCP tools, which needs `gradio[mcp]`."""
    theme = Base(
        primary_hue="indigo", neutral_hue="zinc", font=FONT, font_mono=MONO, spacing_size="sm", text_size="sm"
    ).set(
        block_border_width="0px", block_shadow="none", block_background_fill="transparent",
        button_primary_background_fill="*primary_600", button_primary_background_fill_hover="*primary_700",
        button_primary_background_fill_dark="*primary_600", button_primary_background_fill_hover_dark="*primary_700",
    )  # fmt: skip
    return {
        "theme": theme,
        "css": read_static("studio.css"),
        "js": page_script(),
        "head": preloads(),
        "ssr_mode": False,
        "run_history": False,
        "footer_links": [],
        "max_file_size": SETTINGS.max_upload_bytes,
        "app_kwargs": {
            "routes": [ROUTE, *HEALTH_ROUTES, *(SERVED if hosting.is_local else [])],
            "middleware": [
                Middleware(
                    RouteAllowlist,
                    results=Path(get_upload_folder()).resolve(),
                    routes={**ROUTES, **(TOOL_ROUTES if tools else {}), **(EDITOR_ROUTES if hosting.is_local else {})},
                    sockets=EDITOR_ROUTES if hosting.is_local else (),
                    hosts=LOOPBACK if hosting.is_local else (),
                    names=hosting.names,
                ),
                Middleware(AskScopesLater),
                Middleware(Presence),
                Middleware(BodyLimit, limit=SETTINGS.max_body_bytes, seconds=SETTINGS.max_body_seconds),
            ],
        },
        "show_error": False,  # hides internal errors; a gr.Error is always shown
        "state_session_capacity": SETTINGS.max_sessions,
        "mcp_server": tools,
    }
