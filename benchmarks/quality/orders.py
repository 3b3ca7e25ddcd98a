"""By what to order the pictures of a request so that those come first that look like what was asked for.

Candidates for the order are compared by how well each agrees with the judge, among pictures of one class as among the
results of one request.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.quality import metrics
from benchmarks.quality.drawing import Drawn
from benchmarks.quality.judge import Judge
from pixelart.codec import Picture
from pixelart.completion import whole_log_prob
from pixelart.library import Checkpoint

GROUP = 4
"""Results of one request, of which the first is looked at."""
CHUNK = 16
Values = NDArray[np.float64]


def compare_orders(loaded: Checkpoint, drawn: Drawn, judge: Judge) -> dict[str, dict[str, Any]]:
    """Of each order: `pairs`, the share of pairs of one class, one picture taken for it by the judge and one not, that
    it puts right; `first`, how often the judge takes the first of GROUP pictures for their class, and `blank`, how
    often it is blank; `rank`, the mean over classes of the rank correlation with the judge's log p of the class."""
    names = np.array(drawn.class_names)
    tables = dict[str, list[dict[str, Any]]]()
    for name in dict.fromkeys(drawn.class_names):
        pictures, own = drawn.of(name), judge.classes.index(name)
        log_p = judge.log_probabilities(judge.snap(pictures))
        blank = metrics.visible_share(pictures) < metrics.BLANK
        for order, values in scores(loaded, pictures, name, drawn.log_prob[names == name]).items():
            found = {"rank": rank_correlation(values, log_p[:, own]), "values": values}
            tables.setdefault(order, []).append({**found, "right": log_p.argmax(1) == own, "blank": blank})
    return {order: _agreement(rows) for order, rows in tables.items()}


@torch.no_grad()
def scores(loaded: Checkpoint, pictures: Picture, name: str, log_prob: Values) -> dict[str, Values]:
    """What each order sorts by, the highest first, (N,) of `pictures` drawn as the class `name`."""
    x, own = loaded.codec.encode(pictures).to(loaded.device), loaded.config.classes.index(name)
    each = torch.eye(len(loaded.config.classes), device=loaded.device)
    rows = [torch.zeros_like(each[0]), *each]
    table = np.stack([_log_prob(loaded, x, weights) for weights in rows])  # of any class, and of each
    posterior = torch.from_numpy(table[1:]).log_softmax(0)[own].numpy()
    per_pixel = log_prob / np.maximum(1, (pictures[..., 3] > 0).sum((1, 2)))
    gain = log_prob - table[0]
    return {
        "seed": -np.arange(len(x), dtype=np.float64),
        "log p": log_prob,
        "log p per visible pixel": per_pixel,
        "p(class given picture)": posterior,
        "class gain": gain,
        "ranks: log p per visible pixel + p(class given picture)": ranks(per_pixel) + ranks(posterior),
        "ranks: log p + p(class given picture)": ranks(log_prob) + ranks(posterior),
        "ranks: log p per visible pixel + class gain": ranks(per_pixel) + ranks(gain),
    }


def ranks(values: Values) -> Values:
    """The rank of each value, 0 the lowest; equal ones share their mean."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts + 1) / 2)[place]


def rank_correlation(one: Values, other: Values) -> float:
    """Spearman's; 0 where all values of one are equal."""
    a, b = ranks(one), ranks(other)
    if a.std() == 0 or b.std() == 0:
        return 0.0
    return float(np.corrcoef(a, b)[0, 1])


def _log_prob(loaded: Checkpoint, x: torch.Tensor, weights: torch.Tensor) -> Values:
    return torch.cat([whole_log_prob(loaded.model, some, weights) for some in x.split(CHUNK)]).numpy()


def _agreement(rows: list[Mapping[str, Any]]) -> dict[str, Any]:
    """Of an order, from its values, the judge's answers, and which pictures are blank, of each class."""
    pairs, firsts, blanks = [], [], []
    for row in rows:
        values, right = row["values"], row["right"]
        ahead = values[right][:, None] - values[~right][None]
        pairs.append((np.sign(ahead) + 1).ravel() / 2)
        for start in range(0, len(values) - GROUP + 1, GROUP):
            first = start + int(values[start : start + GROUP].argmax())
            firsts.append(right[first])
            blanks.append(row["blank"][first])
    every = np.concatenate(pairs)
    return {
        "pairs": {"value": round(float(every.mean()), 6) if len(every) else None, "count": len(every)},
        "first": metrics.share(np.array(firsts, np.bool_)).json(),
        "blank": metrics.share(np.array(blanks, np.bool_)).json(),
        "rank": round(float(np.mean([row["rank"] for row in rows])), 6),
    }
