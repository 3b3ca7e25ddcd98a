"""Measure what a checkpoint's training pictures have, by class, and write it into its config.json.

    python -m benchmarks.quality.limits --checkpoint studio --data examples/studio.zip

Generate draws pictures again that exceed these limits (pixelart/engine/redrawing.py).
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

from benchmarks.quality.tiles import of_class
from pixelart.checkpoint.format import CONFIG_FILE, LIMITS_KEY
from pixelart.engine import Engine
from pixelart.images.defects import NO_LIMITS, DefectLimits, limits_of
from pixelart.images.palette_choice import as_learned
from pixelart.storage import write_file
from pixelart.training.data.pictures import read_pictures


def measure_limits(engine: Engine, name: str, data: Path) -> dict[str, DefectLimits]:
    """The limits of each class of a checkpoint, measured on those pictures of `data` that it was trained on, in the
    colours that it sees. Classes with too few pictures are left out.

    Raises:
        WeightsRejected: the checkpoint does not record what it was trained on.
    """
    info, codec, seen = engine.info(name), engine.library.load(name).codec, engine.library.seen_in_training(name)
    pictures = read_pictures(data, size=(info.height, info.width), fit="keep")
    sets = [one.select(np.array([h in seen for h in one.hashes], np.bool_)) for one in pictures.sizes]
    found = {}
    for class_name in info.classes:
        limits = limits_of([as_learned(codec, of_class(one, class_name)) for one in sets if len(one)])
        if limits != NO_LIMITS:
            found[class_name] = limits
        print(class_name, limits, flush=True)
    return found


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", required=True)
    parser.add_argument("--data", type=Path, required=True)
    options = parser.parse_args()
    engine = Engine()
    limits = measure_limits(engine, options.checkpoint, options.data)
    path = engine.library.path(options.checkpoint) / CONFIG_FILE
    values = json.loads(path.read_bytes())
    values["training"][LIMITS_KEY] = {name: one.values() for name, one in limits.items()}
    write_file(path, json.dumps(values, indent=1, ensure_ascii=False).encode())


if __name__ == "__main__":
    main()
