"""Networks for `benchmarks.mnist`, ours and those of a checkout of pytorch-generative, and their training."""

from __future__ import annotations

import copy
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from benchmarks.peer_child import Layers, Network, generative, of_size
from pixelart.devices import wait_for
from pixelart.errors import DataRejected, RequestRejected
from pixelart.layers.context import Context, ContextConfig
from pixelart.models import AutoregressiveModel, create_model, to_channels_last
from pixelart.models.multiscale import stage
from pixelart.training.autotune import fastest, race
from pixelart.training.config import Schedule
from pixelart.training.schedules import update_ema, warm_cosine
from pixelart.training.state import TrainState

WEIGHTS_SEED = 0
BATCH, RATE, WARMUP, EMA = 32, 5e-3, 100, 0.999
LINE_EVERY = 60.0
SMALL_STACK = {"embedding": 8, "hidden": 24, "skip": 24, "head": 24, "dilations": (1, 2, 1, 2)}
SIZES: dict[str, dict[str, Any]] = {
    "pixelcnn": {"embedding": 8, "hidden": 32, "blocks": 7, "head": 32},
    "row_lstm": {"embedding": 8, "hidden": 16, "layers": 7, "head": 32},
    "diagonal_bilstm": {"embedding": 8, "hidden": 16, "layers": 7, "head": 32},
    "gated_pixelcnn": {"embedding": 8, "hidden": 32, "skip": 32, "head": 32, "dilations": (1, 2, 1, 2, 1, 2, 1)},
    "pixelsnail": {"embedding": 8, "hidden": 32, "blocks": 2, "layers": 3, "keys": 8, "values": 32, "head": 32},
    "multiscale": {"stages": (stage("gated_pixelcnn", **SMALL_STACK),) * 3},
    "row_rnn": {"embedding": 2, "hidden": 256, "features": 16, "head": 32},
}
"""Changes to the preset "default". Seven layers of 16 and a head of 32 are the Diagonal BiLSTM of the paper."""
CONTEXT = ContextConfig(hidden=8, embedding=2, dilations=(1,))  # only the position is known

PEER_LAYERS: Layers = {
    "gated_pixelcnn": {"n_gated": 10, "head_channels": 32},
    "pixelcnn": {"n_residual": 15, "head_channels": 32},
    "pixelsnail": {
        "n_pixel_snail_blocks": 8,
        "n_residual_blocks": 2,
        "attention_key_channels": 4,
        "attention_value_channels": 32,
    },
}
"""Sizes of pytorch-generative's networks other than the width, as in its `reproduce`."""
PEER_DECAYS = {"gated_pixelcnn": 0.9999, "pixelcnn": 0.999977, "pixelsnail": 0.999977}
"""Factor of its learning rate per step, likewise."""
PEER_RATE = 1e-3


class Learner(Protocol):
    """A network in training."""

    network: nn.Module

    def nats(self, x: Tensor) -> Tensor:
        """Mean -log p in nats of the pictures (N, 1, H, W), a scalar with a gradient."""
        ...

    def update(self, progress: float, step: int) -> None:
        """Change the weights by their gradients, at `progress` 0..1."""
        ...

    def result(self) -> Callable[[Tensor], Tensor]:
        """Pictures (N, 1, H, W) -> nats of each, (N,), by the final weights."""
        ...


class Ours(Learner):
    """A variant, trained by Muon on a cosine schedule; its averaged weights count."""

    def __init__(self, model: AutoregressiveModel, images: Tensor, *, minutes: float) -> None:
        """`images` (N, H, W): a batch that is timed to choose the precision."""
        self.network = model = to_channels_last(model)
        self._in_bf16 = is_faster_in_bf16(model, images)
        self._average = copy.deepcopy(model)
        precision = "bf16" if self._in_bf16 else "fp32"
        schedule = Schedule(minutes=minutes, optimizer="muon", weight_decay=0.0, precision=precision)
        self._state = TrainState(model, self._average, schedule)

    def nats(self, x: Tensor) -> Tensor:
        return nll(self._state.model, x, in_bf16=self._in_bf16).mean()

    def update(self, progress: float, step: int) -> None:
        rate = RATE * warm_cosine(progress, step=step, warmup_steps=WARMUP)
        self._state.set_rates(rate, rate)
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self._state.step()
        update_ema(self._average, self._state.model, step=step, decay=EMA)

    def result(self) -> Callable[[Tensor], Tensor]:
        return partial(nll, self._average.eval(), in_bf16=False)


