"""The tables of a known picture are those that a decoder finds pixel by pixel, in the same order, by the network and by
its program, on every device."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import Tensor

from pixelart.compression.coder import LevelRecorder, Reader, new_decoder, new_encoder
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
    shape = (model.config.height, model.config.width)
    x = random_pixels(COUNT, model.config.channels, LEVELS, shape)
    palette = None
    if any(stage.config.context.codes for stage in model.stages()):
        palette = torch.rand(COUNT, LEVELS, 4, generator=torch.Generator().manual_seed(2))
        palette[:, 0], palette[..., 3] = 0, 1
        palette[:, 0, 3] = 0
    weights = torch.eye(CLASSES, dtype=torch.float64)[:COUNT].clone()
    weights[-1] = 0
    return Context(weights, x, torch.ones(COUNT, *shape, dtype=torch.bool), palette=palette)


def blank(context: Context) -> Context:
    """What a decoder knows."""
    return Context(context.class_weights, torch.zeros_like(context.pixels), context.mask, palette=context.palette)


def tables(
    model: AutoregressiveModel, context: Context, *, known: bool, use_program: bool = False
) -> tuple[list[Tensor], Tensor]:
    """Every table in order, and the levels; a decoder is told the levels from a list, not from the context."""
    found, told = list[Tensor](), list[Tensor]()

    def note(log_p: Tensor, true: Tensor) -> Tensor:
        told.append(true)
        found.append(log_p)
        return true

    x = code_levels(model, context, note, known=True, use_program=use_program and known)
    if known:
        return found, x
    found = []
    rest = iter(told)

    def tell(log_p: Tensor, true: Tensor) -> Tensor:
        assert not true.any()
        found.append(log_p)
        return next(rest)

    return found, code_levels(model, blank(context), tell, known=False, use_program=use_program)


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


@pytest.mark.slow
@pytest.mark.parametrize("shape", [SHAPE, (4, 1)])
@cases()
def test_a_program_gives_the_tables_of_its_network(name: str, channels: int, shape: tuple[int, int]) -> None:
    if name == "multiscale" and shape[1] == 1:
        shape = (4, 2)  # a first stage of one column
    model = lively_model(name, channels=channels, levels=LEVELS, shape=shape).double()
    for threads, pictures in ((1, slice(0, 1)), (2, slice(None))):
        torch.set_num_threads(threads)
        context = context_for(model).select(pictures)
        whole, _ = tables(model, context, known=True)
        (rows, x), (single, y) = (tables(model, context, known=known, use_program=True) for known in (True, False))
        assert torch.equal(x, context.pixels) and torch.equal(y, context.pixels)
        check_alike(whole, rows)
        assert all(torch.equal(one, two) for one, two in zip(rows, single, strict=True)), "bit for bit"
        check_alike(whole, tables(model, context, known=False)[0])


@pytest.mark.slow
def test_a_program_gives_the_same_bits_in_any_batch_and_number_of_threads() -> None:
    model = lively_model("gated_pixelcnn", channels=1, levels=LEVELS, shape=SHAPE).double()
    context, found = context_for(model), list[list[Tensor]]()
    for threads in (1, 2):
        torch.set_num_threads(threads)
        found.append(tables(model, context, known=False, use_program=True)[0])
    assert all(torch.equal(one, two) for one, two in zip(*found, strict=True))
    alone = tables(model, context.select(slice(1, 2)), known=False, use_program=True)[0]
    assert all(torch.equal(one, many[1:2]) for one, many in zip(alone, found[0], strict=True))


@pytest.mark.slow
@pytest.mark.parametrize("use_program", [False, True])
def test_calls_at_the_same_time_share_nothing(use_program: bool) -> None:
    """Of one network: each thread reads back its own pictures, while the others read theirs."""
    torch.set_num_threads(1)
    model = lively_model("gated_pixelcnn", channels=3, levels=LEVELS, shape=SHAPE).double()

    def back(seed: int) -> bool:
        x = random_pixels(1 + seed % 3, 3, LEVELS, SHAPE, seed=seed)
        context = Context(torch.zeros(len(x), CLASSES).double(), x, torch.ones(len(x), *SHAPE, dtype=torch.bool))
        recorder, encoder = LevelRecorder(), new_encoder()
        code_levels(model, context, recorder, known=True, use_program=use_program)
        offset = recorder.offset()
        recorder.write(encoder, offset)
        reader = Reader(new_decoder(encoder.get_compressed()), offset)
        return torch.equal(code_levels(model, blank(context), reader, known=False, use_program=use_program), x)

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(back, range(24)))


@pytest.mark.slow
@cases()
def test_another_device_gives_the_same_tables(name: str, channels: int) -> None:
    torch.set_num_threads(1)
    model = lively_model(name, channels=channels, levels=LEVELS, shape=SHAPE).double()
    context = context_for(model)
    here, _ = tables(model, context, known=True, use_program=True)
    with pretending():
        there, x = tables(model.to(PRETEND), context.to(PRETEND), known=False, use_program=True)
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
