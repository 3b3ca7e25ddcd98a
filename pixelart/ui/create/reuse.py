"""Send to Create: set the page's inputs to the settings that a picture carries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import gradio as gr

from pixelart.engine import CheckpointInfo, Engine
from pixelart.errors import PixelArtError, RequestRejected
from pixelart.images.io import decode_picture
from pixelart.settings import SETTINGS
from pixelart.ui.browser_storage import settings_of, usable
from pixelart.ui.create.form import class_choices, second_classes
from pixelart.ui.create.label_lists import keep_list, kind_list, look_list
from pixelart.ui.create.recipe import BUTTONS, Recipe, recipe_of
from pixelart.ui.gradio_parts import event_data
from pixelart.ui.session import Session
from pixelart.ui.status import status_text
from pixelart.ui.uploaded import uploaded_file

REUSED = (
    "temperature", "bottom_temperature", "top_p", "top_k", "guidance", "seed", "images", "seamless", "keep", "size",
    "look", "kind", "own_colours", "preset", "blend_class", "blend_share",
)  # fmt: skip
"""The inputs that are set, besides model, class, colours and canvas."""


class ReuseHandlers:
    """The handlers of one page. `inputs`: the page's inputs by name."""

    def __init__(self, engine: Engine, inputs: Mapping[str, Any]) -> None:
        self.engine, self.inputs = engine, {name: inputs[name] for name in REUSED}

    def reuse(self, session: Session, ticket: int, event: gr.EventData) -> list[Any]:
        """model, class, colours, canvas, status, and the inputs REUSED, for a picture and its settings. Inputs that its
        button does not read stay as they are."""
        session.leave(ticket)
        try:
            info, recipe, is_same = self.read(event_data(event))
        except PixelArtError as error:
            gr.Warning(str(error))
            return [*[gr.skip()] * 4, session.set_status(status_text(str(error))), *[gr.skip()] * len(REUSED)]
        values = {**recipe.values, "preset": None}
        classes = gr.Dropdown(choices=list(class_choices(info.classes)), value=values["class_name"])
        status = session.set_status(status_text(told(recipe, is_same_model=is_same)))
        seconds = gr.update(choices=second_classes(info.classes), value=values["blend_class"])
        kinds = kind_list(info, values["class_name"], values["kind"])
        lists = {"blend_class": seconds, "look": look_list(info, values["look"]), "kind": kinds}
        lists["keep"] = keep_list(info, values.get("keep"))
        inputs = [
            gr.skip() if name not in values else lists.get(name) or _update(each, values[name])
            for name, each in self.inputs.items()
        ]
        return [info.name, classes, recipe.colours, recipe.canvas, status, *inputs]

    def read(self, data: Any) -> tuple[CheckpointInfo, Recipe, bool]:
        """The model and the recipe of a posted picture and its settings, and whether its weights are those of then.

        Raises:
            PixelArtError: they are not understood, or the model is not here.
        """
        name, content = uploaded_file(data)
        try:
            settings = settings_of(data.get("settings"))
        except (ValueError, TypeError, RecursionError) as error:
            raise RequestRejected(f"{name}: carries no settings of this program.") from error
        checkpoint = settings.get("checkpoint")
        if not checkpoint:
            raise RequestRejected(f"{name}: its settings name no model.")
        info = self.engine.info(checkpoint)
        recipe = recipe_of(settings, decode_picture(content, name=name, max_pixels=SETTINGS.max_sheet_pixels), info)
        revision = settings.get("revision")
        return info, recipe, revision is None or revision == self.engine.revision(checkpoint)


def told(recipe: Recipe, *, is_same_model: bool = True) -> str:
    """The status, such as "Settings of seed 5 are set. Press Generate for the same picture." """
    head = f"Settings of seed {recipe.values['seed']} are set."
    if not is_same_model:
        return f"{head} The model has changed since, so {BUTTONS[recipe.action]} draws another picture."
    if recipe.differs:
        lacks = _listed(recipe.differs)
        return f"{head} The page cannot set {lacks}, so {BUTTONS[recipe.action]} draws another picture."
    return f"{head} Press {BUTTONS[recipe.action]} for the same picture."


def _listed(words: Sequence[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _update(component: Any, value: Any) -> Any:
    return gr.update(value=value) if usable(component, value) else gr.skip()