class Theirs(Learner):
    """A network of pytorch-generative, about as large as ours; layers, optimizer and rates are of its `reproduce`."""

    def __init__(self, variant: str, checkout: Path, *, parameters: int, device: torch.device) -> None:
        """Raises DataRejected if `checkout` has no such network."""

        def make(width: int) -> Network:
            torch.manual_seed(WEIGHTS_SEED)
            return generative(checkout, variant, width, 2, PEER_LAYERS)

        try:
            _, (network, _, self._loss) = of_size(make, parameters)
        except (ImportError, AttributeError, TypeError) as error:
            raise DataRejected(f"{checkout}: no networks of pytorch-generative can be made ({error})") from error
        self.network = network.to(device)
        self._optimizer = torch.optim.Adam(self.network.parameters())
        self._factor = PEER_DECAYS[variant]

    def nats(self, x: Tensor) -> Tensor:
        return self._loss(self.network(x.float()), x) * x[0].numel()

    def update(self, progress: float, step: int) -> None:
        for group in self._optimizer.param_groups:
            group["lr"] = PEER_RATE * self._factor**step
        self._optimizer.step()

    def result(self) -> Callable[[Tensor], Tensor]:
        self.network.eval()
        return lambda x: torch.stack([self.nats(one[None]) for one in x])


def build(name: str, preset: str, size: Sequence[int]) -> AutoregressiveModel:
    """A network for binary pictures of `size`; `preset` "small" means SIZES, others are those of the variant."""
    data = {"channels": 1, "levels": 2, "height": size[0], "width": size[1], "num_classes": 1, "context": CONTEXT}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(WEIGHTS_SEED)
        if preset == "small":
            return create_model(name, **data, **SIZES.get(name, {}))
        return create_model(name, preset=preset, **data)


def train(learner: Learner, draw: Callable[[int], Tensor], *, minutes: float) -> int:
    """Train with maximum likelihood and no known pixels for `minutes`; returns the number of steps.

    `draw`: a batch (N, 1, H, W) of N pictures.
    """
    device, step = next(learner.network.parameters()).device, 0
    clock = Clock(device)
    line = 0.0
    while (progress := clock.minutes() / minutes) < 1:
        loss = learner.nats(draw(BATCH).to(device))
        if not bool(torch.isfinite(loss)):
            raise RequestRejected(f"step {step}: the loss is not finite")
        learner.network.zero_grad()
        loss.backward()
        learner.update(progress, step)
        step += 1
        if 60 * clock.minutes() - line >= LINE_EVERY:
            line = 60 * clock.minutes()
            print(
                f"{progress:.0%}, step {step}, {float(loss.detach()):.1f} nats in the batch",
                file=sys.stderr,
                flush=True,
            )
    return step


def count_parameters(network: nn.Module) -> int:
    """The number of weights."""
    return sum(parameter.numel() for parameter in network.parameters())


class Clock:
    """Minutes of training: on a CPU, processor time per thread, so that pauses and other programs do not count."""

    def __init__(self, device: torch.device) -> None:
        on_cpu = device.type == "cpu"
        self._now = time.process_time if on_cpu else time.monotonic
        self._share = torch.get_num_threads() if on_cpu else 1
        self._began = self._now()

    def minutes(self) -> float:
        """Since the start."""
        return (self._now() - self._began) / self._share / 60


@torch.no_grad()
def nats_of(judge: Callable[[Tensor], Tensor], x: Tensor, *, batch_size: int = 100) -> Tensor:
    """Nats of each picture (N, 1, H, W), (N,) on the CPU."""
    return torch.cat([judge(part).cpu() for part in x.split(batch_size)])


def is_faster_in_bf16(model: AutoregressiveModel, images: Tensor) -> bool:
    """Whether a step of `model` on `images` (N, H, W) takes less time in bfloat16 on this machine."""
    device = next(model.parameters()).device
    x = (images > 127)[:, None].long().to(device)

    def step(in_bf16: bool) -> None:
        nll(model, x, in_bf16=in_bf16).mean().backward()
        wait_for(device)

    ways = {name: lambda is_it=name == "bf16": partial(step, is_it) for name in ("fp32", "bf16")}
    seconds = race(ways, time.process_time if device.type == "cpu" else time.perf_counter)
    model.zero_grad()
    return fastest(seconds, "fp32") == "bf16"


def nll(model: AutoregressiveModel, x: Tensor, *, in_bf16: bool) -> Tensor:
    """-log p in nats of the pictures (N, 1, H, W) without known pixels, (N,)."""
    hidden = torch.ones(len(x), *x.shape[2:], dtype=torch.bool, device=x.device)
    context = Context(torch.zeros(len(x), 1, device=x.device), x, hidden)
    with torch.autocast(x.device.type, dtype=torch.bfloat16, enabled=in_bf16):
        maps = model(x, context)
    return model.likelihood.nll(maps, x).flatten(1).sum(1)
