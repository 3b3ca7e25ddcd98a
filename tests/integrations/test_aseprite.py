"""The Aseprite extension in a stand-in of the documented API, against the running app."""

from __future__ import annotations

import base64
import io
import json
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from pixelart.engine import CheckpointInfo, Request
from pixelart.integrations.install import PLUGINS
from pixelart.settings import SETTINGS, VERSION
from pixelart.ui.security.hosting import Hosting
from tests.integrations.aseprite_session import LUA, missing, run_extension
from tests.ui.fake_engine import FakeEngine
from tests.ui.serving import GRADIO_WARNINGS, serving

pytestmark = [
    pytest.mark.skipif(bool(missing()), reason=missing()),
    pytest.mark.filterwarnings(*GRADIO_WARNINGS),
]
EXTENSION = PLUGINS / "aseprite" / "pixelart-studio"
WIDTH, HEIGHT, TRANSPARENT = 20, 18, 3
RANDOM = np.random.default_rng(2)
PALETTE = np.array([[255, 0, 68, 255], [0, 128, 9, 255], [1, 2, 3, 255], [7, 7, 7, 255], [0, 128, 9, 255]], np.uint8)
CEL = {"x": 1, "y": 2, "width": WIDTH - 3, "height": HEIGHT - 2}
SELECTED = np.zeros((HEIGHT, WIDTH), np.bool_)
SELECTED[5:9, 6:12] = RANDOM.random((4, 6)) < 0.6
SELECTED[5, 6] = SELECTED[8, 11] = True
Pixels = NDArray[np.int64]


@pytest.fixture(scope="module")
def engine() -> FakeEngine:
    return FakeEngine()


@pytest.fixture(scope="module")
def url(engine: FakeEngine) -> Iterator[str]:
    with serving(engine, hosting=Hosting("desktop")) as url:
        yield url


def own_pixels(mode: str) -> Pixels:
    """The cel's pixel values; rare indices too, such as the second one of the same colour."""
    shape = CEL["height"], CEL["width"]
    values = RANDOM.integers(0, len(PALETTE), shape) if mode == "INDEXED" else RANDOM.integers(0, 2**32, shape)
    return values.astype(np.int64)


def on_canvas(pixels: Pixels, mode: str) -> Pixels:
    canvas = np.full((HEIGHT, WIDTH), TRANSPARENT if mode == "INDEXED" else 0, np.int64)
    canvas[CEL["y"] : CEL["y"] + CEL["height"], CEL["x"] : CEL["x"] + CEL["width"]] = pixels
    return canvas


def run(url: str, mode: str, pixels: Pixels, *press: str, selected: Any = SELECTED, **more: Any) -> dict[str, Any]:
    values = {"images": 2, "seed": "4", "pixels": 5, **more.pop("values", {})}
    task = {"mode": mode, "width": WIDTH, "height": HEIGHT, "palette": PALETTE.tolist(), "transparent": TRANSPARENT}
    task |= {"cel": CEL, "pixels": pixels.reshape(-1).tolist(), "selection": selected.astype(int).reshape(-1).tolist()}
    return run_extension(url, EXTENSION, {**task, "press": list(press), "values": values, **more})


def image(cel: dict[str, Any]) -> Pixels:
    return np.array(cel["pixels"], np.int64).reshape(cel["height"], cel["width"])


def rgba(values: Pixels) -> NDArray[np.uint8]:
    return values.astype("<u4").view(np.uint8).reshape(*values.shape, 4)


def test_the_scripts_bytes_are_right() -> None:
    script = (
        f"local s = dofile('{EXTENSION}/studio.lua') local d = '' for i = 0, 255 do d = d .. string.char(i) end "
        "assert(#d == 256) for n = 0, 5 do local t = s.bytes(s.base64(d:sub(1, n))) assert(#t == n) end "
        "local big = d:rep(400) io.write(s.base64(s.png(160, 160, big)))"
    )
    text = subprocess.run([LUA, "-e", script], capture_output=True, text=True, check=True).stdout
    with Image.open(io.BytesIO(base64.b64decode(text))) as picture:
        assert np.asarray(picture).tobytes() == bytes(range(256)) * 400


