"""Makes the pictures of Krita for docs/guide: `python -m docs.krita_pictures [--out FOLDER]`.

The real Krita runs under Xvfb with the plug-in and asks the running app. Needs `apt-get install krita xvfb
python3-pyqt5` and the checkpoint studio. Seeds are fixed.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from docs.app_page import ROOT, open_app
from docs.screenshot import smaller
from pixelart.engine import Engine
from tests.integrations.krita_session import missing, run_krita

MODEL, CLASS, SEED, PIXELS = "studio", "hero", 3, 16
CLOAK = (slice(12, 24), slice(8, 24))
PICTURES = {"complete": "krita-complete", "extend-left": "krita-extend"}
BRIGHT = "[theme]\nTheme=Krita bright\n"


def main() -> None:
    """Writes the pictures."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--out", type=Path, default=ROOT / "docs" / "guide", help="folder of the pictures")
    out = options.parse_args().out
    if reason := missing():
        sys.exit(reason)
    engine = Engine(ROOT / "checkpoints")
    picture = engine.generate(engine.request(MODEL, class_weights=CLASS, seed=SEED))[0].picture
    selection = np.zeros(picture.shape[:2], np.uint8)
    selection[CLOAK] = 255
    with tempfile.TemporaryDirectory() as name, open_app((MODEL,)) as url:
        folder = Path(name)
        (folder / "picture.bin").write_bytes(picture[..., [2, 1, 0, 3]].tobytes())
        (folder / "selection.bin").write_bytes(selection.tobytes())
        values = {"class_name": CLASS, "seed": SEED, "images": 8, "pixels": PIXELS}
        window = {"zoom": 11.0, "window": (1180, 800), "shots": name, "kritarc": BRIGHT}
        run_krita(folder, {"size": picture.shape[1::-1], "address": url, **values, **window})
        for shot, target in PICTURES.items():
            smaller(Image.open(folder / f"{shot}.png").convert("RGB")).save(out / f"{target}.png", optimize=True)


if __name__ == "__main__":
    main()
