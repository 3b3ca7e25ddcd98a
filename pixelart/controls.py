"""The controls of a drawing, each declared once: the command line, the page, the API and the presets are made from it.

To add a control, add it to CONTROLS and to `Request`. docs/architecture.md has an example.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pixelart.errors import RequestRejected
from pixelart.images.kept_kinds import KEEP_NOTHING, KEEP_SHAPE, KEEP_SKETCH
from pixelart.images.tiling import AXES
from pixelart.settings import SETTINGS

GENERATE, COMPLETE, ENLARGE = "generate", "complete", "enlarge"
EXTEND, TILESET, ANIMATE = "extend", "tileset", "animate"
ACTIONS = (GENERATE, COMPLETE, ENLARGE, EXTEND, TILESET, ANIMATE)
MOST_REDRAWS = 2
"""How often a picture with a defect is drawn again at most."""
Range = tuple[float, float]


@dataclass(frozen=True)
class ControlOnPage:
    """How the tab Create shows a control: a slider, or the choices of `words`.

    `label`; `info`: a short explanation; `step`: of the slider; `words`: one label per choice; `advanced`: shown under
    Advanced; `first`: its value on a fresh page, None = the control's default.
    """

    label: str
    info: str = ""
    step: float = 1
    words: tuple[str, ...] = ()
    advanced: bool = True
    first: Any = None


@dataclass(frozen=True)
class Control:
    """One control of a drawing.

    text: what it does, for the help of the command line and the API. texts: action -> another text.
    default: the value if none is given. Its type is the control's type.
    limits: smallest and largest number that the engine accepts. offered: those of the page, the API and the presets;
        None = the same.
    choices: the allowed words; "" = none.
    of_preset: a preset sets it; None in a request then means the preset's value.
    unset: the number that an API client sends for `default_text`; None = the default.
    default_text: what the default means, if its value does not say it.
    name: the name on the page and in the API, if it differs from the field of `Request`.
    actions: what it applies to.
    page: how the tab Create shows it; None = with a component of its own, or not at all.
    """

    text: str
    default: Any = ""
    limits: Range | None = None
    offered: Range | None = None
    choices: tuple[str, ...] = ()
    of_preset: bool = False
    unset: Any = None
    default_text: str = ""
    name: str = ""
    actions: tuple[str, ...] = ACTIONS
    page: ControlOnPage | None = None
    texts: Mapping[str, str] = field(default_factory=dict)

    @property
    def kind(self) -> type:
        """The type of its values."""
        return type(self.default)

    @property
    def shown(self) -> Range:
        """Smallest and largest number that the page, the API and the presets accept."""
        return self.offered or self.limits or (0, 0)

    @property
    def default_words(self) -> str:
        """What the default means, in words."""
        return self.default_text or ("the preset's" if self.of_preset else "none" if self.default == "" else "")

    @property
    def words(self) -> str:
        """The choices as text, such as "x, y or xy"."""
        *first, last = [choice for choice in self.choices if choice]
        return f"{', '.join(first)} or {last}"

    def help(self, action: str, limits: Range | None, default: str) -> str:
        """What it does, its range or its choices, and what the default is."""
        parts = [self.texts.get(action, self.text)]
        parts += [range_text(limits)] if limits and limits[1] < 2**32 else [self.words] if self.choices else []
        return f"{'; '.join(parts)} ({default})"

    def check(self, name: str, value: Any) -> None:
        """Raises RequestRejected, naming `name` and the limits, for a number outside `limits` or an unknown word."""
        if self.limits and not self.limits[0] <= value <= self.limits[1]:
            raise RequestRejected(f"{name} {_text(value)}: must be from {range_text(self.limits)}")
        if self.choices and value not in self.choices:
            raise RequestRejected(f"{name} {value!r:.40}: must be {self.words}")

    def read(self, label: str, value: Any) -> Any:
        """The number that a page or an API client has sent, within `shown`.

        Raises:
            RequestRejected: anything else; the message names `label` and the limits.
        """
        return (whole if self.kind is int else number)(value, label, *self.shown)


CONTROLS: dict[str, Control] = {
    "class_name": Control("a class of the model; Any = any class, unless one has that name", default_text="any"),
    "count": Control(
        "how many pictures", 1, limits=(1, SETTINGS.max_count), offered=(1, 16), name="images",
        actions=(GENERATE, COMPLETE, ENLARGE, EXTEND),
        page=ControlOnPage("Images", advanced=False, first=4),
    ),
    "seed": Control(
        "picture i uses seed + i", 0,
        limits=(0, 2**63 - 1 - SETTINGS.max_count), offered=(-1, 2**31 - 1), unset=-1,
        default_text="a random one",
    ),
    "temperature": Control(
        "below 1 careful, above 1 wild", 1.0, limits=(0.01, 10), offered=(0.1, 2), of_preset=True,
        unset=0.0, page=ControlOnPage("Temperature", "Low: careful. High: wild.", 0.05),
    ),
    "top_p": Control(
        "draw from the most probable colours that together have this probability", 1.0, limits=(0.001, 1),
        offered=(0.01, 1), of_preset=True, unset=0.0, page=ControlOnPage("Top-p", "1: every colour", 0.01),
    ),
    "top_k": Control(
        "draw from this many of the most probable colours, at most all of the model's; 0 = all", 0,
        limits=(0, 256), of_preset=True, unset=-1,
        page=ControlOnPage("Top-k", "0: every colour"),
    ),
    "guidance": Control(
        "above 1: more typical of the class", 1.0, limits=(0, 10), of_preset=True, unset=-1.0,
        page=ControlOnPage("Guidance", "Above 1: truer to the class", 0.1),
    ),
    "bottom_temperature": Control(
        "temperature of the bottom row, changing evenly from the top; 0 = the same in every row", 0.0,
        limits=(0, 10), offered=(0, 2),
        page=ControlOnPage(
            "Temperature at bottom", "Changes evenly from top to bottom. 0: the same in every row.", 0.05
        ),
    ),
    "seamless": Control(
        "directions in which the picture tiles without a seam", choices=AXES,
        actions=(GENERATE, COMPLETE, EXTEND),
        texts={COMPLETE: "directions in which a mask at an edge continues on the opposite side"},
    ),
    "preset": Control(
        "how careful it draws: the values of the controls that are not given, measured for the model", "balanced",
        choices=("calm", "balanced", "wild"),
        page=ControlOnPage(
            "Style", "Calm: typical pictures. Wild: surprising ones.", words=("Calm", "Balanced", "Wild"),
            advanced=False,
        ),
    ),
    "palette": Control(
        "for models that accept palettes: model, or colours such as ff0044,ffffff",
        default_text="typical colours of the class",
        texts={COMPLETE: "for models that accept palettes: picture, model, or colours such as ff0044,ffffff"},
        actions=(GENERATE, COMPLETE),
    ),
    "size": Control(
        "for models that draw any size: a side such as 32, or width x height such as 48x32",
        default_text="that of the class",
        actions=(GENERATE,),
    ),
    "keep": Control(
        "what masked pixels keep: shape = transparent or not; sketch = also light or dark, for models that sketch",
        KEEP_NOTHING, choices=(KEEP_NOTHING, KEEP_SHAPE, KEEP_SKETCH), actions=(COMPLETE, ANIMATE),
        page=ControlOnPage(
            "Complete mask keeps", "Shape: transparent pixels stay transparent. Shading: light and dark stay, too.",
            words=("Nothing", "Shape", "Shading"),
        ),
    ),
    "redraw": Control(
        "how often pictures that are nearly empty or confetti, by the model's own limits, are drawn again; of "
        "completions, those of at least half of the picture", 0,
        limits=(0, MOST_REDRAWS), actions=(GENERATE, COMPLETE),
    ),
    "temperature_percent": Control(
        "a PNG of the picture's size, in base64: each gray is the percent of the temperature at its pixel, such as 50 "
        "calm, 100 unchanged, 160 wild", default_text="100 everywhere",
        actions=(GENERATE, COMPLETE, ENLARGE, EXTEND, ANIMATE),
    ),
    "look": Control(
        "for models that know several looks, such as collections of pictures: the one to draw in; otherwise, with "
        "models that take palettes, the seed picks one for each new picture of one class", default_text="any",
    ),
    "kind": Control(
        "for models that know kinds within a class, such as sword within weapon: the one to draw; otherwise, with "
        "models that take palettes, the seed picks one for each new picture of one class", default_text="any",
    ),
}  # fmt: skip
"""Field of `Request` -> control. The API has them in this order: add new ones at the end."""


def controls_of(action: str) -> Iterator[tuple[str, Control]]:
    """(field of `Request`, control) for each control of an action, see ACTIONS."""
    return ((field, control) for field, control in CONTROLS.items() if action in control.actions)


def range_text(limits: Range) -> str:
    """The limits as text, such as "0.1 to 2"."""
    return f"{_text(limits[0])} to {_text(limits[1])}"


def number(value: Any, name: str, least: float, most: float) -> float:
    """Check a posted number. Raises RequestRejected, with the limits, for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise RequestRejected(f"{name}: must be a number from {range_text((least, most))}.")
    return float(value)


def whole(value: Any, name: str, least: float, most: float) -> int:
    """Check a posted whole number. Raises RequestRejected, with the limits, for anything else."""
    if number(value, name, least, most) != value // 1:
        raise RequestRejected(f"{name}: must be a whole number from {range_text((least, most))}.")
    return int(value)


def _text(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value:g}"
