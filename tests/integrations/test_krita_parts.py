"""The parts of the Krita plug-in that need no Krita: bytes, boxes, messages."""

from __future__ import annotations

import base64
import io
import json

import numpy as np
import pytest
from PIL import Image

from pixelart.integrations.krita.pixelart_studio.messages import (
    Lines,
    Model,
    Settings,
    after_resize,
    complete,
    extend,
    generate,
    is_last,
    placed,
    progress_of,
    read_models,
    read_results,
)
from pixelart.integrations.krita.pixelart_studio.pixels import (
    Box,
    colours_in,
    edge_region,
    extended_canvas,
    has_selected,
    mask_rgba,
    png,
    region_around,
    swapped,
)

RANDOM = np.random.default_rng(5)
PICTURE = RANDOM.integers(0, 256, (6, 9, 4), np.uint8)
CANVAS = Box(0, 0, 100, 60)


def decoded(data: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(data)) as image:
        assert image.mode == "RGBA"
        return np.asarray(image)


def test_a_png_has_exactly_the_bytes() -> None:
    assert np.array_equal(decoded(png(9, 6, PICTURE.tobytes())), PICTURE)
    with pytest.raises(ValueError, match="10 bytes; 9 x 6 pixels have 216"):
        png(9, 6, b"0123456789")


def test_bgra_and_back() -> None:
    data = PICTURE.tobytes()
    assert swapped(data) == PICTURE[..., [2, 1, 0, 3]].tobytes() and swapped(swapped(data)) == data


def test_a_selection_becomes_a_mask_of_white_and_black() -> None:
    assert mask_rgba(bytes([0, 127, 128, 255])) == b"\0\0\0\xff" * 2 + b"\xff" * 8
    assert has_selected(bytes([0, 128])) and not has_selected(bytes([0, 127]))


def test_what_is_sent_is_all_that_the_model_can_see() -> None:
    assert region_around(Box(50, 30, 4, 4), CANVAS, (32, 16)) == Box(18, 14, 68, 36)
    assert region_around(Box(0, 0, 100, 60), CANVAS, (32, 16)) == CANVAS
    assert Box(200, 0, 5, 5).within(CANVAS).is_empty


@pytest.mark.parametrize(
    ("side", "strip", "larger"),
    [
        ("left", Box(0, 0, 16, 60), Box(-5, 0, 105, 60)),
        ("right", Box(84, 0, 16, 60), Box(0, 0, 105, 60)),
        ("up", Box(0, 0, 100, 16), Box(0, -5, 100, 65)),
        ("down", Box(0, 44, 100, 16), Box(0, 0, 100, 65)),
    ],
)
def test_an_extension_sends_a_strip_and_finds_its_place(side: str, strip: Box, larger: Box) -> None:
    assert edge_region(CANVAS, side, (8, 8)) == strip and extended_canvas(CANVAS, side, 5) == larger
    size = extended_canvas(strip._replace(x=0, y=0), side, 5)[2:]
    left, up = (5 if side == one else 0 for one in ("left", "up"))
    pixels = base64.b64encode(bytes(4 * size[0] * size[1])).decode()
    answer = {"width": size[0], "height": size[1], "left": left, "up": up}
    answer |= {"results": [{"seed": 3, "bits": 9.6, "rgba": pixels}]}
    found = after_resize(read_results(answer, strip), CANVAS, side, 5)
    assert found.box.within(Box(0, 0, *larger[2:])) == found.box and found.pictures[0].name == "seed 3 - 10 bits"
    assert (found.box.x, found.box.y) == (strip.x if side != "left" else 0, strip.y if side != "up" else 0)


def test_messages_have_the_values_of_the_docker() -> None:
    settings, box = Settings("studio", "hero", "dark", "mage", "calm", 7, 2, ["ff0044", "ffffff"]), Box(3, 4, 9, 6)
    message = complete(settings, box, PICTURE.tobytes(), bytes(54))
    assert np.array_equal(decoded(base64.b64decode(message["picture"])), PICTURE)
    assert not decoded(base64.b64decode(message["mask"]))[..., :3].any()
    assert json.loads(json.dumps(message))["palette"] == ["ff0044", "ffffff"]
    labels = {"class_name": "hero", "look": "dark", "kind": "mage"}
    controls = {"model": "studio", **labels, "preset": "calm", "seed": 7, "images": 2, "raw": True}
    assert controls.items() <= message.items() and "size" not in message
    assert extend(settings, box, PICTURE.tobytes(), "up", 8)["up"] == 8
    assert generate(settings, (24, 16))["size"] == "24x16" and "palette" not in generate(Settings())
    assert settings.again().seed == 9 and Settings().again() == Settings()


def test_only_few_colours_make_a_palette() -> None:
    assert colours_in(b"\xff\0\x44\xff" * 3 + b"\1\2\3\x80" + b"\x09\x09\x09\0") == ["ff0044", "010203"]
    assert colours_in(b"\xff\0\x44\xff") is None
    assert colours_in(b"".join(bytes([i, j, 0, 255]) for i in range(17) for j in range(17))) is None


def test_answers_come_however_the_bytes_are_cut() -> None:
    text = b'{"waiting": true}\n{"progress": {"done": 1, "rows": 4}}\n\n{"error": "x"}\n'
    lines = Lines()
    answers = [each for start in range(len(text)) for each in lines.add(text[start : start + 1])]
    assert [progress_of(each) for each in answers] == [None, 0.25, None]
    assert [is_last(each) for each in answers] == [False, False, True]
    for wrong in (b"<html>\n", b"5\n"):
        with pytest.raises(ValueError):
            Lines().add(wrong)


def test_a_picture_of_a_wrong_size_is_refused() -> None:
    answer = {"width": 2, "height": 2, "left": 0, "up": 0, "results": [{"seed": 1, "bits": 1.0, "rgba": "AAAA"}]}
    with pytest.raises(ValueError, match="another size"):
        read_results(answer, CANVAS)


def test_new_pictures_are_centred_in_the_selection() -> None:
    model = Model("any", 32, 32, ["hero"], ["dark"], {"hero": ["mage"]}, ["calm"], True)
    assert model.size_for(Box(0, 0, 20, 12)) == (20, 12) and model.size_for(Box(0, 0, 3, 12)) is None
    assert model._replace(any_size=False).size_for(Box(0, 0, 20, 12)) is None
    pixels = base64.b64encode(bytes(16)).decode()
    answer = {"width": 2, "height": 2, "left": 0, "up": 0, "results": [{"seed": 1, "bits": 1.0, "rgba": pixels}]}
    assert placed(read_results(answer, CANVAS), Box(10, 20, 6, 4)).box == Box(12, 21, 2, 2)
    told = {**model._asdict(), "takes_palettes": True}
    assert read_models({"models": [told]}) == [model]
