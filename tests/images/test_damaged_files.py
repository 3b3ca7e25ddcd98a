"""Damaged files give a picture or one plain refusal, and print nothing."""

from __future__ import annotations

import contextlib
import warnings

import numpy as np
import pytest
from PIL import Image

from pixelart.errors import ImageRejected
from pixelart.images.io import decode_frames, decode_picture, encode_png, is_animation, read_facts
from pixelart.settings import SETTINGS
from tests.images.made_files import few_colours, saved


def seeds() -> list[bytes]:
    """Good files of every format, to be damaged."""
    colours = Image.fromarray(few_colours(13, 17, colours=9)).convert("RGB")
    palette, grey = colours.convert("P"), colours.convert("L")
    frames = [Image.new("P", (9, 9), i) for i in range(3)]
    exif = Image.Exif()
    exif[0x010E] = "canary"
    return [
        saved("PNG"),
        saved("PNG", palette, transparency=0),
        saved("PNG", grey.convert("1")),
        saved("PNG", frames[0], save_all=True, append_images=frames[1:]),
        saved("PNG", colours, exif=exif, dpi=(72, 72)),
        encode_png(few_colours(), text={"parameters": "seed: 1"}),
        saved("GIF", palette, transparency=0),
        saved("GIF", frames[0], save_all=True, append_images=frames[1:], comment=b"hello"),
        saved("JPEG", colours, exif=exif),
        saved("JPEG", grey, progressive=True),
        saved("JPEG", colours.convert("CMYK")),
        saved("WEBP", colours, lossless=True),
        saved("WEBP", colours, quality=50),
        saved("WEBP", frames[0].convert("RGBA"), save_all=True, append_images=[f.convert("RGBA") for f in frames[1:]]),
        saved("BMP", colours),
        saved("BMP", palette),
        saved("BMP", Image.fromarray(few_colours())),
    ]


def mutated(data: bytes, other: bytes, random: np.random.Generator) -> bytes:
    """`data` cut short, spliced with `other`, or with wrong bytes or bits, more often in its header."""
    kind = random.integers(0, 5)
    if kind == 0:
        return data[: random.integers(0, len(data))]
    if kind == 1:
        cut, paste = random.integers(0, len(data)), random.integers(0, len(other))
        return data[:cut] + other[paste:]
    changed = np.frombuffer(data, np.uint8).copy()
    reach = len(data) if kind < 4 else min(64, len(data))  # headers decide most
    for place in random.integers(0, reach, 1 + random.integers(0, 8)):
        changed[place] = random.integers(0, 256) if kind == 2 else changed[place] ^ (1 << random.integers(0, 8))
    return changed.tobytes()


def test_a_thousand_damaged_files_give_a_picture_or_a_plain_refusal() -> None:
    good, random = seeds(), np.random.default_rng(20)
    outcomes: dict[str, int] = {"read": 0, "refused": 0}
    for number in range(1000):
        data = mutated(good[number % len(good)], good[int(random.integers(len(good)))], random)
        for look in (is_animation, read_facts, lambda data, name: sum(1 for _ in decode_frames(data, name=name))):
            with contextlib.suppress(ImageRejected):
                look(data, name="damaged")
        try:
            picture = decode_picture(data, name="damaged")
        except ImageRejected as error:
            assert str(error).startswith("damaged: ") and "\n" not in str(error)
            outcomes["refused"] += 1
        except BaseException as error:
            raise AssertionError(f"mutation {number}: {data.hex()}") from error
        else:
            assert picture.dtype == np.uint8 and picture.shape[2] == 4 and max(picture.shape) <= SETTINGS.max_side
            outcomes["read"] += 1
    assert min(outcomes.values()) > 100  # else the mutations are too tame, or too wild, to show anything


@pytest.mark.parametrize("index", range(len(seeds())))
def test_files_cut_anywhere_give_a_picture_or_a_plain_refusal(index: int) -> None:
    data = seeds()[index]
    for length in sorted({*range(0, min(60, len(data))), *range(0, len(data), max(1, len(data) // 40))}):
        try:
            picture = decode_picture(data[:length], name="cut")
        except ImageRejected:
            continue
        assert picture.ndim == 3


def test_odd_files_make_no_noise_in_the_terminal(recwarn: pytest.WarningsRecorder) -> None:
    warnings.simplefilter("always")
    odd = Image.new("P", (4, 4))
    data = saved("PNG", odd, transparency=bytes(range(200)))
    assert decode_picture(data, name="odd").shape == (4, 4, 4)
    assert not recwarn.list
