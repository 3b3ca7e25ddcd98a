"""Reports tell the commands that made them, and nothing of the machine's folders."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from benchmarks.machine import told_command

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


def test_absolute_paths_are_cut_to_their_last_part(tmp_path: Path) -> None:
    words = ["--out", str(tmp_path / "a b"), "--base", "checkpoints/studio", "--minutes", "10"]
    told = "python -m benchmarks.finetune --out 'a b' --base checkpoints/studio --minutes 10"
    assert told_command("finetune", words) == told


@pytest.mark.parametrize("report", sorted(BENCHMARKS.glob("*.md")), ids=lambda path: path.name)
def test_no_report_names_a_folder_of_the_machine(report: Path) -> None:
    commands = [line for line in report.read_text().splitlines() if line.startswith("    ")]
    assert not [line for line in commands if re.search(r"(^|[ =])/\w", line)]
