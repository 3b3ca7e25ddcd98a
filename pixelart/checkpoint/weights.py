"""model.safetensors: packed, loaded, and checked before memory is allocated.

The header must match the config in names, shapes and types, and all weights must be finite; otherwise WeightsRejected
is raised.
"""

from __future__ import annotations

import json
import math
import struct
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch.overrides import TorchFunctionMode

from pixelart.checkpoint.format import (
    CONFIG_FILE,
    WEIGHTS_FILE,
    CheckpointConfig,
    check_class_name,
    check_length,
    parse_config,
    read_limited,
    unique_keys,
)
from pixelart.errors import WeightsRejected
from pixelart.layers.context import Context
from pixelart.models.base import AutoregressiveModel, to_channels_last
from pixelart.settings import SETTINGS

MOST_WEIGHT = 1e6
"""Largest absolute weight that is accepted. Trained networks stay far below; larger values overflow sums of products.
"""
TRIED_SIDE = 8
"""Side in pixels of the picture that new weights are tested on."""


def pack_weights(model: AutoregressiveModel) -> bytes:
    """The content of model.safetensors."""
    return safetensors.torch.save({k: v.detach().cpu().contiguous() for k, v in model.state_dict().items()})


def load_weights(folder: Path, config: CheckpointConfig) -> AutoregressiveModel:
    """Load the model of `config` with the weights in `folder`, in evaluation mode and frozen.

    Raises:
        WeightsRejected: the file is missing, too large or damaged, its tensors do not match the config, or its
            probabilities are not finite.
    """
    data = read_limited(folder / WEIGHTS_FILE, SETTINGS.max_weights_bytes)
    _check_header(data, len(data), folder.name, config)
    try:
        tensors = safetensors.torch.load(data)
    except safetensors.SafetensorError as error:
        raise WeightsRejected(f"{folder.name}/{WEIGHTS_FILE}: {error!s:.100}") from error
    for name, tensor in tensors.items():
        _check_values(tensor, f"{folder.name}/{WEIGHTS_FILE}: {name}")
    model = config.build()
    model.load_state_dict(tensors)
    model.eval().requires_grad_(False)
    if not gives_finite(model):
        raise WeightsRejected(f"{folder.name}/{WEIGHTS_FILE}: the model gives probabilities that are not finite")
    return to_channels_last(model)


