"""In which colours a model draws whose palette is an input: said, of the picture, of its class, of the checkpoint."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pixelart.errors import RequestRejected, WeightsRejected
from pixelart.images.codec import EachPalette, Indexed, Paletted, Picture
from pixelart.images.example_palettes import (
    CLASS_PALETTES_FILE,
    ExamplePalette,
    class_palettes_json,
    read_class_palettes,
)
from pixelart.images.palette_choice import as_palette, codec_of, example_picker, palette_fitting, palette_settings

OWN = Paletted(np.array([[9, 9, 9], [90, 90, 90], [200, 200, 200]], np.uint8), levels=7)
RED = np.array([[255, 0, 0], [128, 0, 0], [64, 0, 0]], np.uint8)
BLUE = np.array([[0, 0, 255], [0, 0, 128]], np.uint8)
PALETTES = {"cross": [ExamplePalette(RED)], "stripe": [ExamplePalette(BLUE)]}


def picture_of(*colours: tuple[int, int, int]) -> Picture:
    """One row, of these and one transparent pixel."""
    return np.array([[*((*colour, 255) for colour in colours), (0, 0, 0, 0)]], np.uint8)


def colours_of(palette: Any = "", picture: Picture | None = None, seed: int = 0, **given: Any) -> list[str]:
    """What the picture of a seed is drawn in."""
    picture = picture_of() if picture is None else picture
    size, named = (picture.shape[0], picture.shape[1]), {"palettes": PALETTES, "class_weights": {}, **given}
    how: dict[str, Any] = {"picture": picture, "mask": named.pop("mask", np.zeros(size, np.bool_)), "name": "tiny"}
    how["example_of"] = example_picker(named.pop("palettes"), size, **named)
    return palette_settings(codec_of(OWN, as_palette(palette), **how)(range(seed, seed + 1)), 0)["colours"]


def hexed(colours: Any) -> list[str]:
    return [bytes(colour).hex() for colour in np.asarray(colours, np.uint8).tolist()]


def test_the_words() -> None:
    many = picture_of((1, 2, 3), (4, 5, 6), (7, 8, 9), (10, 11, 12))
    assert colours_of("model", many) == hexed(OWN.colours)
    assert colours_of("picture", many) == colours_of("", many) == ["010203", "040506", "070809", "0a0b0c"]
    assert colours_of(["#FF0000", "00ff00"]) == ["ff0000", "00ff00"]
    assert colours_of(np.array([[255, 0, 0, 255], [0, 255, 0, 255], [0, 0, 1, 0]], np.uint8)) == ["ff0000", "00ff00"]


def test_a_picture_from_nothing_has_a_palette_of_its_class_picked_by_the_seed() -> None:
    assert {tuple(colours_of(seed=seed, class_weights={"cross": 1.0})) for seed in range(5)} == {tuple(hexed(RED))}
    any_class = [tuple(colours_of(seed=seed)) for seed in range(20)]
    assert set(any_class) == {tuple(hexed(RED)), tuple(hexed(BLUE))}
    assert any_class == [tuple(colours_of(seed=seed)) for seed in range(20)]
    assert colours_of(palettes={}) == hexed(OWN.colours)


def test_the_palette_is_of_a_picture_of_the_nearest_size() -> None:
    small, large = ExamplePalette(BLUE, (16, 16)), ExamplePalette(RED, (32, 48))

    def drawn_in(height: int, width: int) -> set[tuple[str, ...]]:
        picture = np.zeros((height, width, 4), np.uint8)
        return {tuple(colours_of("", picture, seed, palettes={"cross": [small, large]})) for seed in range(8)}

    assert drawn_in(8, 8) == drawn_in(16, 24) == {tuple(hexed(BLUE))}
    assert drawn_in(48, 32) == drawn_in(64, 64) == {tuple(hexed(RED))}


def test_the_palette_is_of_the_look_and_the_kind_of_the_drawn_class() -> None:
    old, new = ExamplePalette(BLUE, look="old", kind="axe"), ExamplePalette(RED, look="new")
    palettes = {"cross": [old, new], "stripe": [ExamplePalette(BLUE, look="new", kind="bow")]}

    def drawn_in(**how: Any) -> set[tuple[str, ...]]:
        return {tuple(colours_of(seed=s, palettes=palettes, class_weights={"cross": 1.0}, **how)) for s in range(8)}

    red, blue = tuple(hexed(RED)), tuple(hexed(BLUE))
    assert drawn_in(look="new") == {red} and drawn_in(kind="axe") == {blue}
    assert drawn_in() == {red, blue}, "both looks"
    assert drawn_in(look="old", kind="bow") == {blue}, "only another class has bows"


def test_those_with_a_kind_stand_for_all_from_a_quarter_on() -> None:
    some = [ExamplePalette(RED)] * 3 + [ExamplePalette(BLUE, kind="axe")]
    for palettes, both in ((some, False), ([ExamplePalette(RED), *some], True)):
        picker = example_picker({"cross": palettes}, (8, 8), class_weights={"cross": 1.0})
        kinds = {one.kind for seed in range(40) if (one := picker(seed))}
        assert kinds == ({"", "axe"} if both else {"axe"})


def test_a_look_is_picked_as_often_as_it_has_pictures_and_its_picture_as_if_it_was_given() -> None:
    mine = [ExamplePalette(RED[:count], look="mine", kind=kind) for count, kind in ((1, "axe"), (2, "bow"), (3, ""))]
    how: dict[str, Any] = {"class_weights": {"cross": 1.0}}
    palettes = {"cross": [ExamplePalette(BLUE, look="yours"), *mine]}
    any_look, given = (example_picker(palettes, (8, 8), **how, look=look) for look in ("", "mine"))
    picked = [any_look(seed) for seed in range(400)]
    assert 0.7 < np.mean([one is not None and one.look == "mine" for one in picked]) < 0.8
    assert all(one is not None and one.look in ("mine", "yours") for one in picked)
    for seed, one in enumerate(picked):
        assert one is given(seed) or (one is palettes["cross"][0]), "the same picture if its look is given"
    assert {one.kind for one in picked if one and one.look == "mine"} == {"axe", "bow"}


def test_pictures_of_no_look_come_first_unless_a_look_is_given() -> None:
    palettes = {"cross": [ExamplePalette(BLUE, look="yours"), ExamplePalette(RED)]}
    for look, wanted in (("", RED), ("yours", BLUE)):
        picker = example_picker(palettes, (8, 8), class_weights={"cross": 1.0}, look=look)
        assert all((one := picker(seed)) and one.look == look and one.colours is wanted for seed in range(20))
    axe = ExamplePalette(BLUE, look="yours", kind="axe")
    picker = example_picker({"cross": [axe, ExamplePalette(RED)]}, (8, 8), class_weights={"cross": 1.0}, kind="axe")
    assert picker(0) is axe, "the kind that was asked for comes first"


def test_the_picks_among_pictures_of_no_look_stay_those_of_older_versions() -> None:
    palettes = {"cross": [ExamplePalette(np.full((1, 3), i, np.uint8)) for i in range(100)]}
    picker = example_picker(palettes, (8, 8), class_weights={"cross": 1.0})
    assert [int(one.colours[0, 0]) for seed in range(6) if (one := picker(seed))] == [94, 28, 53, 62, 83, 37]


def test_few_colours_of_a_picture_are_kept_and_joined_by_others() -> None:
    found = colours_of("", picture_of((0, 0, 255), (5, 5, 5)), class_weights={"stripe": 2.0})
    assert found == ["0000ff", "050505", "000080"]


def test_what_is_masked_has_no_part_in_it() -> None:
    picture = picture_of((1, 1, 1), (2, 2, 2), (3, 3, 3), (4, 4, 4), (250, 0, 0))
    mask = picture[..., 0] == 250
    assert "fa0000" not in colours_of("", picture, mask=mask)


def test_more_colours_than_fit_are_reduced_unless_they_are_asked_for() -> None:
    picture = picture_of(*((i, 100, 0) for i in range(0, 200, 20)))
    assert len(colours_of("", picture)) == 6
    with pytest.raises(RequestRejected, match=r"^palette picture: it has 10 colours; tiny draws in 2 to 6$"):
        colours_of("picture", picture)
    assert isinstance(fitted := palette_fitting(OWN, picture), Paletted) and len(fitted.colours) == 6


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (["ff0000"], "palette of 1 colours: must have 2 to 6"),
        ([f"0000{i:02x}" for i in range(7)], "palette of 7 colours: must have 2 to 6"),
        (["ff0000", "00ff00", "FF0000"], "palette: ff0000 occurs twice"),
        (["red", "00ff00"], "colour 'red': write six hexadecimal digits such as ff0044"),
        ("red", "palette 'red': needs picture, model, or a list of colours"),
        ([[1, 2], [3, 4]], r"palette: needs colours \(N, 3\) or \(N, 4\) of whole numbers from 0 to 255"),
        ([[1, 2, 300]], r"palette: needs colours \(N, 3\) or \(N, 4\) of whole numbers from 0 to 255"),
    ],
)
def test_a_palette_that_cannot_be_is_refused_in_one_line(given: Any, told: str) -> None:
    with pytest.raises(RequestRejected, match=f"^{told}$"):
        colours_of(given)


def test_a_model_of_its_own_colours_takes_no_palette() -> None:
    how: dict[str, Any] = {"picture": picture_of(), "mask": np.zeros((1, 1), np.bool_), "name": "tiny"}
    how["example_of"] = example_picker({}, (1, 1), class_weights={})
    own = Indexed(RED)
    assert codec_of(own, "", **how)(range(1)) is own
    with pytest.raises(RequestRejected, match=r"^palette: tiny has a fixed palette$"):
        codec_of(own, ("ff0000", "00ff00"), **how)


def test_each_picture_in_its_own_palette_is_encoded_and_decoded() -> None:
    each = EachPalette([OWN.with_colours(RED), OWN.with_colours(BLUE)])
    picture = picture_of((255, 0, 0), (0, 0, 250))[None]
    x = each.encode(picture)
    assert x[:, 0, 0].tolist()[0][0] == 1 and x.shape == (2, 1, 1, 3)
    decoded = each.decode(x)
    assert hexed(decoded[0, 0, :2, :3])[0] == "ff0000" and hexed(decoded[1, 0, :2, :3])[1] == "0000ff"
    assert each.palette().shape == (2, 7, 4)


def test_palettes_of_classes_are_written_and_read_and_damage_is_told(tmp_path: Path) -> None:
    assert read_class_palettes(tmp_path, ("cross",)) == {}
    palettes = {"cross": [ExamplePalette(RED, (24, 32)), ExamplePalette(BLUE)]}
    (tmp_path / CLASS_PALETTES_FILE).write_bytes(class_palettes_json(palettes))
    found = read_class_palettes(tmp_path, ("cross", "new"))
    sized, older = found["cross"]
    assert hexed(sized.colours) == hexed(RED) and sized.size == (24, 32) and found["new"] == []
    assert hexed(older.colours) == hexed(BLUE) and older.size is None
    for damaged in (b"{", b"[]", b'{"cross": 5}', b'{"cross": ["red"]}', json.dumps({"cross": [[1]]}).encode()):
        (tmp_path / CLASS_PALETTES_FILE).write_bytes(damaged)
        with pytest.raises(WeightsRejected, match=CLASS_PALETTES_FILE):
            read_class_palettes(tmp_path, ("cross",))


def test_a_palette_that_repeats_a_colour_is_refused_when_it_is_read(tmp_path: Path) -> None:
    (tmp_path / CLASS_PALETTES_FILE).write_text('{"cross": ["00ff00 0000ff", "ff0000 00ff00 FF0000"]}')
    told = f"^{tmp_path.name}/{CLASS_PALETTES_FILE}: a palette holds the colour ff0000 twice$"
    with pytest.raises(WeightsRejected, match=told):
        read_class_palettes(tmp_path, ("cross",))
