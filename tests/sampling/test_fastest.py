"""The faster sampler of a device without known times is measured once, with clocks that are made up."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from pixelart.errors import Cancelled
from pixelart.layers.recording import RECORDERS
from pixelart.models import AutoregressiveModel
from pixelart.sampling import fastest, pick_sampler
from tests.models.checks import lively_model
from tests.pretend_device import PRETEND, pretending

Timed = Callable[..., list[str]]
"""timed(seconds of a row cached, seconds of a picture by fixed point, graph=seconds of a row) sets the clock; returns
what was drawn. With `graph`, the device has recorded steps; 0 = they fail."""


@pytest.fixture
def model() -> AutoregressiveModel:
    torch.set_num_threads(1)
    return lively_model("gated_pixelcnn", channels=1, levels=4, shape=(8, 8))


@pytest.fixture
def timed(monkeypatch: pytest.MonkeyPatch) -> Timed:
    def set_clock(row: float, picture: float, graph: float | None = None) -> list[str]:
        now, drawn = [0.0], list[str]()

        def by_row(name: str, seconds: float) -> Any:
            def draw(_: Any, context: Any, **how: Any) -> None:
                drawn.append(name)
                if not seconds:
                    raise RuntimeError("out of memory")
                now[0] += seconds * int(context.mask[0].any(1).sum())

            return draw

        def by_fixed_point(_: Any, context: Any, cancel: Any, **how: Any) -> None:
            drawn.append("fixed_point")
            assert bool(context.mask.all())
            for _ in range(4):  # passes
                now[0] += picture / 4
                if cancel():
                    raise Cancelled

        monkeypatch.setitem(fastest.BY_ROW, "cached", by_row("cached", row))
        if graph is not None:
            monkeypatch.setitem(RECORDERS, "cpu", lambda step: step)
            monkeypatch.setitem(fastest.BY_ROW, "graph", by_row("graph", graph))
        monkeypatch.setattr(fastest, "sample_fixed_point", by_fixed_point)
        monkeypatch.setattr(fastest.fastest_on, "__kwdefaults__", {"clock": lambda: now[0]})
        return drawn

    return set_clock


@pytest.mark.parametrize(
    ("row", "picture", "chosen"), [(1.0, 7.5, "fixed_point"), (1.0, 8.5, "cached"), (1, 99, "cached")]
)
def test_the_faster_one_is_chosen_once(
    model: AutoregressiveModel, timed: Timed, row: float, picture: float, chosen: str
) -> None:
    """A picture has 8 rows. A fixed point that takes longer than the other is given up."""
    drawn = timed(row, picture)
    assert [pick_sampler("auto", model, PRETEND) for _ in range(2)] == [chosen] * 2
    assert drawn == ["cached", "cached", "fixed_point"]


@pytest.mark.parametrize(
    ("row", "graph", "picture", "chosen"),
    [(2.0, 1.0, 8.5, "graph"), (1.0, 2.0, 8.5, "cached"), (2.0, 1.0, 7.5, "fixed_point"), (2.0, 0.0, 99, "cached")],
)
def test_recorded_steps_are_timed_where_a_device_has_them(
    model: AutoregressiveModel, timed: Timed, row: float, graph: float, picture: float, chosen: str
) -> None:
    """What fails there is not chosen."""
    drawn = timed(row, picture, graph=graph)
    assert pick_sampler("auto", model, PRETEND) == chosen
    assert drawn == ["cached"] * 2 + ["graph"] * (2 if graph else 1) + ["fixed_point"]


def test_the_cpu_a_named_sampler_and_a_borrowed_gpu_are_not_measured(
    model: AutoregressiveModel, timed: Timed, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = timed(1.0, 2.0)
    assert pick_sampler("auto", model, torch.device("cpu")) == "cached"
    assert pick_sampler("naive", model, PRETEND) == "naive"
    monkeypatch.setenv("SPACES_ZERO_GPU", "1")
    assert pick_sampler("auto", model, PRETEND) == "cached" and drawn == []


@pytest.mark.slow
@pytest.mark.parametrize("name", ["multiscale", "sketch_pixelcnn"])
def test_a_device_is_measured(name: str) -> None:
    with pretending():
        model = lively_model(name, channels=1, levels=4, shape=(4, 4)).to(PRETEND)
        assert pick_sampler("auto", model, PRETEND) in ("cached", "fixed_point")
