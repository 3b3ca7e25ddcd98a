"""Sampling presets of a checkpoint: one word for four sampling parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from pixelart.controls import CONTROLS

PRESET_NAMES = CONTROLS["preset"].choices
DEFAULT_PRESET: str = CONTROLS["preset"].default
_OF_PRESET = {name: control for name, control in CONTROLS.items() if control.of_preset}


@dataclass(frozen=True)
class Preset:
    """Sampling parameters that belong together; see `Request` for their meaning."""

    temperature: float
    top_p: float
    top_k: int
    guidance: float

    def values(self) -> dict[str, Any]:
        """The fields by name, for a request or a config."""
        return asdict(self)


FIXED: Mapping[str, Preset] = {
    "calm": Preset(temperature=0.8, top_p=1.0, top_k=0, guidance=2.0),
    "balanced": Preset(temperature=0.9, top_p=1.0, top_k=0, guidance=1.5),
    "wild": Preset(temperature=1.0, top_p=1.0, top_k=0, guidance=1.0),
}
"""Presets of a checkpoint whose config has none, chosen on `dungeon-gated`."""


UNGUIDED: Mapping[str, Preset] = {name: replace(preset, guidance=1.0) for name, preset in FIXED.items()}
"""The same without guidance, for a model without classes or trained without class dropout, which guidance needs."""


def parse_presets(values: Any) -> Mapping[str, Preset]:
    """The presets in a config, in the order of PRESET_NAMES.

    Raises:
        ValueError: other names, or a value that is missing, of the wrong type, or outside the limits of its control.
    """
    if not isinstance(values, dict) or set(values) != set(PRESET_NAMES):
        raise ValueError(f"presets must be {', '.join(PRESET_NAMES)}")
    return {name: _preset(name, values[name]) for name in PRESET_NAMES}


def _preset(name: str, values: Any) -> Preset:
    names = [field.name for field in fields(Preset)]
    if not isinstance(values, dict) or set(values) != set(names):
        raise ValueError(f"preset {name} must have {', '.join(names)}")
    for key, control in _OF_PRESET.items():
        value, (least, most), whole = values[key], control.shown, control.kind is int
        if type(value) not in ((int,) if whole else (int, float)) or not least <= value <= most:
            kind = "a whole number" if whole else "a number"
            raise ValueError(f"{key} {value!r:.20} of preset {name}: must be {kind} from {least:g} to {most:g}")
    return Preset(float(values["temperature"]), float(values["top_p"]), values["top_k"], float(values["guidance"]))
