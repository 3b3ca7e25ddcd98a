"""Averaged weights, and honest probabilities."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from benchmarks import soften
from pixelart.errors import RequestRejected
from pixelart.models import RasterModel
from tests.models.checks import lively_model, nothing_known, random_pixels

SHAPE = (4, 5)


def network(name: str = "gated_pixelcnn", *, seed: int = 1) -> RasterModel:
    model = lively_model(name, channels=1, levels=4, shape=SHAPE, seed=seed)
    assert isinstance(model, RasterModel)
    return model


@pytest.mark.parametrize("name", ["gated_pixelcnn", "row_lstm", "row_rnn"])
def test_logits_are_divided_by_the_temperature(name: str) -> None:
    model, x = network(name), random_pixels(2, 1, 4, SHAPE)
    before = model(x, nothing_known(x))
    soften.soften(model, network(name), share=0.5, temperature=2.0)
    torch.testing.assert_close(model(x, nothing_known(x)), before / 2, atol=1e-5, rtol=1e-5)


def test_weights_are_a_mean() -> None:
    model, other = network(), network(seed=2)
    mine, others = dict(network().state_dict()), other.state_dict()
    soften.soften(model, other, share=0.75, temperature=1.0)
    for key, value in model.state_dict().items():
        torch.testing.assert_close(value, 0.75 * mine[key] + 0.25 * others[key])


def test_what_is_no_logit_is_refused() -> None:
    model = lively_model("pixelcnn_plus_plus", channels=3, levels=8, shape=SHAPE)
    assert isinstance(model, RasterModel)
    with pytest.raises(RequestRejected, match="not the logits"):
        soften.soften(model, model, share=1.0, temperature=2.0)
    with pytest.raises(RequestRejected, match="different networks"):
        soften.soften(network(), network("row_rnn"), share=1.0, temperature=2.0)


def test_a_checkpoint_is_written_and_none_written_over(tiny_checkpoints: Path, tmp_path: Path) -> None:
    tiny, out = str(tiny_checkpoints / "tiny"), tmp_path / "soft"
    words = [tiny, "--with", tiny, "--temperature", "1.5", "--out", str(out)]
    assert soften.main(words) == 0
    assert (out / "model.safetensors").read_bytes() != (tiny_checkpoints / "tiny" / "model.safetensors").read_bytes()
    assert (out / "config.json").read_bytes() == (tiny_checkpoints / "tiny" / "config.json").read_bytes()
    assert soften.main(words) == 2
    assert soften.main([*words[:-1], str(tmp_path / "hot"), "--temperature", "99"]) == 2
