"""Enlarge with a model that cannot: one that can does it, and is named."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from pixelart.ui.create.form import ANY_CLASS, request_from
from pixelart.ui.create.model_choice import enlarger, values_for
from pixelart.ui.create.palette_value import AllowedColours, everything_allowed, hex_colours
from pixelart.ui.session import Session
from tests.ui.create.test_drawing import canvases, handlers, painted, status_of, values
from tests.ui.fake_engine import FakeEngine


def test_a_model_that_cannot_enlarge_has_it_done_by_one_that_can_and_says_which() -> None:
    engine, session, canvas = FakeEngine(names=("tiny", "scales")), Session(), painted()
    outputs = list(handlers(engine).enlarge(session, 1, canvas, "tiny", **values(class_name="wall")))
    assert np.array_equal(canvases(outputs)[-1].picture[::2, ::2], canvas.picture)
    assert "scales enlarged it: tiny cannot. The canvas is now 32 x 32" in status_of(outputs[-1])
    assert session.drawings[0].settings["class_weights"] == {"wall": 1.0}


def test_where_no_model_enlarges_the_reason_is_told(warnings_shown: list[str]) -> None:
    outputs = list(handlers(FakeEngine()).enlarge(Session(), 1, painted(), "tiny", **values()))
    assert "tiny does not enlarge" in warnings_shown[0] and canvases(outputs) == []


def test_of_several_that_enlarge_the_one_most_like_the_chosen_does_it() -> None:
    info = FakeEngine(names=("tiny", "scales")).info
    chosen, same = info("tiny"), info("scales")
    other = replace(same, name="other", colours=None)
    strange = replace(same, name="strange", classes=("fish",))
    assert enlarger(chosen, [chosen, other, strange, same]).name == "scales"
    assert enlarger(chosen, [other, strange]).name == "strange" and enlarger(other, [same, other]) is other
    assert enlarger(chosen, [chosen]) is chosen
    posted = values(colours=everything_allowed(same.colours), blend_class="")
    assert values_for(posted, same, chosen) == posted and values_for(posted, chosen, chosen) is posted
    assert values_for(posted, strange, chosen)["class_name"] == ANY_CLASS
    assert values_for(posted, other, chosen)["colours"] is None
    asked = values(look="dark", class_name="hero", kind="mage")
    able = values_for(asked, replace(same, looks=("dark",), kinds=(("hero", "mage"),)), chosen)
    assert (able["look"], able["kind"]) == ("dark", "mage")
    other = values_for(asked, replace(same, kinds=(("wall", "mage"),)), chosen)
    assert (other["look"], other["kind"]) == ("", "")


def test_the_second_class_is_used_only_if_the_one_that_enlarges_has_both_classes() -> None:
    info = FakeEngine(names=("tiny", "scales")).info
    chosen, able = info("tiny"), info("scales")
    asked = values(class_name="hero", blend_class="wall", blend_share=25)
    both = request_from(values_for(asked, able, chosen), able)
    assert both.class_weights == {"hero": 0.75, "wall": 0.25}
    for classes, weights in ((("hero",), {"hero": 1.0}), (("wall",), {}), ((), {})):
        other = replace(able, classes=classes)
        assert request_from(values_for(asked, other, chosen), other).class_weights == weights


class AnyPalette(FakeEngine):
    """Of which "tiny" draws in any palette."""

    def info(self, checkpoint: str):
        return replace(super().info(checkpoint), takes_palettes=checkpoint == "tiny", most_colours=8)


def test_what_was_drawn_in_a_palette_of_the_visitor_is_enlarged_in_the_colours_of_the_one_that_can() -> None:
    engine, session, canvas = AnyPalette(names=("tiny", "scales")), Session(), painted()
    count = len(hex_colours(engine.info("scales").colours))
    many = ("", *(f"0000{i:02x}" for i in range(1, count)))  # as many as "scales" has, and others
    for colours in (("", "ff0000", "00ff00"), many):
        chosen = AllowedColours(colours, (True, False, *(True,) * (len(colours) - 2)))
        outputs = list(handlers(engine).enlarge(session, 1, canvas, "tiny", **values(colours=chosen)))
        assert np.array_equal(canvases(outputs)[-1].picture[::2, ::2], canvas.picture)
        posted = values_for(values(colours=chosen), engine.info("scales"), engine.info("tiny"))
        assert request_from(posted, engine.info("scales")).allowed is None
