"""The plug-in in the real Krita: document in, pixels out, against the running app."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pixelart.engine import CheckpointInfo, Engine
from pixelart.images.codec import Picture
from pixelart.ui.security.hosting import Hosting
from tests.integrations.krita_session import missing, run_krita
from tests.ui.serving import GRADIO_WARNINGS, serving

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(bool(missing()), reason=missing()),
    pytest.mark.filterwarnings(*GRADIO_WARNINGS),
]
WIDTH, HEIGHT, SEED, PIXELS = 44, 30, 5, 6
RANDOM = np.random.default_rng(7)
PICTURE: Picture = RANDOM.integers(0, 256, (HEIGHT, WIDTH, 4), np.uint8)
SELECTION = np.zeros((HEIGHT, WIDTH), np.uint8)
SELECTION[12:17, 20:27] = RANDOM.choice(np.array([0, 100, 128, 255], np.uint8), (5, 7))
SELECTION[12, 20] = SELECTION[16, 26] = 255
MASK = SELECTION >= 128


@dataclass
class Found:
    """What Krita told, and the pixels that it wrote."""

    folder: Path
    told: dict[str, Any]
    checkpoints: Path

    def pixels(self, name: str) -> Picture:
        width, height = self.told[name][:2]
        data = np.frombuffer((self.folder / f"{name}.bin").read_bytes(), np.uint8)
        return data.reshape(height, width, 4)[..., [2, 1, 0, 3]]


class KnowsKinds(Engine):
    """Its models say that they know a look, and kinds of one class."""

    def list_checkpoints(self) -> list[CheckpointInfo]:
        kinds = (("cross", "broad"), ("cross", "thin"))
        return [replace(info, looks=("dark",), kinds=kinds) for info in super().list_checkpoints()]


@pytest.fixture(scope="module")
def found(tiny_checkpoints: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Found]:
    folder = tmp_path_factory.mktemp("krita")
    (folder / "picture.bin").write_bytes(PICTURE[..., [2, 1, 0, 3]].tobytes())
    (folder / "selection.bin").write_bytes(SELECTION.tobytes())
    with serving(KnowsKinds(tiny_checkpoints), hosting=Hosting("desktop")) as url:
        values = {"class_name": "Any class", "seed": SEED, "images": 2, "pixels": PIXELS}
        told = run_krita(folder, {"size": [WIDTH, HEIGHT], "address": url, **values})
    yield Found(folder, told, tiny_checkpoints)


def test_looks_and_the_kinds_of_the_class_are_offered(found: Found) -> None:
    look, kinds = ["Any look", "dark"], ["Any kind", "broad", "thin"]
    assert found.told["lists"] == {
        "Any class": {"look": look, "kind": None},
        "cross": {"look": look, "kind": kinds},
        "stripe": {"look": look, "kind": None},
    }


def test_a_completion_is_the_engines_and_no_other_pixel_changes(found: Found) -> None:
    top, left = 12 - 8, 20 - 8
    box = slice(top, top + 5 + 16), slice(left, left + 7 + 16)
    engine = Engine(found.checkpoints)
    for name, seed in (("complete", SEED), ("again", SEED + 2)):
        usual = engine.request("tiny", count=2, seed=seed)
        wanted = engine.complete(usual, PICTURE[box], MASK[box])
        for number, drawing in enumerate(wanted):
            whole = PICTURE.copy()
            whole[box] = drawing.picture
            assert np.array_equal(found.pixels(f"{name}{number}"), whole)
            assert found.told[f"{name}{number}"][2].startswith(f"seed {drawing.seed} - ")
        assert np.array_equal(found.pixels(f"{name}-own"), PICTURE) and not found.told[f"{name}-own"][3]


def test_pointing_at_a_result_shows_it_alone(found: Found) -> None:
    assert found.told["pointed"] == [False, True]


def test_apply_keeps_the_result_above_the_hidden_layer(found: Found) -> None:
    assert np.array_equal(found.pixels("applied"), found.pixels("again0")) and found.told["applied"][3]
    assert np.array_equal(found.pixels("applied-own"), PICTURE) and not found.told["applied-own"][3]
    assert found.told["active"] == found.told["applied"][2]
    assert found.told["layers"] == ["Sprite", found.told["applied"][2]]


def test_a_new_picture_lies_in_the_middle_of_the_selection(found: Found) -> None:
    engine = Engine(found.checkpoints)
    wanted = engine.generate(engine.request("tiny", count=2, seed=SEED))
    top, left = 12 + (5 - 8) // 2, 20 + (7 - 8) // 2
    for number in range(2):
        pixels = found.pixels(f"draw{number}")
        assert np.array_equal(pixels[top : top + 8, left : left + 8], wanted[number].picture)
        pixels[top : top + 8, left : left + 8] = 0
        assert not pixels[..., 3].any()
    assert found.told["draw-own"][3], "the own layer stays visible"


def test_discard_leaves_everything_as_it_was(found: Found) -> None:
    for name in ("discarded", "left-discarded", "down-discarded"):
        assert np.array_equal(found.pixels(name), PICTURE) and found.told[name][3]
    assert found.told["after_discard"] == ["Sprite"]


def test_an_extension_grows_the_canvas_and_keeps_the_picture(found: Found) -> None:
    for number in range(2):
        left, down = found.pixels(f"left{number}"), found.pixels(f"down{number}")
        assert left.shape == (HEIGHT, WIDTH + PIXELS, 4) and down.shape == (HEIGHT + PIXELS, WIDTH, 4)
        assert np.array_equal(left[:, PIXELS:], PICTURE) and np.array_equal(down[:HEIGHT], PICTURE)
    engine = Engine(found.checkpoints)
    asked = engine.request("tiny", count=2, seed=SEED)
    wanted = engine.extend(asked, PICTURE[:, :16], left=PIXELS)[0].picture
    assert np.array_equal(found.pixels("left0")[:, : 16 + PIXELS], wanted)


def test_krita_is_never_blocked_and_messages_are_plain(found: Found) -> None:
    assert found.told["longest_pause"] < 1.0
    assert found.told["without_selection"] == "Select the pixels to redraw first."
    assert found.told["cancelled"] == ["Cancelled.", True]
    assert found.told["closed"].startswith("The app does not answer at http://127.0.0.1:9.")
