"""Pictures of the corpus: what is clear, which way up, what lies beside the pixels, and every frame."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image, ImageOps

from pixelart.errors import ImageRejected
from pixelart.images.codec import Picture
from pixelart.images.formats import decoding
from pixelart.images.formats.exif import orientation
from pixelart.images.io import decode_frames, decode_picture, encode_png, is_animation, read_facts
from pixelart.settings import SETTINGS
from tests.corpus import make
from tests.corpus.encoders import apng, exif, gif

UPRIGHT = make.rgb(make.RGB_ROWS)


def _bytes(name: str) -> bytes:
    return (make.FOLDER / "pictures" / name).read_bytes()


def _picture(name: str) -> Picture:
    return decode_picture(_bytes(name), name=name)


# --- transparency -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("depth", [1, 2, 4, 8, 16])
def test_the_transparent_grey_of_every_depth_is_clear_and_no_other(depth: int) -> None:
    picture, greys = _picture(f"grey{depth}-clear.png"), make.keyed_grey(depth)
    key = max(2**depth - 2, 0)
    assert np.array_equal(picture[..., 3] == 0, greys == key) and np.isin(picture[..., 3], (0, 255)).all()
    assert (picture[..., 3] == 0).sum() == make.KEYED
    shown = greys >> 8 if depth == 16 else greys * 255 // (2**depth - 1)
    assert (picture[..., :3] == shown[..., None]).all()


@pytest.mark.parametrize("name", ["rgb16-clear.png", "rgb16-clear-interlaced.png"])
def test_the_transparent_colour_of_16_bits_is_compared_in_all_of_them(name: str) -> None:
    picture = _picture(name)
    assert np.array_equal(picture[..., :3], make.keyed_rgb16() >> 8)
    assert np.array_equal(picture[..., 3], np.repeat([255, 0] * 4, 8).reshape(8, 8))


def test_the_transparent_colour_of_8_bits_is_clear() -> None:
    clear = (UPRIGHT == (255, 0, 255)).all(-1)
    assert clear.sum() == 1 and np.array_equal(_picture("rgb8-clear.png")[..., 3] == 0, clear)


# --- which way up -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["png", "jpg", "webp"])
@pytest.mark.parametrize("way", range(1, 9))
def test_a_picture_is_upright(kind: str, way: int) -> None:
    data = _bytes(f"way{way}.{kind}")
    picture = decode_picture(data, name="a")
    expected = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
    assert np.array_equal(picture, np.asarray(expected.convert("RGBA")))
    sides = (16, 24) if kind == "jpg" else (2, 3)
    assert picture.shape[:2] == (sides if way < 5 else sides[::-1])


def test_the_sixth_way_is_a_quarter_to_the_right() -> None:
    assert np.array_equal(_picture("way6.png")[..., :3], np.rot90(UPRIGHT, -1))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"Exif\0\0",
        b"II*\0",
        exif(6)[:-9],
        exif(6)[:12],
        exif(0),
        exif(9),
        exif(6).replace(b"MM\0*", b"II*\0"),
        exif(6)[:4] + b"\xff\xff\xff\xff" + exif(6)[8:],
        exif(6).replace(b"\1\x12\0\3", b"\1\x12\0\4"),
    ],
)
def test_damaged_exif_turns_nothing(data: bytes) -> None:
    assert orientation(data) == 1 and orientation(b"Exif\0\0" + exif(6)) == 6


# --- beside the pixels --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["large-ztxt.png", "large-itxt.png", "large-profile.png"])
def test_what_is_large_beside_the_pixels_is_passed_over(name: str) -> None:
    with pytest.raises(ValueError, match="too large"):  # what the decoder says of the same file
        Image.open(io.BytesIO(_bytes(name))).load()
    assert np.array_equal(_picture(name)[..., :3], UPRIGHT)
    assert read_facts(_bytes(name), name=name).profile is None


def test_palette_and_profile_are_told_as_the_file_has_them() -> None:
    facts = read_facts(_bytes("palette-and-profile.png"), name="a")
    assert facts.profile == make.PROFILE and facts.palette is not None
    assert [int.from_bytes(bytes(c[:3]), "big") for c in facts.palette.tolist()] == list(make.PALETTE)
    assert (facts.palette[:, 3] == 255).all()


def test_the_palette_of_a_gif_knows_what_is_clear() -> None:
    indices = np.arange(16).reshape(4, 4) % 4
    data = gif((4, 4), (1, 2, 3, 4), [(indices, 0, 0, 0, 2)])
    palette = read_facts(data, name="a").palette
    assert palette is not None and palette.tolist() == [[0, 0, 1, 255], [0, 0, 2, 255], [0, 0, 3, 0], [0, 0, 4, 255]]


def test_a_profile_of_other_colours_than_rgb_is_not_told() -> None:
    buffer = io.BytesIO()
    Image.new("L", (2, 2)).save(buffer, "PNG", icc_profile=make.PROFILE.replace(b"RGB ", b"GRAY"))
    assert read_facts(buffer.getvalue(), name="a").profile is None


def test_a_palette_keeps_its_order_and_takes_further_colours_behind() -> None:
    data = _bytes("palette-and-profile.png")
    picture, facts = decode_picture(data, name="a"), read_facts(data, name="a")
    picture[0, 0] = (9, 9, 9, 255)
    picture[0, 1] = 0
    written = encode_png(picture, palette=facts.palette, profile=facts.profile)
    again = read_facts(written, name="b")
    assert again.profile == facts.profile and again.palette is not None and facts.palette is not None
    assert again.palette[: len(make.PALETTE)].tolist() == facts.palette.tolist()
    assert again.palette[len(make.PALETTE) :].tolist() == [[0, 0, 0, 0], [9, 9, 9, 255]]
    assert np.array_equal(decode_picture(written, name="b"), picture)


def test_a_full_palette_gives_up_entries_that_it_has_twice_and_nobody_uses() -> None:
    palette = np.zeros((256, 4), np.uint8)
    palette[:, 3], palette[:200, 0] = 255, np.arange(200)  # 56 times black at the end
    picture = np.full((1, 4, 4), (7, 0, 0, 255), np.uint8)
    picture[0, 1:, 1] = (1, 2, 3)
    written = encode_png(picture, palette=palette)
    kept = read_facts(written, name="a").palette
    assert kept is not None and kept[:253].tolist() == palette[:253].tolist()
    assert kept[253:].tolist() == [[7, 1, 0, 255], [7, 2, 0, 255], [7, 3, 0, 255]]
    assert np.array_equal(decode_picture(written, name="a"), picture)


def test_a_full_palette_without_such_entries_is_not_kept() -> None:
    palette = np.full((256, 4), 255, np.uint8)
    palette[:, 0] = np.arange(256)
    picture = np.full((1, 1, 4), (7, 0, 0, 255), np.uint8)
    written = encode_png(picture, palette=palette)
    kept = read_facts(written, name="a").palette
    assert kept is not None and kept.tolist() == [[7, 0, 0, 255]]


# --- frames -------------------------------------------------------------------------------------------------------


def _frames(data: bytes) -> list[Picture]:
    assert is_animation(data, name="a")
    frames = list(decode_frames(data, name="a"))
    assert np.array_equal(frames[0], decode_picture(data, name="a"))
    return frames


def test_around_a_frame_that_is_smaller_than_its_canvas_is_nothing() -> None:
    picture = _picture("small-frame.gif")
    expected = np.zeros((8, 8, 4), np.uint8)
    expected[2:6, 2:6] = (255, 0, 0, 255)
    assert np.array_equal(picture, expected) and not is_animation(_bytes("small-frame.gif"), name="a")


def test_a_first_frame_beyond_the_canvas_enlarges_it() -> None:
    data = gif((2, 2), (0, 1, 2, 3), [(np.ones((4, 4), int), 1, 0, 0, None)])
    picture = decode_picture(data, name="a")
    assert picture.shape == (4, 5, 4) and not picture[:, 0].any() and (picture[:, 1:, 3] == 255).all()


def test_frames_of_a_gif_are_laid_over_each_other() -> None:
    first, second, third = _frames(_bytes("three-frames.gif"))
    canvas = np.zeros((8, 8, 4), np.uint8)
    canvas[:4, :4] = (255, 0, 0, 255)
    assert np.array_equal(first, canvas)
    with_second = canvas.copy()
    with_second[4:, 4:] = (0, 255, 0, 255)
    assert np.array_equal(second, with_second)
    canvas[2:6, 2:6] = (0, 0, 255, 255)  # the second is cleared before the third is laid over the first
    assert np.array_equal(third, canvas)


def test_a_frame_may_give_back_what_it_covered() -> None:
    part = np.ones((2, 2), int)
    data = gif(
        (4, 4), (0, 1, 2, 3), [(np.full((4, 4), 2), 0, 0, 1, None), (part, 1, 1, 3, None), (part, 9, 9, 1, None)]
    )
    first, second, third = _frames(data)
    assert (second[1:3, 1:3, 2] == 1).all() and np.array_equal(third, first)


def test_frames_of_a_png_clear_and_replace() -> None:
    red, lime, hole = (255, 0, 0, 255), (0, 255, 0, 255), (0, 0, 0, 0)
    frames = _frames(_bytes("four-frames.png"))
    corner = [tuple(frame[6, 6].tolist()) for frame in frames]
    assert corner == [red, lime, hole, hole]  # the frame after the second finds its area cleared
    middle = [tuple(frame[1, 1].tolist()) for frame in frames]
    assert middle == [red, red, red, (0, 0, 255, 0)]


def test_a_png_whose_still_is_no_frame_shows_the_still_first_and_animates_without_it() -> None:
    squares = [np.full((2, 2, 4), (value, 0, 0, 255), np.uint8) for value in (1, 2, 3)]
    data = apng([(square, 0, 0, 0, 0) for square in squares])
    at = data.index(b"fcTL") - 4
    data = data[:at] + data[at + 38 :]  # without its control the still is none of the frames
    assert decode_picture(data, name="a")[0, 0, 0] == 1
    assert [frame[0, 0, 0] for frame in decode_frames(data, name="a")] == [2, 3]


def test_frames_of_a_webp_are_read() -> None:
    colours = [frame[0, 0].tolist() for frame in _frames(_bytes("three-frames.webp"))]
    assert colours == [[255, 0, 0, 255], [0, 255, 0, 255], [0, 0, 255, 255]]


@pytest.mark.parametrize("name", ["way6.png", "way6.jpg", "small-frame.gif"])
def test_a_still_is_its_only_frame(name: str) -> None:
    (frame,) = decode_frames(_bytes(name), name="a")
    assert np.array_equal(frame, _picture(name))


def test_too_many_frames_are_refused_after_those_that_are_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoding, "SETTINGS", type(SETTINGS)(max_frames=2))
    for name in ("three-frames.gif", "four-frames.png", "three-frames.webp"):
        frames = decode_frames(_bytes(name), name="walk")
        next(frames), next(frames)
        with pytest.raises(ImageRejected, match=r"^walk: more than 2 frames, the limit$"):
            next(frames)


def test_a_damaged_frame_is_refused_after_those_before_it() -> None:
    data = _bytes("three-frames.gif")
    frames = decode_frames(data[: data.rindex(b",") + 12], name="walk")
    next(frames), next(frames)
    with pytest.raises(ImageRejected, match=r"^walk: not a readable picture"):
        next(frames)


def test_a_frame_larger_than_the_limit_is_not_decoded() -> None:
    first = (np.zeros((2, 2), int), 0, 0, 1, None)
    data = gif((2, 2), (0, 1, 2, 3), [first, first])
    at = data.rindex(b",")
    data = data[: at + 5] + b"\xff\xff\xff\xff" + data[at + 9 :]
    frames = decode_frames(data, name="walk")
    next(frames)
    with pytest.raises(ImageRejected, match=r"^walk: 65535 x 65535 pixels; the limit is 1024 a side$"):
        next(frames)


# --- size ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("size", "fits"), [((832, 3456), True), ((3200, 32), True), ((2049, 2048), False)])
def test_a_limit_of_pixels_in_all_asks_for_no_side(size: tuple[int, int], fits: bool) -> None:
    buffer = io.BytesIO()
    Image.new("1", size).save(buffer, "PNG")
    most = SETTINGS.max_sheet_pixels
    if fits:
        assert decode_picture(buffer.getvalue(), name="sheet", max_pixels=most).shape[:2] == size[::-1]
        with pytest.raises(ImageRejected, match="the limit is 1024 a side"):
            decode_picture(buffer.getvalue(), name="sheet")
    else:
        with pytest.raises(ImageRejected, match=r"^sheet: 2049 x 2048 pixels; the limit is 4,194,304 in all$"):
            decode_picture(buffer.getvalue(), name="sheet", max_pixels=most)
