"""Step 3, Push to Hub: push one of the visitor's models to the Hub, in the visitor's own name.

There is no input for a token: a Space uses the visitor's sign-in, a desktop the sign-in of the machine. Posted values
are checked here; the library checks who owns a model.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from html import escape
from typing import Any

import gradio as gr
from gradio.events import Dependency

from pixelart.checkpoint.ownership import current_owner
from pixelart.engine import Engine
from pixelart.errors import Cancelled, HubFailure, PixelArtError, RequestRejected
from pixelart.hub import Pushed, Stage, sign_in
from pixelart.hub.card import LICENCES
from pixelart.hub.publish import MAX_NOTE, check_terms, preview_card, push_checkpoint
from pixelart.settings import SETTINGS
from pixelart.ui.events import AT_ONCE, LATEST, PRIVATE, listen
from pixelart.ui.hub.push_report import card_body, push_progress, pushed_html
from pixelart.ui.inputs import CheckedCheckbox, CheckedTextbox, Choice
from pixelart.ui.security.hosting import Hosting, Signer
from pixelart.ui.security.identity import signer_of
from pixelart.ui.security.local_request import from_own_machine
from pixelart.ui.security.safe_blocks import FAULT
from pixelart.ui.status import status_progress, status_text
from pixelart.ui.train.report import plain
from pixelart.ui.worker import Worker

_log = logging.getLogger(__name__)
PUSHES: dict[str, Any] = {
    **PRIVATE, "concurrency_id": "pushes", "concurrency_limit": 16, "show_progress": "hidden"
}  # fmt: skip
"""Queue of pushes. Its events only wait; `PushHandlers` limits how many pushes run at once."""
PUSH_READY = "Nothing is pushed until you press Push."
NO_OWN_MODEL = "You have no model of your own yet. Train one, then press Use this model."
NOT_YOURS = "Choose a model of your own to push."
NOT_ON_SPACE = "Sign in (top right) to push your model to the Hub in your own name."
NOT_ON_DESKTOP = "Nobody is signed in to the Hub on this machine. Run hf auth login in a terminal, then reload."
NOT_ON_SERVER = "Models cannot be pushed from this server. Download yours and push it from your own machine."
ONE_AT_A_TIME = "Your last push is still running. Wait until it has ended."
CANCELLED = "Cancelled: nothing was pushed. A new, empty repository may exist already."
FULL = "Too many pushes are running. Try again in a minute."


@dataclass(frozen=True)
class PushForm:
    """The raw values, by the names of the page's inputs; a page may post anything in them."""

    model: Any
    repository: Any
    licence: Any
    note: Any
    private: Any


@dataclass(frozen=True)
class Terms:
    """The checked values of a push. `token`: of the signed-in user."""

    model: str
    repository: str
    licence: str
    note: str
    private: bool
    token: str = field(repr=False)


