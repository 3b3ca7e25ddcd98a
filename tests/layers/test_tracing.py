"""A network made of the shared layers is drawn by the interpreter, though nothing was written for it."""

from __future__ import annotations

import gc
import threading
import weakref
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.multiprocessing.reductions import StorageWeakRef
from torch.nn import functional as F

from pixelart.layers import program_decoder
from pixelart.layers.causal import ContextBias, FirstConv, causal_conv, corner_conv, pointwise, raster_conv, row_conv
from pixelart.layers.context import Conditioning, Context, ContextConfig
from pixelart.layers.decode_state import DecodeState
from pixelart.layers.head import logits_of_levels
from pixelart.layers.masked import spread_groups
from pixelart.layers.program import Program
from pixelart.layers.program_decoder import KEPT_SIZES, ProgramDecoder, program_of
from pixelart.layers.tracing import Deferred
from pixelart.models.base import ModelConfig, RasterModel
from pixelart.sampling import Controls, draw_noise, sample_cached, sample_naive
from pixelart.sampling.loop import Sample

LEVELS = 4


class Unheard(RasterModel):
    """Layers in an order that no paper has: products of features, a long kernel, a sum that is used twice."""

    def __init__(self, channels: int, shape: tuple[int, int]) -> None:
        context = ContextConfig(hidden=6, embedding=2, dilations=(1,))
        super().__init__(ModelConfig(channels, LEVELS, *shape, num_classes=2, context=context))
        groups = spread_groups(9, channels)
        self.colours = self.colour_embedding(3)
        self.first = raster_conv(self.colours.groups, groups, size=5, mask_type="A", kind=FirstConv)
        self.wide = causal_conv(groups, groups, above=2, left=1, right=3, mask_type="B", dilation=2)
        self.corner, self.row = corner_conv(groups, groups), row_conv(groups, groups * 2, taps=4, mask_type="B")
        self.narrow, self.context = pointwise(groups * 3, groups), ContextBias(6, 9, bias=True)
        self.logits = logits_of_levels(groups, channels=channels, levels=LEVELS)

    def trunk(self, x: Tensor, given: Conditioning, state: DecodeState | None = None) -> Tensor:
        features = self.first.of_picture(x, self.embed(given), state)
        total = torch.tanh(features) + self.context(given.map, state)
        a, b = self.row(F.elu(total), state).chunk(2, dim=1)
        mixed = torch.sigmoid(a) * b + total
        joined = torch.cat([-mixed, torch.relu(self.wide(mixed, state)), total], dim=1)
        return self.logits(self.corner(self.narrow(joined, state) + mixed, state) + total, state)


class Reordered(Unheard):
    """It takes the context map apart and gives a part by keyword."""

    def trunk(self, x: Tensor, given: Conditioning, state: DecodeState | None = None) -> Tensor:
        first, second = given.map.chunk(2, dim=1)
        return super().trunk(x, replace(given, map=torch.cat([second, torch.tanh(input=first)], dim=1)), state)


class Untraceable(Unheard):
    """It sorts features, which no operation does."""

    def trunk(self, x: Tensor, given: Conditioning, state: DecodeState | None = None) -> Tensor:
        return torch.sort(super().trunk(x, given, state), dim=1)[0]


def lively(kind: type[Unheard], channels: int, shape: tuple[int, int]) -> Unheard:
    torch.manual_seed(3)
    model = kind(channels, shape)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(0.4 * torch.randn_like(parameter))
    return model.eval()


def context_of(count: int, channels: int, shape: tuple[int, int], *, seed: int = 0) -> Context:
    random = torch.Generator().manual_seed(seed)
    mask = torch.rand(count, *shape, generator=random) < 0.6
    mask[:, 1] = False  # a row in which nothing is drawn
    pixels = torch.randint(0, LEVELS, (count, channels, *shape), generator=random)
    return Context(torch.eye(2)[torch.arange(count) % 2], pixels, mask)


def draw(model: RasterModel, context: Context, seed: int = 5) -> Sample:
    count, channels, height, width = context.pixels.shape
    noise = draw_noise(seed, count=count, channels=channels, height=height, width=width)
    return sample_cached(model, context, controls=Controls(), noise=noise)


@pytest.mark.parametrize(
    ("kind", "channels", "count"),
    [(Unheard, 1, 1), (Unheard, 1, 3), (Unheard, 3, 1), (Unheard, 3, 3), (Reordered, 1, 3)],
)
def test_a_new_network_is_drawn_without_code_of_its_own(kind: type[Unheard], channels: int, count: int) -> None:
    model, context = lively(kind, channels, (7, 6)), context_of(count, channels, (7, 6))
    noise = draw_noise(5, count=count, channels=channels, height=7, width=6)
    drawn, naive = draw(model, context), sample_naive(model, context, controls=Controls(), noise=noise)
    assert torch.equal(drawn.x, naive.x)
    torch.testing.assert_close(drawn.log_prob, naive.log_prob, rtol=1e-5, atol=1e-5)


def test_what_cannot_be_traced_is_named() -> None:
    model = lively(Untraceable, 1, (4, 4))
    with pytest.raises(NotImplementedError, match="sort"):
        draw(model, context_of(1, 1, (4, 4)))


def test_a_program_is_kept_until_the_weights_change() -> None:
    model, context = lively(Unheard, 1, (5, 5)), context_of(2, 1, (5, 5))
    with torch.no_grad():
        given = model.encode(context)
        other = model.encode(context_of(2, 1, (5, 5), seed=1))
        program = program_of(model, given)
        assert program_of(model, other) is program, "it does not depend on the context"
        model.logits.bias.add_(torch.arange(float(LEVELS)))
        assert program_of(model, given) is not program
    after = draw(model, context)
    judged = model.log_prob(after.x, context) * context.mask[:, None]
    torch.testing.assert_close(after.log_prob.float(), judged, rtol=1e-5, atol=1e-5)


