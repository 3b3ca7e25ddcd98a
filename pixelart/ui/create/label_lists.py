"""The lists of looks, kinds and sizes that a model offers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gradio as gr

from pixelart.engine import CheckpointInfo
from pixelart.images.class_names import NO_KIND, NO_LOOK

ANY_LOOK, ANY_KIND = "Any look", "Any kind"
USUAL_SIZE = ("Of the class", "")
SIZES = [USUAL_SIZE, "16 x 16", "24 x 24", "32 x 32", "48 x 48", "64 x 64", "32 x 48", "48 x 32"]


def look_list(info: CheckpointInfo | None, chosen: Any) -> Any:
    """The looks of a model; hidden if it knows none. The chosen one stays if the model knows it."""
    return _list(info.looks if info else (), chosen, (ANY_LOOK, NO_LOOK))


def kind_list(info: CheckpointInfo | None, class_name: Any, chosen: Any, *, sets_value: bool = True) -> Any:
    """The kinds of a class; hidden if it has none. The chosen one stays if the class has it. Without `sets_value`, it
    is not set again, because another event may set it at the same time."""
    kinds = info.labels.kinds_of([class_name]) if info and class_name in info.classes else ()
    shown = _list(kinds, chosen, (ANY_KIND, NO_KIND))
    if not sets_value and shown["value"] == chosen:
        del shown["value"]
    return shown


def _list(names: Sequence[str], chosen: Any, every: tuple[str, str]) -> Any:
    choices = [every, *((name, name) for name in names)]
    return gr.update(choices=choices, value=chosen if chosen in names else every[1], visible=bool(names))
