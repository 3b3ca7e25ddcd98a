"""Draw with shipped checkpoints, always with the same requests.

    python tests/compat/draw.py NAME ...

writes `tests/compat/NAME.png`. It uses only what the project has had for long, so an older version can draw too:

    PYTHONPATH=OLDER_CLONE python tests/compat/draw.py NAME ... --checkpoints OLDER_CLONE/checkpoints
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from pixelart.engine import Engine, Request

PICTURES = Path(__file__).parent
CHECKPOINTS = PICTURES.parents[1] / "checkpoints"
COMPLETED = ("dungeon-gated", "dungeon-multiscale")
"""Checkpoints that also complete the picture they drew."""


def draw(engine: Engine, name: str) -> NDArray[np.uint8]:
    """(H, n * W, 4): a generated picture, then its completion."""
    request = Request(name, class_weights={"creature": 1.0}, seed=7, temperature=1.0, guidance=1.0, sampler="cached")
    pictures = [engine.generate(request)[0].picture]
    if name in COMPLETED:
        mask = np.zeros(pictures[0].shape[:2], np.bool_)
        mask[8:20, 10:22] = mask[24:26, :] = mask[::7, ::5] = True
        request = Request(name, class_weights={"hero": 1.0}, seed=11, temperature=1.2, guidance=1.5, sampler="cached")
        pictures.append(engine.complete(request, pictures[0], mask)[0].picture)
    return np.concatenate(pictures, axis=1)


def main() -> None:
    """Write the pictures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="+", metavar="NAME", help="of checkpoints")
    parser.add_argument("--checkpoints", type=Path, default=CHECKPOINTS, help="their folder")
    parser.add_argument("--out", type=Path, default=PICTURES, help="where the pictures go (tests/compat)")
    options = parser.parse_args()
    torch.set_num_threads(1)
    engine = Engine(options.checkpoints, device=torch.device("cpu"))
    for name in options.names:
        Image.fromarray(draw(engine, name)).save(options.out / f"{name}.png", optimize=True)


if __name__ == "__main__":
    main()
