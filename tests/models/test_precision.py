"""What a mixture's parameters lose under bfloat16: nothing in the last layer."""

from __future__ import annotations

from typing import Any

import torch
from torch.nn import functional as F

from tests.models.checks import lively_model, random_pixels


@torch.no_grad()
def test_the_last_layers_of_a_mixture_are_in_single_precision_under_autocast() -> None:
    model: Any = lively_model("pixelcnn_plus_plus", channels=3, levels=256, shape=(6, 6))
    x = random_pixels(4, 3, 256, (6, 6))
    random = torch.Generator().manual_seed(1)
    features, context_map = (
        torch.randn(4, size, 6, 6, generator=random) for size in (model.config.hidden, model.config.context.hidden)
    )
    maps = model.head(features, None) + model.vote(context_map)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        under = model.head(features, None) + model.vote(context_map)
        rounded = model.out(F.elu(features)) + model.vote(context_map)
    assert under.dtype == torch.float32
    exact, told, lost = (model.likelihood.log_prob(m, x) for m in (maps, under, rounded))
    torch.testing.assert_close(told, exact, rtol=0, atol=1e-3)
    assert (lost - exact).abs().max() > 1e-2, "bfloat16 would show"
