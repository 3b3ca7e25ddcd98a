"""What the training pictures of a run usually have, by class: the limits beyond which a drawn picture has a defect."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pixelart.checkpoint.format import CONFIG_FILE, LIMITS_KEY, read_config
from pixelart.images.codec import Codec, Picture
from pixelart.images.defects import FEWEST_PICTURES, NO_LIMITS, DefectLimits, limits_of, parse_limits
from pixelart.storage import write_file
from pixelart.training.data.encoded import CodedPictures

LIMITS_FILE = f"{LIMITS_KEY}.json"
MOST_PIXELS = 1000 * 32 * 32
"""Pixels of each class and size that are measured, evenly chosen from larger sets."""


def write_limits(run: Path, sets: Sequence[CodedPictures], codec: Codec, classes: Sequence[str], *, base: str) -> None:
    """Measure the limits of each class on the training pictures `sets`, and store them in a run, unless it has them.

    Classes without pictures keep the limits of `base`, a checkpoint's folder or "", as long as it exists.
    """
    if (run / LIMITS_FILE).exists():
        return
    limits = dict(read_config(Path(base)).defect_limits) if base and Path(base, CONFIG_FILE).exists() else {}
    for number, name in enumerate(classes):
        rows = [torch.where(one.classes == number)[0] for one in sets]
        if any(map(len, rows)):
            limits[name] = limits_of([_some_of(*each, codec) for each in zip(sets, rows, strict=True) if len(each[1])])
    write_file(run / LIMITS_FILE, json.dumps(_values(limits)).encode())


def read_limits(run: Path) -> Mapping[str, Any]:
    """The limits of a run as values for config.json; empty without readable ones."""
    try:
        return _values(parse_limits(json.loads((run / LIMITS_FILE).read_bytes())))
    except (OSError, ValueError, RecursionError):
        return {}


def _values(limits: Mapping[str, DefectLimits]) -> dict[str, Any]:
    return {name: asdict(one) for name, one in limits.items() if one != NO_LIMITS}


def _some_of(pictures: CodedPictures, rows: Tensor, codec: Codec) -> Picture:
    """Some of the pictures `rows` (n,), as the network sees them."""
    most = max(FEWEST_PICTURES, MOST_PIXELS // (pictures.x.shape[2] * pictures.x.shape[3]))
    chosen = np.linspace(0, len(rows) - 1, min(len(rows), most)).round().astype(int)
    return pictures.pictures(rows[torch.from_numpy(chosen)], codec)
