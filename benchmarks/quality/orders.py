"""Compare orders of the results of a request, so that the pictures that look most like their class come first.

Each order is measured by how well it agrees with the judge on pictures of one class.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.looks import look_for
from benchmarks.quality import metrics
from benchmarks.quality.drawing import Drawn, read_kept, write_kept
from benchmarks.quality.judge import Judge
from pixelart.checkpoint.library import Checkpoint
from pixelart.engine.completion import whole_log_prob
from pixelart.images.codec import Picture
from pixelart.images.defects import NEARLY_EMPTY, visible_share

GROUP = 4
"""Results per request; the first one is measured."""
CHUNK = 16
Values = NDArray[np.float64]


def compare_orders(
    loaded: Checkpoint, drawn: Drawn, judge: Judge, *, keep: Path | None = None
) -> dict[str, dict[str, Any]]:
    """For each order, over pictures of one class:

    pairs: the share of correctly ordered pairs, in which the judge recognises only one picture as the class.
    first: how often the judge recognises the first of GROUP pictures; blank: how often that one is blank.
    rank: the mean over classes of the rank correlation with the judge's log p of the class.

    `keep`: a cache folder for the model's log p.
    """
    classes = loaded.config.classes

    def all_scores(pictures: Picture, name: str) -> dict[str, Values]:
        return scores(log_prob_table(loaded, pictures, keep=keep), classes.index(name), pictures)

    return _compare([drawn], judge, all_scores)


def compare_plain_orders(sets: Sequence[Drawn], judge: Judge) -> dict[str, dict[str, Any]]:
    """`compare_orders` over several settings, for the orders that need no further pass of the model."""
    log_prob = {
        (name, picture.tobytes()): value
        for drawn in sets
        for picture, name, value in zip(drawn.pictures, drawn.class_names, drawn.log_prob, strict=True)
    }

    def plain(pictures: Picture, name: str) -> dict[str, Values]:
        return plain_scores(np.array([log_prob[name, p.tobytes()] for p in pictures]), pictures)

    return _compare(sets, judge, plain)


def _compare(
    sets: Sequence[Drawn], judge: Judge, of: Callable[[Picture, str], dict[str, Values]]
) -> dict[str, dict[str, Any]]:
    tables = dict[str, list[dict[str, Any]]]()
    for drawn in sets:
        for name in dict.fromkeys(drawn.class_names):
            pictures, own = drawn.of(name), judge.classes.index(name)
            log_p = judge.log_probabilities(judge.snap(pictures))
            blank = visible_share(pictures) < NEARLY_EMPTY
            for order, values in of(pictures, name).items():
                found = {"rank": rank_correlation(values, log_p[:, own]), "values": values}
                tables.setdefault(order, []).append({**found, "right": log_p.argmax(1) == own, "blank": blank})
    return {order: _agreement(rows) for order, rows in tables.items()}


def plain_scores(log_prob: Values, pictures: Picture) -> dict[str, Values]:
    """Sort keys (N,), highest first, of the orders by log p given the class."""
    visible = (pictures[..., 3] > 0).sum((1, 2))
    return {
        "seed": -np.arange(len(pictures), dtype=np.float64),
        "log p": log_prob,
        "log p, nearly empty last": log_prob - 1e9 * (visible < NEARLY_EMPTY * pictures[0, ..., 0].size),
        "log p per visible pixel": log_prob / np.maximum(1, visible),
    }


def scores(table: Values, own: int, pictures: Picture) -> dict[str, Values]:
    """Sort keys (N,) of each order, highest first, for `pictures` drawn as the class of index `own`.

    `table`: see `log_prob_table`. With only two rows, any class and the own one, p(class given picture) is left out.
    """
    whole = len(table) > 2
    log_prob = table[1 + own] if whole else table[1]
    found, gain = plain_scores(log_prob, pictures), log_prob - table[0]
    per_pixel, visible = found["log p per visible pixel"], (pictures[..., 3] > 0).sum((1, 2))
    found |= {
        "class gain": gain,
        "class gain per visible pixel": gain / np.maximum(1, visible),
        "ranks of log p + class gain": ranks(log_prob) + ranks(gain),
        "ranks of log p per visible pixel + class gain": ranks(per_pixel) + ranks(gain),
    }
    if whole:
        posterior = torch.from_numpy(table[1:]).log_softmax(0)[own].numpy()
        found["p(class given picture)"] = posterior
        found["ranks of log p + p(class given picture)"] = ranks(log_prob) + ranks(posterior)
        found["ranks of log p per visible pixel + p(class given picture)"] = ranks(per_pixel) + ranks(posterior)
    return found


def log_prob_table(loaded: Checkpoint, pictures: Picture, *, keep: Path | None = None) -> Values:
    """log p of each of `pictures` (N, H, W, 4) given any class, and given each class, (1 + classes, N)."""
    revision = str(loaded.identity["revision"]).encode()
    name = hashlib.sha256(b"log p" + revision + pictures.tobytes()).hexdigest()[:32]
    if keep is not None and (kept := read_kept(keep / f"{name}.safetensors", "table")) is not None:
        return kept[0]
    x, look = loaded.codec.encode(pictures).to(loaded.device), look_for(loaded.info)
    rows = [loaded.class_weights(blend, look) for blend in ({}, *loaded.info.classes)]
    table = np.stack([log_prob(loaded, x, weights) for weights in rows])
    if keep is not None:
        write_kept(keep / f"{name}.safetensors", table=table)
    return table


def ranks(values: Values) -> Values:
    """The rank of each value, 0 = lowest; equal values share their mean rank."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts + 1) / 2)[place]


def rank_correlation(one: Values, other: Values) -> float:
    """Spearman's rank correlation; 0 if all values of one are equal."""
    a, b = ranks(one), ranks(other)
    if a.std() == 0 or b.std() == 0:
        return 0.0
    return float(np.corrcoef(a, b)[0, 1])


def log_prob(loaded: Checkpoint, x: torch.Tensor, weights: torch.Tensor) -> Values:
    """log p of pictures x (N, C, H, W) given class weights (classes,), (N,)."""
    return torch.cat([whole_log_prob(loaded.model, some, weights) for some in x.split(CHUNK)]).numpy()


def _agreement(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The figures of an order, from its sort keys and the judge's results for each class."""
    pairs, firsts, blanks = [], [], []
    for row in rows:
        values, right = row["values"], row["right"]
        ahead = values[right][:, None] - values[~right][None]
        pairs.append((np.sign(ahead) + 1).ravel() / 2)
        for start in range(0, len(values) - GROUP + 1, GROUP):
            first = start + int(values[start : start + GROUP].argmax())
            firsts.append(right[first])
            blanks.append(row["blank"][first])
    all_pairs = np.concatenate(pairs)
    return {
        "pairs": {"value": round(float(all_pairs.mean()), 6) if len(all_pairs) else None, "count": len(all_pairs)},
        "first": metrics.share(np.array(firsts, np.bool_)).json(),
        "blank": metrics.share(np.array(blanks, np.bool_)).json(),
        "rank": round(float(np.mean([row["rank"] for row in rows])), 6),
    }
