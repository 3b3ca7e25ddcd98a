"""How a run computes is decided by timing, once, remembered for the machine, and kept by the run."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

from pixelart.cli.main import main
from pixelart.layers.context import Context
from pixelart.models import create_model, list_models
from pixelart.training import autotune, tuning_cache
from pixelart.training.autotune import fastest, race
from pixelart.training.config import MEMORY_FORMATS, PRECISIONS
from pixelart.training.run_config import read_run
from tests.training.conftest import StartRun
from tests.training.runs import resumed

Digests = Callable[[Path], Mapping[str, str]]
Speeds = dict[str, float]


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(tuning_cache.CACHE_VARIABLE, str(tmp_path / "cache"))
    monkeypatch.setattr(autotune, "MARGIN", 1.15)
    return tmp_path / "cache" / tuning_cache.FILE


@pytest.fixture
def speeds(monkeypatch: pytest.MonkeyPatch) -> Speeds:
    """Seconds of each choice, on a machine that takes one second for all that is not in it. Each race is counted."""
    seconds: Speeds = {}

    def made_up(choices: Mapping[str, Any], *_: Any, **__: Any) -> Speeds:
        seconds["races"] = seconds.get("races", 0) + 1
        return {name: seconds.get(name, 1.0) for name in choices}

    monkeypatch.setattr(autotune, "race", made_up)
    return seconds


# --- the race -----------------------------------------------------------------------------------------------------


def test_the_shortest_time_of_each_counts_and_the_first_does_not() -> None:
    now, took = 0.0, {"a": iter([90.0, 3, 2, 3]), "b": iter([80.0, 2.5, 2.5, 1.5]), "slow": iter([1.0, 9])}

    def work(name: str) -> Callable[[], None]:
        def call() -> None:
            nonlocal now
            now += next(took[name])

        return call

    assert race({name: lambda name=name: work(name) for name in took}, lambda: now) == {"a": 2, "b": 1.5, "slow": 9}


def test_what_cannot_be_computed_here_is_left_out() -> None:
    def impossible() -> Callable[[], None]:
        raise RuntimeError("could not create a primitive descriptor")

    assert set(race({"bf16": impossible, "fp32": lambda: lambda: None}, lambda: 0.0)) == {"fp32"}
    assert race({"bf16": impossible}, lambda: 0.0) == {} and fastest({}, "fp32") == "fp32"


@pytest.mark.parametrize(("other", "chosen"), [(0.5, "other"), (0.95, "usual"), (1.0, "usual"), (6.0, "usual")])
def test_only_what_is_clearly_faster_replaces_the_usual(other: float, chosen: str) -> None:
    assert fastest({"usual": 1.0, "other": other}, "usual") == chosen
    assert fastest({"other": other}, "usual") == "other"


# --- what a run does with it ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("bf16", "contiguous"), [(0.5, 0.5), (6.0, 2.0)])
def test_a_run_computes_as_is_fastest_and_says_so(
    begin: StartRun, speeds: Speeds, bf16: float, contiguous: float
) -> None:
    speeds.update(bf16=bf16, contiguous=contiguous)
    run = begin(threads=0)
    schedule = read_run(run.run).schedule
    assert schedule.precision == ("bf16" if bf16 < 1 else "fp32")
    assert schedule.memory_format == ("contiguous" if contiguous < 1 else "channels_last") and schedule.threads == 1
    said = f"{schedule.precision}, {schedule.memory_format}, 1 thread"
    assert schedule.execution == said and run.config.schedule == schedule
    assert {"fp32", "bf16", "channels_last", "contiguous"} == run.config.measured.keys()
    weight = next(p for p in run.model.parameters() if p.ndim == 4 and min(p.shape) > 1)
    assert weight.is_contiguous() == (contiguous < 1)
    run.train()
    assert run.progress() == 1


@pytest.mark.slow
def test_precision_and_layout_are_timed_in_one_thread(begin: StartRun, monkeypatch: pytest.MonkeyPatch) -> None:
    """Several threads burn CPU time while they wait for each other, if other programs use the cores."""
    threads: dict[frozenset[str], int] = {}

    def made_up(choices: Mapping[str, Any], *_: Any, **__: Any) -> Speeds:
        threads[frozenset(choices)] = torch.get_num_threads()
        return dict.fromkeys(choices, 1.0)

    monkeypatch.setattr(autotune, "race", made_up)
    monkeypatch.setattr(autotune, "is_quiet", lambda: False)
    torch.set_num_threads(3)
    begin(threads=0)
    assert threads.items() >= {frozenset(PRECISIONS): 1, frozenset(MEMORY_FORMATS): 1}.items()
    assert torch.get_num_threads() == 3


@pytest.mark.slow
def test_what_is_said_is_not_measured(begin: StartRun, speeds: Speeds, own_cache: Path) -> None:
    run = begin(precision="bf16", memory_format="contiguous", threads=1)
    assert "races" not in speeds and not own_cache.exists() and run.config.measured == {}


@pytest.mark.slow
@pytest.mark.parametrize(("quiet", "cores", "threads"), [(True, 4, 1), (True, 1, 1), (False, 4, 4)])
def test_fewer_threads_are_taken_where_they_are_faster_and_the_machine_is_quiet(
    begin: StartRun, speeds: Speeds, monkeypatch: pytest.MonkeyPatch, quiet: bool, cores: int, threads: int
) -> None:
    monkeypatch.setattr(autotune, "is_quiet", lambda: quiet)
    speeds.update({"4": 4.0, "2": 2.0, "1": 1.0})
    torch.set_num_threads(cores)
    assert begin(threads=0, precision="fp32", memory_format="contiguous").config.schedule.threads == threads


@pytest.mark.slow
def test_it_is_remembered_for_the_machine_and_for_no_other(
    begin: StartRun, speeds: Speeds, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    speeds["bf16"] = 0.5
    begin("first")
    races = speeds["races"]
    speeds["bf16"] = 9.0
    again = begin("again", seed=9)
    assert speeds["races"] == races and again.config.schedule.precision == "bf16" and again.config.measured
    assert begin("another network", model="pixelcnn").config.schedule.precision == "fp32"
    assert begin("another batch", batch_size=5).config.schedule.precision == "fp32"
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "SSE41")
    assert begin("another processor").config.schedule.precision == "fp32"
    assert len(json.loads(own_cache.read_text())) == 8


@pytest.mark.slow
@pytest.mark.parametrize("text", ["", "[]", '{"a": 1}', "junk", b"\xff".decode("latin-1")], ids=repr)
def test_a_cache_that_is_none_is_measured_anew(begin: StartRun, speeds: Speeds, own_cache: Path, text: str) -> None:
    begin("first")
    keys = json.loads(own_cache.read_text())
    own_cache.write_text(text or json.dumps({key: {"precision": "fp8", "measured": {}} for key in keys}))
    speeds["bf16"] = 0.5
    assert begin("again").config.schedule.precision == "bf16"


@pytest.mark.slow
def test_without_a_cache_it_works(
    begin: StartRun, speeds: Speeds, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv(tuning_cache.CACHE_VARIABLE, str(tmp_path / "file" / "cache"))
    assert begin("first").config.schedule.precision == "fp32"
    monkeypatch.delenv(tuning_cache.CACHE_VARIABLE)

    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    for name in ("XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(tuning_cache.Path, "home", homeless)
    assert begin("second").config.schedule.precision == "fp32"


def test_the_cache_stays_small(own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tuning_cache, "KEPT", 3)
    for number in range(5):
        tuning_cache.remember(str(number), {"precision": "fp32", "measured": {}})
    assert [*json.loads(own_cache.read_text())] == ["2", "3", "4"]
    assert [path.name for path in own_cache.parent.iterdir()] == [own_cache.name]


# --- a run that goes on --------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_resumed_run_keeps_what_it_began_with_unless_another_is_said(
    begin: StartRun, speeds: Speeds, tiny_data: Path, digests: Digests
) -> None:
    speeds["bf16"] = 0.5
    whole, run = begin("whole", steps=4), begin("run", steps=4)
    whole.train()
    run.train(stop=lambda: run.step == 2)
    speeds.update(bf16=9.0, races=0)
    kept = resumed(run.run, tiny_data, precision="auto", memory_format="auto", threads=0)
    kept.train()
    assert speeds["races"] == 0 and digests(kept.run) == digests(whole.run)
    other = resumed(run.run, tiny_data, precision="fp32", memory_format="contiguous", threads=1, steps=6)
    assert read_run(run.run).schedule.execution == "fp32, contiguous, 1 thread" == other.config.schedule.execution
    other.train()
    assert other.progress() == 1


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["bf16", "fp32"])
def test_a_run_of_before_goes_on_as_it_began(begin: StartRun, tiny_data: Path, precision: str) -> None:
    run = begin(precision=precision, memory_format="channels_last", threads=1)
    run.train(stop=lambda: run.step == 2)
    values = json.loads((run.run / "run.json").read_text())
    del values["schedule"]["memory_format"], values["measured"]
    (run.run / "run.json").write_text(json.dumps(values))
    again = resumed(run.run, tiny_data)
    assert again.config.schedule == run.config.schedule and again.config.measured == {}
    assert again.config.schedule.execution == f"{precision}, channels_last, 1 thread"
    again.train()
    assert again.progress() == 1


@pytest.mark.slow
def test_the_command_tells_how_it_trains(
    tiny_data: Path, tmp_path: Path, speeds: Speeds, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["train", "--data", str(tiny_data), "--out", str(tmp_path / "run"), "--preset", "debug", "--threads", "1"]
    assert main([*words, "--steps", "2", "--batch-size", "4", "--colours", "8"]) == 0
    told = capsys.readouterr().out.splitlines()[0]
    assert told.startswith("trains in fp32, channels_last, 1 thread (measured pictures/s: fp32 ") and "bf16 " in told
    assert main([*words, "--steps", "3", "--resume", "--precision", "bf16"]) == 0
    assert capsys.readouterr().out.startswith("trains in bf16, channels_last, 1 thread")


@pytest.mark.slow
def test_a_real_measurement_ends_with_a_choice(begin: StartRun, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        config = begin(threads=0).config
    assert config.schedule.precision in ("fp32", "bf16") and config.schedule.threads == 1
    assert all(speed > 0 for speed in config.measured.values()) and len(config.measured) >= 3


# --- every variant, on a processor without bfloat16 ----------------------------------------------------------------

TRAIN = """
import sys
from pathlib import Path
from pixelart.models import get_variant, list_models
from pixelart.training.config import Schedule
from pixelart.training.runs import start_run
import torch
torch.set_num_threads(1)
for name in list_models():
    codec = next(iter(get_variant(name).codecs), "indexed")
    for precision in ("fp32", "bf16"):
        schedule = Schedule(steps=2, batch_size=2, precision=precision, memory_format="channels_last", threads=1)
        words = {"model": name, "preset": "debug", "codec": codec, "colours": 8, "schedule": schedule}
        with start_run(Path(sys.argv[2], f"{name}-{precision}"), Path(sys.argv[1]), **words) as one:
            one.train()
        print(name, precision, one.progress())
