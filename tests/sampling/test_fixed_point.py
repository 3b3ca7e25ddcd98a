"""Passes over all pixels: how many, which pictures they are made of, and what is told of them."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from pixelart.errors import Cancelled
from pixelart.layers.context import Conditioning, Context, ContextConfig
from pixelart.layers.decode_state import DecodeState
from pixelart.models import create_model
from pixelart.models.base import ModelConfig, RasterModel
from pixelart.sampling import Controls, draw_noise, sample_fixed_point, sample_naive

LEVELS, SHAPE = 5, (4, 3)


class Counting(RasterModel):
    """Every sub-pixel is, but for one in a thousand, one more than the one before it: no pass can look ahead."""

    def trunk(self, x: Tensor, given: Conditioning, state: DecodeState | None = None) -> Tensor:
        line = x.movedim(1, -1).flatten(1)
        before = F.pad(line, (1, 0))[:, :-1].unflatten(1, (*x.shape[2:], x.shape[1])).movedim(-1, 1)
        likely = F.one_hot((before + 1) % LEVELS, LEVELS).float() * 9
        return likely.movedim(-1, 2).flatten(1, 2)


def counting(channels: int) -> Counting:
    context = ContextConfig(hidden=2, embedding=1, dilations=(1,))
    return Counting(ModelConfig(channels, LEVELS, *SHAPE, num_classes=1, context=context))


def hidden(mask: Tensor, channels: int) -> Context:
    return Context(torch.ones(len(mask), 1), torch.zeros(len(mask), channels, *mask.shape[1:], dtype=torch.long), mask)


def noise_for(mask: Tensor, channels: int, *, seed: int = 0) -> Tensor:
    return draw_noise(seed, count=len(mask), channels=channels, height=mask.shape[1], width=mask.shape[2])


@pytest.mark.parametrize("channels", [1, 3])
def test_a_pass_makes_at_least_one_more_sub_pixel_final(channels: int) -> None:
    """Even where each depends on the one before it, there are no more passes than sub-pixels, and as many at worst."""
    model, mask = counting(channels), torch.ones(1, *SHAPE, dtype=torch.bool)
    most = 0
    for seed in range(6):
        noise = noise_for(mask, channels, seed=seed)
        told: list[int] = []

        def tell(done: int, rows: int, x: Tensor, told: list[int] = told) -> None:
            told.append(done)

        found = sample_fixed_point(model, hidden(mask, channels), controls=Controls(), noise=noise, on_row=tell)
        wanted = sample_naive(model, hidden(mask, channels), controls=Controls(), noise=noise)
        assert torch.equal(found.x, wanted.x)
        assert len(told) <= mask.sum() * channels
        assert told == sorted(told) and told[-1] == SHAPE[0] and told.count(SHAPE[0]) == 1, "a pass for nothing"
        most = max(most, len(told))
    assert most > SHAPE[0] * SHAPE[1] * channels / 2, "the model was to be a hard one"


def test_a_picture_that_is_final_leaves_the_batch() -> None:
    model = counting(1)
    mask = torch.zeros(3, *SHAPE, dtype=torch.bool)
    mask[0, 1, 1], mask[1], mask[2, 2:] = True, True, True
    sizes: list[int] = []
    decode = model.decode
    model.decode = lambda x, context_map: (sizes.append(len(x)), decode(x, context_map))[1]  # pyright: ignore
    noise = noise_for(mask, 1, seed=2)
    found = sample_fixed_point(model, hidden(mask, 1), controls=Controls(guidance=2.0), noise=noise)
    assert sizes[0] == 6 and sizes[-1] == 2 and sizes == sorted(sizes, reverse=True), "two streams a picture"
    assert sizes[1] == 4, "one pixel is final after one pass"
    model.decode = decode
    wanted = sample_naive(model, hidden(mask, 1), controls=Controls(guidance=2.0), noise=noise)
    assert torch.equal(found.x, wanted.x)
    torch.testing.assert_close(found.log_prob, wanted.log_prob)


def test_rows_and_pictures_are_told_after_every_pass_and_cancel_is_answered() -> None:
    model, mask = counting(1), torch.zeros(2, *SHAPE, dtype=torch.bool)
    mask[0, 1:, 1], mask[1, 1:3, 1:] = True, True
    noise, told = noise_for(mask, 1, seed=4), []
    arguments = {"controls": Controls(), "noise": noise}
    sample = sample_fixed_point(
        model, hidden(mask, 1), **arguments, on_row=lambda done, rows, x: told.append((done, rows, x.clone()))
    )
    assert {rows for _, rows, _ in told} == {3} and told[-1][0] == 3
    for done, _, x in told:
        assert torch.equal(x[:, :, : 1 + done], sample.x[:, :, : 1 + done]), "a row that was told to be final changed"
    passes, told = len(told), []
    assert passes > 1
    with pytest.raises(Cancelled):
        sample_fixed_point(
            model,
            hidden(mask, 1),
            **arguments,
            on_row=lambda done, rows, x: told.append(done),
            cancel=lambda: len(told) == passes - 1,
        )
    assert len(told) == passes - 1


def test_where_a_row_is_drawn_at_once_there_are_no_more_passes_than_rows() -> None:
    model = create_model("row_rnn", preset="debug", channels=3, levels=4, height=5, width=6, num_classes=1)
    torch.nn.init.normal_(model.get_parameter("logits.weight"), std=9.0)
    mask, passes = torch.ones(2, 5, 6, dtype=torch.bool), []
    sample_fixed_point(
        model,
        hidden(mask, 3),
        controls=Controls(),
        noise=noise_for(mask, 3),
        on_row=lambda done, rows, x: passes.append(done),
    )
    assert 1 < len(passes) <= 5
