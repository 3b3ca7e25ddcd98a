"""The pictures of a run as integers, in two parts: those that it trains on, and those for validation."""

from __future__ import annotations

from collections.abc import Set
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from pixelart.images.class_names import Labels
from pixelart.images.codec import Codec
from pixelart.training.data.encoded import CodedPictures, code_pictures, inner_labels
from pixelart.training.data.pictures import PictureSet


class SplitPictures(NamedTuple):
    """Pictures by size; the run's own size comes first.

    Attributes:
        sets: all pictures of each size.
        train_rows, validation_rows: positions in the first of `sets`.
        learned, measured: the two parts of each of `sets`, without empty ones.
    """

    sets: list[CodedPictures]
    train_rows: Tensor
    validation_rows: Tensor
    learned: list[CodedPictures]
    measured: list[CodedPictures]


def split_pictures(
    data: PictureSet,
    seen: Set[str],
    codec: Codec,
    labels: Labels,
    *,
    folder: Path,
) -> SplitPictures:
    """Encode the pictures in `folder` and split them: `seen` are the content hashes of those to train on. `labels`:
    those that the network knows."""
    sets = [
        code_pictures(
            codec,
            one.pictures,
            torch.tensor([labels.classes.index(name) for name in one.class_names]),
            inner=inner_labels(one, labels),
            folder=folder,
        )
        for one in data.sizes
    ]
    known = [torch.tensor([digest in seen for digest in one.hashes], dtype=torch.bool) for one in data.sizes]
    rows = [(torch.where(k)[0], torch.where(~k)[0]) for k in known]
    learned, measured = (
        [part for one, both in zip(sets, rows, strict=True) if len(part := one.select(both[i]))] for i in (0, 1)
    )
    return SplitPictures(sets, *rows[0], learned, measured)
