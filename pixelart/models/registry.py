"""The registry of models by name. Importing `pixelart.models` fills it; registering a name twice raises."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from pixelart.errors import RequestRejected, WeightsRejected
from pixelart.layers.context import ContextConfig
from pixelart.models.base import AutoregressiveModel, ModelConfig, StageConfig

ModelPreset = Mapping[str, Any]


@dataclass(frozen=True)
class Variant:
    """A registered model class, its config class, and its presets."""

    name: str
    model: type[AutoregressiveModel]
    config: type[ModelConfig]
    presets: Mapping[str, ModelPreset]
    codecs: tuple[str, ...]
    """Names of the codecs whose levels it can model; empty = all."""


_VARIANTS: dict[str, Variant] = {}
ModelType = TypeVar("ModelType", bound=AutoregressiveModel)


def register_model(
    name: str, *, config: type[ModelConfig], presets: Mapping[str, ModelPreset], codecs: tuple[str, ...] = ()
) -> Callable[[type[ModelType]], type[ModelType]]:
    """Class decorator that registers a model.

    `presets` must include "default" and "debug" (trains and draws in under a second). `codecs`: names of the codecs
    that the model supports, if not all.
    """
    if name in _VARIANTS:
        raise ValueError(f"model {name!r} is registered twice")
    if not {"default", "debug"} <= set(presets):
        raise ValueError(f"model {name!r} needs the presets 'default' and 'debug'")

    def register(model: type[ModelType]) -> type[ModelType]:
        _VARIANTS[name] = Variant(name, model, config, presets, codecs)
        return model

    return register


def list_models() -> list[str]:
    """The names of all registered models, sorted."""
    return sorted(_VARIANTS)


def get_variant(name: str) -> Variant:
    """The variant registered as `name`.

    Raises:
        RequestRejected: no such model.
    """
    if name not in _VARIANTS:
        raise RequestRejected(f"model {name!r:.40} is not one of {', '.join(list_models())}")
    return _VARIANTS[name]


def get_preset(name: str, preset: str) -> ModelPreset:
    """The config values of `preset` of the model `name`.

    Raises:
        RequestRejected: no such model or preset.
    """
    presets = get_variant(name).presets
    if preset not in presets:
        raise RequestRejected(f"preset {preset!r:.40} of {name} is not one of {', '.join(presets)}")
    return presets[preset]


def check_codec(name: str, codec: str) -> None:
    """Raises RequestRejected if the model `name` does not support the codec named `codec`."""
    fit = get_variant(name).codecs
    if codec == "palette" and "palette" not in fit:
        raise RequestRejected(f"model {name} with codec palette: its palette is fixed; use codec indexed")
    if fit == ("palette",) and codec != "palette":
        raise RequestRejected(f"model {name} with codec {codec}: it takes any palette; use codec palette")
    if fit and codec not in fit:
        raise RequestRejected(
            f"model {name} with codec {codec}: it needs {' or '.join(fit)}, whose levels have an order"
        )


def create_model(name: str, *, preset: str = "default", **values: Any) -> AutoregressiveModel:
    """A new model with random weights, from `preset` overridden by `values` (channels, levels, ... are required).

    Raises:
        RequestRejected: no such model or preset.
    """
    variant = get_variant(name)
    return variant.model(variant.config(**{**get_preset(name, preset), **values}))


def config_to_dict(config: ModelConfig) -> dict[str, Any]:
    """A model config as JSON types."""
    return dataclasses.asdict(config)


def config_from_dict(name: str, values: Mapping[str, Any]) -> ModelConfig:
    """Rebuild the config of model `name` from the output of `config_to_dict`.

    Raises:
        WeightsRejected: an unknown model or key, a missing key, or a value of the wrong type or out of bounds.
    """
    if name not in _VARIANTS:
        raise WeightsRejected(f"model {name!r:.40} is not one of {', '.join(list_models())}")
    return _read(_VARIANTS[name].config, values)


_LIMITS = {
    "upscale": (0, 64),
    "detail": (0, 16),
    "dilations": (1, 64),
    "layers": (1, 32),
    "blocks": (1, 32),
    "scales": (1, 8),
    "codes": (0, 1024),
    "sketch": (0, 64),
    "colours": (0, 256),
    "attention": (0, 64),
    "lightness": (1, 999),
}
MAX_STAGES = 6
ADDED_LATER = {"codes", "sketch", "colours", "attention", "heads", "head_size", "stride"}
"""Fields that configs of earlier versions lack; they then take their defaults."""


def _read(kind: type[Any], values: Mapping[str, Any]) -> Any:
    """Read a frozen dataclass from JSON: integers and tuples of integers within bounds, a nested ContextConfig, and
    stages. Unknown keys are rejected."""
    fields = {f.name: f for f in dataclasses.fields(kind)}
    if isinstance(values, Mapping):
        values = {**{f.name: f.default for f in fields.values() if f.name in ADDED_LATER}, **values}
    if not isinstance(values, Mapping) or set(values) != set(fields):
        odd = sorted(set(fields) ^ set(values)) if isinstance(values, Mapping) else [str(values)[:40]]
        raise WeightsRejected(f"{kind.__name__}: keys {', '.join(map(str, odd))[:80]} are missing or unknown")
    read: dict[str, Any] = {}
    types = get_type_hints(kind)
    for key, value in values.items():
        if types[key] is ContextConfig:
            read[key] = _read(ContextConfig, value)
        elif key == "stages":
            shared = {f.name: values[f.name] for f in dataclasses.fields(ModelConfig)}
            read[key] = tuple(_read_stage(one, shared) for one in _listed(kind, key, value, most=MAX_STAGES))
        elif get_origin(types[key]) is Literal:
            if value not in get_args(types[key]):
                words = ", ".join(get_args(types[key]))
                raise WeightsRejected(f"{kind.__name__}.{key} is {value!r:.40}: needs one of {words}")
            read[key] = value
        elif get_origin(types[key]) is tuple:
            read[key] = tuple(
                _bounded(kind, key, v) for v in _listed(kind, key, value, least=key != "attention", most=64)
            )
        else:
            read[key] = _bounded(kind, key, value)
    return kind(**read)


def _read_stage(value: Any, shared: Mapping[str, Any]) -> StageConfig:
    """Read a stage from JSON: a raster-order model and its values, except those `shared` by all stages."""
    if not isinstance(value, Mapping) or set(value) != {"variant", "values"}:
        raise WeightsRejected(f"stage {value!r:.40}: needs a variant and its values")
    variant, values = value["variant"], value["values"]
    kind = _VARIANTS.get(variant) if isinstance(variant, str) else None
    if kind is None or "stages" in {f.name for f in dataclasses.fields(kind.config)}:
        raise WeightsRejected(f"stage {variant!r:.40}: needs a model without stages")
    if not isinstance(values, Mapping) or set(values) & set(shared):
        raise WeightsRejected(f"stage {variant}: must not set {', '.join(shared)}")
    config = _read(kind.config, {**shared, **values})
    return StageConfig(kind.name, {key: getattr(config, key) for key in values})


def _listed(kind: type[Any], key: str, value: Any, *, least: int = 1, most: int) -> Sequence[Any]:
    if not isinstance(value, list | tuple) or not least <= len(value) <= most:
        raise WeightsRejected(f"{kind.__name__}.{key} is {value!r:.40}: needs a list of {least:d} to {most}")
    return value


def _bounded(kind: type[Any], key: str, value: Any) -> int:
    low, high = _LIMITS.get(key, (1, 4096))
    if type(value) is not int or not low <= value <= high:
        raise WeightsRejected(f"{kind.__name__}.{key} is {value!r:.40}: needs a whole number from {low} to {high}")
    return value
