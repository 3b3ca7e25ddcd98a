"""The checkpoint format: the names of its files, and config.json. No pickle.

A config is bounded and must name every value; otherwise WeightsRejected is raised. `checkpoint.weights` reads the
weights.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pixelart.checkpoint.presets import FIXED, UNGUIDED, Preset, parse_presets
from pixelart.errors import WeightsRejected
from pixelart.images.class_names import Labelled, plain_class
from pixelart.images.codec import Codec, codec_from_config
from pixelart.images.defects import DefectLimits, parse_limits
from pixelart.images.example_palettes import CLASS_PALETTES_FILE
from pixelart.models.base import AutoregressiveModel
from pixelart.models.registry import config_from_dict, config_to_dict, get_variant
from pixelart.settings import SETTINGS

CONFIG_FILE, WEIGHTS_FILE, SEEN_FILE, CARD_FILE = "config.json", "model.safetensors", "training_images.txt", "README.md"
LOG_FILE, SAMPLES_FILE, PALETTE_FILE = "training_log.csv", "samples.png", "palette.gpl"
CHOSEN_FILE = "validation_images.txt"
"""Pictures that the weights were not trained on, but chosen by."""
CHECKPOINT_FILES = (
    CONFIG_FILE,
    WEIGHTS_FILE,
    SEEN_FILE,
    CHOSEN_FILE,
    CARD_FILE,
    LOG_FILE,
    SAMPLES_FILE,
    PALETTE_FILE,
    CLASS_PALETTES_FILE,
)
"""All files that a checkpoint folder, or its repository on the Hub, may hold."""
FORMAT = 1
PRESETS_KEY, LIMITS_KEY = "presets", "defect_limits"
"""Optional keys under `training`."""


@dataclass(frozen=True)
class CheckpointConfig(Labelled):
    """The content of config.json: the model, the codec, the names of its labels, and how it was trained.

    Presets and defect limits are stored under `training`, where older readers ignore unknown keys.
    """

    model: str
    model_config: dict[str, Any]
    codec: dict[str, Any]
    classes: tuple[str, ...]
    training: dict[str, Any]
    looks: tuple[str, ...] = ()
    kinds: tuple[tuple[str, str], ...] = ()

    def build(self) -> AutoregressiveModel:
        """A new model of this config, with random weights."""
        return get_variant(self.model).model(config_from_dict(self.model, self.model_config))

    @property
    def presets(self) -> Mapping[str, Preset]:
        """The sampling presets by name; fixed ones if the config has none."""
        if PRESETS_KEY in self.training:
            return parse_presets(self.training[PRESETS_KEY])
        return FIXED if self.classes and self.training.get("class_dropout") != 0 else UNGUIDED

    @property
    def defect_limits(self) -> Mapping[str, DefectLimits]:
        """What pictures of each class usually have, by class; empty if the config has none."""
        return parse_limits(self.training.get(LIMITS_KEY, {}))

    def to_json(self) -> bytes:
        """The content of config.json."""
        values = {"format": FORMAT, "library": "pixelart", **self.__dict__, "classes": list(self.classes)}
        for name in ("looks", "kinds"):
            if not values[name]:
                del values[name]
        return json.dumps(values, indent=1, ensure_ascii=False, allow_nan=False).encode()


def config_of(model: AutoregressiveModel, name: str, codec: Codec, classes: tuple[str, ...]) -> CheckpointConfig:
    """The config of a model in memory that is registered as `name`."""
    return CheckpointConfig(name, config_to_dict(model.config), codec.to_config(), classes, {})


def read_config(folder: Path) -> CheckpointConfig:
    """Read and check the config of the checkpoint in `folder`.

    Raises:
        WeightsRejected: missing, too large, or not a config of this format.
    """
    return parse_config(read_limited(folder / CONFIG_FILE, SETTINGS.max_config_bytes), folder.name)


def parse_config(data: bytes, name: str) -> CheckpointConfig:
    """Parse and check the content of a config.json; `name` is used in errors. Raises WeightsRejected."""
    try:
        values = json.loads(data, object_pairs_hook=unique_keys)
        if values.pop("format") != FORMAT or values.pop("library") != "pixelart":
            raise WeightsRejected(f"{name}/{CONFIG_FILE}: not format {FORMAT} of pixelart")
        values["classes"], values["looks"] = map(_plain_classes, (values["classes"], values.get("looks", ())))
        values["kinds"] = tuple((plain_class(name), plain_class(kind)) for name, kind in values.get("kinds", ()))
        config = CheckpointConfig(**values)
        _check(config, name)
        config.to_json()  # it must be writable as JSON again: no NaN, and valid Unicode
    except WeightsRejected:
        raise
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise WeightsRejected(f"{name}/{CONFIG_FILE}: not readable ({error!s:.80})") from error
    return config


def read_trained(folder: Path) -> frozenset[str]:
    """Content hashes of the pictures that the checkpoint or the run in `folder` was trained on.

    Raises:
        WeightsRejected: it does not record them.
    """
    try:
        return frozenset((folder / SEEN_FILE).read_text("ascii").split())
    except (OSError, ValueError) as error:
        raise WeightsRejected(f"{folder.name}: does not record what it was trained on ({SEEN_FILE})") from error


def read_chosen(folder: Path) -> frozenset[str]:
    """Content hashes of the pictures that the weights in `folder` were only chosen by; empty without the file.

    Raises:
        WeightsRejected: it cannot be read.
    """
    try:
        return frozenset((folder / CHOSEN_FILE).read_text("ascii").split())
    except FileNotFoundError:
        return frozenset()
    except (OSError, ValueError) as error:
        raise WeightsRejected(f"{folder.name}/{CHOSEN_FILE}: not readable") from error


def read_seen(folder: Path) -> frozenset[str]:
    """Content hashes of all pictures on which figures of the checkpoint in `folder` would be too good.

    Raises:
        WeightsRejected: it does not record them.
    """
    return read_trained(folder) | read_chosen(folder)


def _plain_classes(names: Any) -> tuple[Any, ...]:
    """Class names in today's spelling, which older checkpoints may not use. `_check` refuses names that are not
    text."""
    plain = tuple(plain_class(name) if isinstance(name, str) else name for name in names)
    return plain if len(set(map(repr, plain))) == len(plain) else tuple(names)


def _check(config: CheckpointConfig, name: str) -> None:
    """Check that the parts of a config agree with each other."""
    values = config_from_dict(config.model, config.model_config)
    codec = codec_from_config(config.codec)
    if (codec.channels, codec.levels) != (values.channels, values.levels):
        raise WeightsRejected(f"{name}: codec {codec.name} and model differ in channels or levels")
    if not isinstance(config.training, dict):
        raise WeightsRejected(f"{name}: 'training' must be an object")
    try:
        _ = config.presets, config.defect_limits
    except ValueError as error:
        raise WeightsRejected(f"{name}: {error}") from error
    for label in (*config.classes, *config.looks, *(kind for _, kind in config.kinds)):
        check_class_name(label, name)
    if unknown := sorted({of for of, _ in config.kinds} - {*config.classes}):
        raise WeightsRejected(f"{name}: kinds of {unknown[0]!r:.40}, which is not one of its classes")
    repeats = any(len(set(names)) != len(names) for names in config.labels.groups)
    if repeats or len(config.labels) != values.num_classes:
        raise WeightsRejected(f"{name}: {len(config.labels)} names of labels for {values.num_classes}")
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


def unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object, refused if it holds a key twice: two parsers could read it differently."""
    values = dict(pairs)
    if len(values) != len(pairs):
        raise ValueError("a key occurs twice")
    return values


def read_limited(path: Path, limit: int) -> bytes:
    """The content of a file of a checkpoint. Raises WeightsRejected if it is missing or larger than `limit` bytes."""
    try:
        check_length(path.stat().st_size, limit, f"{path.parent.name}/{path.name}")
        return path.read_bytes()
    except OSError as error:
        raise WeightsRejected(f"{path.parent.name}/{path.name}: {error.strerror or 'cannot be read'}") from error


def check_length(size: int, limit: int, name: str) -> None:
    """Raises WeightsRejected if the file `name` has more than `limit` bytes."""
    if size > limit:
        raise WeightsRejected(f"{name}: {size} bytes; the limit is {limit}")