@pytest.mark.parametrize("mode", ["RGB", "INDEXED"])
def test_a_completion_changes_only_selected_pixels(url: str, engine: FakeEngine, mode: str) -> None:
    own = own_pixels(mode)
    found, canvas = run(url, mode, own, "complete"), on_canvas(own, mode)
    first, *results = found["cels"]
    assert np.array_equal(image(first), own) and not first["visible"] and first["layer"] == "Sprite"
    assert [cel["visible"] for cel in results] == [True, False] and found["groups"] == ["Pixel Art Studio: Any class"]
    for cel in results:
        assert (cel["x"], cel["y"], cel["layer"][:5]) == (0, 0, "seed ")
        assert np.array_equal(image(cel)[~SELECTED], canvas[~SELECTED])
    if mode == "RGB":
        wanted = engine.complete(Request("tiny", count=2, seed=4), rgba(canvas), SELECTED)
        assert np.array_equal([rgba(image(cel)) for cel in results], [drawing.picture for drawing in wanted])
    else:
        drawn = {value for cel in results for value in image(cel)[SELECTED].tolist()}
        assert drawn <= {0, 1, 2, TRANSPARENT} and len(drawn) > 1, "the first index of each colour"
        assert found["sent"][-1]["palette"] == ["ff0044", "008009", "010203"]


@pytest.mark.parametrize("mode", ["RGB", "INDEXED"])
def test_results_as_frames_leave_the_own_frame(url: str, mode: str) -> None:
    own = own_pixels(mode)
    found, canvas = run(url, mode, own, "complete", values={"results": "frames"}), on_canvas(own, mode)
    first, *results = found["cels"]
    assert np.array_equal(image(first), own) and first["visible"] and not found["groups"]
    assert [cel["frame"] for cel in results] == [2, 3] and {cel["layer"] for cel in results} == {"Sprite"}
    assert all(np.array_equal(image(cel)[~SELECTED], canvas[~SELECTED]) for cel in results)
    assert not np.array_equal(image(results[0]), image(results[1]))


@pytest.mark.parametrize("side", ["left", "right", "up", "down"])
def test_an_extension_keeps_every_pixel(url: str, side: str) -> None:
    own = own_pixels("INDEXED")
    found, canvas = run(url, "INDEXED", own, "extend", values={"side": side}), on_canvas(own, "INDEXED")
    left, up = (5 if side == one else 0 for one in ("left", "up"))
    across, down = (5 if side in sides else 0 for sides in (("left", "right"), ("up", "down")))
    assert (found["width"], found["height"]) == (WIDTH + across, HEIGHT + down)
    first, *results = found["cels"]
    assert (first["x"], first["y"]) == (CEL["x"] + left, CEL["y"] + up) and np.array_equal(image(first), own)
    for cel in results:
        assert np.array_equal(image(cel)[up : up + HEIGHT, left : left + WIDTH], canvas)


def test_a_new_picture_lies_in_the_middle_of_the_selection(url: str, engine: FakeEngine) -> None:
    found = run(url, "RGB", own_pixels("RGB"), "draw", "next", values={"class_name": "hero"})
    wanted = engine.generate(Request("tiny", {"hero": 1.0}, count=2, seed=4))
    first, *results = found["cels"]
    assert first["visible"] and [cel["visible"] for cel in results] == [False, True], "the next one is shown"
    top, left = 5 + (4 - 16) // 2, 6 + (6 - 16) // 2
    for cel, drawing in zip(results, wanted, strict=True):
        pixels, kept = rgba(image(cel)), drawing.picture[max(0, -top) : HEIGHT - top]
        place = pixels[max(0, top) : max(0, top) + len(kept), left : left + 16]
        assert np.array_equal(place, kept)


def test_again_undoes_and_draws_the_next_seeds(url: str) -> None:
    found = run(url, "RGB", own_pixels("RGB"), "complete", "again", "keep")
    assert [message.get("seed") for message in found["sent"]] == [None, 4, 6] and found["undone"] == 1
    assert found["address"] == "ws://127.0.0.1:7860/editor"


@pytest.mark.parametrize(("press", "cancels"), [(("complete", "again"), True), (("complete", "keep", "again"), False)])
def test_again_undoes_nothing_but_results(url: str, press: tuple[str, ...], cancels: bool) -> None:
    found = run(url, "RGB", own_pixels("RGB"), *press, cancels=cancels)
    assert [message.get("seed") for message in found["sent"] if "seed" in message] == [4, 6] and found["undone"] == 0


