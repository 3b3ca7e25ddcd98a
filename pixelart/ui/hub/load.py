"""Load model, in the top line: pull a checkpoint or take its .zip, and show the repository of the chosen model.

It works only for visitors on the machine where the program runs."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from functools import partial
from html import escape
from typing import Any

import gradio as gr
from gradio.events import Dependency

from pixelart.engine import Engine
from pixelart.errors import Hint, PixelArtError, RequestRejected, Words
from pixelart.hub import MAX_ARCHIVE_BYTES, Pulled, commit_of, local_name, local_token, pull_if_missing
from pixelart.ui.components import ModelDrop
from pixelart.ui.events import AT_ONCE, PRIVATE, listen
from pixelart.ui.hub.upload import LOAD_NOT_HERE, PART_BYTES, UploadHandlers
from pixelart.ui.inputs import CheckedTextbox
from pixelart.ui.models_list import model_choices
from pixelart.ui.security.local_request import from_own_machine
from pixelart.ui.security.safe_blocks import FAULT
from pixelart.ui.status import status_progress, status_text
from pixelart.ui.train.report import plain
from pixelart.ui.worker import Worker

_log = logging.getLogger(__name__)
_HINTS: Words = {Hint.OTHER_NAME: "another model has this name; rename its folder"}
LOADS: dict[str, Any] = {
    **PRIVATE, "concurrency_id": "loads", "concurrency_limit": 1, "show_progress": "hidden"
}  # fmt: skip
TOGGLE = """() => {
    const line = document.querySelector('#load-line');
    const isOpen = line.classList.toggle('open');
    document.querySelector('#load-open').setAttribute('aria-expanded', isOpen);
    if (isOpen) line.querySelector('input, textarea').focus();
}"""


class LoadHandlers:
    """The handlers of the page."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def show_origin(self, model: Any) -> str:
        """HTML: the repository and commit that the model was pulled from, or nothing."""
        try:
            origin = self.engine.info(model).origin if isinstance(model, str) and model else None
        except PixelArtError:
            return ""
        if origin is None:
            return ""
        address = escape(f"https://huggingface.co/{origin.repo}/tree/{origin.commit}")
        name, title = escape(origin.repo), escape(f"Pulled from {origin.repo}, revision {origin.commit}")
        link = f'<a href="{address}" title="{title}" target="_blank" rel="noopener">{name}</a>'
        return f'<span class="origin">{link}<span>{origin.commit[:7]}</span></span>'

    def load_model(self, request: gr.Request, repository: Any) -> Iterator[tuple[Any, Any, Any]]:
        """status, models, notice: pull a checkpoint unless it is here, and choose it.

        A failure is shown on the status line, and raises gr.Error so that no chained event runs."""
        try:
            repo_id, _, revision = repository.strip().partition("@") if isinstance(repository, str) else ("", "", "")
            if not from_own_machine(request):
                raise RequestRejected(LOAD_NOT_HERE)
            if not repo_id:
                raise RequestRejected("Write the repository, such as owner/name.")
            worker = Worker[Pulled, None](lambda tell, cancel: self._pull(repo_id, revision))
            yield status_progress(f"Loading {repo_id:.80}", done=0, rows=0), gr.skip(), gr.skip()
            for _ in worker.watch(interval=0.3):
                yield gr.skip(), gr.skip(), gr.skip()
            done = worker.result()
            choices = model_choices(self.engine.list_checkpoints())
        except Exception as error:
            message = self._plain(error)
            yield status_text(message), gr.skip(), gr.skip()
            raise gr.Error(message, visible=False, print_exception=False) from error  # the status shows it
        what = "is loaded and chosen" if done.is_new else "was loaded before, and is chosen"
        status = status_text(f"{done.name} {what}. Revision {done.origin.commit[:7]}.")
        yield status, gr.Dropdown(choices=list(choices), value=done.name, interactive=True), gr.HTML(visible=False)

    def _pull(self, repo_id: str, revision: str) -> Pulled:
        """Pull a checkpoint. An explicit revision gets its own local name."""
        token = local_token()
        if not revision:
            return pull_if_missing(repo_id, self._folder, token=token)
        commit = commit_of(repo_id, revision, token=token)
        return pull_if_missing(repo_id, self._folder, revision=commit, name=local_name(repo_id, commit), token=token)

    @property
    def _folder(self) -> Any:
        return self.engine.library.folder

    def _plain(self, error: Exception) -> str:
        if isinstance(error, PixelArtError | OSError):
            return plain(error, _HINTS).replace(f"{self._folder}/", "")
        _log.error("loading failed", exc_info=error)
        return FAULT


def origin_line(handlers: LoadHandlers, model: gr.Dropdown) -> None:
    """Build the line beside the choice of a model that shows its origin."""
    origin = gr.HTML("", elem_id="origin", apply_default_css=False)
    listen(model.change, handlers.show_origin, {"model": model}, origin, **AT_ONCE)


def load_button() -> gr.Button:
    """Build the button that opens the line of `load_line`."""
    return gr.Button("Load model...", size="sm", scale=0, min_width=90, elem_id="load-open")


def load_line(
    handlers: LoadHandlers, button: gr.Button, model: gr.Dropdown, notice: gr.HTML
) -> tuple[Dependency, Dependency]:
    """Build the line that `button` opens, and return the events that choose a loaded model: from the Hub, and from a
    .zip. `notice`: shown while no model is installed."""
    with gr.Row(elem_id="load-line"):
        repository = CheckedTextbox(
            placeholder="owner/name[@revision]", label="Repository", show_label=False,
            container=False, elem_id="load-repository", scale=1,
        )  # fmt: skip
        load = gr.Button("Load", elem_id="load", min_width=70, scale=0)
        drop = ModelDrop(most_bytes=MAX_ARCHIVE_BYTES, part_bytes=PART_BYTES, elem_id="load-zip")
        status = gr.HTML("", elem_id="load-status", apply_default_css=False)
    button.click(None, None, None, js=TOGGLE, **AT_ONCE)
    submitted = partial(gr.on, [load.click, repository.submit])
    loaded = listen(submitted, handlers.load_model, {"repository": repository}, [status, model, notice], **LOADS)
    uploads, upload = UploadHandlers(handlers.engine), gr.State(None)
    given = {"upload": upload}
    listen(drop.upload, uploads.receive_part, given, [upload, drop], **AT_ONCE)
    added = listen(drop.select, uploads.add_model, given, [upload, status, model, notice], **LOADS)
    return loaded, added
