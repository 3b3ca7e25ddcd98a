"""Go on from a trained network with a larger one, which at first predicts the same (Net2Net, Chen et al. 2015,
1511.05641).

New features start with random weights, and old features do not read them. New layers start as the identity. So the
predictions do not change. Net2Net copies old features instead; the copies then start alike.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from pixelart.checkpoint.format import CheckpointConfig
from pixelart.errors import RequestRejected
from pixelart.models import AutoregressiveModel, config_from_dict, config_to_dict, get_preset, get_variant
from pixelart.models.base import ModelConfig

_DATA_FIELDS = tuple(field.name for field in dataclasses.fields(ModelConfig) if field.name != "context")
_FEATURES, _LAYERS = "hidden", ("dilations", "attention")


def grown_config(start: CheckpointConfig, preset: str) -> CheckpointConfig:
    """`start` with the network of a larger `preset` of the same model.

    Raises:
        RequestRejected: no such preset, a model that cannot grow, or a network that is not `start`'s with more.
    """
    variant = get_variant(start.model)
    if not variant.model.can_grow:
        raise RequestRejected(f"preset {preset}: a {start.model} cannot grow; leave preset out with this base")
    if (channels := start.model_config["channels"]) > 1:  # more features would move the old ones to other channels
        raise RequestRejected(f"preset {preset}: a {start.model} of {channels} channels cannot grow")
    given = {name: start.model_config[name] for name in _DATA_FIELDS}
    wanted = variant.config(**{**get_preset(start.model, preset), **given})
    known = config_from_dict(start.model, start.model_config)
    if value := beyond_growth(known, wanted):
        raise RequestRejected(f"preset {preset}: differs from the base in {value}, not only by more features or layers")
    if beyond_growth(wanted, known) is None:
        raise RequestRejected(f"preset {preset}: is not larger than the base's network")
    return dataclasses.replace(start, model_config=config_to_dict(wanted))


def beyond_growth(known: ModelConfig, wanted: ModelConfig) -> str | None:
    """The first value that growth cannot change from `known` to `wanted`; None = `wanted` is `known` with more features
    or layers, or with as many."""
    return _beyond(config_to_dict(known), config_to_dict(wanted), "")


def _beyond(known: Any, wanted: Any, name: str) -> str | None:
    field = name.rpartition(".")[2]
    if field == "stages" and len(known) == len(wanted):
        known, wanted = dict(enumerate(known)), dict(enumerate(wanted))
    if isinstance(known, Mapping) and isinstance(wanted, Mapping):
        found = (_beyond(known[key], wanted.get(key), f"{name}.{key}" if name else str(key)) for key in known)
        return next((value for value in found if value is not None), None)
    if field == _FEATURES and "context" not in name:
        return None if wanted >= known else name
    if field in _LAYERS:
        return None if tuple(wanted[: len(known)]) == tuple(known) else name
    return None if known == wanted else name


@torch.no_grad()
def grow(small: AutoregressiveModel, large: AutoregressiveModel) -> None:
    """Copy the weights of `small` into `large`, a new network of a config made by `grown_config`."""
    for old, new in zip(small.stages(), large.stages(), strict=True):
        before, after = (dataclasses.asdict(network.config)[_FEATURES] for network in (old, new))
        known = dict(old.named_parameters())
        for name, parameter in new.named_parameters():
            if name in known:
                parameter.copy_(_widened(parameter, known[name], before=before, after=after))
            elif name.split(".")[-2] == "out":
                parameter.zero_()  # the last step of a new layer: it changes nothing


def _widened(new: Tensor, old: Tensor, *, before: int, after: int) -> Tensor:
    """`old` in the places of the old features of `new`, whose old outputs read only these."""

    def places(axis: int) -> Tensor:  # several parts with all features each, such as the halves of a gate, then others
        more = new.shape[axis] - old.shape[axis]
        parts = more // (after - before) if more else 0  # each part has that many more
        of_parts = [torch.arange(before) + part * after for part in range(parts)]
        return torch.cat([*of_parts, torch.arange(parts * after, new.shape[axis])])

    if new.shape == old.shape:
        return old
    widened, outputs = new.clone(), places(0)
    if new.ndim == 1:
        widened[outputs] = old
        return widened
    widened[outputs] = 0
    widened[outputs[:, None], places(1)] = old
    return widened