def own_cel(found: dict[str, Any]) -> tuple[Pixels, bool]:
    """The pixels of the artist's own cel, and whether its layer is visible."""
    (cel,) = [each for each in found["cels"] if each["layer"] == "Sprite"]
    return image(cel), cel["visible"]


@pytest.mark.parametrize("last", ["UNDO", "DELETE"])
def test_the_own_layer_is_visible_again_when_the_results_are_gone(url: str, last: str) -> None:
    own = own_pixels("RGB")
    steps = ("complete", "UNDO") if last == "UNDO" else ("draw", "complete", "DELETE", "DELETE", "DELETE")
    found = run(url, "RGB", own, *steps)
    pixels, visible = own_cel(found)
    assert np.array_equal(pixels, own) and visible and len(found["groups"]) == (last == "DELETE")
    assert found["usable"][-1] == ["complete", "again"], "nothing is left to look at or to keep"


def test_again_removes_the_results_and_not_what_the_artist_did_after(url: str) -> None:
    own, painted = own_pixels("RGB"), own_pixels("RGB")
    painted[:] = own
    painted[0, 0] = 0x12345678
    for steps, groups, undone, wanted in (
        (("complete", "again"), 1, 1, own),
        (("PAINT", "complete", "UNDO", "again"), 1, 1, painted),
        (("complete", "PAINT", "again"), 2, 0, painted),
        (("PAINT", "complete", "again", "UNDO"), 0, 2, painted),
    ):
        found = run(url, "RGB", own, *steps, paint=0x12345678)
        pixels, visible = own_cel(found)
        assert np.array_equal(pixels, wanted) and visible == (groups == 0), steps
        assert (len(found["groups"]), found["undone"]) == (groups, undone), steps


def test_results_that_stay_after_keep_are_undone_step_by_step(url: str) -> None:
    own = own_pixels("RGB")
    for undone, visible, results in ((0, False, 1), (1, False, 2), (2, True, 0)):
        found = run(url, "RGB", own, "complete", "keep", *["UNDO"] * undone)
        assert own_cel(found)[1] == visible and len(found["cels"]) == 1 + results


def test_next_and_keep_without_notice_of_changes_tell_that_the_results_are_gone(url: str) -> None:
    """An Aseprite without events does not tell that the artist has undone."""
    for button in ("next", "keep"):
        found = run(url, "RGB", own_pixels("RGB"), "complete", "UNDO", button, has_events=False)
        assert found["statuses"][-1] == "The results are gone." and own_cel(found)[1]
        assert found["usable"][-1] == ["complete", "again"]
    found = run(url, "RGB", own_pixels("RGB"), "PAINT", "complete", "UNDO", "again", has_events=False, paint=7)
    assert found["undone"] == 1 and own_cel(found)[0][0, 0] == 7


def test_results_come_to_the_sprite_that_was_sent_as_it_is_now(url: str) -> None:
    own = own_pixels("RGB")
    found = run(url, "RGB", own, "extend", meanwhile="OPEN_OTHER", values={"side": "right"})
    assert (found["width"], len(found["cels"])) == (WIDTH + 5, 3), "the canvas of no other sprite is extended"
    for meanwhile, told in (
        ("RESIZE", "The sprite has another size or color mode now; draw again."),
        ("DELETE_OWN", "The sprite or its layer is gone."),
    ):
        found = run(url, "RGB", own, "complete", meanwhile=meanwhile)
        assert found["statuses"] == [told] and not found["groups"]
    found = run(url, "RGB", own, "complete", meanwhile="CLEAR")
    assert len(found["cels"]) == 2 and all(not image(cel)[~SELECTED].any() for cel in found["cels"])