@torch.no_grad()
def gives_finite(model: AutoregressiveModel) -> bool:
    """Whether log p is finite for every pixel of a small picture of all levels, with one class and with all classes
    mixed.

    Each stage of a multi-scale model is tested alone.
    """
    for network in model.stages() if model.scales > 1 else [model]:
        height, width = min(network.config.height, TRIED_SIDE), network.config.width
        width = min(width, TRIED_SIDE) if all(stage.any_size for stage in network.stages()) else width
        levels = torch.arange(height * width) % network.config.levels
        x = levels.view(height, width).expand(2, network.config.channels, -1, -1)
        classes = torch.ones(2, network.config.num_classes) / max(1, network.config.num_classes)
        mask = torch.ones(2, height, width, dtype=torch.bool)
        classes[0], mask[1, : height // 2] = 0, False
        if not bool(torch.isfinite(network.log_prob(x, Context(classes, x, mask))).all()):
            return False
    return True


def _check_values(tensor: torch.Tensor, name: str) -> None:
    least, most = (float(value) for value in torch.aminmax(tensor)) if tensor.numel() else (0.0, 0.0)
    if not -MOST_WEIGHT <= least <= most <= MOST_WEIGHT:
        what = "values that are not finite" if not math.isfinite(most - least) else f"{max(-least, most):.3g}"
        raise WeightsRejected(f"{name} holds {what}; the limit is {MOST_WEIGHT:g}")


def check_weights(folder: Path, config: CheckpointConfig) -> None:
    """Check that names, shapes, types and length of the weights in `folder` match `config`. Raises WeightsRejected.

    Reads only the header, not the values.
    """
    path = folder / WEIGHTS_FILE
    try:
        with path.open("rb") as file:
            _check_header(file.read(8 + SETTINGS.max_config_bytes), path.stat().st_size, folder.name, config)
    except OSError as error:
        raise WeightsRejected(f"{folder.name}/{WEIGHTS_FILE}: {error.strerror or 'cannot be read'}") from error


def check_weights_size(config: CheckpointConfig, size: int, *, name: str) -> None:
    """Check that weights of `config` can take `size` bytes; `name` is used in errors. Raises WeightsRejected."""
    least = 8 + sum(4 * v.numel() for v in _expected(config).values())
    if not least <= size <= least + SETTINGS.max_config_bytes:
        raise WeightsRejected(f"{name}/{WEIGHTS_FILE}: {size} bytes; the model of {CONFIG_FILE} takes {least}")


def check_readable(config: CheckpointConfig, *, name: str) -> None:
    """Refuse a config before training if its checkpoint could not be read back.

    Applies the checks of `read_config` and `load_weights`, except those on the values of weights. `name` is used in
    errors.

    Raises:
        WeightsRejected: the config is outside one of their limits.
    """
    for class_name in config.classes:  # a folder name outside UTF-8 holds surrogates, which cannot be written
        check_class_name(class_name, name)
    try:
        data = config.to_json()
    except (ValueError, TypeError, RecursionError) as error:
        raise WeightsRejected(f"{name}/{CONFIG_FILE}: cannot be written ({error!s:.80})") from error
    check_length(len(data), SETTINGS.max_config_bytes, f"{name}/{CONFIG_FILE}")
    parse_config(data, name)
    expected, entries, end = _expected(config), dict[str, Any](), 0
    for key, tensor in expected.items():
        begin, end = end, end + 4 * tensor.numel()
        entries[key] = {"dtype": "F32", "shape": list(tensor.shape), "data_offsets": [begin, end]}
    header = json.dumps(entries, separators=(",", ":")).encode()
    start = struct.pack("<Q", len(header)) + header
    check_length(len(start) + end, SETTINGS.max_weights_bytes, f"{name}/{WEIGHTS_FILE}")
    _check_header(start[: 8 + SETTINGS.max_config_bytes], len(start) + end, name, config)


def _expected(config: CheckpointConfig) -> dict[str, torch.Tensor]:
    """The tensors that a model of `config` has, on the meta device."""
    with torch.device("meta"), _NoRandomValues():
        return config.build().state_dict()


class _NoRandomValues(TorchFunctionMode):
    """Leaves out the normal distribution: on the meta device it has no values, and PyTorch imports its compiler for it,
    which takes seconds."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        named = kwargs or {}
        if getattr(func, "__name__", "") == "normal_":
            return named["tensor"] if "tensor" in named else args[0]
        return func(*args, **named)


def _check_header(start: bytes, size: int, name: str, config: CheckpointConfig) -> None:
    """Check that a file of `size` bytes that begins with `start` holds exactly the tensors of `config`."""
    expected = _expected(config)
    if _header(start, name) != {k: (tuple(v.shape), "F32") for k, v in expected.items()}:
        raise WeightsRejected(f"{name}/{WEIGHTS_FILE}: tensors differ from what {CONFIG_FILE} describes")
    whole = 8 + int.from_bytes(start[:8], "little") + sum(4 * v.numel() for v in expected.values())
    if size != whole:
        raise WeightsRejected(f"{name}/{WEIGHTS_FILE}: {size} bytes; the header announces {whole}")


def _header(data: bytes, name: str) -> dict[str, tuple[tuple[int, ...], str]]:
    """Names, shapes and types in a safetensors header, read before anything is allocated for them."""
    try:
        (length,) = struct.unpack("<Q", data[:8])
        text = data[8 : 8 + min(length, SETTINGS.max_config_bytes)]
        entries = json.loads(text, object_pairs_hook=unique_keys)
        entries.pop("__metadata__", None)
        return {key: (tuple(e["shape"]), str(e["dtype"])) for key, e in entries.items()}
    except (struct.error, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise WeightsRejected(f"{name}/{WEIGHTS_FILE}: not a safetensors file") from error
