"""What the masked pixels of a completion keep: their shape or their sketch, and that a sketch is seen while it is
drawn."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from pixelart.cli.main import main
from pixelart.engine import Engine, Preview, Request
from pixelart.errors import RequestRejected
from pixelart.images.codec import Indexed, Picture
from pixelart.images.io import encode_png, read_picture
from pixelart.images.kept_kinds import allowed_by_kind, colours_of, opacity_of

pytestmark = pytest.mark.trains
GREYS = ("000000", "202020", "606060", "a0a0a0", "e0e0e0", "ff3030", "30ff30", "3030ff")


@pytest.fixture
def engine(tiny_checkpoints: Path) -> Engine:
    return Engine(tiny_checkpoints)


def a_picture(side: int = 8) -> tuple[Picture, Any]:
    """Half of it visible, dark at the left and light at the right; all but its frame is masked."""
    picture = np.zeros((side, side, 4), np.uint8)
    picture[2:, :, 3] = 255
    picture[2:, side // 2 :, :3] = 220
    mask = np.zeros((side, side), np.bool_)
    mask[1:-1, 1:-1] = True
    return picture, mask


def levels(picture: Picture) -> torch.Tensor:
    """Of the preset "debug": transparent, dark, or light."""
    colours = colours_of(picture)
    return (1 + (colours[..., 0] >= 0.4).long()) * (colours[..., 3] > 0)


@pytest.mark.parametrize("sampler", ["cached", "fixed_point", "naive"])
def test_a_sketch_is_kept_and_the_colours_are_drawn_anew(sketch_checkpoints: Path, sampler: str) -> None:
    picture, mask = a_picture()
    request = Request("any", count=3, keep="sketch", palette=GREYS, sampler=sampler)
    drawn = Engine(sketch_checkpoints).complete(request, picture, mask)
    for drawing in drawn:
        assert torch.equal(levels(drawing.picture), levels(picture)) and drawing.settings["keep"] == "sketch"
        assert np.array_equal(drawing.picture[~mask], picture[~mask])
    assert len({drawing.picture.tobytes() for drawing in drawn}) == 3


def test_a_shape_is_kept_by_any_model_of_colours(engine: Engine, sketch_checkpoints: Path) -> None:
    picture = a_picture()[0]
    for one, name in ((engine, "tiny"), (Engine(sketch_checkpoints), "any")):
        whole = np.zeros((one.info(name).height, one.info(name).width, 4), np.uint8)
        whole[:8, :8] = picture
        for drawing in one.complete(Request(name, count=3, keep="shape"), whole, np.ones(whole.shape[:2], np.bool_)):
            assert np.array_equal(drawing.picture[..., 3], whole[..., 3])


def test_the_old_colours_of_masked_pixels_are_not_known(sketch_checkpoints: Path) -> None:
    picture, mask = a_picture()
    other = picture.copy()
    other[mask & (picture[..., 0] == 220), :3] = (250, 220, 210)  # as light, another hue
    engine, request = Engine(sketch_checkpoints), Request("any", keep="sketch", palette=GREYS)
    (one,), (two,) = (engine.complete(request, given, mask) for given in (picture, other))
    assert np.array_equal(one.picture, two.picture)


def test_a_kind_that_the_palette_has_not_becomes_the_nearest(sketch_checkpoints: Path) -> None:
    picture, mask = a_picture()
    dark = Engine(sketch_checkpoints).complete(Request("any", keep="sketch", palette=GREYS[:2]), picture, mask)[0]
    assert np.array_equal(dark.picture[..., 3], picture[..., 3]) and not dark.picture[mask][:, :3].max() > 0x20
    codec = Indexed(np.array([[0, 0, 0], [255, 255, 255]], np.uint8))
    allowed = allowed_by_kind(codec, picture, opacity_of, count=2, allowed=(0,))
    assert allowed.shape == (2, 3, 8, 8) and allowed[:, 0].all() and not allowed[:, 1:].any(), "a lock is stronger"


def test_what_cannot_keep_says_so(engine: Engine, sketch_checkpoints: Path) -> None:
    side = engine.info("tiny").width
    blank, mask = np.zeros((side, side, 4), np.uint8), np.ones((side, side), np.bool_)
    with pytest.raises(RequestRejected, match="keep sketch: tiny can keep shape"):
        engine.complete(Request("tiny", keep="sketch"), blank, mask)
    with pytest.raises(RequestRejected, match="keep 'all': must be shape or sketch"):
        engine.complete(Request("tiny", keep="all"), blank, mask)
    with pytest.raises(RequestRejected, match="keep 'shape': only a completion"):
        engine.generate(Request("tiny", keep="shape"))


def test_the_command_keeps_too(sketch_checkpoints: Path, tmp_path: Path) -> None:
    picture, mask = a_picture()
    (tmp_path / "in.png").write_bytes(encode_png(picture))
    white = np.where(mask[..., None], 255, np.array([0, 0, 0, 255])).astype(np.uint8)
    (tmp_path / "mask.png").write_bytes(encode_png(white))
    words = f"--checkpoints {sketch_checkpoints} --image {tmp_path}/in.png --mask {tmp_path}/mask.png --out {tmp_path}"
    assert main(["complete", "--checkpoint", "any", *words.split(), "--keep", "sketch"]) == 0
    assert torch.equal(levels(read_picture(tmp_path / "0.png")), levels(picture))


def test_the_sketch_is_seen_first_and_stays_below_the_colours(sketch_checkpoints: Path) -> None:
    seen, undrawn = list[tuple[int, int, Picture]](), list[int]()

    def on_row(done: int, rows: int, pictures: Preview) -> None:
        seen.append((done, rows, pictures()[0]))
        undrawn.append(int(pictures.undrawn().any(1).sum()))

    (drawn,) = Engine(sketch_checkpoints).generate(Request("any", palette=GREYS, seed=3), on_row=on_row)
    height = len(drawn.picture)
    assert [(done, rows) for done, rows, _ in seen] == [(done, 2 * height) for done in range(1, 2 * height + 1)]
    assert np.array_equal(seen[-1][2], drawn.picture)
    sketch, half = seen[height - 1][2], seen[height + height // 2 - 1][2]
    assert torch.equal(levels(sketch), levels(drawn.picture))
    assert np.array_equal(half[: height // 2], drawn.picture[: height // 2])
    assert np.array_equal(half[height // 2 :], sketch[height // 2 :])
    assert not seen[0][2][1:, :, 3].any(), "rows that are not sketched yet are clear"
    assert undrawn == [height] * height + list(range(height))[::-1], "a sketch is not final"