def test_the_app_can_be_started_again_and_only_once(url: str, tmp_path: Path) -> None:
    command = ["echo", "Ann's $HOME `id`/app.py"]
    (tmp_path / "app.json").write_text(json.dumps({"start": command}))
    steps = ("complete", "CLOSE", "start", "start", "CLOSE", "LATER", "CLOSE", "WAIT", "complete")
    found = run(url, "RGB", own_pixels("RGB"), *steps, plugin_path=str(tmp_path))
    (line,) = (one.removesuffix(" >/dev/null 2>&1 &") for one in found["executed"])
    assert subprocess.run(["sh", "-c", line], capture_output=True, text=True).stdout == f"{command[1]}\n"
    closed, starting = "The app does not answer. Start it, or change the address.", "The app is starting ..."
    assert found["statuses"][1:7] == [closed, starting, starting, starting, starting, closed]
    starts = ["start" in usable for usable in found["usable"]]
    assert starts == [False, True, False, False, False, False, True, False, False]
    assert "complete" not in found["usable"][1] and "complete" in found["usable"][7]
    assert len(found["groups"]) == 2, "drawing goes on as before"


def test_an_app_that_is_back_is_asked_for_its_models_and_the_choices_stay(url: str) -> None:
    found = run(url, "RGB", own_pixels("RGB"), "CLOSE", "OPEN", "WAIT", "draw", choices=[["class_name", "wall"]])
    assert [message["action"] for message in found["sent"]] == ["models", "models", "generate"]
    assert found["sent"][-1]["class_name"] == "wall" and found["usable"][0] == ["start"]


def test_what_is_not_possible_is_told_in_one_line(url: str) -> None:
    nothing = np.zeros((HEIGHT, WIDTH), np.bool_)
    assert run(url, "RGB", own_pixels("RGB"), "complete", selected=nothing)["statuses"] == [
        "Select the pixels to redraw first."
    ]
    wide = np.ones((HEIGHT, 1025), np.bool_)
    assert run(url, "RGB", own_pixels("RGB"), "complete", selected=wide, width=1025)["statuses"] == [
        f"The app takes at most {SETTINGS.max_side} pixels a side; this is 1025 x {HEIGHT}."
    ]
    gray = run(url, "GRAY", own_pixels("INDEXED"), "complete")
    assert gray["statuses"] == ["The sprite must be RGB or indexed: Sprite > Color Mode."]
    wrong = run(url, "RGB", own_pixels("RGB"), "complete", values={"class_name": "dragon"})
    assert wrong["statuses"] == ["Class 'dragon': tiny does not have it."] and len(wrong["cels"]) == 1


class KnowsKinds(FakeEngine):
    """Its model knows looks, and kinds of one class."""

    def info(self, checkpoint: str) -> CheckpointInfo:
        return replace(super().info(checkpoint), looks=("dark", "light"), kinds=(("hero", "mage"), ("hero", "thief")))


def test_looks_and_the_kinds_of_the_class_are_offered(url: str) -> None:
    own, hero, thief = own_pixels("RGB"), ["class_name", "hero"], ["kind", "thief"]
    with serving(KnowsKinds(), hosting=Hosting("desktop")) as known:
        found = [
            run(known, "RGB", own, "draw", choices=choices)
            for choices in ([["look", "dark"], hero], [hero, thief], [hero, thief, ["class_name", "wall"]])
        ]
    names = ("class_name", "look", "kind")
    assert [tuple(one["sent"][-1][name] for name in names) for one in found] == [
        ("hero", "dark", ""), ("hero", "", "thief"), ("wall", "", "")
    ]  # fmt: skip
    lists = {"class_name": ["Any class", "hero", "wall"], "look": ["Any look", "dark", "light"]}
    assert found[0]["lists"] == {**lists, "kind": ["Any kind", "mage", "thief"]}
    assert found[2]["lists"] == lists, "a class without kinds has no list of them"
    assert run(url, "RGB", own)["lists"] == {"class_name": lists["class_name"]}, "a model without looks and kinds"


def test_cancel_ends_the_drawing(url: str, engine: FakeEngine) -> None:
    engine.row_seconds = 0.05
    try:
        found = run(url, "RGB", own_pixels("RGB"), "complete", cancels=True)
    finally:
        engine.row_seconds = 0.0
    assert found["statuses"] == ["Cancelled."] and len(found["cels"]) == 1


def test_the_manifest_names_the_script_and_the_version() -> None:
    manifest = json.loads((EXTENSION / "package.json").read_text())
    assert manifest["contributes"]["scripts"] == [{"path": "./main.lua"}] and manifest["version"] == VERSION
