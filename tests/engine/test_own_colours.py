"""What the entries of a palette become in a picture that has colours of its own."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pixelart.engine import Drawing, Engine, Request
from pixelart.engine.own_colours import MAX_OWN_COLOURS, NEAR, own_colours
from pixelart.errors import RequestRejected
from pixelart.images.codec import RGB, Codec, Gray, Indexed, Picture, parse_hex_colours
from pixelart.images.palettes import oklab

MUTED = ["000000", "8c2f2f", "b13e53", "2f6e3a", "41a6f6", "f4f4f4"]
CODEC = Indexed(parse_hex_colours(MUTED))
DARK_RED, RED, GREEN, BLUE = 2, 3, 4, 5
"""Of `CODEC`; 0 is transparent."""


def of(*colours: str) -> Picture:
    """A picture of one row of these; "" is transparent."""
    rows = [[*bytes.fromhex(colour), 255] if colour else [0, 0, 0, 0] for colour in colours]
    return np.array([rows], np.uint8)


def table_for(*colours: str, codec: Codec = CODEC) -> list[str] | None:
    """What each entry becomes, after the first, in a picture of these colours whose last pixel is drawn."""
    picture = of(*colours, "123456")
    mask = np.zeros(picture.shape[:2], np.bool_)
    mask[0, -1] = True
    found = own_colours(codec, picture, mask)
    return None if found is None else [bytes(c[:3]).hex() for c in found.table[1:].tolist()]


def changed(*colours: str) -> dict[str, str]:
    """The entries that become another colour."""
    table = table_for(*colours)
    return {} if table is None else {a: b for a, b in zip(MUTED, table, strict=True) if a != b}


def distance(a: str, b: str) -> float:
    one, other = oklab(parse_hex_colours([a, b]))
    return float(np.linalg.norm(one - other))


def test_an_entry_becomes_the_near_colour_that_the_picture_has() -> None:
    assert distance("b13e53", "c8324b") < NEAR < distance("8c2f2f", "c8324b") + 0.1
    assert changed("c8324b")["b13e53"] == "c8324b"
    assert "41a6f6" not in changed("c8324b") and "2f6e3a" not in changed("c8324b")


def test_what_is_further_than_the_threshold_stays() -> None:
    assert distance("2f6e3a", "00ff00") > NEAR
    assert changed("00ff00") == {}
    near, far = "3a7a40", "56a05a"
    assert distance("2f6e3a", near) < NEAR < distance("2f6e3a", "7fd084")
    assert changed(near)["2f6e3a"] == near and changed("7fd084") == {} and changed(far).get("2f6e3a") in (far, None)


def test_of_several_the_nearest_is_taken() -> None:
    assert distance("2f6e3a", "30703b") < distance("2f6e3a", "3a7a40")
    assert changed("3a7a40", "30703b")["2f6e3a"] == "30703b"


def test_an_area_is_continued_in_its_colour_though_another_is_nearer_to_what_the_model_saw() -> None:
    """The bright one was seen as RED; the dark one is nearer to RED, yet was seen as DARK_RED."""
    codec = Indexed(parse_hex_colours(["a03040", "802838"]))
    bright, dark = "d83a5a", "8c2b3b"
    assert codec.encode(of(bright, dark)[None])[0, 0, 0].tolist() == [1, 2]
    assert distance("a03040", dark) < distance("a03040", bright) <= NEAR
    assert table_for(bright, dark, codec=codec) == [bright, dark]


def test_a_picture_of_the_models_own_colours_changes_nothing() -> None:
    assert table_for("b13e53", "41a6f6", "") is None
    assert table_for("", "") is None
    assert table_for() is None


def test_an_entry_that_the_picture_has_stays() -> None:
    assert "b13e53" not in changed("b13e53", "b23f54")


def test_hidden_colours_and_half_seen_ones_do_not_count() -> None:
    picture = of("c8324b", "c8324b")
    assert own_colours(CODEC, picture, np.array([[True, True]])) is None
    picture[0, 0, 3] = 100
    assert own_colours(CODEC, picture, np.array([[False, True]])) is None


@pytest.mark.parametrize("codec", [RGB(), Gray()])
def test_a_codec_without_a_palette_changes_nothing(codec: Codec) -> None:
    assert table_for("c8324b", codec=codec) is None


def test_only_masked_pixels_of_a_palette_colour_are_recoloured() -> None:
    picture, mask = of("c8324b", "", ""), np.array([[False, True, True]])
    found = own_colours(CODEC, picture, mask)
    drawn = picture.copy()
    drawn[0, 1], drawn[0, 2] = CODEC.table[RED], [9, 8, 7, 255]
    assert found is not None
    (after,) = found(drawn[None], mask)
    assert after.tolist() == [[[0xC8, 0x32, 0x4B, 255]] * 2 + [[9, 8, 7, 255]]]
    drawn[0, 0] = CODEC.table[RED]
    assert found(drawn[None], mask)[0, 0, 0].tolist() == CODEC.table[RED].tolist(), "not masked"
    assert not found(np.zeros_like(drawn)[None], mask).any(), "transparent stays"


def test_only_the_most_frequent_colours_count() -> None:
    blues = [f"{r:02x}{r + 40:02x}f8" for r in range(MAX_OWN_COLOURS)][: MAX_OWN_COLOURS - 60]
    blues += [f"0000{b:02x}" for b in range(196, 256)]
    assert len(set(blues)) == MAX_OWN_COLOURS
    assert changed(*blues, "3a7a40", "3a7a40", "3a7a40")["2f6e3a"] == "3a7a40"
    assert "2f6e3a" not in changed(*blues * 2, "3a7a40")


# --- by the engine --------------------------------------------------------------------------------------------------


def odd(picture: Picture) -> Picture:
    """Every visible colour a little off, so that the model has none of them."""
    shifted = picture.copy()
    there = picture[..., 3] == 255
    shifted[there, :3] = np.where(picture[there, :3] > 127, picture[there, :3] - 3, picture[there, :3] + 3)
    return shifted


def both(engine: Engine, ask: Any, **settings: Any) -> tuple[list[Drawing], list[Drawing]]:
    """As the model draws it, and in the picture's own colours."""
    return ask(Request("tiny", count=3, seed=4, **settings)), ask(
        Request("tiny", count=3, seed=4, own_colours=True, **settings)
    )


