"""`generate` of large sets and `evaluate` with --share, by the command line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pixelart.checkpoint.format import CONFIG_FILE
from pixelart.cli import evaluate as commands
from pixelart.cli.main import main
from pixelart.errors import RequestRejected
from pixelart.shards.drawing import SUMS

ROOT = Path(__file__).parents[2]


def generate(checkpoints: Path, out: Path, *more: str) -> int:
    words = ["generate", "--checkpoint", "tiny", "--checkpoints", str(checkpoints), "--out", str(out), *more]
    return main(words)


def evaluate(checkpoints: Path, data: Path, *more: str) -> int:
    words = ["evaluate", "--checkpoint", "tiny", "--checkpoints", str(checkpoints), "--data", str(data), "--json"]
    return main([*words, "--include-training", "--per-class", *more])


def test_more_pictures_than_a_request_may_have_are_a_set(
    tiny_checkpoints: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert generate(tiny_checkpoints, tmp_path / "out", "--count", "70", "--shard-size", "40") == 0
    told = capsys.readouterr().out.splitlines()
    assert told[0].startswith("shard-00000.zip  40 pictures  ") and told[0].endswith(" pictures/s")
    assert f"{tmp_path / 'out'}  70 pictures, 70 of them in 2 shards by this process" in told[2]
    assert told[3].startswith(f"{tmp_path / 'out'}  SHA-256 of the set: ")
    assert (tmp_path / "out" / SUMS).exists()
    assert generate(tiny_checkpoints, tmp_path / "out", "--count", "71", "--shard-size", "40") == 2
    assert "holds other work: count 70, not 71; use another folder" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--near x", "near: only for a set in shards"),
        ("--shard-size 5", "shard-size: only for a set"),
        ("--threads 2", "threads: only for a set"),
        ("--shards zip --sheet {out}/a.png", "sheet: a set in shards has none"),
        ("--shards tar --near {out}", "neither a folder nor a .zip"),
        ("--shards rar", "invalid choice: 'rar'"),
    ],
)
def test_options_that_do_not_fit_are_refused(
    tiny_checkpoints: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: str, message: str
) -> None:
    try:
        code = generate(tiny_checkpoints, tmp_path / "out", *words.format(out=tmp_path / "out").split())
    except SystemExit as end:
        code = end.code
    assert code == 2 and message in capsys.readouterr().err and not (tmp_path / "out").exists()


def test_a_shared_evaluation_equals_one_process_and_goes_on(
    tiny_checkpoints: Path, tiny_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(commands, "JUDGED_AT_ONCE", 16)
    assert evaluate(tiny_checkpoints, tiny_data, "--holes", "brush") == 0
    alone = json.loads(capsys.readouterr().out)
    left, plain = [2], commands.nats_per_stage

    def stopping(*given: Any, **more: Any) -> Any:
        left[0] -= 1
        if left[0] == 0:
            raise RequestRejected("stopped")
        return plain(*given, **more)

    monkeypatch.setattr(commands, "nats_per_stage", stopping)
    share = ("--holes", "brush", "--share", str(tmp_path / "share"))
    assert evaluate(tiny_checkpoints, tiny_data, *share) == 2
    assert evaluate(tiny_checkpoints, tiny_data, *share) == 0
    assert json.loads(capsys.readouterr().out) == alone
    assert left == [-2], "three parts, the first of them once"
    assert evaluate(tiny_checkpoints, tiny_data, *share) == 0
    assert json.loads(capsys.readouterr().out) == alone and left == [-2]
    assert evaluate(tiny_checkpoints, tiny_data / "cross", *share) == 2
    assert "holds other work: pictures" in capsys.readouterr().err


def test_a_shared_evaluation_is_in_one_palette(
    own_checkpoints: Path, tiny_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    share = ("--share", str(tmp_path / "share"))
    assert evaluate(own_checkpoints, tiny_data, *share) == 0
    config = own_checkpoints / "tiny" / CONFIG_FILE
    values = json.loads(config.read_bytes())
    values["codec"]["colours"][0] = "123456"
    config.write_text(json.dumps(values))
    assert evaluate(own_checkpoints, tiny_data, *share) == 2
    assert "holds other work: palette " in capsys.readouterr().err


def test_launched_processes_need_a_folder_and_the_first_one_reports(
    tiny_checkpoints: Path, tiny_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    assert evaluate(tiny_checkpoints, tiny_data, "--threads", "2") == 2
    assert "threads: only with --share" in capsys.readouterr().err
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "1")
    assert evaluate(tiny_checkpoints, tiny_data) == 2
    assert "several processes need --share FOLDER" in capsys.readouterr().err
    assert evaluate(tiny_checkpoints, tiny_data, "--share", str(tmp_path / "share")) == 0
    assert capsys.readouterr().out == ""
    monkeypatch.setenv("RANK", "0")
    assert evaluate(tiny_checkpoints, tiny_data, "--share", str(tmp_path / "share")) == 0
    assert json.loads(capsys.readouterr().out)["images"] == 40


@pytest.mark.slow
def test_two_launched_programs_evaluate_as_one(tiny_checkpoints: Path, tiny_data: Path, tmp_path: Path) -> None:
    words = f"-m pixelart evaluate --checkpoint tiny --checkpoints {tiny_checkpoints} --data {tiny_data} --json"
    words += " --include-training --per-class --holes centre8"
    run: dict[str, Any] = {"cwd": ROOT, "capture_output": True, "text": True, "check": True, "timeout": 300}
    one_thread = {**os.environ, "OMP_NUM_THREADS": "1"}  # as --share has; the last digits depend on it
    alone = subprocess.run([sys.executable, *words.split()], env=one_thread, **run)
    launch = [sys.executable, "-m", "accelerate.commands.accelerate_cli", "launch", "--multi_gpu"]
    launch += ["--num_processes", "2", "--num_machines", "1", "--mixed_precision", "no", "--dynamo_backend", "no"]
    both = subprocess.run([*launch, *words.split(), "--share", str(tmp_path / "share")], **run)
    assert json.loads(both.stdout) == json.loads(alone.stdout)
