"""Frames as a GIF."""

from __future__ import annotations

import numpy as np
import pytest

from pixelart.errors import ImageRejected
from pixelart.images.gif import frames_gif
from pixelart.images.io import decode_frames


def test_frames_are_exact_and_clear_what_was_before() -> None:
    random = np.random.default_rng(0)
    colours = random.integers(0, 256, (40, 4), np.uint8)
    colours[:, 3] = 255
    colours[0] = 0
    frames = list(colours[random.integers(0, 40, (3, 9, 7))])
    frames.append(np.zeros_like(frames[0]))
    frames[-1][4, 2] = colours[1]
    read = list(decode_frames(frames_gif(frames, scale=3, frame_ms=120), name="a.gif"))
    assert len(read) == 4
    for frame, seen in zip(frames, read, strict=True):
        assert np.array_equal(seen, frame.repeat(3, 0).repeat(3, 1))


def test_frames_share_255_colours_and_have_no_partial_alpha() -> None:
    ramp = np.full((2, 1, 255, 4), 255, np.uint8)
    ramp[..., 0] = np.arange(255)
    ramp[1, 0, 0, 1] = 7
    with pytest.raises(ImageRejected, match="256 colours; a GIF holds 255"):
        frames_gif(list(ramp), frame_ms=100)
    ramp[..., 3] = 100
    with pytest.raises(ImageRejected, match="half-transparent"):
        frames_gif(list(ramp), frame_ms=100)
