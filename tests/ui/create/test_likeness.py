"""More like this: variants of a result."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from typing import Any

import gradio as gr
import numpy as np
import pytest

from pixelart.engine import Drawing, Request
from pixelart.errors import RequestRejected
from pixelart.images.io import encode_png
from pixelart.images.masks import blocks
from pixelart.ui.create.drawing import DrawingHandlers
from pixelart.ui.create.likeness import labels_shown, partly_masked
from pixelart.ui.session import Session
from tests.ui.create.test_examples import CHECKPOINT, ENGINE, FILES, event
from tests.ui.fake_engine import FakeEngine

LABELLED = replace(FakeEngine().info("tiny"), looks=("dark",), kinds=(("hero", "mage"), ("wall", "brick")))
SHOWN = {"checkpoint": "tiny", "class_weights": {"wall": 1.0}, "look": "dark", "kind": "brick"}


def labels(settings: Any) -> dict[str, Any]:
    """What is taken over of a result with these settings."""
    return dict(labels_shown({"settings": settings if settings is None else json.dumps(settings)}, LABELLED))


def test_variants_are_of_the_class_the_look_and_the_kind_of_the_result(monkeypatch: pytest.MonkeyPatch) -> None:
    requests = list[Request]()

    def complete(engine: FakeEngine, request: Request, *given: Any, **how: Any) -> list[Drawing]:
        requests.append(request)
        return [Drawing(given[0], request.seed, 0.0, {})]

    monkeypatch.setattr(FakeEngine, "info", lambda engine, name: LABELLED)
    monkeypatch.setattr(FakeEngine, "complete", complete)
    picture = np.full((16, 16, 4), 255, np.uint8)
    asked = {"data": base64.b64encode(encode_png(picture)).decode(), "share": 25, "settings": json.dumps(SHOWN)}
    values = {"class_name": "hero", "kind": "mage", "seed": 3}
    list(DrawingHandlers(ENGINE, FILES).more_like(Session(), 1, "tiny", event(asked), **values))
    (drawn,) = requests
    assert (drawn.class_weights, drawn.look, drawn.kind) == ({"wall": 1.0}, "dark", "brick"), "the page has changed"


def test_labels_that_the_model_does_not_know_are_not_taken_over() -> None:
    assert labels(SHOWN) == {
        "class_name": "wall", "blend_class": "", "blend_share": 50, "look": "dark", "kind": "brick",
    }  # fmt: skip
    mixed = labels({**SHOWN, "class_weights": {"wall": 0.75, "hero": 0.25}})
    assert (mixed["class_name"], mixed["blend_class"], mixed["blend_share"]) == ("wall", "hero", 25)
    assert labels({**SHOWN, "kind": "mage"})["kind"] == "", "a kind of another class"
    assert labels({**SHOWN, "checkpoint": "large"}) == {}, "another model drew it"
    assert labels({**SHOWN, "class_weights": {"fish": 1.0}}) == labels({**SHOWN, "look": "pale"}) == {}
    for wrong in (None, [], {**SHOWN, "class_weights": {"wall": "1"}}, {**SHOWN, "look": ["dark"]}):
        assert labels(wrong) == {}


def test_variants_of_a_result_redraw_a_share_of_it() -> None:
    picture = np.zeros((32, 32, 4), np.uint8)
    picture[:] = (255, 205, 117, 255)
    asked = {"data": base64.b64encode(encode_png(picture)).decode(), "share": 25}
    session = Session()
    page = DrawingHandlers(ENGINE, FILES)
    list(page.more_like(session, 1, CHECKPOINT, event(asked), class_name="hero", images=2, seed=3))
    assert [drawing.seed for drawing in session.drawings] == [3, 4]
    assert session.mask is not None and session.mask.mean() == 0.25
    for drawing in session.drawings:
        assert np.array_equal(drawing.picture[~session.mask], picture[~session.mask])


@pytest.mark.parametrize("asked", [None, {}, {"data": 5, "share": 25}, {"data": "AAAA", "share": 25}])
def test_what_is_no_result_is_refused(asked: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    session = Session()
    monkeypatch.setattr(gr, "Warning", lambda text: None)
    page = DrawingHandlers(ENGINE, FILES)
    list(page.more_like(session, 1, CHECKPOINT, event(asked), class_name="hero"))
    assert not session.drawings


def test_only_the_offered_shares_are_redrawn() -> None:
    data = base64.b64encode(encode_png(np.zeros((8, 8, 4), np.uint8))).decode()
    assert partly_masked({"data": data, "share": 75}).painted_mask.mean() == 0.75
    for share in (0, 100, "50", None, True):
        with pytest.raises(RequestRejected, match="share"):
            partly_masked({"data": data, "share": share})


@pytest.mark.parametrize("share", [0.25, 0.5, 0.75])
def test_random_blocks_cover_a_share(share: float) -> None:
    random = np.random.default_rng(1)
    mask = blocks(32, 32, share=share, size=4, random=random)
    assert mask.shape == (32, 32) and mask.mean() == share
    assert (mask.reshape(8, 4, 8, 4).any((1, 3)) == mask.reshape(8, 4, 8, 4).all((1, 3))).all()
    assert blocks(5, 3, share=0.01, size=4, random=random).any()
