"""The parts of `benchmarks.gpu`: each measures one variant on one device."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from benchmarks.peaks import operations_of, seconds_of
from pixelart.checkpoint.library import Library
from pixelart.devices import wait_for
from pixelart.layers.context import Context
from pixelart.layers.recording import RECORDERS
from pixelart.models import AutoregressiveModel, create_model, get_variant, to_channels_last
from pixelart.sampling import SAMPLERS, Controls, draw_noise, sample_cached, sample_fixed_point
from pixelart.sampling.fastest import candidates
from pixelart.training.config import Schedule
from pixelart.training.objective import Objective
from pixelart.training.state import TrainState

CHECKPOINTS = Path(__file__).parents[1] / "checkpoints"
FULL_SHAPE = (32, 32)
CLASSES = 10
COUNT = 4
"""Pictures that are compared."""
LIKE = 2e-3
"""Largest difference of log p, in nats of a sub-pixel, between two devices that compute in single precision."""
PATIENCE = 3.0
"""Seconds of a batch size after which a sampler is not measured with larger ones."""
PLAIN = Controls()
Late = Callable[[], bool]


@dataclass(frozen=True)
class Sizes:
    """How much is measured: the preset, the size (height, width) of pictures, the batch sizes of drawing, the rows that
    are timed, the batch size of training, and the side of the matrices that measure the peak."""

    preset: str
    shape: tuple[int, int]
    batches: tuple[int, ...]
    timed_rows: int
    trained: int
    matrix: int


def model_of(name: str, sizes: Sizes) -> AutoregressiveModel:
    """A network with random weights, the same at every call."""
    codecs = get_variant(name).codecs
    channels, levels = (3, 256) if "rgb" in codecs else (1, 64 if sizes.preset == "default" else 8)
    shape = {"height": sizes.shape[0], "width": sizes.shape[1], "num_classes": CLASSES}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return create_model(name, preset=sizes.preset, channels=channels, levels=levels, **shape).eval()


def blank(model: AutoregressiveModel, batch: int, *, rows: slice = slice(None)) -> tuple[Context, Tensor]:
    """A context on the model's device in which `rows` are masked, and the noise."""
    config, levels = model.config, model.likelihood.levels
    generator = torch.Generator().manual_seed(1)
    x = torch.randint(0, levels, (batch, config.channels, config.height, config.width), generator=generator)
    mask = torch.zeros(batch, config.height, config.width, dtype=torch.bool)
    mask[:, rows] = True
    palette = None
    if any(stage.config.context.codes for stage in model.stages()):
        palette = torch.rand(1, levels, 4, generator=generator).round().expand(batch, -1, -1)
    classes = torch.eye(config.num_classes)[torch.arange(batch) % config.num_classes]
    context = Context(classes, x, mask, palette=palette).to(next(model.parameters()).device)
    shape = {"height": config.height, "width": config.width}
    one = draw_noise(0, count=min(batch, COUNT), channels=model.noise_channels, **shape)
    return context, one.repeat(-(-batch // len(one)), 1, 1, 1)[:batch]


@torch.no_grad()
def compare(name: str, sizes: Sizes, device: torch.device, late: Late) -> dict[str, Any]:
    """Whether the device draws and judges as the CPU does.

    Where sums are rounded otherwise, a pixel may change whose noise lies at the border of two colours, and with it all
    later ones; so a few pictures may differ if log p does not.
    """
    model = model_of(name, sizes)
    context, noise = blank(model, COUNT, rows=slice(sizes.shape[0] - min(4, sizes.shape[0] - 1), None))
    here = sample_cached(model, context, controls=PLAIN, noise=noise)
    log_p = model.log_prob(here.x, context)
    model.to(device)
    context, same = context.to(device), dict[str, int]()
    for way in [*ways_of(device), "fixed_point"]:
        there = SAMPLERS[way](model, context, controls=PLAIN, noise=noise)
        same[way] = int((there.x.cpu() == here.x).flatten(1).all(1).sum())
    difference = float((model.log_prob(here.x.to(device), context).cpu() - log_p).abs().max())
    exact = device.type != "cuda" and device.type != "mps"
    is_equal = difference < LIKE and min(same.values()) >= (COUNT if exact else COUNT - 1)
    return {"pictures": COUNT, "same": same, "log_p": difference, "is_equal": is_equal}


def ways_of(device: torch.device) -> list[str]:
    """The samplers that draw row by row on a device. Where steps are not recorded, `graph` still runs their program."""
    names = candidates(device)
    return names if "graph" in names else ["cached", "graph", *names[1:]]


@torch.no_grad()
def draw(name: str, sizes: Sizes, device: torch.device, late: Late) -> dict[str, Any]:
    """Microseconds of a pixel step, pictures per second and the ratio to a forward pass, by batch size and sampler; and
    the operations of a step: `cached` launches each of them, which takes some microseconds of the host."""
    model, found, slow = model_of(name, sizes).to(device), dict[str, Any](), set[str]()
    launches = {way: operations_of_step(model, way) for way in ways_of(device) if way != "persistent"}
    height, width = sizes.shape
    for batch in sizes.batches:
        ways = [way for way in ways_of(device) if way not in slow]
        if late() or not ways:
            break
        context, _ = blank(model, batch)
        forward = seconds_of(lambda context=context: model(context.pixels, context), device, rounds=3)
        for way in ways:
            began = time.monotonic()
            _forget(device)
            row = _row_seconds(model, batch, sizes.timed_rows, way)
            found[f"{batch} {way}"] = {
                "us_per_step": 1e6 * row / width,
                "operations": launches.get(way),
                "pictures_per_second": batch / (row * height),
                "ratio": row * height / forward,
                "mib": _peak_mib(device),
            }
            if time.monotonic() - began > PATIENCE:
                slow.add(way)
    return found


class _Counter(TorchDispatchMode):
    """Counts the operations that compute something, views excluded."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.count += not func.is_view
        return func(*args, **(kwargs or {}))


def operations_of_step(model: AutoregressiveModel, way: str) -> float:
    """Operations of PyTorch per pixel of a row of one picture, the share of the row's beginning included. Recorded ones
    count as they were recorded."""
    counts, step = list[int](), 2 ** (len(model.stages()) - 1)
    for rows in (1, 2):
        context, noise = blank(model, 1, rows=slice(0, step * rows))
        with _Counter() as counter, patch.dict(RECORDERS, clear=True):
            SAMPLERS[way](model, context, controls=PLAIN, noise=noise)
        counts.append(counter.count)
    return (counts[1] - counts[0]) / (step * model.config.width)


def _row_seconds(model: AutoregressiveModel, batch: int, rows: int, way: str = "cached") -> float:
    """Seconds of a row: what `rows` more of them take. Of very short times the difference may be lost in noise; then
    the prefill counts, too."""
    more, one = (_rows_seconds(model, batch, count, way) for count in (1 + rows, 1))
    return (more - one) / rows if more > 1.01 * one else more / (1 + rows)


def _rows_seconds(model: AutoregressiveModel, batch: int, rows: int, way: str) -> float:
    """Seconds to draw `rows` rows in the middle of pictures whose rows above are known, the better of two."""
    step = 2 ** (len(model.stages()) - 1)
    start = model.config.height // 2 // step * step
    context, noise = blank(model, batch, rows=slice(start, start + rows * step))
    device = context.mask.device

    def call() -> None:
        SAMPLERS[way](model, context, controls=PLAIN, noise=noise)

    return seconds_of(call, device, rounds=2) / step


@torch.no_grad()
def settle(name: str, sizes: Sizes, device: torch.device, late: Late) -> dict[str, Any]:
    """Seconds of one picture drawn row by row and by fixed point, and the passes of the latter."""
    trained = _trained(name) if sizes.preset == "default" else None
    model, passes = (trained or model_of(name, sizes)).to(device), list[int]()
    context, noise = blank(model, 1)
    wait_for(device)
    began = time.perf_counter()
    sample_fixed_point(model, context, controls=PLAIN, noise=noise, on_row=lambda done, *_: passes.append(done))
    wait_for(device)
    fixed = time.perf_counter() - began
    seconds = {way: _row_seconds(model, 1, sizes.timed_rows, way) * model.config.height for way in ways_of(device)}
    return {"seconds": seconds | {"fixed_point": fixed}, "passes": len(passes), "is_trained": trained is not None}


def _trained(name: str) -> AutoregressiveModel | None:
    """The network of a checkpoint of the variant, if there is one: passes depend on what was learned."""
    library = Library(CHECKPOINTS, device=torch.device("cpu"), memory_bytes=1 << 28)
    found = [info.name for info in library.list() if info.model == name]
    return library.load(found[0]).model if found else None


def train(name: str, sizes: Sizes, device: torch.device, late: Late) -> dict[str, Any]:
    """Pictures per second of training steps in each precision, operations per second, and memory a picture."""
    found, batch = dict[str, Any](), sizes.trained
    operations = operations_of(trial(name, sizes, torch.device("cpu"), 1, "fp32"))
    for precision in ("fp32", "bf16"):
        if late():
            break
        _forget(device)
        step = trial(name, sizes, device, batch, precision)
        speed = batch / seconds_of(step, device, rounds=3)
        found[precision] = {
            "pictures_per_second": speed,
            "operations_per_second": speed * operations,
            "mib_per_picture": (_peak_mib(device) or 0) / batch or None,
        }
    return found


def trial(name: str, sizes: Sizes, device: torch.device, batch: int, precision: str) -> Callable[[], None]:
    """A function that takes one training step, as `training.trainer` does."""
    model = to_channels_last(model_of(name, sizes)).to(device).train()
    schedule = Schedule(steps=1, batch_size=batch, precision=precision)
    objective, state = Objective(model, schedule), TrainState(model, model, schedule)
    context, _ = blank(model, batch)
    state.set_rates(1e-4, 1e-4)

    def step() -> None:
        state.clear_gradients()
        objective.joint(context.pixels, context)[0].backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        state.step()

    return step


def _forget(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(device)


def _peak_mib(device: torch.device) -> float | None:
    """Largest memory of tensors since `_forget`; None on other devices."""
    return torch.cuda.max_memory_allocated(device) / 2**20 if device.type == "cuda" else None
