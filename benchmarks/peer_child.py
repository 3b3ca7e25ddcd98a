"""Networks of other projects, from a checkout; and, run in a process of its own, times them.

Its argument is JSON: project, checkout, variant, side, levels, parameters (how many ours has), batches, threads and
rounds. It prints JSON.
"""

from __future__ import annotations

import bisect
import json
import os
import re
import sys
import tempfile
import time
import types
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

WIDTHS = range(8, 257, 2)
TRAINED = 16
Network = tuple[nn.Module, Callable[[Tensor], Tensor], Callable[[Tensor, Tensor], Tensor]]
"""(network, a level drawn from its outputs, the loss of its outputs)."""
Layers = Mapping[str, Mapping[str, int]]
GENERATIVE = {
    "gated_pixelcnn": ("GatedPixelCNN", "gated_channels"),
    "pixelcnn": ("PixelCNN", "residual_channels"),
    "pixelsnail": ("PixelSNAIL", "n_channels"),
}
"""Variant -> its class in pytorch-generative, and what that calls the width."""
LIKE_OURS: Layers = {
    "gated_pixelcnn": {"n_gated": 11, "head_channels": 128},
    "pixelcnn": {"n_residual": 12, "head_channels": 128},
    "pixelsnail": {
        "n_pixel_snail_blocks": 3,
        "n_residual_blocks": 3,
        "attention_key_channels": 16,
        "attention_value_channels": 64,
    },
}
"""As many layers as the default presets of ours."""


def generative(checkout: Path, variant: str, width: int, levels: int, layers: Layers = LIKE_OURS) -> Network:
    """A network of pytorch-generative; `layers`: its sizes other than the width."""
    place = [str(checkout / "pytorch_generative")]
    if getattr(sys.modules.get("pytorch_generative"), "__path__", None) != place:
        for loaded in [name for name in sys.modules if name.partition(".")[0] == "pytorch_generative"]:
            del sys.modules[loaded]
        package: Any = types.ModuleType("pytorch_generative")  # without its data sets, which need more packages
        package.__path__ = place
        sys.modules["pytorch_generative"] = package
    from pytorch_generative import models  # pyright: ignore[reportMissingImports]

    kind, name = GENERATIVE[variant]
    network = getattr(models, kind)(in_channels=1, out_channels=levels, **{name: width}, **layers[variant])
    draw = lambda out: torch.distributions.Categorical(logits=out.movedim(1, -1)).sample()  # noqa: E731
    return network, draw, lambda out, x: F.cross_entropy(out, x[:, 0].long())


def plus_plus(checkout: Path, width: int) -> Network:
    """The network of pixel-cnn-pp, with as many layers as ours."""
    if "model" not in sys.modules:  # from a copy that needs no Python 2 and no GPU
        folder = Path(tempfile.mkdtemp(dir=os.environ["TMPDIR"]))
        for name in ("layers.py", "model.py", "utils.py"):
            text = (checkout / name).read_text().replace("[nr_mix]).cuda()", "[nr_mix])")
            (folder / name).write_text(re.sub(r"^(\s*)print (\w+)$", r"\1print(\2)", text, flags=re.M))
        sys.path.insert(0, str(folder))
    from model import PixelCNN  # pyright: ignore[reportMissingImports]
    from utils import (  # pyright: ignore[reportMissingImports]
        discretized_mix_logistic_loss,
        sample_from_discretized_mix_logistic,
    )

    network = PixelCNN(nr_resnet=2, nr_filters=width, nr_logistic_mix=10, input_channels=3)
    draw = lambda out: sample_from_discretized_mix_logistic(out, 10)  # noqa: E731
    return network, draw, lambda out, x: discretized_mix_logistic_loss(x, out)


def seconds_of(call: Callable[[], object], rounds: int) -> float:
    """The best of several calls, after one that is not counted."""
    call()
    best = float("inf")
    for _ in range(rounds):
        began = time.perf_counter()
        call()
        best = min(best, time.perf_counter() - began)
    return best


def of_size(make: Callable[[int], Network], parameters: int) -> tuple[int, Network]:
    """The width of WIDTHS whose network, made by `make`, has the closest number of parameters; and that network."""

    def size_of(width: int) -> int:
        return sum(p.numel() for p in make(width)[0].parameters())

    wide = bisect.bisect_left(WIDTHS, parameters, hi=len(WIDTHS) - 1, key=size_of)
    width = min(WIDTHS[max(0, wide - 1) : wide + 1], key=lambda w: abs(size_of(w) - parameters))
    return width, make(width)


def main(given: dict[str, Any]) -> dict[str, Any]:
    """Times of the network with about as many parameters as ours."""
    torch.set_num_threads(given["threads"])
    is_rgb, checkout = given["project"] == "pixel-cnn-pp", Path(given["checkout"])

    def make(width: int) -> Network:
        return plus_plus(checkout, width) if is_rgb else generative(checkout, given["variant"], width, given["levels"])

    width, (network, draw, loss_of) = of_size(make, given["parameters"])
    parameters = sum(p.numel() for p in network.parameters())
    found: dict[str, Any] = {"width": width, "parameters": parameters, "seconds": {}}
    shape = (3 if is_rgb else 1, given["side"], given["side"])
    network.eval()
    for batch in given["batches"]:
        x = torch.rand(batch, *shape)
        with torch.no_grad():
            network(x[:1])
            step = seconds_of(lambda x=x: draw(network(x, sample=True) if is_rgb else network(x)), given["rounds"])
        found["seconds"][str(batch)] = step * given["side"] ** 2  # it computes the whole picture for each pixel
    network.train()
    x = torch.rand(TRAINED, *shape) if is_rgb else torch.randint(0, given["levels"], (TRAINED, *shape)).float()
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-4)
    if is_rgb:
        vars(network)["init_padding"] = None  # it keeps that of the first batch

    def train() -> None:
        optimizer.zero_grad()
        loss_of(network(x), x).backward()
        optimizer.step()

    return {**found, "training_seconds": seconds_of(train, given["rounds"])}


if __name__ == "__main__":
    print(json.dumps(main(json.loads(sys.argv[1]))))
