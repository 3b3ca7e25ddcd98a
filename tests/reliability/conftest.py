"""What a long test has found, printed as lines of the table of benchmarks/RELIABILITY.md."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from tests.hub.conftest import hub as hub
from tests.jobs.real_children import cutter as cutter
from tests.jobs.real_children import data as data
from tests.jobs.real_children import plain_priority as plain_priority
from tests.jobs.real_children import warm_program as warm_program
from tests.jobs.real_children import whole as whole

Told = Callable[[str, str], None]
Count = Callable[[int], int]


def pytest_addoption(parser: pytest.Parser) -> None:
    """--share 0.02: a fiftieth of every count, to see that a test works."""
    parser.addoption("--share", type=float, default=1.0, help="of the counts of the long tests (1)")


@pytest.fixture
def count(request: pytest.FixtureRequest) -> Count:
    """count(300): how many it is to be."""
    share = float(request.config.getoption("--share") or 1)
    return lambda whole: max(2, round(whole * share))


@pytest.fixture
def tell(record_property: Callable[[str, object], None]) -> Told:
    """tell("T15", "300 kills: ..."): a line of the table, with the seconds that it took."""
    began = time.monotonic()
    return lambda test, found: record_property("line", f"| {test} | {found} | {time.monotonic() - began:.0f} s |")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The lines of those that passed."""
    passed = terminalreporter.stats.get("passed", [])
    lines = [str(line) for report in passed for name, line in report.user_properties if name == "line"]
    if lines:
        terminalreporter.write_line("| test | found | took |\n|---|---|---|\n" + "\n".join(lines))
