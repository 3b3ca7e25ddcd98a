"""What callers may give: what is clear is converted, what is not is told with what was given and what is wanted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from pixelart.engine import Engine, Request
from pixelart.errors import RequestRejected
from pixelart.images.coercion import as_blend, as_facts, as_mask, as_picture
from pixelart.images.io import decode_picture, encode_png, read_facts
from tests.corpus import make

RGBA = np.random.default_rng(0).integers(0, 256, (8, 8, 4)).astype(np.uint8)
OPAQUE = RGBA.copy()
OPAQUE[..., 3] = 255
MASK = RGBA[..., 0] > 128


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        (RGBA, RGBA),
        (OPAQUE[..., :3], OPAQUE),
        (RGBA.astype(np.int64), RGBA),
        (RGBA.astype(np.float32), RGBA),
        (RGBA / 255, RGBA),
        (RGBA.tolist(), RGBA),
        (torch.from_numpy(RGBA), RGBA),
        (torch.from_numpy(RGBA / 255).requires_grad_(), RGBA),
        (Image.fromarray(RGBA), RGBA),
        (Image.fromarray(OPAQUE).convert("RGB"), OPAQUE),
    ],
)
def test_a_picture_that_is_clear_is_converted(given: Any, wanted: np.ndarray[Any, Any]) -> None:
    picture = as_picture(given)
    assert picture.dtype == np.uint8 and np.array_equal(picture, wanted)


def test_a_picture_may_be_a_file(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(encode_png(RGBA))
    for given in (tmp_path / "a.png", str(tmp_path / "a.png")):
        assert np.array_equal(as_picture(given), RGBA)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (RGBA[..., 0], r"picture of uint8 \(8, 8\): needs \(height, width, 4\) RGBA or"),
        (RGBA.transpose(2, 0, 1), r"picture of uint8 \(4, 8, 8\): needs"),
        (RGBA[None], r"picture of uint8 \(1, 8, 8, 4\): needs"),
        (RGBA[:0], r"picture of uint8 \(0, 8, 4\): needs"),
        (
            RGBA.astype(int) + 1000,
            r"picture of int64 \(8, 8, 4\) from 10\d\d to 12\d\d: needs integers from",
        ),
        (RGBA.astype(int) - 300, r"picture of int64 .* from -\d+ to -\d+: needs integers"),
        (RGBA * 0.5, r"picture of float64 .*: needs integers from 0 to 255, or floats from 0 to 1"),
        (np.full((8, 8, 4), np.nan), r"picture of float64 .* from nan to nan"),
        (RGBA > 3, r"picture of bool .*: needs integers"),
        ([[1, 2], [3]], r"picture: a list that is not an array; needs"),
        (None, r"picture: a NoneType; needs"),
        (b"\x89PNG", r"picture: a bytes; needs"),
        ({"a": 1}, r"picture: a dict; needs"),
    ],
)
def test_a_picture_that_is_not_clear_is_told(given: Any, told: str) -> None:
    with pytest.raises(RequestRejected, match=f"^{told}"):
        as_picture(given)


@pytest.mark.parametrize(
    "given",
    [
        MASK,
        MASK.tolist(),
        MASK.astype(np.uint8),
        MASK.astype(np.uint8) * 255,
        MASK.astype(np.int64),
        MASK.astype(float),
        MASK[..., None],
        torch.from_numpy(MASK),
        Image.fromarray(MASK.astype(np.uint8) * 255),
        Image.fromarray(MASK),
        np.dstack([MASK.astype(np.uint8) * 255] * 3),
    ],
)
def test_a_mask_that_is_clear_is_converted(given: Any) -> None:
    mask = as_mask(given)
    assert mask.dtype == np.bool_ and np.array_equal(mask, MASK)


def test_a_mask_may_be_a_file(tmp_path: Path) -> None:
    Image.fromarray(MASK.astype(np.uint8) * 255).save(tmp_path / "mask.png")
    assert np.array_equal(as_mask(str(tmp_path / "mask.png")), MASK)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (
            MASK * 7,
            r"mask of int64 \(8, 8\) that holds 7: needs \(height, width\) of True and False, of",
        ),
        (np.array([[0, 1, 255]]), r"mask of int64 \(1, 3\) that holds 1 and 255: needs"),
        (MASK * 0.5, r"mask of float64 \(8, 8\) that holds 0\.5: needs"),
        (MASK[0], r"mask of bool \(8,\): needs"),
        ("nothing.png", r"nothing\.png: No such file"),
        (None, r"mask: a NoneType; needs"),
    ],
)
def test_a_mask_that_is_not_clear_is_told(given: Any, told: str) -> None:
    with pytest.raises(ValueError, match=f"^{told}"):
        as_mask(given)


def test_a_blend_is_names_with_weights_or_one_name() -> None:
    assert as_blend("hero") == {"hero": 1.0} and as_blend(None) == {} and as_blend({"a": 2.0}) == {"a": 2.0}
    assert Request("tiny", "hero").class_weights == {"hero": 1.0}  # pyright: ignore[reportArgumentType]
    for given in (["hero"], 5, ("hero", 1)):
        with pytest.raises(RequestRejected, match=r"^class_weights .*: needs the name of a class, or"):
            Request("tiny", given)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"allowed": 5}, r"allowed 5: needs the numbers of levels"),
        ({"allowed": "05"}, r"allowed '05': needs"),
        ({"temperature": [[1.0], [1.0, 2.0]]}, r"temperature: a list that is not an array; needs a number, or a map"),
        ({"temperature": "hot"}, r"temperature 'hot': must be a number"),
        ({"checkpoint": 5}, r"checkpoint 5: needs the name of a checkpoint"),
    ],
)
def test_other_values_of_a_request_are_told(values: dict[str, Any], told: str) -> None:
    with pytest.raises(RequestRejected, match=f"^{told}"):
        Request(**{"checkpoint": "tiny", **values}).check()


def test_the_name_of_a_checkpoint_is_a_request(tiny_checkpoints: Path) -> None:
    engine = Engine(tiny_checkpoints)
    mask = np.zeros((8, 8), np.bool_)
    mask[0] = True
    picture = np.zeros((8, 8, 4), np.uint8)
    assert np.array_equal(engine.generate("tiny")[0].picture, engine.generate(Request("tiny"))[0].picture)
    found, wanted = (engine.complete(one, picture, mask)[0] for one in ("tiny", Request("tiny")))
    assert np.array_equal(found.picture, wanted.picture)
    with pytest.raises(RequestRejected, match=r"^seamless '': choose x, y or xy"):
        engine.mend_seam("tiny", picture)
    with pytest.raises(RequestRejected, match=r"^checkpoint 'none' not found"):
        engine.generate("none")


@pytest.mark.parametrize("given", [None, 5, b"tiny", ["tiny"], {"checkpoint": "tiny"}])
def test_what_is_no_request_is_told(given: Any, tiny_checkpoints: Path) -> None:
    engine = Engine(tiny_checkpoints)
    for ask in (
        lambda: engine.generate(given),
        lambda: engine.complete(given, RGBA, MASK),
        lambda: engine.enlarge(given, RGBA),
        lambda: engine.mend_seam(given, RGBA),
    ):
        with pytest.raises(RequestRejected, match=r"^request .*: needs a Request, or the name of a checkpoint$"):
            ask()
    with pytest.raises(RequestRejected, match=r"^checkpoint .*: needs the name of a checkpoint$"):
        Request(given)
    for ask in (engine.info, engine.warm_up, lambda name: engine.inspect(name, RGBA), engine.request):
        with pytest.raises(RequestRejected, match=r"^checkpoint .*: needs the name of a checkpoint$"):
            ask(given)


@pytest.mark.parametrize("given", [5, b"checkpoints", ["checkpoints"]])
def test_what_is_no_folder_is_told(given: Any) -> None:
    with pytest.raises(RequestRejected, match=r"^folder .*: needs the path of a folder$"):
        Engine(given)


def test_a_map_of_temperatures_may_be_a_list_or_a_tensor() -> None:
    for given in ([[1.0, 0.5]], torch.tensor([[1.0, 0.5]])):
        heat = Request("tiny", temperature=given).temperature  # pyright: ignore[reportArgumentType]
        assert isinstance(heat, np.ndarray) and heat.tolist() == [[1.0, 0.5]]
    for given in (np.array(0.5), torch.tensor(0.5)):
        assert Request("tiny", temperature=given).temperature == 0.5  # pyright: ignore[reportArgumentType]
    for given in ([1.0, 0.5], np.ones(3), np.ones((1, 2, 2))):
        with pytest.raises(RequestRejected, match=r"^temperature of float64 .*: needs a number, or a map \(height"):
            Request("tiny", temperature=given, seamless="x")  # pyright: ignore[reportArgumentType]


def test_an_engine_takes_all_of_it(tiny_checkpoints: Path, tiny_pictures: dict[str, Any], tmp_path: Path) -> None:
    engine, plain = Engine(str(tiny_checkpoints)), Engine(tiny_checkpoints)
    picture = tiny_pictures["cross"][0].copy()
    picture[..., 3] = 255
    mask = np.zeros((8, 8), np.bool_)
    mask[:2] = True
    (tmp_path / "in.png").write_bytes(encode_png(picture))
    wanted = plain.complete(Request("tiny", {"cross": 1.0}), picture, mask)[0]
    request = Request("tiny", "cross")  # pyright: ignore[reportArgumentType]
    for given, marked in (
        (picture[..., :3], mask.astype(np.uint8)),
        (Image.fromarray(picture), Image.fromarray(mask)),
        (str(tmp_path / "in.png"), mask.tolist()),
    ):
        drawn = engine.complete(request, given, marked)[0]
        assert np.array_equal(drawn.picture, wanted.picture) and drawn.log_prob == wanted.log_prob
        assert engine.log_likelihood("tiny", given, class_weights="cross") == pytest.approx(
            plain.log_likelihood("tiny", picture, class_weights={"cross": 1.0})
        )
    assert engine.inspect("tiny", picture[..., :3], class_weights="cross").bits.shape == (8, 8)
    assert engine.colours_at("tiny", picture.tolist(), row=0, column=0).current
    assert engine.snap("tiny", picture[..., :3])[0].shape == (8, 8, 4)
    with pytest.raises(RequestRejected, match=r"^mask is 3 x 8; the picture is 8 x 8"):
        engine.complete(request, picture, mask[:, :3])
    with pytest.raises(RequestRejected, match=r"^class 'dragon' is not one of cross, stripe"):
        engine.inspect("tiny", picture, class_weights="dragon")
    with pytest.raises(RequestRejected, match=r"^weight 'much' of class cross"):
        engine.inspect("tiny", picture, class_weights={"cross": "much"})  # pyright: ignore[reportArgumentType]


def test_a_completion_keeps_the_palette_and_the_profile_of_its_file(tiny_checkpoints: Path) -> None:
    path = make.FOLDER / "pictures" / "palette-and-profile.png"
    mask = np.zeros((8, 8), np.bool_)
    mask[3:5, 3:5] = True
    with Image.open(path) as image:
        facts, of_image = as_facts(path), as_facts(image)
        assert facts.palette is not None and of_image.palette is not None
        assert np.array_equal(facts.palette, of_image.palette)
        drawn = [Engine(tiny_checkpoints).complete(Request("tiny"), given, mask)[0] for given in (path, image)]
    for one in drawn:
        kept = read_facts(one.png(), name="out")
        assert kept.profile == make.PROFILE and kept.palette is not None
        assert kept.palette[: len(facts.palette)].tolist() == facts.palette.tolist()
        assert np.array_equal(decode_picture(one.png(), name="out"), one.picture)
        assert np.array_equal(one.picture[~mask], as_picture(path)[~mask])