def test_weights_that_depend_on_the_context_are_refused() -> None:
    """Those of the first drawing would be used in all."""
    matrix = Deferred.of(torch.eye(2), "map")
    program = Program(4, 4, np.dtype(np.float32))
    for keep in (program.matrix, program.vector):
        with pytest.raises(NotImplementedError, match="depend on the context"):
            keep(matrix)


@torch.no_grad()
def test_the_latest_programs_are_kept_with_one_copy_of_the_weights_and_no_map() -> None:
    model, kept = lively(Unheard, 1, (5, 5)), dict[int, Program]()

    def program_at(side: int) -> Program:
        given = model.encode(context_of(2, 1, (side, 5)))
        maps.append(StorageWeakRef(given.map.untyped_storage()))
        return program_of(model, given)

    maps = list[StorageWeakRef]()
    for side in range(3, 3 + KEPT_SIZES):
        kept[side] = program_at(side)
        assert program_at(3) is kept[3], "the latest used one is kept"
    assert len({id(program.weights) for program in kept.values()}) == 1
    program_at(20)
    assert program_at(3) is kept[3] and program_at(4) is not kept[4]
    gc.collect()
    assert all(one.expired() for one in maps)
    model.logits.bias.add_(1)
    assert program_at(3).weights is not kept[3].weights
    sizes = program_decoder._PROGRAMS[model][1]
    assert [tuple(size) for size, _ in sizes] == [(3, 5)], "those of other weights are forgotten"


def test_a_picture_is_the_same_bits_in_any_batch_and_whatever_is_known_in_the_others() -> None:
    """Known pixels are computed many at once where all pictures know them, and one by one otherwise."""
    model, context = lively(Unheard, 1, (6, 9)), context_of(4, 1, (6, 9))
    together = draw(model, context)
    for i in range(4):
        alone = draw(model, context.select(slice(i, i + 1)), seed=5 + i)
        assert torch.equal(alone.x[0], together.x[i])
        assert torch.equal(alone.log_prob[0], together.log_prob[i])


@pytest.mark.parametrize("guidance", [1.0, 2.5])
def test_threads_draw_what_one_draws(guidance: float) -> None:
    """Each has its own pictures, and with guidance the same ones without class, further in the batch. What torch
    computes before a row is rounded differently by other numbers of threads."""
    model, context = lively(Unheard, 1, (4, 5)), context_of(5, 1, (4, 5))
    noise = draw_noise(5, count=5, channels=1, height=4, width=5)
    drawn = list[Sample]()
    for threads in (1, 2, 4):
        torch.set_num_threads(threads)
        drawn.append(sample_cached(model, context, controls=Controls(guidance=guidance), noise=noise))
    for other in drawn[1:]:
        assert torch.equal(other.x, drawn[0].x) and torch.allclose(other.log_prob, drawn[0].log_prob, atol=1e-6)


def test_half_precision_is_drawn_with_the_trunk() -> None:
    model, context = lively(Unheard, 1, (4, 4)).bfloat16(), context_of(1, 1, (4, 4))
    with torch.no_grad():
        given = model.encode(Context(context.class_weights.bfloat16(), context.pixels, context.mask))
    decoder = model.decoder(given)
    assert isinstance(decoder, ProgramDecoder) and not decoder.use_program() and decoder.row_kernel() is None


def test_the_memory_lives_as_long_as_a_thread_draws_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also if the call that waits for the threads has ended by an exception, such as KeyboardInterrupt."""
    memories, alive = list[Any](), list[bool]()
    has_begun, may_end, has_ended = (threading.Event() for _ in range(3))

    class Watched(program_decoder.Memory):
        def __init__(self, *given: Any, **how: Any) -> None:
            super().__init__(*given, **how)
            memories.append(weakref.ref(self))

    def draw_row(*given: Any) -> None:
        if given[-2] == 0:  # the first picture
            has_begun.wait(60)
            raise KeyboardInterrupt
        has_begun.set()
        may_end.wait(60)
        alive.append(memories[0]() is not None)
        has_ended.set()

    monkeypatch.setattr(program_decoder, "Memory", Watched)
    monkeypatch.setattr(program_decoder, "draw_row", draw_row)
    torch.set_num_threads(2)
    with pytest.raises(KeyboardInterrupt):
        draw(lively(Unheard, 1, (4, 4)), context_of(2, 1, (4, 4)))
    gc.collect()
    may_end.set()
    assert has_ended.wait(60) and alive == [True]


@pytest.mark.slow
@pytest.mark.parametrize("channels", [1, 3])
def test_double_precision_is_drawn_by_a_program_of_its_own(channels: int) -> None:
    model, context = lively(Unheard, channels, (7, 6)), context_of(3, channels, (7, 6))
    single = draw(model, context)
    context = Context(context.class_weights.double(), context.pixels, context.mask)
    model, noise = model.double(), draw_noise(5, count=3, channels=channels, height=7, width=6)
    with torch.no_grad():
        assert program_of(model, model.encode(context)).dtype == np.float64, "not that of the same weights before"
    drawn, naive = draw(model, context), sample_naive(model, context, controls=Controls(), noise=noise)
    assert torch.equal(drawn.x, naive.x) and torch.equal(drawn.x, single.x)
    torch.testing.assert_close(drawn.log_prob, naive.log_prob, rtol=1e-13, atol=1e-13)
