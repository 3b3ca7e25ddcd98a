"""The checkpoint format: config.json + model.safetensors (+ training hashes, log, card, samples). No pickle.

All input is checked before memory is allocated. The config is bounded and must name every value, the safetensors header
must match it in names, shapes and types, and all weights must be finite; otherwise WeightsRejected is raised.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors.torch
import torch

from pixelart.checkpoint.presets import FIXED, UNGUIDED, Preset, parse_presets
from pixelart.errors import WeightsRejected
from pixelart.images.class_names import plain_class
from pixelart.images.codec import Codec, codec_from_config
from pixelart.images.palette_choice import CLASS_PALETTES_FILE
from pixelart.layers.context import Context
from pixelart.models.base import AutoregressiveModel, to_channels_last
from pixelart.models.registry import config_from_dict, config_to_dict, get_variant
from pixelart.settings import SETTINGS

CONFIG_FILE, WEIGHTS_FILE, SEEN_FILE, CARD_FILE = "config.json", "model.safetensors", "training_images.txt", "README.md"
LOG_FILE, SAMPLES_FILE, PALETTE_FILE = "training_log.csv", "samples.png", "palette.gpl"
CHECKPOINT_FILES = (
    CONFIG_FILE,
    WEIGHTS_FILE,
    SEEN_FILE,
    CARD_FILE,
    LOG_FILE,
    SAMPLES_FILE,
    PALETTE_FILE,
    CLASS_PALETTES_FILE,
)
"""All files that a checkpoint folder, or its repository on the Hub, may hold."""
FORMAT = 1
MOST_WEIGHT = 1e6
"""Largest absolute weight that is accepted. Trained networks stay far below; larger values overflow sums of products.
"""
TRIED_SIDE = 8
"""Side in pixels of the picture that new weights are tested on."""
PRESETS_KEY = "presets"
"""Optional key under `training`."""


@dataclass(frozen=True)
class CheckpointConfig:
    """The content of config.json: the model, the codec, the class names and how it was trained.

    Presets are stored under `training`, where older readers ignore unknown keys.
    """

    model: str
    model_config: dict[str, Any]
    codec: dict[str, Any]
    classes: tuple[str, ...]
    training: dict[str, Any]

    def build(self) -> AutoregressiveModel:
        """A new model of this config, with random weights."""
        return get_variant(self.model).model(config_from_dict(self.model, self.model_config))

    @property
    def presets(self) -> Mapping[str, Preset]:
        """The sampling presets by name; fixed ones if the config has none."""
        if PRESETS_KEY in self.training:
            return parse_presets(self.training[PRESETS_KEY])
        return FIXED if self.classes and self.training.get("class_dropout") != 0 else UNGUIDED

    def to_json(self) -> bytes:
        """The content of config.json."""
        values = {"format": FORMAT, "library": "pixelart", **self.__dict__, "classes": list(self.classes)}
        return json.dumps(values, indent=1, ensure_ascii=False, allow_nan=False).encode()


def config_of(model: AutoregressiveModel, name: str, codec: Codec, classes: tuple[str, ...]) -> CheckpointConfig:
    """The config of a model in memory that is registered as `name`."""
    return CheckpointConfig(name, config_to_dict(model.config), codec.to_config(), classes, {})


def pack_weights(model: AutoregressiveModel) -> bytes:
    """The content of model.safetensors."""
    return safetensors.torch.save({k: v.detach().cpu().contiguous() for k, v in model.state_dict().items()})


def read_config(folder: Path) -> CheckpointConfig:
    """Read and check the config of the checkpoint in `folder`.

    Raises:
        WeightsRejected: missing, too large, or not a config of this format.
    """
    return _parse_config(_read_limited(folder / CONFIG_FILE, SETTINGS.max_config_bytes), folder.name)


def _parse_config(data: bytes, name: str) -> CheckpointConfig:
    """Parse and check the content of a config.json; `name` is used in errors. Raises WeightsRejected."""
    try:
        values = json.loads(data, object_pairs_hook=_once_each)
        if values.pop("format") != FORMAT or values.pop("library") != "pixelart":
            raise WeightsRejected(f"{name}/{CONFIG_FILE}: not format {FORMAT} of pixelart")
        config = CheckpointConfig(**{**values, "classes": _plain_classes(values["classes"])})
        _check(config, name)
        config.to_json()  # it must be writable as JSON again: no NaN, and valid Unicode
    except WeightsRejected:
        raise
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise WeightsRejected(f"{name}/{CONFIG_FILE}: not readable ({error!s:.80})") from error
    return config


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
    _check_length(len(data), SETTINGS.max_config_bytes, f"{name}/{CONFIG_FILE}")
    _parse_config(data, name)
    expected, entries, end = _expected(config), dict[str, Any](), 0
    for key, tensor in expected.items():
        begin, end = end, end + 4 * tensor.numel()
        entries[key] = {"dtype": "F32", "shape": list(tensor.shape), "data_offsets": [begin, end]}
    header = json.dumps(entries, separators=(",", ":")).encode()
    start = struct.pack("<Q", len(header)) + header
    _check_length(len(start) + end, SETTINGS.max_weights_bytes, f"{name}/{WEIGHTS_FILE}")
    _check_header(start[: 8 + SETTINGS.max_config_bytes], len(start) + end, name, config)


def read_seen(folder: Path) -> frozenset[str]:
    """Content hashes of the pictures that the checkpoint in `folder` was trained on.

    Raises:
        WeightsRejected: it does not record them.
    """
    try:
        return frozenset((folder / SEEN_FILE).read_text("ascii").split())
    except (OSError, ValueError) as error:
        raise WeightsRejected(f"{folder.name}: does not record what it was trained on ({SEEN_FILE})") from error


def load_weights(folder: Path, config: CheckpointConfig) -> AutoregressiveModel:
    """Load the model of `config` with the weights in `folder`, in evaluation mode and frozen.

    Raises:
        WeightsRejected: the file is missing, too large or damaged, its tensors do not match the config, or its
            probabilities are not finite.
    """
    data = _read_limited(folder / WEIGHTS_FILE, SETTINGS.max_weights_bytes)
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

    Each network of a chain of resolutions is tested alone.
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


def _plain_classes(names: Any) -> tuple[Any, ...]:
    """Class names in today's spelling, which older checkpoints may not use. `_check` refuses names that are not
    text."""
    plain = tuple(plain_class(name) if isinstance(name, str) else name for name in names)
    return plain if len(set(map(repr, plain))) == len(plain) else tuple(names)


def _expected(config: CheckpointConfig) -> dict[str, torch.Tensor]:
    """The tensors that a model of `config` has, on the meta device."""
    with torch.device("meta"):
        return config.build().state_dict()


def _check_header(start: bytes, size: int, name: str, config: CheckpointConfig) -> None:
    """Check that a file of `size` bytes that begins with `start` holds exactly the tensors of `config`."""
    expected = _expected(config)
    if _header(start, name) != {k: (tuple(v.shape), "F32") for k, v in expected.items()}:
        raise WeightsRejected(f"{name}/{WEIGHTS_FILE}: tensors differ from what {CONFIG_FILE} describes")
    whole = 8 + int.from_bytes(start[:8], "little") + sum(4 * v.numel() for v in expected.values())
    if size != whole:
        raise WeightsRejected(f"{name}/{WEIGHTS_FILE}: {size} bytes; the header announces {whole}")


def _check(config: CheckpointConfig, name: str) -> None:
    """Check that the parts of a config agree with each other."""
    values = config_from_dict(config.model, config.model_config)
    codec = codec_from_config(config.codec)
    if (codec.channels, codec.levels) != (values.channels, values.levels):
        raise WeightsRejected(f"{name}: codec {codec.name} and model differ in channels or levels")
    if not isinstance(config.training, dict):
        raise WeightsRejected(f"{name}: 'training' must be an object")
    try:
        _ = config.presets
    except ValueError as error:
        raise WeightsRejected(f"{name}: {error}") from error
    for class_name in config.classes:
        check_class_name(class_name, name)
    if len(set(config.classes)) != len(config.classes) or len(config.classes) != values.num_classes:
        raise WeightsRejected(f"{name}: {len(config.classes)} class names for {values.num_classes} classes")
    if not 1 <= values.height <= SETTINGS.max_side or not 1 <= values.width <= SETTINGS.max_side:
        raise WeightsRejected(f"{name}: size {values.width} x {values.height}; the limit is {SETTINGS.max_side}")


def check_class_name(class_name: Any, name: str) -> None:
    """Raises WeightsRejected if `class_name` is not valid; `name` is that of the checkpoint or the set of pictures."""
    if not isinstance(class_name, str):
        raise WeightsRejected(f"{name}: class {class_name!r:.40}: a class name must be text")
    if not 1 <= len(class_name) <= SETTINGS.max_class_name:
        count, most = len(class_name), SETTINGS.max_class_name
        raise WeightsRejected(f"{name}: class {class_name!r:.40}: {count} characters; use 1 to {most}")
    if any("\ud800" <= letter <= "\udfff" for letter in class_name):
        raise WeightsRejected(f"{name}: the class name {class_name!a:.40} is not valid Unicode")


def _header(data: bytes, name: str) -> dict[str, tuple[tuple[int, ...], str]]:
    """Names, shapes and types in a safetensors header, read before anything is allocated for them."""
    try:
        (length,) = struct.unpack("<Q", data[:8])
        text = data[8 : 8 + min(length, SETTINGS.max_config_bytes)]
        entries = json.loads(text, object_pairs_hook=_once_each)
        entries.pop("__metadata__", None)
        return {key: (tuple(e["shape"]), str(e["dtype"])) for key, e in entries.items()}
    except (struct.error, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise WeightsRejected(f"{name}/{WEIGHTS_FILE}: not a safetensors file") from error


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object, refused if it holds a key twice: two parsers could read it differently."""
    values = dict(pairs)
    if len(values) != len(pairs):
        raise ValueError("a name is given twice")
    return values


def _read_limited(path: Path, limit: int) -> bytes:
    try:
        _check_length(path.stat().st_size, limit, f"{path.parent.name}/{path.name}")
        return path.read_bytes()
    except OSError as error:
        raise WeightsRejected(f"{path.parent.name}/{path.name}: {error.strerror or 'cannot be read'}") from error


def _check_length(size: int, limit: int, name: str) -> None:
    if size > limit:
        raise WeightsRejected(f"{name}: {size} bytes; the limit is {limit}")
