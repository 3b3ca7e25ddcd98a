"""torch.compile must not change what a variant learns: it once did, where attention masked its weights."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from pixelart.layers.context import Context
from pixelart.models import create_model, to_channels_last
from tests.tiers import a_long

SIDE = 8
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::DeprecationWarning")]  # of torch itself


@pytest.mark.parametrize("name", ["gated_pixelcnn", *map(a_long, ("pixelsnail", "row_lstm", "diagonal_bilstm"))])
def test_the_gradient_of_a_compiled_loss_is_that_of_the_loss(name: str) -> None:
    torch.manual_seed(0)
    levels = 6
    size = {"channels": 1, "levels": levels, "height": SIDE, "width": SIDE, "num_classes": 2}
    model = to_channels_last(create_model(name, preset="debug", **size))
    with torch.no_grad():
        for parameter in model.parameters():  # also those that begin at zero
            parameter.add_(0.05 * torch.randn_like(parameter))
    x, mask = torch.randint(levels, (2, 1, SIDE, SIDE)), torch.ones(2, SIDE, SIDE, dtype=torch.bool)
    mask[1, : SIDE // 2] = False

    def loss(x: Tensor, context: Context) -> Tensor:
        maps, vote = model.maps_and_context_maps(x, context)
        return model.likelihood.nll(maps, x).mean() + model.likelihood.nll(vote, x).mean()

    gradients = list[dict[str, Tensor]]()
    for computed in (loss, torch.compile(loss, dynamic=False)):  # pyright: ignore[reportAttributeAccessIssue]
        model.zero_grad()
        computed(x, Context(torch.eye(2), x, mask)).backward()
        gradients.append({n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None})
    eager, compiled = gradients
    assert eager.keys() == compiled.keys()
    for key, gradient in eager.items():
        torch.testing.assert_close(compiled[key], gradient, rtol=1e-3, atol=1e-6, msg=key)
