"""A network for another palette and for further classes: nothing learned is lost, in any variant."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from pixelart.checkpoint.format import CheckpointConfig, config_of
from pixelart.checkpoint.resize import adapt, adapted_config
from pixelart.errors import RequestRejected
from pixelart.images.class_names import Labels
from pixelart.images.codec import RGB, Codec, Gray, Indexed, Paletted
from pixelart.layers.resizable import declared_rows
from pixelart.models import AutoregressiveModel, create_model, get_variant, list_models
from tests.models.checks import depths, lively_model, nothing_known, random_pixels

CLASSES = ("a", "b", "c")
COLOURS = np.array([[10, 10, 10], [250, 20, 20], [20, 250, 20], [20, 20, 250]], np.uint8)
SHAPE = (5, 4)
every_indexed_model = pytest.mark.parametrize("name", [n for n in list_models() if not get_variant(n).codecs])


def start(name: str, codec: Codec) -> tuple[AutoregressiveModel, CheckpointConfig]:
    model = lively_model(name, channels=codec.channels, levels=codec.levels, shape=SHAPE)
    return model, config_of(model, name, codec, CLASSES)


def codec_for(name: str) -> Codec:
    """One that the variant is for."""
    kinds = get_variant(name).codecs
    return Indexed(COLOURS) if not kinds else Paletted(COLOURS, levels=6) if "palette" in kinds else RGB()


def with_palette(name: str, colours: np.ndarray[Any, Any]) -> tuple[AutoregressiveModel, AutoregressiveModel]:
    """The model before and after, both in double precision."""
    model, config = start(name, Indexed(COLOURS))
    adapted = adapt(model, config, adapted_config(config, codec=Indexed(colours), labels=Labels(())))
    return model.double(), adapted.double()


def tables(model: AutoregressiveModel, x: Tensor) -> Tensor:
    """p of every level at every pixel, (B, H, W, K), half of the picture known."""
    weights = torch.eye(len(CLASSES), dtype=torch.float64)[torch.arange(len(x)) % 3]
    context = nothing_known(x, weights)
    context.mask[:, : SHAPE[0] // 2, 1:] = False
    with torch.no_grad():
        maps = model(x, context).movedim(1, -1)
    return model.likelihood.to_table(maps, x.movedim(1, -1), channel=0).exp()


@every_indexed_model
def test_a_permuted_palette_permutes_the_probabilities(name: str) -> None:
    order = [2, 0, 3, 1]
    model, adapted = with_palette(name, COLOURS[order])
    old_of_new = torch.tensor([0, *(1 + place for place in order)])
    new = random_pixels(3, 1, 5, SHAPE)
    expected = tables(model, old_of_new[new])[..., old_of_new]
    torch.testing.assert_close(tables(adapted, new), expected, rtol=1e-12, atol=1e-15)
    assert not torch.allclose(tables(adapted, new), tables(model, new), rtol=1e-3), "the order must matter"


@every_indexed_model
def test_colours_that_begin_as_the_same_one_share_its_probability(name: str) -> None:
    """Two reds for one, and no blue: each red is half as probable, and what blue had goes to all in proportion."""
    colours = np.array([[10, 10, 10], [250, 20, 20], [240, 25, 25], [20, 250, 20]], np.uint8)
    model, adapted = with_palette(name, colours)
    old_of_new = torch.tensor([0, 1, 2, 2, 3])
    new = random_pixels(3, 1, 5, SHAPE)
    expected = tables(model, old_of_new[new])[..., old_of_new] * torch.tensor([1, 1, 0.5, 0.5, 1])
    expected = expected / expected.sum(-1, keepdim=True)
    torch.testing.assert_close(tables(adapted, new), expected, rtol=1e-6, atol=1e-9)  # log 2, in single precision


@every_indexed_model
@pytest.mark.parametrize("count", [1, 9])
def test_a_palette_may_have_fewer_or_more_colours(name: str, count: int) -> None:
    colours = np.random.default_rng(0).permutation(256)[: 3 * count].reshape(count, 3).astype(np.uint8)
    adapted = with_palette(name, colours)[1]
    found = tables(adapted, random_pixels(2, 1, count + 1, SHAPE))
    assert found.shape[-1] == count + 1 and torch.isfinite(found).all()


@pytest.mark.parametrize("name", list_models())
def test_new_classes_leave_the_old_ones_as_they_are_to_the_bit(name: str) -> None:
    codec = codec_for(name)
    model, config = start(name, codec)
    wanted = adapted_config(config, codec=codec, labels=Labels(("x", "b", "y")))
    assert wanted.classes == ("a", "b", "c", "x", "y")
    adapted = adapt(model, config, wanted)
    x = random_pixels(4, codec.channels, codec.levels, SHAPE)
    mirrored = torch.tensor([False, True, False, True])
    old = replace(nothing_known(x, torch.eye(4)[:, :3]), mirrored=mirrored)  # three classes, and any
    new = replace(old, class_weights=torch.cat([old.class_weights, torch.zeros(4, 2)], dim=1))
    mean = replace(old, class_weights=torch.full((4, 3), 1 / 3))
    begun = replace(old, class_weights=torch.eye(5)[[3, 3, 4, 4]])
    with torch.no_grad():
        assert torch.equal(model.log_prob(x, old), adapted.log_prob(x, new))
        torch.testing.assert_close(model.log_prob(x, mean), adapted.log_prob(x, begun), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(
    ("name", "channels"), [(name, channels) for name in list_models() for channels in depths(name)]
)
def test_layers_declare_exactly_what_depends_on_colours_and_classes(name: str, channels: int) -> None:
    """What grows with the number of levels or of classes is declared, and nothing else: a new layer cannot forget."""
    sizes = {"channels": channels, "levels": 4, "height": 5, "width": 4, "num_classes": 3}
    with torch.device("meta"):
        plain = create_model(name, preset="debug", **sizes)
        for what, size in (("level", "levels"), ("class", "num_classes")):
            grown = create_model(name, preset="debug", **{**sizes, size: sizes[size] + 1})
            for (place, layer), other in zip(plain.named_modules(), grown.modules(), strict=True):
                declared = declared_rows(layer)
                for key, parameter in layer.named_parameters(recurse=False):
                    shapes = zip(parameter.shape, other.get_parameter(key).shape, strict=True)
                    axes = [axis for axis, (before, after) in enumerate(shapes) if before != after]
                    expected = [declared[1]] if declared and declared[0] == what else []
                    assert axes == expected, f"{place}.{key}, by {what}"


def test_the_same_palette_and_classes_are_the_same_model() -> None:
    model, config = start("gated_pixelcnn", Indexed(COLOURS))
    assert adapt(model, config, adapted_config(config, codec=Indexed(COLOURS), labels=Labels(("b",)))) is model


def test_levels_that_are_quantities_have_no_palette() -> None:
    model, config = start("gated_pixelcnn", Gray())
    with pytest.raises(RequestRejected, match="a model of gray cannot be adapted to it"):
        adapt(model, config, adapted_config(config, codec=Indexed(COLOURS), labels=Labels(())))


def test_random_numbers_of_others_are_left_alone() -> None:
    model, config = start("gated_pixelcnn", Indexed(COLOURS))
    state = torch.random.get_rng_state()
    adapt(model, config, adapted_config(config, codec=Indexed(COLOURS[:2]), labels=Labels(("d",))))
    assert torch.equal(state, torch.random.get_rng_state())
