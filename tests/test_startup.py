"""What the program imports when it starts: help needs no torch, a first picture no compiler, and gradio no stubs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import startup
from pixelart.checkpoint.format import config_of
from pixelart.checkpoint.weights import _expected
from pixelart.cli.main import parse
from pixelart.cli.words import COMMANDS, HELP
from pixelart.images.codec import RGB
from pixelart.models import create_model, get_variant, list_models

ROOT = Path(__file__).parents[1]
HEAVY = {"torch", "numpy", "numba", "PIL", "gradio", "pandas", "tqdm", "huggingface_hub", "safetensors"}
ENDED = """
import sys
sys.argv = ["pixelart", *sys.argv[1:]]
sys.modules.update(dict.fromkeys({heavy}))  # importing them would fail
try:
    from pixelart.cli.main import main
    main()
finally:
    print("modules", len(sys.modules))
"""


@pytest.mark.parametrize(("words", "said"), [(["--help"], "generate"), ([], "required"), (["draw"], "invalid choice")])
def test_help_and_a_mistyped_command_import_nothing_heavy(words: list[str], said: str) -> None:
    code = ENDED.format(heavy=HEAVY)
    done = subprocess.run([sys.executable, "-c", code, *words], cwd=ROOT, text=True, capture_output=True)
    assert said in done.stdout + done.stderr and "Traceback" not in done.stderr
    assert int(done.stdout.split()[-1]) < 250


def test_every_command_is_listed_with_what_its_own_help_says(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse(["--help"])
    listed = " ".join(capsys.readouterr().out.split())
    assert [name for commands in COMMANDS.values() for name in commands] == list(HELP)
    for name, text in HELP.items():
        with pytest.raises(SystemExit):
            parse([name, "--help"])
        assert text in " ".join(capsys.readouterr().out.split()) and f" {name} {text}" in listed


FIRST_PICTURE = """
import sys
from pathlib import Path
from pixelart.engine import Engine
engine = Engine(Path(sys.argv[1]))
engine.warm_up(engine.list_checkpoints()[0].name)
heavy = ("torch._dynamo", "torch._inductor", "sympy", "gradio", "pandas", "huggingface_hub", "matplotlib", "networkx")
print([name for name in heavy if name in sys.modules])
"""


@pytest.mark.slow
def test_a_first_picture_needs_no_compiler_of_pytorch(tiny_checkpoints: Path) -> None:
    """Its import takes more than a second, and an operation on the meta device or a dispatch mode may bring it."""
    command = [sys.executable, "-c", FIRST_PICTURE, str(tiny_checkpoints)]
    done = subprocess.run(command, cwd=ROOT, text=True, capture_output=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    assert (done.stdout, done.returncode) == ("[]\n", 0), done.stderr


@pytest.mark.parametrize("name", list_models())
def test_what_a_checkpoint_must_hold_is_known_without_random_numbers(name: str) -> None:
    """The names and shapes on the meta device are those of a network in memory."""
    levels, channels = (256, 3) if get_variant(name).codecs else (6, 1)
    values = {"channels": channels, "levels": levels, "height": 4, "width": 4, "num_classes": 2}
    model = create_model(name, preset="debug", **values)
    config = config_of(model, name, RGB(), ("a", "b"))
    expected, held = _expected(config), model.state_dict()
    assert {key: tensor.shape for key, tensor in expected.items()} == {k: v.shape for k, v in held.items()}
    assert all(tensor.is_meta for tensor in expected.values())


def test_gradio_writes_no_stubs_beside_our_components() -> None:
    from gradio import component_meta

    from pixelart.ui import components, gradio_stubs

    writer = getattr(component_meta, gradio_stubs.WRITER)
    assert writer.__module__ == gradio_stubs.__name__
    stub = Path(components.__file__ or "").with_suffix(".pyi")
    stub.unlink(missing_ok=True)  # of an older version
    writer(components.PixelCanvas, [])
    assert not stub.exists()


def test_the_figures_of_starts_are_medians(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    times = iter([99.0, 3.0, 1.0, 2.0])
    monkeypatch.setattr(startup, "run_times", lambda words: {"seconds": 0.1, "cpu_seconds": 0.1})
    monkeypatch.setattr(startup, "app_times", lambda: {"seconds": next(times), "listens": 1.0, "cpu_seconds": 4.0})
    assert startup.main(["--rounds", "3", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["starts"]["first picture"]["seconds"] == 2.0
