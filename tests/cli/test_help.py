"""`python -m pixelart --help` and `models`: each command explains itself with an example that works."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Run

ROOT = Path(__file__).parents[2]
COMMANDS = ("models", "generate", "complete", "enlarge", "extend", "tileset", "animate", "inspect", "evaluate", "check")
COMMANDS += ("train", "export", "jobs")


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_explains_itself_with_an_example(run: Run, command: str) -> None:
    shown = run(command, "--help")
    assert shown.code == 0 and shown.err == ""
    assert re.search(rf"example:\n  python -m pixelart {command} \S", shown.out)


@pytest.mark.parametrize("command", COMMANDS)
def test_the_example_uses_options_that_exist(command: str) -> None:
    from pixelart.cli.main import _parser

    subparsers = next(a for a in _parser(command)._actions if isinstance(a.choices, dict))
    assert isinstance(subparsers.choices, dict)
    example = subparsers.choices[command].epilog.split(f"pixelart {command} ")[1]
    options = _parser(command).parse_args([command, *example.split()])
    assert callable(options.run)


def test_the_whole_program_explains_itself(run: Run) -> None:
    shown = run("--help")
    assert shown.code == 0 and all(command in shown.out for command in COMMANDS)


def test_it_runs_as_a_module() -> None:
    """What it does there is shown by tests/training/test_resume.py; here, how it ends."""
    bad = [sys.executable, "-m", "pixelart", "paint"]
    result = subprocess.run(bad, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert result.returncode == 2 and result.stdout == "" and result.stderr.count("\n") == 1


def test_models_lists_variants_and_checkpoints(run: Run, tiny_checkpoints: Path) -> None:
    listed = run("models --json --checkpoints", tiny_checkpoints).json
    assert listed["checkpoints"] == [
        {
            "name": "tiny",
            "model": "gated_pixelcnn",
            "size": [8, 8],
            "classes": ["cross", "stripe"],
            "looks": [],
            "kinds": {},
        }
    ]
    gated = next(v for v in listed["models"] if v["name"] == "gated_pixelcnn")
    assert {"default", "debug"} <= set(gated["presets"]) and gated["parameters"] > 10**6
    plain = run("models --checkpoints", tiny_checkpoints)
    (line,) = [line for line in plain.out.splitlines() if line.startswith("gated_pixelcnn ")]
    size = f"{gated['parameters'] / 1e6:.1f} M parameters (default; 32 x 32, 64 colours, 10 classes)"
    assert line == f"gated_pixelcnn  presets: {', '.join(gated['presets'])}  {size}"
    assert "gated_pixelcnn" in plain.out and "tiny" in plain.out and "cross, stripe" in plain.out
