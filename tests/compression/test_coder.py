"""Integer tables, and the bytes of the range coder, which must never change."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
import torch

from pixelart.compression.coder import (
    LOWEST_STEP,
    STEP_MARGIN,
    STEPS_A_NAT,
    WEIGHTS,
    LevelRecorder,
    Reader,
    TooDifferent,
    new_decoder,
    new_encoder,
)
from pixelart.errors import DataRejected, RequestRejected


def some_tables(count: int, levels: int) -> torch.Tensor:
    random = torch.Generator().manual_seed(5)
    return torch.log_softmax(4 * torch.randn(count, levels, dtype=torch.float64, generator=random), dim=1)


def test_the_weights_are_these_integers_on_every_machine() -> None:
    assert (
        len(WEIGHTS) == LOWEST_STEP + 1 and WEIGHTS[0] == 2**24 and WEIGHTS[STEPS_A_NAT] == 6171992 and WEIGHTS[-1] == 5
    )
    assert np.array_equal(WEIGHTS, np.rint(WEIGHTS))
    digest = hashlib.sha256(WEIGHTS.astype("<f8").tobytes()).hexdigest()
    assert digest[:16] == "f0bc0f70441dd9d6"


def test_files_of_today_are_read_by_later_versions_of_the_coder() -> None:
    levels = torch.arange(40) * 7 % 5
    tables = torch.log_softmax(torch.tensor([[0.3, -2.0, 1.1, -9.0, -40.0]], dtype=torch.float64), dim=1)
    recorder, encoder = LevelRecorder(), new_encoder()
    recorder(tables.expand(40, -1), levels)
    recorder.write(encoder, recorder.offset())
    words = encoder.get_compressed()
    assert words.astype("<u4").tobytes().hex() == (
        "720b5b4c31ce5ba4738f06a1880bb355c9c6711306edb2f43744bca193740ad8aaf027bedbd5a13f2f347f64"
    )
    assert torch.equal(Reader(new_decoder(words), 0)(tables.expand(40, -1), levels), levels)


def test_levels_cost_their_bits() -> None:
    tables = some_tables(4000, 9)
    levels = torch.multinomial(tables.exp(), 1, generator=torch.Generator().manual_seed(1))[:, 0]
    recorder, encoder = LevelRecorder(), new_encoder()
    recorder(tables, levels)
    offset = recorder.offset()
    recorder.write(encoder, offset)
    bits = -float(tables.gather(1, levels[:, None]).sum()) / np.log(2)
    words = encoder.get_compressed()
    assert 32 * len(words) <= 1.002 * bits + 64
    nearly = tables + STEP_MARGIN / STEPS_A_NAT * 0.4 * torch.sign(torch.randn_like(tables))
    assert torch.equal(Reader(new_decoder(words), offset)(nearly, levels), levels)
    on_a_step = torch.full((1, 9), -2.5 / STEPS_A_NAT, dtype=torch.float64)
    with pytest.raises(TooDifferent, match="this machine computes probabilities that differ"):
        Reader(new_decoder(words), 0)(on_a_step, levels)


def test_an_offset_keeps_values_off_the_steps() -> None:
    recorder = LevelRecorder()
    recorder(torch.tensor([[-2.5 / STEPS_A_NAT, -3.2 / STEPS_A_NAT, -1e4]], dtype=torch.float64), torch.tensor([2]))
    assert recorder.offset() == 1  # with 0, the first value lies on a step
    crowded = LevelRecorder()
    crowded((-torch.arange(512, dtype=torch.float64) / 256 / STEPS_A_NAT)[None], torch.tensor([0]))
    with pytest.raises(RequestRejected, match="too regular"):
        crowded.offset()
    broken = LevelRecorder()
    broken(torch.full((1, 2), torch.nan, dtype=torch.float64), torch.tensor([0]))
    with pytest.raises(RequestRejected, match="not finite"):
        broken.offset()


def test_nonsense_is_refused() -> None:
    reader = Reader(new_decoder(np.full(3, 2**32 - 1, np.uint32)), 0)
    with pytest.raises(DataRejected, match="the compressed data are damaged"):
        for _ in range(20):
            reader(some_tables(20, 9), torch.zeros(20))
