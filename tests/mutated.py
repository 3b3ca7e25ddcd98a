"""Checkpoints with flipped bits."""

from __future__ import annotations

import hashlib
import struct
from pathlib import Path

import numpy as np
import torch
from huggingface_hub import RepoFile

from pixelart.checkpoint.format import CONFIG_FILE, WEIGHTS_FILE, read_config
from pixelart.checkpoint.weights import check_weights, load_weights
from pixelart.errors import WeightsRejected
from pixelart.hub.repo_files import is_content

PLACES = ("config", "header", "anywhere")


def mutate_and_load(checkpoint: Path, *, count: int, seed: int) -> int:
    """How many of `count` mutations of a checkpoint (its config, the weights' header, or anything in the weights, in
    turns) are refused. One that is not loads as a whole model of finite weights, and none is taken for what the Hub has
    under the hash of the original."""
    random, refused = np.random.default_rng(seed), 0
    whole = {name: (checkpoint / name).read_bytes() for name in (CONFIG_FILE, WEIGHTS_FILE)}
    entries = {name: _entry(name, data) for name, data in whole.items()}
    header = 8 + struct.unpack("<Q", whole[WEIGHTS_FILE][:8])[0]
    for number in range(count):
        place = PLACES[number % len(PLACES)]
        name = CONFIG_FILE if place == "config" else WEIGHTS_FILE
        changed = bytearray(whole[name])
        for spot in random.integers(0, header if place == "header" else len(changed), random.integers(1, 4)):
            changed[spot] ^= 1 << random.integers(0, 8)
        assert bytes(changed) == whole[name] or not is_content(entries[name], bytes(changed))
        (checkpoint / name).write_bytes(changed)
        try:
            config = read_config(checkpoint)
            check_weights(checkpoint, config)
            model = load_weights(checkpoint, config)
        except WeightsRejected:
            refused += 1
        else:
            assert all(bool(torch.isfinite(p).all()) for p in model.parameters())
        (checkpoint / name).write_bytes(whole[name])
    assert all(is_content(entries[name], data) for name, data in whole.items())
    return refused


def _entry(name: str, data: bytes) -> RepoFile:
    lfs = {"oid": hashlib.sha256(data).hexdigest(), "size": len(data), "pointerSize": 130}
    oid = hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
    return RepoFile(path=name, size=len(data), oid=oid, lfs=lfs if name == WEIGHTS_FILE else None)
