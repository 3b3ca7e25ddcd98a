"""Step 3 on a rented machine: machines with their prices, rent and train, resume, delete the uploaded pictures.

Nothing is rented but by a click on a button that says what it costs at most, and the server checks that price again.
The account that pays is that of a push: the visitor's own sign-in on a Space, the machine's on a desktop.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from html import escape
from typing import Any

import gradio as gr

from pixelart.checkpoint.ownership import current_owner
from pixelart.controls import number
from pixelart.errors import HubFailure, RequestRejected
from pixelart.hub.remote import (
    Flavor,
    RemoteRecord,
    RemoteTraining,
    delete_pictures,
    find_flavor,
    is_at_work,
    list_flavors,
    read_record,
)
from pixelart.hub.remote.hardware import LEAST_MINUTES, MOST_MINUTES, price_text
from pixelart.hub.remote.training import MAY_BE_AT_WORK
from pixelart.jobs import CONTINUABLE, Jobs
from pixelart.ui.security.hosting import Hosting, Signer
from pixelart.ui.security.identity import owner_of, signer_of
from pixelart.ui.security.local_request import from_own_machine
from pixelart.ui.security.scopes import JOBS_SCOPE, SIGN_IN_FOR_JOBS
from pixelart.ui.status import status_text
from pixelart.ui.train.report import plain
from pixelart.ui.train.runs import MACHINE_AT_WORK, RunHandlers, rented_record, with_page_errors
from pixelart.ui.train.times import TimesHandlers
from pixelart.ui.train.uploads import Images

HERE, RENTED = "This computer", "Hugging Face GPU"
USUAL_MINUTES = 60
RENT = "Rent and train"
SIGN_IN_ON_SPACE = "Sign in (top right) to train on a machine that you rent from Hugging Face."
SIGN_IN_ON_DESKTOP = "Nobody is signed in to the Hub on this machine. Run hf auth login in a terminal, then reload."
NOT_FROM_HERE = "Machines cannot be rented from this server."
NEEDS_SCOPE = "Your sign-in does not allow this program to rent machines for you yet."
CHOOSE = "Choose a machine."
CHOOSE_ANOTHER = f"Choose {RENTED} and another machine above, then press the button again."
NOTHING_RENTED = "Nothing was rented for this training. Start a new one above."
Offers = dict[str, Flavor]


def can_rent(hosting: Hosting) -> bool:
    """Whether visitors of a program that runs there can have an account that pays."""
    return hosting.is_local or hosting.has_sign_in


class RemoteHandlers:
    """The handlers of one page."""

    def __init__(self, runs: RunHandlers, times: TimesHandlers, hosting: Hosting) -> None:
        self.runs, self.times, self.hosting = runs, times, hosting

    @property
    def jobs(self) -> Jobs:
        """The trainings."""
        return self.runs.jobs

    def choose_place(
        self,
        request: gr.Request,
        profile: gr.OAuthProfile | None,
        token: gr.OAuthToken | None,
        where: Any,
        flavor: Any,
    ) -> tuple[Any, ...]:
        """Start, panel, form, notice, machine, offers: where to train; asks the Hub for prices only if it is rented."""
        if where != RENTED:
            return gr.Button(visible=not self.jobs.refusal), gr.Column(visible=False), *[gr.skip()] * 4
        shown = gr.Button(visible=False), gr.Column(visible=True)
        try:
            offers = {each.name: each for each in list_flavors(self._signer(request, profile, token).token)}
            offers = {name: each for name, each in offers.items() if each.has_gpu}
        except (HubFailure, RequestRejected) as error:
            link = SIGN_IN_FOR_JOBS if str(error) == NEEDS_SCOPE else ""
            notice = f'<p class="notice">{escape(plain(error))} {link}</p>'
            return *shown, gr.Column(visible=False), notice, gr.skip(), {}
        choices = [(f"{each.label} · ${each.hourly:.2f} an hour", name) for name, each in offers.items()]
        value = flavor if isinstance(flavor, str) and flavor in offers else next(iter(offers), None)
        return *shown, gr.Column(visible=True), "", gr.Dropdown(choices=list(choices), value=value), offers

    def show_cost(self, images: Images, offers: Any, flavor: Any, limit: Any, **values: Any) -> tuple[Any, Any]:
        """cost, rent: what the training costs."""
        try:
            found, most = _offered(offers, flavor), _limit(limit)
        except RequestRejected as error:
            return status_text(plain(error)), RENT
        minutes = values["minutes"] if isinstance(values["minutes"], int | float) and not values["steps"] else 0
        here = 0.0 if minutes else self.times.minutes_here(images, values)
        text = price_text(found, limit=most, minutes=minutes, here=here)
        return status_text(text), f"{RENT} (at most ${found.cost(most):.2f})"

    @with_page_errors
    def rent_training(
        self,
        request: gr.Request,
        profile: gr.OAuthProfile | None,
        token: gr.OAuthToken | None,
        memory: Any,
        images: Images,
        offers: Any,
        flavor: Any,
        limit: Any,
        **values: Any,
    ) -> tuple[Any, ...]:
        """Train the prepared pictures on the chosen machine, at the price that the page shows."""
        signer, quoted, most = self._signer(request, profile, token), _offered(offers, flavor), _limit(limit)
        remote = _at_price(signer, quoted.name, most, hourly=quoted.hourly)
        return self.runs.start_training(memory, images, remote=remote, **values)

    @with_page_errors
    def resume_training(
        self,
        request: gr.Request,
        profile: gr.OAuthProfile | None,
        token: gr.OAuthToken | None,
        memory: Any,
        job: Any,
        images: Images | None = None,
        offers: Any = None,
        flavor: Any = None,
        limit: Any = None,
    ) -> tuple[Any, ...]:
        """Resume a training where it ran; a rented machine at the price on the button.

        If the machine now costs more or is not offered, nothing is rented: the button gets the price of the machine
        that is chosen in the panel, or else the new one, and its next press rents that."""
        owner = owner_of(memory)
        found = self.jobs.get(owner, str(job))
        if not found.place:
            return self.runs.resume_training(memory, job, images)
        if found.state not in CONTINUABLE:  # the record then belongs to the thread that follows the machine
            raise RequestRejected(f"job {found.id} is {found.state}: there is nothing to resume")
        signer, run = self._signer(request, profile, token), self.jobs.folder(owner, str(job)).run
        record = read_record(run)
        if record is None:  # the first sign-in failed, so no price is known that was confirmed
            raise RequestRejected(NOTHING_RENTED)
        if record.is_followed:
            machine = Flavor(found.place, found.place, record.hourly, True)
        else:
            now = {each.name: each for each in list_flavors(signer.token)}
            machine = now.get(record.flavor)
            if machine is None or machine.hourly > record.hourly:
                record = _quoted(record, now, (offers, flavor, limit))
                record.write(run)
                gr.Warning(_quote_text(record))
                return gr.skip(), *self.runs.view(owner, job, None)
        return self.runs.resume_training(memory, job, images, RemoteTraining(signer.token, machine, record.minutes))

    @with_page_errors
    def delete_job(
        self,
        request: gr.Request,
        profile: gr.OAuthProfile | None,
        token: gr.OAuthToken | None,
        memory: Any,
        job: Any,
    ) -> tuple[Any, ...]:
        """Delete an ended training. If its start was not confirmed, look first whether its machine is at work."""
        owner = owner_of(memory)
        record = rented_record(self.jobs.get(owner, str(job)), self.jobs.folder(owner, str(job)))
        at_work = False
        if record and record.is_under_way and not record.job:
            try:
                at_work = is_at_work(record, token=self._signer(request, profile, token).token)
            except (HubFailure, RequestRejected) as error:
                gr.Warning(f"{plain(error).rstrip('.')}. {MAY_BE_AT_WORK}.")
        if at_work:
            raise RequestRejected(MACHINE_AT_WORK)
        return self.runs.delete_job(memory, job)

    @with_page_errors
    def delete_uploaded(
        self,
        request: gr.Request,
        profile: gr.OAuthProfile | None,
        token: gr.OAuthToken | None,
        memory: Any,
        job: Any,
    ) -> tuple[Any, ...]:
        """Delete the pictures that a training has uploaded."""

        def delete(owner: str, job_id: str) -> None:
            self.jobs.get(owner, job_id).check_ended()  # the record then belongs to the thread that follows the machine
            folder, signer = self.jobs.folder(owner, job_id), self._signer(request, profile, token)
            gone = delete_pictures(folder.run, token=signer.token, say=gr.Warning)
            gr.Info(f"{gone} is deleted." if gone else "Nothing is uploaded.")

        return self.runs.change(memory, job, delete)

    def _signer(self, request: gr.Request, profile: gr.OAuthProfile | None, token: gr.OAuthToken | None) -> Signer:
        """The account that pays. Raises RequestRejected if there is none, HubFailure if it cannot be read."""
        if self.hosting.is_local and not from_own_machine(request):
            raise RequestRejected(NOT_FROM_HERE)
        signer = signer_of(self.hosting, profile, token)
        if signer and self.hosting.has_sign_in and current_owner() != self.hosting.owner(signer.user, ""):
            signer = None  # the page was opened by another user
        if signer is None:
            has_account = self.hosting.has_sign_in or self.hosting.is_local
            reason = SIGN_IN_ON_SPACE if self.hosting.has_sign_in else SIGN_IN_ON_DESKTOP
            raise RequestRejected(reason if has_account else NOT_FROM_HERE)
        if self.hosting.has_sign_in and JOBS_SCOPE not in str(token.scope if token else "").split():
            raise RequestRejected(NEEDS_SCOPE)
        return signer


def _offered(offers: Any, flavor: Any) -> Flavor:
    """The machine as it was offered to this page. Raises RequestRejected."""
    found = offers.get(flavor) if isinstance(offers, Mapping) and isinstance(flavor, str) else None
    if not isinstance(found, Flavor):
        raise RequestRejected(CHOOSE)
    return found


def _limit(value: Any) -> float:
    return number(value, "Time limit", LEAST_MINUTES, MOST_MINUTES)


def _at_price(signer: Signer, name: str, minutes: float, *, hourly: float) -> RemoteTraining:
    """A training on the machine `name`. Raises RequestRejected if it now costs more than `hourly`."""
    now = find_flavor(name, signer.token)
    if now.hourly > hourly:
        raise RequestRejected(f"{name} now costs ${now.hourly:.2f} an hour. Nothing is rented; see the price above.")
    return RemoteTraining(signer.token, now, minutes)


def _quoted(record: RemoteRecord, now: Mapping[str, Flavor], chosen: tuple[Any, Any, Any]) -> RemoteRecord:
    """The record with the machine that is offered next, its limit and its price.

    now: the machines on offer. chosen: (offers, machine, limit) of the panel; without a machine there, it is that of
    the record.

    Raises:
        RequestRejected: no such machine is on offer, or an unusable limit.
    """
    offers, flavor, limit = chosen
    is_chosen = isinstance(offers, Mapping) and isinstance(flavor, str) and flavor in offers
    name, minutes = (flavor, _limit(limit)) if is_chosen else (record.flavor, record.minutes)
    if name not in now:
        raise RequestRejected(f"{name} is not offered any more. {CHOOSE_ANOTHER}")
    return replace(record, flavor=name, minutes=minutes, hourly=now[name].hourly)


def _quote_text(record: RemoteRecord) -> str:
    hourly, most = f"${record.hourly:.2f} an hour", f"at most ${record.most:.2f} in {record.minutes:g} minutes"
    return f"Nothing is rented yet. {record.flavor} costs {hourly}: {most}. Press the button again to rent it."
