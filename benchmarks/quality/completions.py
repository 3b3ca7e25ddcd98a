"""Compare orders of a completion's candidates on real tiles with a hole, whose original pixels are known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from benchmarks.looks import look_for
from benchmarks.quality import metrics
from benchmarks.quality.judge import Judge
from benchmarks.quality.orders import GROUP, Values, log_prob, scores
from benchmarks.quality.tiles import Tiles, of_class
from pixelart.checkpoint.presets import Preset
from pixelart.engine import Checkpoint, Engine
from pixelart.images.codec import Picture
from pixelart.images.masks import named_hole


def compare_completions(
    engine: Engine,
    checkpoint: str,
    preset: Preset,
    judge: Judge,
    tiles: Tiles,
    *,
    holes: Sequence[str],
    most: int,
) -> dict[str, dict[str, Any]]:
    """For each kind of `holes` and each order, on at most `most` validation tiles per class:

    pairs: the share of pairs of candidates for one hole in which the one nearer to the true tile, by the judge's
        features, comes first.
    first: the mean distance of the first of GROUP candidates, divided by that of all.
    """
    found = dict[str, dict[str, Any]]()
    for kind in holes:
        tables = dict[str, list[tuple[Values, Values]]]()
        for name in tiles.classes:
            for index, picture in enumerate(of_class(tiles.validation, name)[:most]):
                mask = named_hole(kind, *picture.shape[:2], seed=index)
                request = engine.request(
                    checkpoint,
                    class_weights={name: 1.0},
                    count=GROUP,
                    **preset.values(),
                    look=look_for(engine.info(checkpoint)),
                )
                true = engine.snap(checkpoint, picture)[0]
                drawings = sorted(engine.complete(request, true, mask), key=lambda d: d.seed)
                drawn = np.stack([d.picture for d in drawings])
                features = judge.features(judge.snap(np.concatenate([true[None], drawn])))
                away = np.linalg.norm(features[1:] - features[0], axis=1)
                table = np.stack([_given_any(engine.library.load(checkpoint), drawn), [d.log_prob for d in drawings]])
                for order, values in scores(table, 0, drawn).items():
                    tables.setdefault(order, []).append((values, away))
        found[kind] = {order: _agreement(rows) for order, rows in tables.items()}
    return found


def _given_any(loaded: Checkpoint, pictures: Picture) -> Values:
    x = loaded.codec.encode(pictures).to(loaded.device)
    return log_prob(loaded, x, loaded.class_weights({}, look_for(loaded.info)))


def _agreement(rows: Sequence[tuple[Values, Values]]) -> Mapping[str, Any]:
    pairs, firsts = [], []
    for values, away in rows:
        one, other = np.triu_indices(len(values), 1)
        differ = away[one] != away[other]
        ahead = np.sign(values[one] - values[other]) * np.sign(away[other] - away[one])
        pairs.append((ahead[differ] + 1) / 2)
        if away.mean() > 0:
            firsts.append(away[values.argmax()] / away.mean())
    all_pairs = np.concatenate(pairs)
    return {"pairs": metrics.mean(all_pairs).json(), "first": metrics.mean(np.array(firsts)).json()}
