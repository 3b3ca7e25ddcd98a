"""What the page offers for a model: buttons, looks, kinds, and what a completion keeps."""

from __future__ import annotations

from dataclasses import replace

from pixelart.engine import CheckpointInfo
from pixelart.ui.browser_storage import Kept
from pixelart.ui.create.form import ANY_CLASS
from pixelart.ui.create.label_lists import keep_list, kind_list, look_list
from tests.ui.create.test_canvas import over, pictures
from tests.ui.fake_engine import FakeEngine


def test_enlarge_is_offered_where_some_model_can() -> None:
    def seen(*names: str, model: str = "tiny") -> list[bool]:
        updates = pictures(names=names).offer(model)
        return [update["visible"] if isinstance(update, dict) else update.visible for update in updates]

    assert seen("tiny", "scales") == [True, False, False, False, False, False, False]
    assert seen("tiny") == [False] * 7 == seen()


def test_the_looks_of_a_model_are_offered_and_a_chosen_one_stays() -> None:
    info = replace(FakeEngine().info("tiny"), looks=("dark", "light"))
    chosen = look_list(info, "light")
    assert chosen["visible"] and chosen["value"] == "light"
    assert chosen["choices"] == [("Any look", ""), ("dark", "dark"), ("light", "light")]
    assert look_list(info, "grey")["value"] == look_list(info, None)["value"] == ""
    none = look_list(replace(info, looks=()), "light")
    assert not none["visible"] and none["value"] == ""


def test_a_reload_brings_back_the_look() -> None:
    class Looked(FakeEngine):
        def info(self, checkpoint: str) -> CheckpointInfo:
            return replace(super().info(checkpoint), looks=("dark", "light"))

    page = over(Looked())
    assert page.offer("tiny", kept=Kept({"look": "light"}))[3]["value"] == "light"
    assert page.offer("tiny", "dark", kept=Kept({"look": ["light"]}))[3]["value"] == ""
    assert page.offer("tiny", "dark")[3]["value"] == "dark"


class Kinds(FakeEngine):
    """Whose heroes are of two kinds, and whose walls of one."""

    def info(self, checkpoint: str) -> CheckpointInfo:
        return replace(super().info(checkpoint), kinds=(("hero", "mage"), ("wall", "brick"), ("hero", "knight")))


def test_the_kinds_of_the_chosen_class_are_offered() -> None:
    info, page = Kinds().info("tiny"), over(Kinds())
    assert kind_list(info, "hero", "mage")["choices"] == [("Any kind", ""), ("knight", "knight"), ("mage", "mage")]
    assert page.offer_kinds("tiny", "wall", "mage")["value"] == ""
    assert not page.offer_kinds("tiny", ANY_CLASS, "")["visible"] and not page.offer_kinds("", "hero", "")["visible"]
    assert "value" not in page.offer_kinds("tiny", "hero", "mage"), "what another event sets stays"
    assert page.offer("tiny", "", "hero", "knight")[4]["value"] == "knight"
    assert page.offer("tiny", "", "hero", "", kept=Kept({"kind": "mage"}))[4]["value"] == "mage"
    assert page.offer("tiny", "", "wall", "mage")[4]["value"] == ""


class Keeps(FakeEngine):
    """Whose model "tiny" keeps shape and shading, "large" only the shape, and the others nothing."""

    def info(self, checkpoint: str) -> CheckpointInfo:
        return replace(
            super().info(checkpoint), keeps={"tiny": ("shape", "sketch"), "large": ("shape",)}.get(checkpoint, ())
        )


def test_only_what_the_model_can_keep_is_offered() -> None:
    engine = Keeps(names=("tiny", "large", "scales"))
    both, shape, nothing = (keep_list(engine.info(name), "sketch") for name in engine.names)
    assert both["choices"] == [("Nothing", ""), ("Shape", "shape"), ("Shading", "sketch")]
    assert both["value"] == "sketch" and both["visible"]
    assert shape["choices"] == [("Nothing", ""), ("Shape", "shape")] and shape["value"] == "" and shape["visible"]
    assert nothing["value"] == keep_list(None, "shape")["value"] == "" and not nothing["visible"]


def test_a_hidden_choice_of_what_is_kept_is_reset_or_complete_would_be_refused() -> None:
    page = over(Keeps(names=("tiny", "large", "scales")))
    assert page.offer("tiny", keep="shape")[5]["value"] == "shape" == page.offer("large", keep="shape")[5]["value"]
    assert page.offer("large", keep="sketch")[5]["value"] == page.offer("scales", keep="shape")[5]["value"] == ""
    kept = Kept({"keep": "sketch"})
    assert page.offer("tiny", kept=kept)[5]["value"] == "sketch"
    assert page.offer("scales", kept=kept)[5]["value"] == "", "after a reload, too"
    assert page.offer("tiny", keep=["shape"])[5]["value"] == ""