class PushHandlers:
    """The handlers of the page."""

    def __init__(self, engine: Engine, hosting: Hosting) -> None:
        self.engine, self.hosting = engine, hosting
        self._pushing: dict[str, threading.Event] = {}  # owner -> event that cancels the push
        self._changing = threading.Lock()

    def offer_push(
        self,
        request: gr.Request,
        profile: gr.OAuthProfile | None,
        token: gr.OAuthToken | None,
        chosen: Any,
        top: Any,
        repository: Any,
    ) -> tuple[Any, ...]:
        """notice, form, status, login, model, repository: the models that can be pushed, or why none can.

        Earlier inputs stay; the default model is `top`, the one above the tabs."""
        login, trouble = "", ""
        try:
            if (signer := self._signer(request, profile, token)) is None:
                return self._notice(), gr.Column(visible=False), *[gr.skip()] * 4
            login = signer.user or sign_in(signer.token)
        except HubFailure as failure:  # it may work again when Push is pressed
            trouble = f"{failure}."
        names = self._names()
        model = next((name for name in (chosen, top, *names) if name in names), None)
        return (
            "",
            gr.Column(visible=True),
            status_text(trouble or (PUSH_READY if names else NO_OWN_MODEL)),
            login,
            gr.Dropdown(choices=list(names), value=model),
            gr.skip() if repository else _suggested(login, model),
        )

    def follow_used(self, login: Any, model: Any) -> tuple[Any, Any]:
        """model, repository: select the model that was just made."""
        names = self._names()
        return gr.Dropdown(choices=list(names), value=model if model in names else None), _suggested(login, model)

    def suggest_repository(self, login: Any, model: Any) -> Any:
        """repository: suggested for the chosen model."""
        return _suggested(login, model)

    def preview_card(
        self, request: gr.Request, profile: gr.OAuthProfile | None, token: gr.OAuthToken | None, **values: Any
    ) -> tuple[Any, Any]:
        """status, card: Markdown of the card as it would be pushed."""
        try:
            terms = self._terms(self._required(request, profile, token), PushForm(**values), is_preview=True)
            card = preview_card(self.engine, terms.model, terms.repository, licence=terms.licence, data_note=terms.note)
        except (PixelArtError, OSError) as error:
            return status_text(plain(error)), ""
        return status_text(PUSH_READY), card_body(card)

    def push(
        self, request: gr.Request, profile: gr.OAuthProfile | None, token: gr.OAuthToken | None, **values: Any
    ) -> Iterator[Any]:
        """status: each stage, then the commit or why it failed."""
        try:
            terms = self._terms(self._required(request, profile, token), PushForm(**values))
        except (PixelArtError, OSError) as error:
            yield status_text(plain(error))
            return
        owner = current_owner() or ""
        worker = Worker[Pushed, Stage](lambda tell, cancel: self._push(owner, terms, tell))
        yield push_progress("login")
        for stage in worker.watch(interval=0.3):
            yield gr.skip() if stage is None else push_progress(stage)
        try:
            yield pushed_html(worker.result(), asked_private=terms.private)
        except Cancelled:
            yield status_text(CANCELLED)
        except (PixelArtError, OSError) as error:
            yield status_text(plain(error))
        except Exception:
            _log.exception("a push failed")
            yield status_text(FAULT)

    def stop_push(self) -> Any:
        """status: cancel the visitor's push, unless its commit has begun."""
        cancel = self._pushing.get(current_owner() or "")
        if cancel is None:
            return gr.skip()
        cancel.set()
        return status_progress("Cancelling", done=0, rows=0)

    def _push(self, owner: str, terms: Terms, tell: Callable[[Stage], None]) -> Pushed:
        """Runs on its own thread and continues when the page is closed."""
        with self._changing:
            if owner in self._pushing:
                raise RequestRejected(ONE_AT_A_TIME)
            if len(self._pushing) >= SETTINGS.max_pushes:
                raise RequestRejected(FULL)
            cancel = self._pushing[owner] = threading.Event()
        try:
            return push_checkpoint(
                self.engine,
                terms.model,
                terms.repository,
                licence=terms.licence,
                data_note=terms.note,
                private=terms.private,
                token=terms.token,
                on_stage=tell,
                cancel=cancel.is_set,
            )
        finally:
            del self._pushing[owner]

    def _names(self) -> list[str]:
        return [info.name for info in self.engine.own_checkpoints()]

    def _signer(
        self, request: gr.Request, profile: gr.OAuthProfile | None, token: gr.OAuthToken | None
    ) -> Signer | None:
        """The account that pushes for the visitor, or None. Raises HubFailure if the sign-in cannot be read."""
        if self.hosting.is_local and not from_own_machine(request):
            return None
        signer = signer_of(self.hosting, profile, token)
        if signer and self.hosting.has_sign_in and current_owner() != self.hosting.owner(signer.user, ""):
            return None  # the page was opened by another user
        return signer

    def _required(self, request: gr.Request, profile: gr.OAuthProfile | None, token: gr.OAuthToken | None) -> Signer:
        signer = self._signer(request, profile, token)
        if signer is None:
            raise RequestRejected(self._reason())
        return signer

    def _reason(self) -> str:
        """Why nothing can be pushed without a sign-in."""
        if self.hosting.has_sign_in:
            return NOT_ON_SPACE
        return NOT_ON_DESKTOP if self.hosting.is_local else NOT_ON_SERVER

    def _notice(self) -> str:
        return f'<p class="notice">{escape(self._reason())}</p>'

    def _terms(self, signer: Signer, form: PushForm, *, is_preview: bool = False) -> Terms:
        """Check the form. Raises RequestRejected with one plain line. A preview skips the checks of public pushes."""
        if not isinstance(form.model, str) or form.model not in self._names():
            raise RequestRejected(NOT_YOURS)
        repository = form.repository.strip() if isinstance(form.repository, str) else ""
        if not repository:
            raise RequestRejected("Write the repository, such as owner/name.")
        if not isinstance(form.licence, str) or form.licence not in LICENCES:
            raise RequestRejected("Choose a licence. The owner of the training pictures decides which.")
        note = form.note if isinstance(form.note, str) else ""
        private = form.private is not False
        check_terms(repository, licence=form.licence, data_note=note, private=private or is_preview)
        if signer.user and repository.partition("/")[0] != signer.user:
            raise RequestRejected(f"{repository!r:.80}: push to your own repositories, {signer.user}/name.")
        return Terms(form.model, repository, form.licence, note, private, signer.token)