"""


@pytest.mark.slow
def test_every_variant_trains_in_each_precision_without_bfloat16_instructions(
    tiny_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "AVX2")
    words = [sys.executable, "-c", TRAIN, str(tiny_data), str(tmp_path)]
    done = subprocess.run(words, cwd=Path(__file__).parents[2], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    wanted = [f"{name} {precision} 1.0" for name in list_models() for precision in ("fp32", "bf16")]
    assert done.stdout.splitlines() == wanted


@pytest.mark.parametrize("form", ["many_to_many", "many_to_one", "bidirectional_many_to_one"])
@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_recurrent_cells_compute_in_single_precision_under_autocast(cell: str, form: str) -> None:
    """oneDNN has no LSTM in bfloat16 for processors without its instructions."""
    seen: list[torch.dtype] = []
    size: dict[str, Any] = {"channels": 1, "levels": 4, "height": 4, "width": 4, "num_classes": 1}
    model: Any = create_model("row_rnn", preset="debug", cell=cell, form=form, **size)
    model.rnn.register_forward_pre_hook(lambda _, given: seen.append(given[0].dtype))
    x = torch.randint(0, 4, (2, 1, 4, 4), generator=torch.Generator().manual_seed(0))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        model.log_prob(x, Context(torch.ones(2, 1), x, torch.ones(2, 4, 4, dtype=torch.bool)))
    assert {*seen} == {torch.float32}