@pytest.mark.parametrize("seamless", ["", "xy"])
def test_a_completion_comes_in_the_pictures_colours(
    engine: Engine, tiny_pictures: dict[str, Picture], seamless: str
) -> None:
    picture, mask = odd(tiny_pictures["cross"][3]), np.zeros((8, 8), np.bool_)
    mask[2:6, 3:] = True
    table = {tuple(c) for c in engine.info("tiny").colours.tolist()}  # pyright: ignore[reportOptionalMemberAccess]
    plain, own = both(engine, lambda request: engine.complete(request, picture, mask), seamless=seamless)
    found = own_colours(engine.library.load("tiny").codec, picture, mask)
    assert found is not None
    for a, b in zip(plain, own, strict=True):
        assert np.array_equal(b.picture[~mask], picture[~mask]) and a.seed == b.seed
        assert a.log_prob == b.log_prob and np.array_equal(b.picture, found(a.picture[None], mask)[0])
        assert {tuple(c) for c in a.picture[mask].tolist()} <= table
        assert b.settings["own_colours"] is True and "own_colours" not in a.settings
    assert any(not np.array_equal(a.picture, b.picture) for a, b in zip(plain, own, strict=True))
    known = {tuple(c) for c in picture[~mask].tolist()}
    assert any(tuple(c) in known - table for d in own for c in d.picture[mask].tolist())


def test_a_picture_of_the_models_colours_is_completed_as_before(
    engine: Engine, tiny_pictures: dict[str, Picture]
) -> None:
    mask = np.zeros((8, 8), np.bool_)
    mask[2:6, 3:] = True
    plain, own = both(engine, lambda request: engine.complete(request, tiny_pictures["cross"][3], mask))
    assert all(np.array_equal(a.picture, b.picture) for a, b in zip(plain, own, strict=True))


def test_rows_are_shown_in_the_colours_of_the_result(engine: Engine, tiny_pictures: dict[str, Picture]) -> None:
    picture, mask, frames = odd(tiny_pictures["cross"][3]), np.ones((8, 8), np.bool_), list[Picture]()
    mask[:2] = False
    request = Request("tiny", seed=4, own_colours=True)
    (drawing,) = engine.complete(request, picture, mask, on_row=lambda done, rows, look: frames.append(look()[0]))
    for done, frame in enumerate(frames, 1):
        assert np.array_equal(frame[: 2 + done], drawing.picture[: 2 + done])
        assert not frame[2 + done :].any()


def test_own_colours_is_on_or_off(engine: Engine) -> None:
    bad: Any = "yes"
    with pytest.raises(RequestRejected, match="own_colours 'yes': must be True or False"):
        engine.complete(Request("tiny", own_colours=bad), np.zeros((8, 8, 4), np.uint8), np.ones((8, 8), np.bool_))
