"""How a level is chosen: against plain definitions, and the compiled twin against the tensor one."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from pixelart.errors import Cancelled, RequestRejected
from pixelart.layers.context import Context
from pixelart.layers.kernels import choose_level as choose_compiled
from pixelart.models import create_model
from pixelart.sampling import Controls, draw_noise, sample_cached, sample_naive
from pixelart.sampling.controls import choose

SETTINGS = [
    Controls(),
    Controls(temperature=0.3),
    Controls(top_k=1),
    Controls(top_k=5),
    Controls(top_p=0.5),
    Controls(top_k=4, top_p=0.9, temperature=2.0),
    Controls(allowed=(2, 3, 7)),
    Controls(allowed=(2, 3, 7), top_k=2, top_p=0.7),
]


def frequencies(log_p: Tensor, controls: Controls) -> Tensor:
    """Share of each level over a fine even grid of noise."""
    count = 20_000
    noise = (torch.arange(count, dtype=torch.float64) + 0.5) / count
    heat = torch.full((count,), float(controls.temperature), dtype=torch.float64)
    params = controls.params(log_p.shape[-1])
    levels = choose(log_p.expand(count, -1) / heat[:, None], noise, params, torch.from_numpy(params.allowed))
    return torch.bincount(levels, minlength=log_p.shape[-1]).double() / count


def defined(log_p: Tensor, controls: Controls) -> Tensor:
    """The distribution that the controls describe, written out level by level."""
    scaled = [float(v) / float(controls.temperature) for v in log_p]
    kept = [k for k in range(len(scaled)) if controls.allowed is None or k in controls.allowed]
    kept.sort(key=lambda k: -scaled[k])
    if controls.top_k:
        kept = kept[: controls.top_k]
    mass = {k: float(np.exp(scaled[k])) for k in kept}
    total, inside, reached = sum(mass.values()), [], 0.0
    for k in kept:
        if reached < controls.top_p * total:
            inside.append(k)
        reached += mass[k]
    result = torch.zeros(len(scaled), dtype=torch.float64)
    for k in inside:
        result[k] = mass[k]
    return result / result.sum()


@pytest.mark.parametrize("controls", SETTINGS, ids=str)
def test_choose_follows_its_definition(controls: Controls) -> None:
    log_p = torch.randn(9, dtype=torch.float64, generator=torch.Generator().manual_seed(1)) * 2
    torch.testing.assert_close(frequencies(log_p, controls), defined(log_p, controls), atol=2e-4, rtol=0)


@pytest.mark.parametrize("controls", SETTINGS, ids=str)
def test_compiled_choice_equals_the_tensor_one(controls: Controls) -> None:
    random = torch.Generator().manual_seed(2)
    log_p = torch.randn(500, 9, dtype=torch.float64, generator=random) * 3
    noise = torch.rand(500, dtype=torch.float64, generator=random)
    noise[:2] = torch.tensor([0.0, 1 - 2**-53])
    heat = torch.full((500,), float(controls.temperature), dtype=torch.float64)
    params = controls.params(9)
    allowed = None if params.allowed.all() else torch.from_numpy(params.allowed)
    expected = choose(log_p / heat[:, None], noise, params, allowed).tolist()
    rows = zip(log_p.numpy(), noise.tolist(), heat.tolist(), strict=True)
    assert [choose_compiled(logits, u, t, params) for logits, u, t in rows] == expected


def test_noise_belongs_to_its_seed() -> None:
    many = draw_noise(10, count=4, channels=2, height=3, width=5)
    assert many.shape == (4, 2, 3, 5) and many.dtype == torch.float64
    for i in range(4):
        assert torch.equal(draw_noise(10 + i, count=1, channels=2, height=3, width=5)[0], many[i])
    state = torch.get_rng_state()
    draw_noise(0, count=1, channels=1, height=2, width=2)
    assert torch.equal(torch.get_rng_state(), state), "the global generator was touched"


@pytest.mark.parametrize(
    ("controls", "message"),
    [
        (Controls(temperature=0.0), "temperature 0: "),
        (Controls(temperature=float("nan")), "temperature nan: "),
        (Controls(temperature=11.0), "temperature 11: "),
        (Controls(temperature=torch.ones(2, 2)), "temperature map is 2 x 2; the picture is 3 x 4"),
        (Controls(top_k=-1), "top_k -1: must be from 0 to 4"),
        (Controls(top_k=5), "top_k 5"),
        (Controls(top_p=0.0), "top_p 0"),
        (Controls(top_p=float("nan")), "top_p nan"),
        (Controls(guidance=-0.5), "guidance -0.5"),
        (Controls(guidance=float("inf")), "guidance inf"),
        (Controls(allowed=()), "allowed"),
        (Controls(allowed=(4,)), "0 to 3"),
    ],
    ids=str,
)
def test_controls_out_of_range_are_named(controls: Controls, message: str) -> None:
    with pytest.raises(RequestRejected, match=message):
        controls.check(height=4, width=3, levels=4)


@pytest.mark.parametrize("sampler", [sample_naive, sample_cached])
def test_rows_are_told_and_cancel_is_answered(sampler: type) -> None:
    model = create_model("gated_pixelcnn", preset="debug", channels=1, levels=3, height=6, width=4, num_classes=1)
    mask = torch.zeros(2, 6, 4, dtype=torch.bool)
    mask[0, 2:5, 1] = True
    context = Context(torch.ones(2, 1), torch.zeros(2, 1, 6, 4, dtype=torch.long), mask)
    noise = draw_noise(0, count=2, channels=1, height=6, width=4)
    told: list[tuple[int, int]] = []
    sampler(model, context, controls=Controls(), noise=noise, on_row=lambda done, rows, x: told.append((done, rows)))
    assert told == [(1, 3), (2, 3), (3, 3)]
    told.clear()
    with pytest.raises(Cancelled):
        sampler(
            model,
            context,
            controls=Controls(),
            noise=noise,
            on_row=lambda done, rows, x: told.append((done, rows)),
            cancel=lambda: len(told) == 2,
        )
    assert told == [(1, 3), (2, 3)]
