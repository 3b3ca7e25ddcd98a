"""Every variant draws the same pictures on another device as on the CPU, and hardly ever waits for it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor

from pixelart.layers.context import Context
from pixelart.models import AutoregressiveModel, list_models
from pixelart.sampling import SAMPLERS, Controls
from tests.models.checks import CLASSES, depths, lively_model, noise_for, painted_temperatures, random_pixels
from tests.pretend_device import PRETEND, Copies, Mixed, OnDevice, pretending

SIDE, COUNT, LEVELS = 4, 2, 7
CONTROLS = {
    "plain": Controls(),
    "temperature map": Controls(temperature=painted_temperatures(SIDE, SIDE)),
    "top-k": Controls(top_k=3, temperature=0.8),
    "guidance": Controls(guidance=2.5, top_p=0.8),
    "allowed": Controls(allowed=(0, 2, 3)),
}
CASES = [
    pytest.param(name, channels, marks=[pytest.mark.slow] * (channels == 3 and name != "pixelcnn_plus_plus"))
    for name in list_models()
    for channels in depths(name)
]
every_case = pytest.mark.parametrize(("name", "channels"), CASES)


@pytest.fixture(autouse=True)
def one_thread(same_threads: None) -> Iterator[None]:
    torch.set_num_threads(1)
    yield


def context_for(model: AutoregressiveModel) -> Context:
    """Two classes; the first row and a few pixels known; a palette of its own for each picture, if it is an input."""
    config, levels = model.config, model.likelihood.levels
    x = random_pixels(COUNT, config.channels, levels, (SIDE, SIDE))
    mask = torch.rand(COUNT, SIDE, SIDE, generator=torch.Generator().manual_seed(1)) < 0.7
    mask[:, 0] = False
    palette = None
    if any(stage.config.context.codes for stage in model.stages()):
        palette = torch.rand(COUNT, levels, 4, generator=torch.Generator().manual_seed(2))
        palette[..., 3] = (palette[..., 3] > 0.2).float()
    return Context(torch.eye(CLASSES)[torch.arange(COUNT) % CLASSES], x, mask, palette=palette)


def on_cpu(x: Tensor) -> Tensor:
    return x.held if isinstance(x, OnDevice) else x


def check_both(model: AutoregressiveModel, context: Context, sampler: str, controls: Controls) -> list[int]:
    """A sampler draws the same on both devices. Returns how often the host waited for the device between rows."""
    how: dict[str, Any] = {"controls": controls, "noise": noise_for(model, 3, count=COUNT, shape=(SIDE, SIDE))}
    here, waits = SAMPLERS[sampler](model, context, **how), list[int]()
    with pretending() as copies:
        there = SAMPLERS[sampler](
            model.to(PRETEND), context.to(PRETEND), **how, on_row=lambda *_: waits.append(copies.to_host)
        )
    assert isinstance(there.x, OnDevice) and isinstance(there.log_prob, OnDevice)
    assert torch.equal(here.x, there.x.held)
    torch.testing.assert_close(here.log_prob, there.log_prob.held, atol=1e-3, rtol=1e-3)
    return [after - before for before, after in itertools.pairwise(waits)]


@every_case
def test_a_picture_is_the_same_and_no_row_waits_for_the_device(name: str, channels: int) -> None:
    """With every control at once. A preview copies the row it shows; that is the only copy to the host."""
    model = lively_model(name, channels=channels, levels=LEVELS, shape=(SIDE, SIDE))
    controls = Controls(painted_temperatures(SIDE, SIDE), top_k=5, top_p=0.9, guidance=1.5, allowed=(0, 1, 2, 4, 5))
    waits = check_both(model, context_for(model), "cached", controls)
    stages = len(model.stages()) - 1  # where a stage begins, its context is encoded
    assert sum(wait > 0 for wait in waits) <= stages and (stages or len(waits) == 2)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("sampler", "control"), [*(("cached", name) for name in CONTROLS), ("fixed_point", "guidance"), ("naive", "plain")]
)
@every_case
def test_every_sampler_draws_the_same(name: str, channels: int, sampler: str, control: str) -> None:
    model = lively_model(name, channels=channels, levels=LEVELS, shape=(SIDE, SIDE))
    waits = check_both(model, context_for(model), sampler, CONTROLS[control])
    assert sampler == "fixed_point" or sum(wait > 0 for wait in waits) < len(model.stages())


@pytest.mark.parametrize("name", list_models())
def test_pictures_are_judged_the_same(name: str) -> None:
    model = lively_model(name, channels=1, levels=LEVELS, shape=(SIDE, SIDE))
    context = context_for(model)
    with torch.no_grad():
        here = model.log_prob(context.pixels, context), model.context_log_prob(context.pixels, context)
        with pretending():
            model, there = model.to(PRETEND), context.to(PRETEND)
            others = model.log_prob(there.pixels, there), model.context_log_prob(there.pixels, there)
    for one, other in zip(here, others, strict=True):
        torch.testing.assert_close(one, on_cpu(other), atol=1e-4, rtol=1e-4)


# --- the device itself ----------------------------------------------------------------------------------------------


def test_the_device_refuses_to_mix_and_counts() -> None:
    with pretending() as copies:
        x = torch.ones(3, device=PRETEND)
        with pytest.raises(Mixed):
            x + torch.ones(3)
        assert copies.to_host == 0 and float((x + 1).sum()) == 6 and copies.to_host == 1
        assert (x * 2).cpu().tolist() == [2, 2, 2] and copies.to_host == 2 and copies.to_device == 0
        assert x[torch.tensor([0, 2])].shape == (2,) and copies.to_device == 1  # the indices are copied
        assert x[x > 0].shape == (3,) and copies.to_host == 3
        with pytest.raises((RuntimeError, TypeError)):
            x.numpy()
    assert isinstance(copies, Copies) and {place for _, place in copies.places} == {"a test"}


def test_autocast_lowers_the_precision_of_the_device() -> None:
    x = torch.randn(2, 3, 5, 5, generator=torch.Generator().manual_seed(0))
    layer = torch.nn.Conv2d(3, 4, 3)
    with pretending():
        layer.to(PRETEND)
        with torch.autocast("pretend", dtype=torch.bfloat16):
            made = layer(x.to(PRETEND))
        assert made.dtype == torch.bfloat16 and layer(x.to(PRETEND)).dtype == torch.float32
