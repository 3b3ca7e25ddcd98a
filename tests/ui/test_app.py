"""The app as a server: the pixels that a raw HTTP client gets, chooses and saves."""

from __future__ import annotations

import base64
import io
import urllib.request
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pixelart.engine import Request
from pixelart.images.codec import Picture
from pixelart.ui.create.canvas_value import canvas_from_payload
from tests.ui.fake_engine import FakeEngine
from tests.ui.page_events import GOOD, MASK, PICTURE, wanted
from tests.ui.serving import GRADIO_WARNINGS
from tests.ui.visitor import Visitor

pytestmark = pytest.mark.filterwarnings(*GRADIO_WARNINGS)


def gallery_pictures(url: str, gallery: dict[str, Any]) -> list[Picture]:
    pictures = []
    for item in gallery["value"]:
        with urllib.request.urlopen(f"{url}gradio_api/file={item['image']['path']}") as file:
            pictures.append(np.asarray(Image.open(io.BytesIO(file.read())).convert("RGBA")))
    return pictures


@pytest.mark.slow
def test_two_endpoints_are_offered_to_clients_and_all_events_are_known_here(visitor: Visitor) -> None:
    assert visitor.public == ["generate", "complete"]
    assert set(GOOD) == set(visitor.events)


@pytest.mark.slow
def test_generate_brings_exactly_the_pixels_of_its_seeds(visitor: Visitor, engine: FakeEngine) -> None:
    canvas, status, gallery = visitor.post("generate", GOOD["generate"]).data
    assert np.array_equal(canvas_from_payload(canvas).picture, wanted(engine, 5)) and not canvas["preview"]
    first, second = gallery_pictures(visitor.url, gallery)
    assert np.array_equal(first, wanted(engine, 5)) and np.array_equal(second, wanted(engine, 6))
    assert [item["caption"] for item in gallery["value"]] == ["seed 5", "seed 6"] and "2 pictures in" in status


@pytest.mark.slow
def test_complete_brings_exactly_the_pixels_of_its_seed_under_the_mask(visitor: Visitor, engine: FakeEngine) -> None:
    picture = canvas_from_payload(visitor.post("complete", GOOD["complete"]).data[0]).picture
    best = engine.complete(Request("tiny", {"hero": 1.0}, count=2, seed=5), PICTURE, MASK)[0].picture
    assert np.array_equal(picture, best) and not np.array_equal(picture, PICTURE)


def test_enlarge_brings_a_picture_of_twice_the_size(visitor: Visitor, engine: FakeEngine) -> None:
    canvas, status, gallery = visitor.post("enlarge", GOOD["enlarge"]).data
    best, *_ = engine.enlarge(Request("scales", {"hero": 1.0}, count=2, seed=5), PICTURE)
    assert np.array_equal(canvas_from_payload(canvas).picture, best.picture) and len(gallery["value"]) == 2
    assert np.array_equal(best.picture[::2, ::2], PICTURE) and "now 32 x 32" in status
    assert np.array_equal(gallery_pictures(visitor.url, gallery)[0], best.picture)


def test_results_can_be_chosen_their_seed_reused_and_saved(visitor: Visitor, engine: FakeEngine) -> None:
    visitor.post("generate", GOOD["generate"])
    canvas, status = visitor.post("choose", [None, 1, "tiny", None, None, 0], {"index": 1}).data
    assert np.array_equal(canvas_from_payload(canvas).picture, wanted(engine, 6)) and "Seed 6" in status
    assert visitor.post("reuse_seed", [None, None]).data[0] == 6
    saved = visitor.post("download", GOOD["download"]).data[0]
    with Image.open(io.BytesIO(base64.b64decode(saved["data"]))) as image:
        assert np.array_equal(np.asarray(image.convert("RGBA"))[::2, ::2], wanted(engine, 6))
