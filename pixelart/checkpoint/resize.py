"""A trained network for another palette and for further classes, so that nothing it has learned is thrown away."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import torch

from pixelart.checkpoint.format import CheckpointConfig
from pixelart.errors import RequestRejected
from pixelart.images.codec import Codec, Indexed, Paletted, codec_from_config
from pixelart.images.palettes import nearest_colours
from pixelart.layers.resizable import RowMapping, Rows, copy_resized
from pixelart.models.base import AutoregressiveModel


def adapted_config(start: CheckpointConfig, *, codec: Codec, classes: Sequence[str]) -> CheckpointConfig:
    """`start` with `codec` in place of its own, and with the `classes` that it does not have after its own."""
    classes = (*start.classes, *(name for name in classes if name not in start.classes))
    sizes = {"levels": codec.levels, "num_classes": len(classes)}
    return replace(
        start, codec=codec.to_config(), classes=classes, model_config={**start.model_config, **sizes}, training={}
    )


def adapt(model: AutoregressiveModel, start: CheckpointConfig, wanted: CheckpointConfig) -> AutoregressiveModel:
    """`model`, which is of `start`, as a network of `wanted`, a config made by `adapted_config`.

    Each new colour begins as the nearest old one in Oklab. New colours that begin as the same old one share its
    probability, so with a palette that is a permutation of the old one all probabilities are those of the old network,
    permuted. A new class begins as the mean of the old ones, whose own predictions stay as they are.

    Raises:
        RequestRejected: another codec than the old one, and not both are palettes.
    """
    if (start.codec, start.classes) == (wanted.codec, wanted.classes):
        return model
    origins, colours = dict[Rows, RowMapping](), list[int]()
    if start.classes != wanted.classes:
        known = {name: number for number, name in enumerate(start.classes)}
        origins["class"] = RowMapping([known.get(name) for name in wanted.classes], len(start.classes))
    if start.codec != wanted.codec:
        old, new = codec_from_config(start.codec), codec_from_config(wanted.codec)
        if not (isinstance(old, Indexed) and isinstance(new, Indexed)) or type(old) is not type(new):
            raise RequestRejected(f"codec {new.name}: a model of {old.name} cannot be brought to it")
        if not isinstance(new, Paletted):  # else any palette is an input of the network as it is
            colours = [0, *(1 + nearest_colours(new.colours, old.colours)).tolist()]  # 0 is transparent in both
            origins["level"] = RowMapping(colours, old.levels)
    with torch.random.fork_rng(devices=[]):
        adapted = wanted.build()
    copy_resized(adapted, model, origins)
    if colours:
        _share(adapted, colours)
    return adapted


@torch.no_grad()
def _share(model: AutoregressiveModel, colours: Sequence[int]) -> None:
    """Divide the probability of an old colour among the new ones that begin as it. The vote is a part of all logits,
    and is trained alone too: what is put there counts once in both."""
    counts = Counter(colours)
    shares = torch.tensor([float(counts[colour]) for colour in colours]).log()
    for stage in model.stages():
        assert stage.vote.bias is not None
        stage.vote.bias -= shares
