"""The lists of looks, kinds, sizes and of what a completion keeps, as a model offers them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gradio as gr

from pixelart.controls import CONTROLS
from pixelart.engine import CheckpointInfo
from pixelart.images.class_names import NO_KIND, NO_LOOK
from pixelart.images.kept_kinds import KEEP_NOTHING

ANY_LOOK, ANY_KIND = "Any look", "Any kind"
USUAL_SIZE = ("Of the class", "")
SIZES = [USUAL_SIZE, "16 x 16", "24 x 24", "32 x 32", "48 x 48", "64 x 64", "32 x 48", "48 x 32"]


def look_list(info: CheckpointInfo | None, chosen: Any) -> Any:
    """The looks of a model; hidden if it knows none. The chosen one stays if the model knows it."""
    return _list(_named(info.looks if info else ()), chosen, (ANY_LOOK, NO_LOOK))


def kind_list(info: CheckpointInfo | None, class_name: Any, chosen: Any, *, sets_value: bool = True) -> Any:
    """The kinds of a class; hidden if it has none. The chosen one stays if the class has it. Without `sets_value`, it
    is not set again, because another event may set it at the same time."""
    kinds = info.labels.kinds_of([class_name]) if info and class_name in info.classes else ()
    shown = _list(_named(kinds), chosen, (ANY_KIND, NO_KIND))
    if not sets_value and shown["value"] == chosen:
        del shown["value"]
    return shown


def keep_list(info: CheckpointInfo | None, chosen: Any) -> Any:
    """What a completion with a model can keep; hidden if that is nothing. The chosen value stays if the model can."""
    control = CONTROLS["keep"]
    words = dict(zip(control.choices, control.page.words if control.page else control.choices, strict=True))
    keeps = [(words[keep], keep) for keep in (info.keeps if info else ())]
    return _list(keeps, chosen, (words[KEEP_NOTHING], KEEP_NOTHING))


def _named(names: Sequence[str]) -> list[tuple[str, str]]:
    return [(name, name) for name in names]


def _list(choices: Sequence[tuple[str, str]], chosen: Any, first: tuple[str, str]) -> Any:
    """An update of a list with `first` and these choices, (label, value). A value that is not among them becomes that
    of `first`, because a drawing would be refused for it."""
    known = chosen in [value for _, value in choices]
    return gr.update(choices=[first, *choices], value=chosen if known else first[1], visible=bool(choices))
