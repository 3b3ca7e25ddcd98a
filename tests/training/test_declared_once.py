"""An option of a training is declared once, as a field of the schedule: the command line, jobs and the page follow."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.test_tree import ROOT

ADDED = """
import dataclasses, io, sys
from contextlib import redirect_stdout
from pixelart.training import config

shown = config.OptionOnPage("Shine", "Of the dummy")
fresh = config.option(0.5, "how much the dummy shines (0.5)", limits=(0, 1), page=shown)
known = dataclasses.fields(config.Schedule)
fields = [(f.name, f.type, dataclasses.field(default=f.default, metadata=f.metadata)) for f in known]
made = dataclasses.make_dataclass("Schedule", [*fields, ("shine", float, fresh)], bases=(config.Schedule,), frozen=True)
config.Schedule = made
config.OPTIONS = {f.name: f.metadata["option"] for f in dataclasses.fields(made)}

from pixelart.cli.main import main
from pixelart.jobs import JOB_OPTIONS
from pixelart.ui.train.form import FIT_PALETTE, job_from
from pixelart.ui.train.tab import _settings
import gradio as gr

text = io.StringIO()
with redirect_stdout(text):
    try:
        main(["train", "--help"])
    except SystemExit:
        pass
assert "--shine" in text.getvalue() and "how much the dummy shines" in text.getvalue()
assert "shine" in JOB_OPTIONS and "threads" not in JOB_OPTIONS
with gr.Blocks():
    inputs = _settings()
assert inputs["shine"].label == "Shine" and inputs["shine"].value == 0.5
given = {name: each.value for name, each in inputs.items()} | {"base": "new:row_rnn", "name": "mine", "shine": 0.25}
assert job_from(given)[1]["shine"] == 0.25
"""


@pytest.mark.slow
def test_a_new_option_is_in_the_help_in_jobs_and_on_the_page() -> None:
    done = subprocess.run([sys.executable, "-c", ADDED], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
