"""The start of a run: a new network with random weights, or a base adapted to a palette, more classes and a larger
network."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import torch

from pixelart.checkpoint.format import CheckpointConfig, read_config, read_trained
from pixelart.checkpoint.growth import grown_config
from pixelart.checkpoint.resize import adapt, adapted_config
from pixelart.checkpoint.weights import check_weights, load_weights
from pixelart.errors import DataRejected, RequestRejected
from pixelart.images.codec import RGB, Binary, Codec, Gray, Indexed, Paletted, codec_from_config, parse_hex_colours
from pixelart.images.palettes import fit_palette_to
from pixelart.models import (
    AutoregressiveModel,
    config_from_dict,
    config_to_dict,
    create_model,
    get_variant,
    to_channels_last,
)
from pixelart.training.data.pictures import PictureSet, check_labels
from pixelart.training.run_config import RunConfig

_PLAIN: dict[str, type[Codec]] = {"rgb": RGB, "gray": Gray, "binary": Binary}
CODECS = ("indexed", "palette", *_PLAIN)
FROM_SCRATCH: dict[str, Any] = {"model": "gated_pixelcnn", "preset": "default", "codec": "indexed", "colours": 64}
"""Defaults of a run without a base; a base sets these itself, but may go on in a larger `preset`."""
NewClasses = Literal["add", "refuse"]


def resolve_options(
    options: Mapping[str, Any], *, base: Path | None
) -> tuple[dict[str, Any], CheckpointConfig | None, frozenset[str]]:
    """Resolve the options of a new run before its pictures are read, after `check_training_options`.

    Returns model, preset, codec, colours and palette by name; the config of the base; and the content hashes of the
    pictures that the base was trained on.

    Raises:
        RequestRejected: a palette is to be fitted for a base without one, or a base is to grow to what it cannot.
        WeightsRejected: a base that cannot be used.
    """
    if base is None:
        return {**from_scratch_defaults(options), "palette": "fit", **options}, None, frozenset()
    origin, seen = read_config(base), read_trained(base)
    check_weights(base, origin)
    resolved = {"preset": "", "colours": 0, "palette": "keep", **options}
    if resolved["preset"]:
        grown_config(origin, resolved["preset"])
    if resolved["palette"] == "fit" and not isinstance(codec := codec_from_config(origin.codec), Indexed):
        raise RequestRejected(f"palette fit: the base models {codec.name}, which has no palette")
    return resolved, origin, seen


def from_scratch_defaults(options: Mapping[str, Any]) -> dict[str, Any]:
    """FROM_SCRATCH, with the codec that the model needs. Raises RequestRejected if there is no such model."""
    codecs = get_variant(options.get("model", FROM_SCRATCH["model"])).codecs
    return {**FROM_SCRATCH, **({"codec": codecs[0]} if codecs and FROM_SCRATCH["codec"] not in codecs else {})}


def refuse_beside_base(options: Mapping[str, Any], *, palette: str = "keep") -> None:
    """Refuse options that a base sets itself. `palette`: that of an existing run. Raises RequestRejected."""
    fitted = options.get("palette", palette) == "fit"
    for name in FROM_SCRATCH:
        if name in options and name != "preset" and not (name == "colours" and fitted):
            raise RequestRejected(f"{name} {options[name]}: cannot be set with a base, which decides it")


def from_scratch(resolved: Mapping[str, Any], pictures: PictureSet, learned: PictureSet) -> CheckpointConfig:
    """The network and codec of a run without a base; the palette is fitted to the pictures `learned` only."""
    model, codec = resolved["model"], _codec(resolved, resolved["colours"], learned)
    (height, width), labels = pictures.size, pictures.labels
    network = create_model(
        model,
        preset=resolved["preset"],
        channels=codec.channels,
        levels=codec.levels,
        height=height,
        width=width,
        num_classes=len(labels),
    )
    model_config = config_to_dict(network.config)
    return CheckpointConfig(model, model_config, codec.to_config(), labels.classes, {}, labels.looks, labels.kinds)


def from_base(
    origin: CheckpointConfig,
    resolved: Mapping[str, Any],
    pictures: PictureSet,
    learned: PictureSet,
    *,
    new_classes: NewClasses,
    data: Path,
) -> CheckpointConfig:
    """The network of the base `origin`, with the requested palette, the labels of the pictures added, and the size of a
    preset if one is given."""
    unknown = sorted(set(pictures.classes) - set(origin.classes))
    if unknown and new_classes == "refuse":
        raise DataRejected(f"{data.name}: the base has no class {', '.join(unknown)[:80]}")
    codec = codec_from_config(origin.codec)
    if resolved["palette"] == "fit" or resolved.get("colours_from"):
        levels = resolved["colours"] or codec.levels
        if isinstance(codec, Paletted) and levels > codec.levels:
            raise RequestRejected(
                f"colours {levels}: the base draws in palettes of at most {codec.levels}, transparent included"
            )
        other = _codec({**resolved, "codec": codec.name}, levels, learned)
        if isinstance(codec, Paletted) and isinstance(other, Paletted):
            other = codec.with_colours(other.colours)
        codec = other
    config = adapted_config(origin, codec=codec, labels=pictures.labels)
    if resolved["preset"]:
        config = grown_config(config, resolved["preset"])
    check_labels(config.labels, f"{data.name} with the base")
    return config


def base_weights(config: RunConfig) -> AutoregressiveModel | None:
    """The initial weights of a run: those of its base, adapted to its palette, labels and size. None without one."""
    if not config.base:
        return None
    base = Path(config.base)
    origin = read_config(base)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.schedule.seed)  # new features start with random weights, the same in each process
        return adapt(load_weights(base, origin), origin, config.network({}))


def _codec(resolved: Mapping[str, Any], levels: int, pictures: PictureSet) -> Codec:
    """The codec of a run, with the given colours or with a palette fitted to the pictures."""
    name, options = resolved["codec"], resolved.get("colours_from")
    if name not in ("indexed", "palette"):
        if options:
            raise RequestRejected(f"colours_from: {name} has no palette")
        return _PLAIN[name]()
    if options:
        palette = parse_hex_colours(list(options))
    else:
        seen, counts = pictures.colours()
        if not len(seen):
            raise DataRejected("every picture is wholly transparent")
        palette = fit_palette_to(seen, counts, size=levels - 1)
    return Indexed(palette) if name == "indexed" else Paletted(palette, levels=levels)


def build_networks(
    config: RunConfig, device: torch.device, weights: AutoregressiveModel | None
) -> tuple[AutoregressiveModel, AutoregressiveModel]:
    """The network of a run and the one that averages its weights, both with `weights`, or random ones of the run's
    seed."""
    schedule, model_config = config.schedule, config_from_dict(config.model, config.model_config)
    kind = get_variant(config.model).model
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(schedule.seed)
        model, average = kind(model_config).to(device), kind(model_config).to(device)
    if schedule.memory_format != "contiguous":
        to_channels_last(model)
    if weights is not None:
        model.load_state_dict(weights.state_dict())
    average.load_state_dict(model.state_dict())
    return model, average