def push_panel(engine: Engine, top: gr.Dropdown, hosting: Hosting) -> Callable[[Dependency], None]:
    """Build the accordion inside the open Blocks; `top`: the choice of a model above the tabs.

    Returns a function that updates the panel after an event that has made a model from a training."""
    handlers = PushHandlers(engine, hosting)
    login = gr.State("")
    with gr.Accordion("Push to Hub", open=False, elem_id="push-panel") as panel:
        notice = gr.HTML("", elem_id="push-notice", apply_default_css=False)
        with gr.Column(visible=False, elem_id="push-form") as form:
            model = Choice([], label="Model", elem_id="push-model", info="One of your own models.")
            repository = CheckedTextbox(label="Repository", placeholder="owner/name", elem_id="push-repository")
            licence = Choice(
                [(text, name) for name, text in LICENCES.items()], value=None, label="Licence", elem_id="push-licence",
                info="Licence of the model. The owner of the training pictures decides.",
            )  # fmt: skip
            note = CheckedTextbox(
                label="Whose pictures", lines=2, max_lines=6, max_length=MAX_NOTE, elem_id="push-note",
                placeholder="My own sprites",
                info="Who made the training pictures, and with whose permission. For the card; a public push needs it.",
            )  # fmt: skip
            private = CheckedCheckbox(
                True, label="Private", info="Only you can see a new repository.", elem_id="push-private"
            )
            with gr.Row(elem_id="push-actions"):
                push = gr.Button("Push", variant="primary", elem_id="push", min_width=90)
                cancel = gr.Button("Cancel", elem_id="cancel-push", min_width=90)
                preview = gr.Button("Preview card", elem_id="preview-card", min_width=90)
            status = gr.HTML(status_text(PUSH_READY), elem_id="push-status", apply_default_css=False)
            card = gr.Markdown("", elem_id="card", container=False)
    values = {"model": model, "repository": repository, "licence": licence, "note": note, "private": private}
    offered, shown = {"chosen": model, "top": top, "repository": repository}, [notice, form, status, login]
    listen(panel.expand, handlers.offer_push, offered, [*shown, model, repository], **AT_ONCE)
    suggested = {"login": login, "model": model}
    listen(model.chosen().success, handlers.suggest_repository, suggested, repository, **LATEST)
    listen(preview.click, handlers.preview_card, values, [status, card], **AT_ONCE)
    listen(push.click, handlers.push, values, status, **PUSHES)
    cancel.click(handlers.stop_push, None, status, **AT_ONCE)

    def follow(event: Dependency) -> None:
        listen(event.success, handlers.follow_used, {"login": login, "model": top}, [model, repository], **AT_ONCE)

    return follow


def _suggested(login: Any, model: Any) -> Any:
    """The repository of this name of the signed-in user; what is written stays while one of both is not known."""
    return f"{login}/{model}" if login and model and isinstance(login, str) and isinstance(model, str) else gr.skip()
