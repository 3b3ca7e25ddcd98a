"""Batches: each training picture once an epoch, with its class or none, and no validation picture ever."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from pixelart.images.io import encode_png
from pixelart.training.data.pictures import is_validation, read_pictures
from tests.training.conftest import StartRun


@pytest.mark.slow
def test_an_epoch_shows_every_training_picture_once(begin: StartRun) -> None:
    run = begin(validation_share=0.3)
    count = len(run.train_rows)
    assert 10 < count < 40 and count + len(run.validation_rows) == 40
    epochs = [[run.batches.place(epoch * count + i) for i in range(count)] for epoch in range(3)]
    assert all(sorted(epoch) == list(range(count)) for epoch in epochs)
    assert epochs[0] != epochs[1] != epochs[2]


def test_no_picture_is_on_both_sides(begin: StartRun, tiny_data: Path) -> None:
    run = begin(validation_share=0.3)
    hashes = read_pictures(tiny_data).hashes
    assert all(is_validation(hashes[i], share=0.3) for i in run.validation_rows.tolist())
    assert not any(is_validation(hashes[i], share=0.3) for i in run.train_rows.tolist())


@pytest.mark.slow
def test_the_palette_is_fitted_to_the_training_pictures_alone(begin: StartRun, tmp_path: Path) -> None:
    """A colour that only validation pictures have is not in it: nothing is learned from them."""
    for i in range(60):
        picture = np.full((4, 4, 4), 255, np.uint8)
        picture[..., 0] = i
        (tmp_path / "data" / "a").mkdir(parents=True, exist_ok=True)
        (tmp_path / "data" / "a" / f"{i}.png").write_bytes(encode_png(picture))
    run = begin(data=tmp_path / "data", colours=256, validation_share=0.4)
    pictures = read_pictures(tmp_path / "data").pictures
    learned = {f"{pictures[i, 0, 0, 0]:02x}ffff" for i in run.train_rows.tolist()}
    assert set(run.config.codec["colours"]) == learned and len(run.validation_rows) > 5


@pytest.mark.slow
def test_batches_are_training_pictures_with_their_class_or_none(begin: StartRun) -> None:
    run = begin(batch_size=16, class_dropout=0.25, validation_share=0.3)
    known = {run.x[i].numpy().tobytes(): int(run.classes[i]) for i in run.train_rows.tolist()}
    dropped = hidden = 0
    for run.step in range(40):
        x, context = run.batches.draw(run.step)
        assert torch.equal(context.pixels, x) and context.mask.shape == x[:, 0].shape
        for picture, weights in zip(x, context.class_weights.tolist(), strict=True):
            true = [0.0, 0.0]
            true[known[picture.numpy().tobytes()]] = 1.0
            assert weights in (true, [0.0, 0.0])
            dropped += weights == [0.0, 0.0]
        hidden += int(context.mask.flatten(1).all(1).sum())
    assert 0.18 < dropped / 640 < 0.32
    assert 64 < hidden < 400


@pytest.mark.slow
@pytest.mark.parametrize(("share", "seen"), [(0.0, {1.0}), (1.0, {0.0})])
def test_class_dropout_may_be_none_or_all(begin: StartRun, share: float, seen: set[float]) -> None:
    _, context = begin(batch_size=64, class_dropout=share).batches.draw(0)
    assert set(context.class_weights.sum(1).tolist()) == seen


@pytest.mark.slow
def test_flip_mirrors_its_share_left_to_right_and_says_so(begin: StartRun) -> None:
    (straight, plain), (flipped, told) = (
        begin(f"run{flip}", flip=flip, batch_size=200).batches.draw(0) for flip in (0, 0.3)
    )
    assert plain.mirrored is not None and not plain.mirrored.any()
    assert told.mirrored is not None and 35 < told.mirrored.sum() < 85
    assert torch.equal(flipped[~told.mirrored], straight[~told.mirrored])
    assert torch.equal(flipped[told.mirrored], straight[told.mirrored].flip(-1))
    assert torch.equal(told.pixels, flipped), "what is given must be of the same picture"
