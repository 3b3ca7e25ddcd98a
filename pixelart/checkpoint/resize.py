"""Adapt a trained network to another palette, to more classes and to a larger network, without losing what it has
learned."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import torch

from pixelart.checkpoint.format import CheckpointConfig
from pixelart.checkpoint.growth import beyond_growth, grow
from pixelart.errors import RequestRejected, WeightsRejected
from pixelart.images.class_names import Labels
from pixelart.images.codec import Codec, Indexed, Paletted, codec_from_config
from pixelart.images.palettes import nearest_colours
from pixelart.layers.resizable import MEAN, ZERO, RowMapping, RowOrigin, Rows, copy_resized
from pixelart.models import AutoregressiveModel, config_from_dict


def adapted_config(start: CheckpointConfig, *, codec: Codec, labels: Labels) -> CheckpointConfig:
    """`start` with another `codec`, and with new `labels` added to its own."""
    labels = start.labels.with_more(labels)
    model_config = {**start.model_config, "levels": codec.levels, "num_classes": len(labels)}
    own = {"classes": labels.classes, "looks": labels.looks, "kinds": labels.kinds}
    return replace(start, codec=codec.to_config(), model_config=model_config, training={}, **own)


def adapt(model: AutoregressiveModel, start: CheckpointConfig, wanted: CheckpointConfig) -> AutoregressiveModel:
    """Adapt `model`, a network of `start`, to `wanted`, a config made by `adapted_config`, and by `grown_config` for a
    larger network.

    Each new colour starts with the weights of the nearest old one in Oklab. New colours that map to the same old one
    share its probability, so a permuted palette gives the permuted probabilities of the old network. A new class starts
    with the mean of the old ones, a new look or kind with zeros; the predictions for old labels do not change.

    Raises:
        RequestRejected: the codec changes, and not from one palette to another of the same kind.
        WeightsRejected: `wanted` is not a config that `start` can be adapted to.
    """
    same_size = adapted_config(start, codec=codec_from_config(wanted.codec), labels=wanted.labels)
    adapted = _with_labels_and_colours(model, start, same_size)
    network = config_from_dict(wanted.model, wanted.model_config)
    if network == adapted.config:
        return adapted
    if value := beyond_growth(adapted.config, network):
        raise WeightsRejected(f"the base is not the one that this training was started with: it differs in {value}")
    with torch.random.fork_rng(devices=[]):
        larger = wanted.build()
    grow(adapted, larger)
    return larger


def _with_labels_and_colours(
    model: AutoregressiveModel, start: CheckpointConfig, wanted: CheckpointConfig
) -> AutoregressiveModel:
    if (start.codec, start.labels) == (wanted.codec, wanted.labels):
        return model
    origins, colours = dict[Rows, RowMapping](), list[int]()
    if start.labels != wanted.labels:
        known, new = start.labels, wanted.labels
        classes = {name: number for number, name in enumerate(known.classes)}
        looks, kinds = known.look_numbers, known.kind_numbers
        rows: list[RowOrigin] = [*(classes.get(name, MEAN) for name in new.classes)]
        rows += [*(looks.get(name, ZERO) for name in new.looks), *(kinds.get(kind, ZERO) for kind in new.kinds)]
        origins["class"] = RowMapping(rows, len(known), len(known.classes))
    if start.codec != wanted.codec:
        old, new = codec_from_config(start.codec), codec_from_config(wanted.codec)
        if not (isinstance(old, Indexed) and isinstance(new, Indexed)) or type(old) is not type(new):
            raise RequestRejected(f"codec {new.name}: a model of {old.name} cannot be adapted to it")
        if not isinstance(new, Paletted):  # a Paletted codec passes the palette as an input
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
    """Divide the probability of an old colour among the new ones that start from it.

    The context head's bias is part of the joint logits and of the head's own logits, so one change corrects both.
    """
    counts = Counter(colours)
    shares = torch.tensor([float(counts[colour]) for colour in colours]).log()
    for stage in model.stages():
        assert stage.vote.bias is not None
        stage.vote.bias -= shares
