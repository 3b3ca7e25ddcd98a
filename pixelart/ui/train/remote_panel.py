"""The controls of a training on a rented machine, and their events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import gradio as gr

from pixelart.ui.events import AT_ONCE, LATEST, listen
from pixelart.ui.inputs import Choice, Real, Switch
from pixelart.ui.status import status_text
from pixelart.ui.train.form import ON_PAGE
from pixelart.ui.train.remote import CHOOSE, HERE, RENT, RENTED, USUAL_MINUTES, RemoteHandlers


@dataclass(frozen=True)
class RemotePanel:
    """The components."""

    where: Switch
    panel: gr.Column
    form: gr.Column
    notice: gr.HTML
    flavor: Choice
    limit: Real
    cost: gr.HTML
    rent: gr.Button
    offers: gr.State

    @property
    def chosen(self) -> dict[str, Any]:
        """The inputs of an event that rents, by name: the machine, its time limit, and what was offered."""
        return {"offers": self.offers, "flavor": self.flavor, "limit": self.limit}


def remote_panel(*, only_rented: bool) -> RemotePanel:
    """Build the choice of the place and the panel of rented machines. `only_rented`: nothing is trained here."""
    places = [RENTED] if only_rented else [HERE, RENTED]
    where = Switch(places, value=places[0], label="Where", elem_id="train-where", elem_classes="choices")
    with gr.Column(visible=only_rented, elem_id="remote") as panel:
        notice = gr.HTML("", elem_id="remote-notice", apply_default_css=False)
        with gr.Column(visible=False, elem_id="remote-form") as form:
            flavor = Choice([], label="Machine", elem_id="flavor", info="Paid by your account, by the minute.")
            limit = Real(
                USUAL_MINUTES, label="Time limit", elem_id="remote-limit",
                info="Minutes. The training saves and stops before it, and can be resumed.",
            )  # fmt: skip
            cost = gr.HTML(status_text(CHOOSE), elem_id="cost", apply_default_css=False)
            rent = gr.Button(RENT, variant="primary", elem_id="rent")
            gr.HTML(
                '<p class="notice">Your pictures, the base model and this program go to a private dataset of yours on '
                "the Hub, the saves to a private model repository. The pictures can be deleted there by one click.</p>",
                apply_default_css=False,
            )
    return RemotePanel(where, panel, form, notice, flavor, limit, cost, rent, gr.State({}))


def wire_remote(
    panel: RemotePanel,
    handlers: RemoteHandlers,
    tab: gr.Tab,
    start: gr.Button,
    values: Mapping[str, Any],
    started: tuple[Mapping[str, Any], Sequence[Any]],
) -> None:
    """Wire the panel. `start`: the button that trains here; `values`: of the settings; `started`: inputs and outputs of
    an event that starts a training."""
    shown = [start, panel.panel, panel.form, panel.notice, panel.flavor, panel.offers]
    inputs, outputs = started
    rented = listen(panel.rent.click, handlers.rent_training, {**inputs, **panel.chosen}, outputs, **AT_ONCE)
    told, cost = {"images": inputs["images"], **panel.chosen, **values}, [panel.cost, panel.rent]
    for event in (panel.where.input, tab.select, rented.failure):  # a failure may mean that a price has changed
        placed = listen(event, handlers.choose_place, {"where": panel.where, "flavor": panel.flavor}, shown, **LATEST)
        listen(placed.then, handlers.show_cost, told, cost, **LATEST)
    numbers = [values[name].blur for name in (*ON_PAGE, "minutes")]
    changes = [panel.flavor.change, panel.limit.blur, values["effort"].change, values["base"].change, *numbers]
    listen(partial(gr.on, changes), handlers.show_cost, told, cost, **LATEST)
