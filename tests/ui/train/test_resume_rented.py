"""Resume on a rented machine that costs more now, or is gone: the price is shown before anything is rented."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import gradio as gr
import pytest

from pixelart.jobs import Job, Jobs
from pixelart.ui import build
from pixelart.ui.security.hosting import Hosting
from pixelart.ui.train.remote import RENTED, RemoteHandlers
from pixelart.ui.train.uploads import Images
from tests.hub.remote.conftest import hub as hub
from tests.hub_jobs import HARDWARE, JobsHub
from tests.hub_server import Answer
from tests.jobs.waiting import ended, until
from tests.ui.serving import without_resource_warnings
from tests.ui.train.test_remote import REQUEST, VALUES, handlers_of, rent, value_of
from tests.ui.train.test_remote import here as here
from tests.ui.train.test_remote import images as images
from tests.ui.train.test_remote import jobs as jobs
from tests.ui.train.test_runs import ANN, fake


def at_prices(times: float, renamed: Mapping[str, str] = MappingProxyType({})) -> list[Any]:
    """The machines on offer at so many times their price."""
    return [
        {**each, "unitCostUSD": times * each["unitCostUSD"], "name": renamed.get(each["name"], each["name"])}
        for each in HARDWARE
    ]


def not_rented(hub: JobsHub, jobs: Jobs, images: Images) -> tuple[RemoteHandlers, Job]:
    """The handlers, and a job for which the Hub refused to rent a machine."""
    handlers = handlers_of(jobs, Hosting("desktop"))
    hub.faults["submit"] = Answer(402)
    rent(handlers, images, limit=30)
    (job,) = jobs.list(ANN["owner"])
    assert ended(jobs, job).state == "interrupted"
    hub.faults.clear()
    return handlers, job


def test_after_a_price_rise_the_button_has_the_new_price_and_its_next_press_rents(
    hub: JobsHub, jobs: Jobs, images: Images, warnings_shown: list[str]
) -> None:
    handlers, job = not_rented(hub, jobs, images)
    hub.hardware = at_prices(2)
    shown_before = handlers.runs.view(job.owner, job.id, None)[-1]
    _, *view = handlers.resume_training(REQUEST, None, None, ANN, job.id)
    assert value_of(view[6]) == "Resume (at most $1.00)" and jobs.get(job.owner, job.id).state == "interrupted"
    assert "a10g-small costs $2.00 an hour: at most $1.00 in 30 minutes" in warnings_shown[0] and not hub.machines
    assert value_of(handlers.runs.tick(ANN, job.id, shown_before)[6]) == "Resume (at most $1.00)"  # another tab
    handlers.resume_training(REQUEST, None, None, ANN, job.id)
    until(lambda: hub.machines)
    assert hub.machines[0].spec["flavor"] == "a10g-small" and len(warnings_shown) == 1
    with pytest.raises(gr.Error, match="there is nothing to resume"):  # it runs: its price is not looked up
        handlers.resume_training(REQUEST, None, None, ANN, job.id)


def test_in_place_of_a_machine_that_is_gone_the_one_in_the_panel_is_rented_after_its_price_was_shown(
    hub: JobsHub, jobs: Jobs, images: Images, warnings_shown: list[str]
) -> None:
    handlers, job = not_rented(hub, jobs, images)
    hub.hardware = at_prices(1, {"a10g-small": "a10g-new"})
    for chosen in ({}, {"offers": {}, "flavor": []}, {"offers": {"a10g-small": None}, "flavor": "a10g-small"}):
        with pytest.raises(gr.Error, match=r"a10g-small is not offered any more\. Choose Hugging Face GPU"):
            handlers.resume_training(REQUEST, None, None, ANN, job.id, **{"limit": 60, **chosen})
    offers = handlers.choose_place(REQUEST, None, None, RENTED, "a10g-small")[-1]
    chosen = {"offers": offers, "flavor": "a10g-new", "limit": 60}
    with pytest.raises(gr.Error, match="Time limit"):
        handlers.resume_training(REQUEST, None, None, ANN, job.id, **{**chosen, "limit": 1})
    _, *view = handlers.resume_training(REQUEST, None, None, ANN, job.id, **chosen)
    assert value_of(view[6]) == "Resume (at most $1.00)" and "a10g-new" in warnings_shown[0] and not hub.machines
    handlers.resume_training(REQUEST, None, None, ANN, job.id, **chosen)
    until(lambda: hub.machines)
    assert hub.machines[0].spec["flavor"] == "a10g-new" and hub.machines[0].spec["timeoutSeconds"] == 3600
    assert jobs.get(job.owner, job.id).place == "a10g-new"


def test_a_rent_refused_for_a_price_rise_says_so_and_the_button_gets_the_price(
    hub: JobsHub, jobs: Jobs, images: Images
) -> None:
    handlers = handlers_of(jobs, Hosting("desktop"))
    offers = handlers.choose_place(REQUEST, None, None, RENTED, None)[-1]
    hub.hardware = at_prices(2)
    with pytest.raises(gr.Error, match=r"now costs \$2\.00 an hour"):
        handlers.rent_training(REQUEST, None, None, ANN, images, offers=offers, flavor="a10g-small", limit=60, **VALUES)
    assert not hub.machines


def test_the_page_posts_the_panel_with_resume_and_shows_the_cost_whenever_it_has_looked_up_prices(jobs: Jobs) -> None:
    with without_resource_warnings():
        app = build(fake(), jobs, hosting=Hosting("desktop"))
        config: Any = app.get_config_file()
        del app
    events = {event["id"]: event for event in config["dependencies"]}
    names = {each["id"]: each["props"].get("elem_id") for each in config["components"]}
    (resume,) = (event for event in events.values() if event["api_name"] == "resume_training")
    posted = [names[number] for number in resume["inputs"]]
    assert {"job", "flavor", "remote-limit"} <= {*posted} and resume["queue"], "gradio tells no warning without a queue"
    looked_up = {number for number, event in events.items() if event["api_name"].startswith("choose_place")}
    (rent,) = (number for number, event in events.items() if event["api_name"] == "rent_training")
    costs = [event for event in events.values() if event["api_name"].startswith("show_cost")]
    told = {event["trigger_after"] for event in costs}
    changed = {names[number] for event in costs for number, _ in event["targets"] if number in names}
    assert {"flavor", "remote-limit", "effort", "minutes", "base", "train-steps", "train-batch-size"} <= changed
    assert looked_up <= told and rent in {events[number]["trigger_after"] for number in looked_up}
