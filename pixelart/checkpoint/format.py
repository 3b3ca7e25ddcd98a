"""A checkpoint: config.json + model.safetensors (+ the list of training pictures, log, card, samples). No pickle.

Nothing is allocated on the word of a file: the config is bounded and must name every value, the safetensors header
must agree with it in names, shapes and types, and all weights must be finite, or WeightsRejected is raised.
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
"""All that may lie in the folder of a checkpoint, or in its repository on the Hub."""
FORMAT = 1
MOST_WEIGHT = 1e6
"""What no weight of a network that has learned comes near; beyond, sums of products overflow."""
TRIED_SIDE = 8
"""Pixels a side of the picture that new weights are tried on."""
PRESETS_KEY = "presets"
"""Under `training`; may be missing."""


@dataclass(frozen=True)
class CheckpointConfig:
    """config.json: which model, what its integers mean, what its classes are called, how it was trained. Its presets
    stand under `training`, whose keys older readers pass over."""

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
        """How careful or wild it draws, by name; fixed ones where the config has none."""
        if PRESETS_KEY in self.training:
            return parse_presets(self.training[PRESETS_KEY])
        return FIXED if self.classes and self.training.get("class_dropout") != 0 else UNGUIDED

    def to_json(self) -> bytes:
        """The content of config.json."""
        values = {"format": FORMAT, "library": "pixelart", **self.__dict__, "classes": list(self.classes)}
        return json.dumps(values, indent=1, ensure_ascii=False, allow_nan=False).encode()


def config_of(model: AutoregressiveModel, name: str, codec: Codec, classes: tuple[str, ...]) -> CheckpointConfig:
    """The config of a model in memory, registered as `name`."""
    return CheckpointConfig(name, config_to_dict(model.config), codec.to_config(), classes, {})


def pack_weights(model: AutoregressiveModel) -> bytes:
    """The content of model.safetensors."""
    return safetensors.torch.save({k: v.detach().cpu().contiguous() for k, v in model.state_dict().items()})


def read_config(folder: Path) -> CheckpointConfig:
    """The checked config of the checkpoint in `folder`.

    Raises:
        WeightsRejected: missing, too large, or not a config of this format.
    """
    return _parse_config(_read(folder / CONFIG_FILE, SETTINGS.max_config_bytes), folder.name)


def _parse_config(data: bytes, name: str) -> CheckpointConfig:
    """The checked config that `data` is the content of; `name` is used in errors. Raises WeightsRejected."""
    try:
        values = json.loads(data, object_pairs_hook=_once_each)
        if values.pop("format") != FORMAT or values.pop("library") != "pixelart":
            raise WeightsRejected(f"{name}/{CONFIG_FILE}: not format {FORMAT} of pixelart")
        config = CheckpointConfig(**{**values, "classes": _plain_classes(values["classes"])})
        _check(config, name)
        config.to_json()  # what is read here leaves as JSON again: no number that JSON has not, and valid Unicode
    except WeightsRejected:
        raise
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise WeightsRejected(f"{name}/{CONFIG_FILE}: not readable ({error!s:.80})") from error
    return config


def check_readable(config: CheckpointConfig, *, name: str) -> None:
    """Refuse a config whose checkpoint could be written and then not be read, whatever its weights turn out to be: by
    what `read_config` and `load_weights` do, before anything is trained. `name` is used in errors.

    Raises:
        WeightsRejected: it is outside a limit of theirs.
    """
    for class_name in config.classes:  # half a character, of a folder that is not UTF-8, could not even be written
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
    """The model of `config` with the weights in `folder`, in evaluation mode and frozen.

    Raises:
        WeightsRejected: missing, too large, damaged, other tensors than the config implies, or such as give no finite
            probabilities.
    """
    data = _read(folder / WEIGHTS_FILE, SETTINGS.max_weights_bytes)
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
        raise WeightsRejected(f"{folder.name}/{WEIGHTS_FILE}: the probabilities that they give are not finite")
    return to_channels_last(model)


@torch.no_grad()
def gives_finite(model: AutoregressiveModel) -> bool:
    """Whether log p of every pixel of a small picture of all levels is finite, of any class and of all of them, each
    network of a chain of resolutions being tried alone."""
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
    """Raises WeightsRejected unless the weights in `folder` are of the names, shapes, types and length that `config`
    implies. Quick: reads the header alone, not the values.
    """
    path = folder / WEIGHTS_FILE
    try:
        with path.open("rb") as file:
            _check_header(file.read(8 + SETTINGS.max_config_bytes), path.stat().st_size, folder.name, config)
    except OSError as error:
        raise WeightsRejected(f"{folder.name}/{WEIGHTS_FILE}: {error.strerror or 'cannot be read'}") from error


def check_size(config: CheckpointConfig, size: int, *, name: str) -> None:
    """Raises WeightsRejected unless weights of `config` may be a file of `size` bytes; `name` is used in errors."""
    least = 8 + sum(4 * v.numel() for v in _expected(config).values())
    if not least <= size <= least + SETTINGS.max_config_bytes:
        raise WeightsRejected(f"{name}/{WEIGHTS_FILE}: {size} bytes; what {CONFIG_FILE} describes takes {least}")


def _plain_classes(names: Any) -> tuple[Any, ...]:
    """As class names are written now, which older checkpoints may do otherwise; what is no text is refused later."""
    plain = tuple(plain_class(name) if isinstance(name, str) else name for name in names)
    return plain if len(set(map(repr, plain))) == len(plain) else tuple(names)


def _expected(config: CheckpointConfig) -> dict[str, torch.Tensor]:
    """The tensors of a model of `config`, without their values."""
    with torch.device("meta"):
        return config.build().state_dict()


def _check_header(start: bytes, size: int, name: str, config: CheckpointConfig) -> None:
    """`start` of a file of `size` bytes announces the tensors of `config`, and they fill the file."""
    expected = _expected(config)
    if _header(start, name) != {k: (tuple(v.shape), "F32") for k, v in expected.items()}:
        raise WeightsRejected(f"{name}/{WEIGHTS_FILE}: tensors differ from what {CONFIG_FILE} describes")
    whole = 8 + int.from_bytes(start[:8], "little") + sum(4 * v.numel() for v in expected.values())
    if size != whole:
        raise WeightsRejected(f"{name}/{WEIGHTS_FILE}: {size} bytes; the header announces {whole}")


def _check(config: CheckpointConfig, name: str) -> None:
    """The parts of a config agree with each other."""
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
    """Raises WeightsRejected when a class of the checkpoint, or of the pictures, called `name` cannot be called so."""
    if not isinstance(class_name, str):
        raise WeightsRejected(f"{name}: class {class_name!r:.40}: a class name must be a text")
    if not 1 <= len(class_name) <= SETTINGS.max_class_name:
        count, most = len(class_name), SETTINGS.max_class_name
        raise WeightsRejected(f"{name}: class {class_name!r:.40}: {count} characters; needed are 1 to {most}")
    if any("\ud800" <= letter <= "\udfff" for letter in class_name):
        raise WeightsRejected(f"{name}: the class name {class_name!a:.40} is not valid Unicode")


def _header(data: bytes, name: str) -> dict[str, tuple[tuple[int, ...], str]]:
    """Names, shapes and types that a safetensors file announces, before anything is allocated for them."""
    try:
        (length,) = struct.unpack("<Q", data[:8])
        text = data[8 : 8 + min(length, SETTINGS.max_config_bytes)]
        entries = json.loads(text, object_pairs_hook=_once_each)
        entries.pop("__metadata__", None)
        return {key: (tuple(e["shape"]), str(e["dtype"])) for key, e in entries.items()}
    except (struct.error, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise WeightsRejected(f"{name}/{WEIGHTS_FILE}: not a safetensors file") from error


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object; two readers of one that names a key twice may see different things."""
    values = dict(pairs)
    if len(values) != len(pairs):
        raise ValueError("a name is given twice")
    return values


def _read(path: Path, limit: int) -> bytes:
    try:
        _check_length(path.stat().st_size, limit, f"{path.parent.name}/{path.name}")
        return path.read_bytes()
    except OSError as error:
        raise WeightsRejected(f"{path.parent.name}/{path.name}: {error.strerror or 'cannot be read'}") from error


def _check_length(size: int, limit: int, name: str) -> None:
    if size > limit:
        raise WeightsRejected(f"{name}: {size} bytes; the limit is {limit}")
