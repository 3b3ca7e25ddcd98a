"""Average the weights of two checkpoints of one network, and divide its logits by a temperature.

    python -m benchmarks.soften CHECKPOINT --with EARLIER --share 0.7 --temperature 1.1 --out FOLDER

An overfitted network is overconfident. Two remedies cost nothing at sampling time. Averaging its weights with those it
started from gives a flatter minimum (Model soups, Wortsman et al. 2022, 2203.05482). Dividing its logits by a
temperature calibrates it (On Calibration of Modern Neural Networks, Guo et al. 2017, 1706.04599). Both change only the
weights. The likelihood must be a softmax over levels.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import nn

from pixelart.checkpoint.format import WEIGHTS_FILE, read_config
from pixelart.checkpoint.weights import load_weights, pack_weights
from pixelart.errors import PixelArtError, RequestRejected
from pixelart.likelihoods import Categorical
from pixelart.models import RasterModel
from pixelart.storage import write_file


@torch.no_grad()
def soften(model: RasterModel, other: RasterModel, *, share: float, temperature: float) -> None:
    """Set the weights of `model` to share * model + (1 - share) * other, then divide its logits by `temperature`.

    Raises:
        RequestRejected: the networks differ in shape, or their parameter maps are not logits.
    """
    mine, others = model.state_dict(), other.state_dict()
    if {k: v.shape for k, v in mine.items()} != {k: v.shape for k, v in others.items()}:
        raise RequestRejected("the two checkpoints are of different networks")
    logits = getattr(getattr(model, "head", model), "logits", None)
    if not isinstance(model.likelihood, Categorical) or not isinstance(logits, nn.Module):
        raise RequestRejected(f"{type(model).__name__}: its parameter maps are not the logits of one layer")
    model.load_state_dict({k: torch.lerp(others[k], v, share) for k, v in mine.items()})
    for layer in (logits, model.vote):  # the logits are the sum of their outputs
        for parameter in layer.parameters():
            parameter /= temperature


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the changed checkpoint. Returns 2, after one line on stderr, for bad input."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path, help="a checkpoint folder")
    parser.add_argument("--with", dest="other", type=Path, required=True, help="a checkpoint of the same network")
    parser.add_argument("--share", type=float, default=1.0, help="share of the first checkpoint in the mean")
    parser.add_argument("--temperature", type=float, default=1.0, help="divisor of the logits")
    parser.add_argument("--out", type=Path, required=True, help="a new folder")
    options = parser.parse_args(arguments)
    try:
        if not 0 <= options.share <= 1 or not 0.1 <= options.temperature <= 10:
            raise RequestRejected("share must be from 0 to 1, temperature in 0.1 to 10")
        if options.out.exists():
            raise RequestRejected(f"{options.out}: exists already")
        config = read_config(options.checkpoint)
        model, other = load_weights(options.checkpoint, config), load_weights(options.other, read_config(options.other))
        if not isinstance(model, RasterModel) or not isinstance(other, RasterModel):
            raise RequestRejected("models with several stages are not supported")
        soften(model, other, share=options.share, temperature=options.temperature)
    except PixelArtError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    shutil.copytree(options.checkpoint, options.out)
    write_file(options.out / WEIGHTS_FILE, pack_weights(model))
    return 0


if __name__ == "__main__":
    sys.exit(main())
