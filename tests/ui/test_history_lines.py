"""What the history tells of a picture that this program drew."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from pixelart.engine import Request
from pixelart.ui.components import PastPictures

NODE, ROOT = shutil.which("node"), Path(__file__).parents[2]
LINES = """
import { linesOf } from "./pixelart/ui/static/past/records.js";
const record = { png: new Uint8Array(), settings: JSON.stringify(SETTINGS) };
console.log(JSON.stringify(linesOf(record, COMPONENT.constants.controls)));
"""


def told(request: Request) -> list[list[str]]:
    """The lines [label, text] of a picture that the request draws."""
    if NODE is None:
        pytest.skip("needs Node")
    component = (PastPictures().js_on_load or "").partition("\n")[0]
    script = LINES.replace("SETTINGS", json.dumps(request.settings()))
    command = [NODE, "--input-type=module", "-e", component + script]
    return json.loads(subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout)


def test_each_setting_is_told_once() -> None:
    lines = told(Request("studio", {"hero": 1.0}, seed=5, temperature=0.9, guidance=3.0, top_k=7))
    labels = [label for label, _ in lines]
    assert len({*labels}) == len(labels)
    assert {("Temperature", "0.9"), ("Guidance", "3"), ("Top-k", "7")} <= {(label, text) for label, text in lines}
