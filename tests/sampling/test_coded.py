"""The tables of a known picture are those that a decoder finds pixel by pixel, in the same order, on every device."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from pixelart.layers.context import Context
from pixelart.models import AutoregressiveModel, list_models
from pixelart.sampling.coded import code_levels
from tests.models.checks import CLASSES, depths, lively_model, random_pixels
from tests.pretend_device import PRETEND, OnDevice, pretending

SHAPE, COUNT, LEVELS = (5, 4), 3, 6
ALIKE = 1e-12
"""In nats; the coder needs 4e-9."""


def cases(*often: str) -> pytest.MarkDecorator:
    """Every variant; those that are not named `often` are slow tests."""
    found = [(name, channels) for name in list_models() for channels in depths(name)]
    return pytest.mark.parametrize(
        ("name", "channels"),
        [pytest.param(*one, marks=[] if one[0] in often and one[1] == 1 else [pytest.mark.slow]) for one in found],
    )


def context_for(model: AutoregressiveModel) -> Context:
    """Pictures of two classes and one of any, all unknown; a palette of its own for each, if it is an input."""
    x = random_pixels(COUNT, model.config.channels, LEVELS, SHAPE)
    palette = None
    if any(stage.config.context.codes for stage in model.stages()):
        palette = torch.rand(COUNT, LEVELS, 4, generator=torch.Generator().manual_seed(2))
        palette[:, 0], palette[..., 3] = 0, 1
        palette[:, 0, 3] = 0
    weights = torch.eye(CLASSES, dtype=torch.float64)[:COUNT].clone()
    weights[-1] = 0
    return Context(weights, x, torch.ones(COUNT, *SHAPE, dtype=torch.bool), palette=palette)


def tables(model: AutoregressiveModel, context: Context, *, known: bool) -> tuple[list[Tensor], Tensor]:
    """Every table in order, and the levels; a decoder is told the levels from a list, not from the context."""
    found, told = list[Tensor](), list[Tensor]()

    def note(log_p: Tensor, true: Tensor) -> Tensor:
        told.append(true)
        found.append(log_p)
        return true

    x = code_levels(model, context, note, known=True)
    if known:
        return found, x
    found = []
    rest = iter(told)

    def tell(log_p: Tensor, true: Tensor) -> Tensor:
        assert not true.any()
        found.append(log_p)
        return next(rest)

    blank = Context(context.class_weights, torch.zeros_like(context.pixels), context.mask, palette=context.palette)
    return found, code_levels(model, blank, tell, known=False)


def check_alike(found: list[Tensor], other: list[Tensor]) -> None:
    assert len(found) == len(other)
    for one, two in zip(found, other, strict=True):
        assert one.dtype == torch.float64 and one.device.type == "cpu"
        torch.testing.assert_close(one, two, rtol=ALIKE, atol=ALIKE)


@cases(*list_models())
def test_one_pass_and_pixel_by_pixel_give_the_same_tables(name: str, channels: int) -> None:
    model = lively_model(name, channels=channels, levels=LEVELS, shape=SHAPE).double()
    for threads, pictures in ((1, slice(0, 1)), (2, slice(None))):
        torch.set_num_threads(threads)
        context = context_for(model).select(pictures)
        (whole, x), (single, y) = (tables(model, context, known=known) for known in (True, False))
        assert torch.equal(x, context.pixels) and torch.equal(y, context.pixels)
        check_alike(whole, single)
    bits = sum(float(table.logsumexp(1).abs().sum()) for table in whole)
    assert bits == pytest.approx(0, abs=1e-9)  # each is a distribution


@cases("gated_pixelcnn", "sketch_pixelcnn")
def test_another_device_gives_the_same_tables(name: str, channels: int) -> None:
    torch.set_num_threads(1)
    model = lively_model(name, channels=channels, levels=LEVELS, shape=SHAPE).double()
    context = context_for(model)
    here, _ = tables(model, context, known=True)
    with pretending():
        there, x = tables(model.to(PRETEND), context.to(PRETEND), known=False)
        assert isinstance(x, OnDevice)
    assert torch.equal(x.held, context.pixels)
    check_alike(here, there)


def test_the_tables_sum_to_the_likelihood() -> None:
    for name in ("gated_pixelcnn", "multiscale", "sketch_pixelcnn"):
        model = lively_model(name, channels=1, levels=LEVELS, shape=SHAPE).double()
        context, total = context_for(model), torch.zeros(())

        def add(log_p: Tensor, true: Tensor) -> Tensor:
            nonlocal total
            total = total + log_p.gather(1, true[:, None]).sum()
            return true

        code_levels(model, context, add, known=True)
        torch.testing.assert_close(total, model.log_prob(context.pixels, context).sum())
