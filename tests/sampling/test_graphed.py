"""Drawing by recorded steps: the same pictures as `cached`, without a word between host and device in a row."""

from __future__ import annotations

import itertools
import logging
from typing import Any

import pytest
import torch
from torch import Tensor

from pixelart.errors import Cancelled
from pixelart.layers import recording
from pixelart.layers.context import Context
from pixelart.models import AutoregressiveModel, list_models
from pixelart.sampling import Controls, Sample, sample_cached, sample_graph, steps
from tests.models.checks import lively_model, noise_for, painted_temperatures
from tests.pretend_device import PRETEND, OnDevice, pretending
from tests.recording import recorded
from tests.sampling.test_second_device import CONTROLS, COUNT, LEVELS, SIDE, context_for

ALL = Controls(painted_temperatures(SIDE, SIDE), top_k=5, top_p=0.9, guidance=1.5, allowed=(0, 1, 2, 4, 5))
CASES = [(name, 1) for name in list_models()] + [("gated_pixelcnn", 3), ("pixelcnn_plus_plus", 3)]


@pytest.fixture(autouse=True)
def one_thread(same_threads: None) -> None:
    torch.set_num_threads(1)


def made(name: str, channels: int = 1) -> AutoregressiveModel:
    return lively_model(name, channels=channels, levels=LEVELS, shape=(SIDE, SIDE))


def check_equal(one: Sample, other: Sample) -> None:
    assert torch.equal(one.x, held(other.x))
    torch.testing.assert_close(one.log_prob, held(other.log_prob), atol=1e-3, rtol=1e-3)


def held(x: Tensor) -> Tensor:
    return x.held if isinstance(x, OnDevice) else x


def noise_of(model: AutoregressiveModel, seed: int = 3) -> Tensor:
    return noise_for(model, seed, count=COUNT, shape=(SIDE, SIDE))


def check_on_device(model: AutoregressiveModel, controls: Controls) -> None:
    """Recorded steps draw the same on another device. Within a stage, no row copies anything from it, and at most the
    colours of a preview to it."""
    context, copies_at = context_for(model), list[int]()
    how: dict[str, Any] = {"controls": controls, "noise": noise_of(model)}
    here = sample_cached(model, context, **how)
    with pretending() as copies, recorded("pretend") as found:

        def count(*_: Any) -> None:
            copies_at.append(2 * copies.to_host + copies.to_device)

        there = sample_graph(model.to(PRETEND), context.to(PRETEND), **how, on_row=count)
    assert found
    check_equal(here, there)
    waits = [after - before for before, after in itertools.pairwise(copies_at)]
    assert sum(wait > 1 for wait in waits) <= len(model.stages()) - 1


@pytest.mark.parametrize(
    ("name", "channels"),
    [case if case == ("row_rnn", 1) else pytest.param(*case, marks=pytest.mark.slow) for case in CASES],
)
def test_recorded_steps_draw_the_same_on_another_device(name: str, channels: int) -> None:
    check_on_device(made(name, channels), ALL)


@pytest.mark.slow
@pytest.mark.parametrize("control", CONTROLS)
def test_every_control(control: str) -> None:
    check_on_device(made("multiscale"), CONTROLS[control])


@pytest.mark.slow
@pytest.mark.parametrize("name", ["diagonal_bilstm", "pixelcnn_plus_plus", "gated_pixelcnn"])
def test_masks_in_the_middle_and_larger_pictures(name: str) -> None:
    """Known rows above, known columns beside the masked ones, and rows without any; also by the steps of another
    drawing."""
    model, shape = made(name), (7, 6)
    x = torch.randint(0, LEVELS, (COUNT, 1, *shape), generator=torch.Generator().manual_seed(5))
    mask = torch.zeros(COUNT, *shape, dtype=torch.bool)
    mask[0, 2, 3:5] = mask[1, 5, 1] = mask[:, 5, 4] = True
    with recorded("cpu"):
        for some, seed in ((mask, 1), (mask.flip(0, 2), 2)):
            noise = noise_for(model, seed, count=COUNT, shape=shape)
            how: dict[str, Any] = {"controls": Controls(), "noise": noise}
            context = Context(torch.eye(3)[:COUNT], x, some)
            check_equal(sample_cached(model, context, **how), sample_graph(model, context, **how))


@pytest.mark.slow
def test_steps_are_made_again_where_they_must(monkeypatch: pytest.MonkeyPatch) -> None:
    model, count = made("pixelcnn"), [0]

    class Counted(steps.Steps):
        def __init__(self, *given: Any) -> None:
            super().__init__(*given)
            count[0] += 1

    monkeypatch.setattr("pixelart.sampling.graphed.Steps", Counted)
    context, noise = context_for(model), noise_of(model)

    def draw(controls: Controls = ALL, pictures: int = COUNT) -> int:
        given = context.select(slice(pictures)), {"controls": controls, "noise": noise[:pictures]}
        check_equal(sample_cached(model, given[0], **given[1]), sample_graph(model, given[0], **given[1]))
        return count[0]

    assert [draw(), draw(), draw(Controls()), draw(), draw(pictures=1), draw(Controls())] == [1, 1, 2, 2, 3, 4]
    model.get_parameter("first.weight").mul_(2)
    assert [draw(Controls()), draw(Controls())] == [5, 5]


def test_a_step_that_is_not_recorded_is_taken_as_it_is(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(step: Any) -> Any:
        raise RuntimeError("operation not permitted when stream is capturing\nmore")

    model = made("pixelcnn")
    context, how = context_for(model), {"controls": ALL, "noise": noise_of(model)}
    monkeypatch.setitem(recording.RECORDERS, "cpu", refuse)
    check_equal(sample_cached(model, context, **how), sample_graph(model, context, **how))
    assert "stays slow (operation not permitted when stream is capturing)" in caplog.text


def test_other_precisions_are_drawn_without_steps(caplog: pytest.LogCaptureFixture) -> None:
    model = made("pixelcnn").double()
    context = context_for(model)
    context = Context(context.class_weights.double(), context.pixels, context.mask)
    how: dict[str, Any] = {"controls": ALL, "noise": noise_of(model)}
    with caplog.at_level(logging.WARNING):
        check_equal(sample_cached(model, context, **how), sample_graph(model, context, **how))
    assert "cached instead of graph, because the network computes in torch.float64" in caplog.text


def test_a_stop_leaves_steps_that_can_draw_again() -> None:
    model, left = made("gated_pixelcnn"), [2]
    context, how = context_for(model), {"controls": ALL, "noise": noise_of(model)}

    def cancel() -> bool:
        left[0] -= 1
        return left[0] < 0

    with pytest.raises(Cancelled):
        sample_graph(model, context, **how, cancel=cancel)
    check_equal(sample_cached(model, context, **how), sample_graph(model, context, **how))
