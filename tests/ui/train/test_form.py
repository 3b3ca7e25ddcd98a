"""What a visitor sets for a training becomes the options of a job, or one plain line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from pixelart.checkpoint.library import Library
from pixelart.errors import RequestRejected
from pixelart.jobs.options import check_options
from pixelart.settings import SETTINGS
from pixelart.training.config import Schedule
from pixelart.training.efforts import EFFORTS
from pixelart.ui.train.form import (
    FIT_PALETTE,
    FLIP_SHARE,
    KEEP_PALETTE,
    ON_PAGE,
    VARIANTS,
    base_choices,
    base_of,
    job_from,
)
from tests.ui.fake_engine import FakeEngine

FORM: dict[str, Any] = {
    "base": "tiny",
    "name": "mine",
    "effort": "Good",
    "minutes": 0,
    "flip": True,
    "palette": KEEP_PALETTE,
}
FORM |= {name: 0 if not page.zero else getattr(Schedule(), name) for name, page in ON_PAGE.items()}


def test_a_form_becomes_options_that_a_job_takes(tiny_checkpoints: Path) -> None:
    for form in (
        FORM,
        FORM | dict(base="new:row_rnn"),
        FORM | dict(steps=50, learning_rate=0.001, palette=FIT_PALETTE),
    ):
        name, options = job_from(form)
        check_options(
            options, library=Library(tiny_checkpoints, device=torch.device("cpu"), memory_bytes=0), settings=SETTINGS
        )
        assert name == "mine"
    assert job_from(FORM)[1] == {
        "base": "tiny", "palette": "keep", "steps": 320, "save_every": 80, "validation_share": 0.1,
        "sample_every": 0, "ema": 0.999, "seed": 0, "flip": FLIP_SHARE,
    }  # fmt: skip


def test_quick_good_and_best_are_numbers_of_steps_and_see_each_picture_once() -> None:
    told = [job_from(FORM | dict(effort=name))[1] for name in EFFORTS]
    assert [(one["steps"], one["save_every"]) for one in told] == [(80, 40), (320, 80), (640, 80)]
    new = job_from(FORM | dict(base="new:row_rnn", effort="Quick", save_every=7))[1]
    assert (new["steps"], new["save_every"]) == (400, 7)
    assert job_from(FORM | dict(effort="Quick", batch_size=4), pictures=1001)[1]["steps"] == 251
    assert job_from(FORM | dict(effort="Quick"), pictures=1001)[1]["steps"] == 126, "batches of 8"
    options = job_from(FORM | dict(minutes=10))[1]
    assert options["minutes"] == 10.0 and not options.keys() & {"steps", "save_every"}


def test_steps_are_said_in_place_of_minutes_and_what_is_automatic_is_not_said() -> None:
    options = job_from(FORM | dict(steps=50, learning_rate=0.001, save_every=7))[1]
    assert options["steps"] == 50 and "minutes" not in options
    assert options["learning_rate"] == 0.001 and options["save_every"] == 7
    assert not job_from(FORM | dict(minutes=5))[1].keys() & {"learning_rate", "save_every"}


def test_a_new_network_has_no_base_whose_palette_could_be_kept() -> None:
    options = job_from(FORM | dict(base="new:row_rnn", palette=FIT_PALETTE))[1]
    assert options["model"] == "row_rnn" and not options.keys() & {"base", "palette"}


def test_every_checkpoint_and_every_variant_can_be_started_from() -> None:
    values = [value for _, value in base_choices(FakeEngine(names=("a", "b")).list_checkpoints())]
    assert values[:2] == ["a", "b"] and [base_of(value) for value in values[:2]] == ["a", "b"]
    assert [base_of(value) for value in values[2:]] == [None] * len(VARIANTS)


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("base", None, "Choose a base model"),
        ("base", ["tiny"], "Choose a base model"),
        ("base", "new:../x", "not in the list"),
        ("base", "new:pixelcnn_plus_plus", "not in the list"),
        ("name", "", "name .*: use 1 to 64 letters"),
        ("name", "../up", "name .*: use 1 to 64 letters"),
        ("name", 5, "name .*: use 1 to 64 letters"),
        ("minutes", 1e9, f"Minutes: must be a number from 0 to {SETTINGS.max_job_minutes:g}"),
        ("effort", "Slow", "Training 'Slow': must be Quick, Good or Best"),
        ("effort", None, "Training None: must be"),
        ("effort", ["Good"], "Training .*: must be"),
        ("minutes", None, "Minutes: must be"),
        ("learning_rate", -1, "Learning rate: must be"),
        ("steps", 1.5, "Steps: must be a whole number"),
        ("batch_size", -1, "Batch size: must be a number from 0 to 256"),
        ("validation_share", "x", "Validation share: must be"),
        ("save_every", -1, "Save every: must be"),
        ("sample_every", -1, "Sample every: must be"),
        ("ema", 1, "EMA: must be"),
        ("seed", -1, "Seed: must be"),
    ],
)
def test_what_cannot_be_used_is_named_with_its_limit(field: str, value: Any, told: str) -> None:
    with pytest.raises(RequestRejected, match=told):
        job_from({**FORM, field: value})
