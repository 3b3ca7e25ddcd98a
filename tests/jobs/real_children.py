"""Fixtures of jobs whose children really train."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from pixelart.jobs import process as child
from tests.jobs import survival
from tests.training.runs import digests_of


@pytest.fixture(autouse=True)
def plain_priority(monkeypatch: pytest.MonkeyPatch) -> None:
    """Children are not put behind the other tests, beside which they would get hardly any time."""
    monkeypatch.setattr(child, "LOWEST", 0)


@pytest.fixture
def data(tmp_path: Path, tiny_data: Path) -> Path:
    """A .zip of `tiny_data`."""
    return Path(shutil.make_archive(str(tmp_path / "pictures"), "zip", tiny_data))


@pytest.fixture(scope="session")
def warm_program(tiny_checkpoints: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, ...]]:
    """A program that is `python -m pixelart`, and starts in milliseconds."""
    process, program = survival.warm_program(tmp_path_factory.mktemp("warm") / "socket", tiny_checkpoints)
    yield program
    process.kill()
    process.communicate()


@pytest.fixture(scope="session")
def whole(warm_program: tuple[str, ...], tiny_data: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The digests of the training of a job that was never stopped."""
    run = tmp_path_factory.mktemp("whole") / "run"
    survival.uninterrupted(run, tiny_data, warm_program)
    return digests_of(run)


@pytest.fixture
def cutter(tmp_path: Path, data: Path, warm_program: tuple[str, ...], whole: dict[str, str]) -> survival.Cutter:
    """What cuts jobs short."""
    return survival.Cutter(tmp_path / "cut", data, warm_program, whole)
