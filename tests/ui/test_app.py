"""The app as a server: what a raw HTTP client gets, and what it can do."""

from __future__ import annotations

import base64
import contextlib
import http.client
import io
import json
import math
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from typing import Any

import gradio as gr
import numpy as np
import pytest
from PIL import Image

from benchmarks.page_client import event_values
from pixelart.engine import Request
from pixelart.images.codec import Picture
from pixelart.images.io import encode_png
from pixelart.jobs import Jobs
from pixelart.settings import SETTINGS
from pixelart.ui import build
from pixelart.ui.create.canvas_value import Canvas, canvas_from_payload, canvas_to_payload
from pixelart.ui.security import memory_budget as unread
from pixelart.ui.security.safe_blocks import FAULT
from tests.tiers import a_long
from tests.ui.create.test_canvas_value import HOSTILE
from tests.ui.fake_engine import CODEC, FakeEngine
from tests.ui.serving import GRADIO_WARNINGS, serving_app, without_resource_warnings
from tests.ui.visitor import Answer, Visitor

pytestmark = pytest.mark.filterwarnings(*GRADIO_WARNINGS)
PICTURE = CODEC.table[np.random.default_rng(1).integers(CODEC.levels, size=(16, 16))]
MASK = np.zeros((16, 16), np.bool_)
MASK[4:9, 2:11] = True
CANVAS = canvas_to_payload(Canvas(PICTURE, MASK))
FORM: dict[str, Any] = {"ticket": 1, "model": "tiny", "class_name": "hero", "seed": 5, "images": 2}
"""By the ids of the inputs."""


def form(event: str, **change: Any) -> list[Any]:
    """What the page posts for a drawing button."""
    return event_values(_config(), f"page_{event}", **{**FORM, **change})


@cache
def _config() -> Any:
    with without_resource_warnings():
        app = build(FakeEngine(names=("tiny", "scales")), "off")  # pyright: ignore[reportArgumentType]
        config = app.get_config_file()
        del app
    return config


class _Values(dict[str, Any]):
    """Event -> what the page posts; functions are called when they are looked up."""

    def __getitem__(self, name: str) -> list[Any]:
        value = super().__getitem__(name)
        return value if isinstance(value, list) else value()


MEMORY, JOB = {"owner": "a" * 32, "job": "0" * 16}, "0" * 16
PICTURES = ["ZIP", "", "", "As the base model", False, False, False, 0, 0, 0, 0, "tiny", ""]
TRAINING = ["tiny", "mine", 10, True, "Keep the base's", 0, 16, 0, 0.999, 0.1, 0, 0, 0, "Good"]
PUSH = ["tiny", "art/tiny", "cc0-1.0", "", True]
GOOD = _Values(
    {
        "lambda": [],
        "reuse_seed": [None, None],
        "choose_palette": ["tiny", "CGA"],
        "load_palette": ["tiny"],
        "load_own": [],
        "lock": ["tiny"],
        "colours_on_canvas": [CANVAS, "tiny"],
        "download": [None, CANVAS, "tiny", None, "Result", "PNG indexed", 2, True, "#ffffff", 4, False, None],
        "generate": lambda: form("generate"),
        "lambda_1": [],
        "lambda_2": [None],
        "complete": lambda: form("complete", canvas=CANVAS),
        "lambda_3": [],
        "lambda_4": [None],
        "enlarge": lambda: form("enlarge", canvas=CANVAS, model="scales"),
        "lambda_5": [],
        "lambda_6": [None],
        "recolour": lambda: form("recolour", canvas=CANVAS),
        "lambda_7": [],
        "lambda_8": [None],
        "more_like": lambda: form("more_like"),
        "lambda_9": [],
        "lambda_10": [None],
        "sweep": lambda: form("sweep", temperatures="0.6, 1.2"),
        "lambda_11": [],
        "lambda_12": [None],
        "extend": lambda: form("extend", canvas=CANVAS, sides=["left", "down"], pixels=5),
        "lambda_13": [],
        "lambda_14": [None],
        "tileset": lambda: form("tileset", canvas=CANVAS),
        "lambda_15": [],
        "lambda_16": [None],
        "animate": lambda: form("animate", canvas=CANVAS, frames=3),
        "lambda_17": [],
        "lambda_18": [None],
        "show": [None],
        "save_gif": [None, None],
        "save_sheet": [None, None],
        "offer_classes": ["tiny", "hero"],
        "offer_classes_1": ["tiny", "hero", None],
        "offer_classes_2": ["tiny", "hero"],
        "stop": [None, 0],
        "inspect": ["tiny", "hero"],
        "show_origin": ["tiny"],
        "on_load": [MEMORY],
        "lambda_19": [None],
        "load": [None, None],
        "bring_back": ["tiny", None, None],
        "preset_values": ["tiny", "calm"],
        "preset_values_1": ["tiny", "calm"],
        "preset_values_2": ["tiny", "wild"],
        "preset_values_3": ["tiny", None],
        "offer": ["tiny", ""],
        "select_model": [None, 0, "tiny", CANVAS, "hero", None],
        "select_model_1": [None, 0, "tiny", CANVAS, "hero", None],
        "offer_1": ["tiny", "", None],
        "offer_2": ["tiny", ""],
        "import_picture": [None, 0, "tiny", False],
        "choose": [None, 0, "tiny", None],
        "choose_1": [None, 0, "tiny"],
        "reuse": [None, 0],
        "swatches": ["tiny"],
        "offer_3": ["tiny", ""],
        "offer_push": ["tiny", "tiny", ""],
        "suggest_repository": [None, "tiny"],
        "preview_card": PUSH,
        "push": PUSH,
        "stop_push": [],
        "follow_used": [None, "tiny"],
        "receive_archive": [None, *PICTURES],
        "check_pictures": [None, *PICTURES],
        "recall": [MEMORY, None],
        "tick": [MEMORY, JOB, None],
        "look_at": [MEMORY, JOB],
        "compare": [None, *PICTURES],
        "compare_1": [None, *PICTURES],
        "compare_2": [None, *PICTURES],
        "stop_check": [None],
        "stop_search": [None],
        "show_unusual": [None, "tiny"],
        "show_unusual_1": [None, "tiny"],
        "show_unusual_2": [None, "tiny"],
        "show_times": [None, *TRAINING],
        "show_times_1": [None, *TRAINING],
        "show_times_2": [None, *TRAINING],
        "show_times_3": [None, *TRAINING],
        "undo_numbers": [],
        "offer_folder": [None],
        "offer_bases": ["tiny", None],
        "offer_bases_1": ["tiny", None],
        "offer_bases_2": ["tiny"],
        "start_training": [MEMORY, None, *PICTURES[:-2], *TRAINING],
        "stop_training": [MEMORY, JOB],
        "resume_training": [MEMORY, JOB, None],
        "delete_uploaded": [MEMORY, JOB],
        "delete_job": [MEMORY, JOB],
        "use_model": [MEMORY, JOB],
        "download_model": [MEMORY, JOB],
    }
)
HANDLERS = [name for name in GOOD if name.startswith("lambda") or not name[-1].isdigit()]
"""Without those that the page calls from another place again."""
SENT = {"name": "a.png", "data": base64.b64encode(encode_png(PICTURE)).decode(), "index": 0}
SENT |= CANVAS | {"number": 1, "pixel": [2, 3]}
BAD: list[Any] = [
    None, True, -1, 1.5, math.nan, 1e308, 2**70, "", "x" * 5000, "<script>alert(1)</script>", [], [[]], {}, [None] * 99,
    {"index": 10**30}, {"name": None, "data": 3}, {"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}},
    {"__type__": "update", "value": 1},
]  # fmt: skip


@pytest.fixture(scope="module")
def engine() -> FakeEngine:
    return FakeEngine(names=("tiny", "scales"))


@pytest.fixture(scope="module")
def served(engine: FakeEngine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[gr.Blocks, str]]:
    folder = tmp_path_factory.mktemp("jobs")
    with Jobs(folder / "jobs", checkpoints=folder) as jobs, serving_app(engine, jobs) as app_and_url:
        yield app_and_url


@pytest.fixture(scope="module")
def app(served: tuple[gr.Blocks, str]) -> gr.Blocks:
    return served[0]


@pytest.fixture(scope="module")
def url(served: tuple[gr.Blocks, str]) -> str:
    return served[1]


@pytest.fixture
def visitor(url: str, engine: FakeEngine) -> Visitor:
    engine.row_seconds, engine.fault = 0.0, None
    return Visitor(url)


def wanted(engine: FakeEngine, seed: int) -> Picture:
    return engine.generate(Request("tiny", {"hero": 1.0}, seed=seed))[0].picture


def gallery_pictures(url: str, gallery: dict[str, Any]) -> list[Picture]:
    pictures = []
    for item in gallery["value"]:
        with urllib.request.urlopen(f"{url}gradio_api/file={item['image']['path']}") as file:
            pictures.append(np.asarray(Image.open(io.BytesIO(file.read())).convert("RGBA")))
    return pictures


def assert_plain(answer: Answer) -> None:
    """No stack trace, no text of an exception that nobody wrote for visitors."""
    for sign in ("Traceback", 'File "', ".py", "gradio.", "Error:", "NoneType", "object has no", "enough input"):
        assert sign not in (answer.error or "") and sign not in " ".join(answer.notices), answer
    assert "Traceback" not in answer.raw and answer.error != "None"
    for line in [answer.error or "", *answer.notices]:
        assert "\n" not in line and len(line) < 200, line


@pytest.mark.slow
def test_two_endpoints_are_offered_to_clients_and_all_events_are_known_here(visitor: Visitor) -> None:
    assert visitor.public == ["generate", "complete"]
    assert set(GOOD) == set(visitor.events)


@pytest.mark.slow
def test_generate_brings_exactly_the_pixels_of_its_seeds(visitor: Visitor, engine: FakeEngine) -> None:
    canvas, status, gallery = visitor.post("generate", GOOD["generate"]).data
    assert np.array_equal(canvas_from_payload(canvas).picture, wanted(engine, 5)) and not canvas["preview"]
    first, second = gallery_pictures(visitor.url, gallery)
    assert np.array_equal(first, wanted(engine, 5)) and np.array_equal(second, wanted(engine, 6))
    assert [item["caption"] for item in gallery["value"]] == ["seed 5", "seed 6"] and "2 pictures in" in status


@pytest.mark.slow
def test_complete_brings_exactly_the_pixels_of_its_seed_under_the_mask(visitor: Visitor, engine: FakeEngine) -> None:
    picture = canvas_from_payload(visitor.post("complete", GOOD["complete"]).data[0]).picture
    best = engine.complete(Request("tiny", {"hero": 1.0}, count=2, seed=5), PICTURE, MASK)[0].picture
    assert np.array_equal(picture, best) and not np.array_equal(picture, PICTURE)


def test_enlarge_brings_a_picture_of_twice_the_size(visitor: Visitor, engine: FakeEngine) -> None:
    canvas, status, gallery = visitor.post("enlarge", GOOD["enlarge"]).data
    best, *_ = engine.enlarge(Request("scales", {"hero": 1.0}, count=2, seed=5), PICTURE)
    assert np.array_equal(canvas_from_payload(canvas).picture, best.picture) and len(gallery["value"]) == 2
    assert np.array_equal(best.picture[::2, ::2], PICTURE) and "now 32 x 32" in status
    assert np.array_equal(gallery_pictures(visitor.url, gallery)[0], best.picture)


def test_results_can_be_chosen_their_seed_reused_and_saved(visitor: Visitor, engine: FakeEngine) -> None:
    visitor.post("generate", GOOD["generate"])
    canvas, status = visitor.post("choose", [None, 1, "tiny", None], {"index": 1}).data
    assert np.array_equal(canvas_from_payload(canvas).picture, wanted(engine, 6)) and "Seed 6" in status
    assert visitor.post("reuse_seed", [None, None]).data[0] == 6
    saved = visitor.post("download", GOOD["download"]).data[0]
    with Image.open(io.BytesIO(base64.b64decode(saved["data"]))) as image:
        assert np.array_equal(np.asarray(image.convert("RGBA"))[::2, ::2], wanted(engine, 6))


DRAWINGS = ("generate", "complete", "enlarge", "recolour", "more_like", "sweep", "extend", "tileset", "animate")
LENGTHY = (*DRAWINGS, "receive_archive", "check_pictures", "start_training", "download")
"""Events whose values are many and whose answers take a while."""


@pytest.mark.slow
@pytest.mark.parametrize("name", [a_long(name) if name in LENGTHY else name for name in HANDLERS])
def test_any_event_with_any_value_answers_plainly(visitor: Visitor, name: str) -> None:
    visitor.post("load", [None, None])
    for place in range(len(GOOD[name])):
        for value in BAD:
            data = [*GOOD[name][:place], value, *GOOD[name][place + 1 :]]
            answer = visitor.post(name, data, SENT)
            assert_plain(answer)
            assert answer.error != FAULT, (place, value)


@pytest.mark.slow
@pytest.mark.parametrize("name", HANDLERS)
def test_any_event_with_too_few_or_too_many_values_answers_plainly(visitor: Visitor, name: str) -> None:
    good = GOOD[name]
    for data in ([], good[:-1], [*good, None, "x" * 5000], [None] * 500):
        assert_plain(visitor.post(name, data, SENT))
    if good:
        told = f"This event takes {len(good)} values, not {len(good) - 1}."
        assert visitor.post(name, good[:-1], SENT).error == told


@pytest.mark.parametrize("name", ["import_picture", "load_palette", "choose", "inspect", "reuse"])
def test_any_event_data_answers_plainly(visitor: Visitor, name: str) -> None:
    visitor.post("generate", GOOD["generate"])
    for value in [*BAD, {"name": "a.png", "data": "!" * 40}, {"index": [0]}]:
        answer = visitor.post(name, GOOD[name], value)
        assert_plain(answer)
        assert answer.told() and answer.error != FAULT, value


def test_a_fault_of_the_program_is_told_without_its_text(
    visitor: Visitor, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> Any:
        raise RuntimeError("/home/secret/path")

    monkeypatch.setattr(engine, "snap", broken)
    answer = visitor.post("select_model", GOOD["select_model"])
    assert answer.error == FAULT and "secret" not in answer.raw
    answer = visitor.post("import_picture", GOOD["import_picture"], SENT)
    assert answer.error == FAULT and "secret" not in answer.raw


@pytest.mark.slow
@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_canvas_gets_one_plain_line(visitor: Visitor, name: str) -> None:
    answer = visitor.post("complete", form("complete", canvas=HOSTILE[name]))
    assert answer.error and answer.error.startswith("canvas")
    assert_plain(answer)


@pytest.mark.parametrize(
    ("place", "value", "told"),
    [
        ("model", "../..", "not found"),
        ("model", {"a": 1}, "Model: must be a name"),
        ("class_name", "dragon", "dragon"),
        ("temperature", None, "Temperature: must be"),
        ("temperature", "hot", "Temperature: must be"),
        ("seed", "x", "Seed: must be"),
        ("images", 1000, "Images: must be"),
        ("colours", {"colours": 5}, "palette"),
        ("top_p", [1], "Top-p: must be"),
        ("top_k", {}, "Top-k: must be"),
        ("guidance", True, "Guidance: must be"),
        ("bottom_temperature", 1e300, "Temperature at bottom: must be"),
        ("seamless", ["x", "z"], "Seamless: must be"),
    ],
)
@pytest.mark.parametrize("loaded", [False, True])
def test_a_hostile_setting_is_named_with_its_limit(
    visitor: Visitor, loaded: bool, place: str, value: Any, told: str
) -> None:
    if loaded:  # gradio then has a component of its own for this session
        visitor.post("load", [None, None])
    answer = visitor.post("generate", form("generate", **{place: value}))
    assert told in answer.told()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("place", "value", "told"),
    [
        (4, "Everything", "Picture 'Everything': choose one of Canvas"),
        (5, ["PNG RGBA"], "Format"),
        (5, "BMP", "Format 'BMP': choose one of PNG indexed"),
        (6, 3, "Scale 3: choose one of 1, 2, 4"),
        (6, True, "Scale"),
        (7, "yes", "Transparent: must be"),
        (8, "url(x)", "Background 'url(x)': must be"),
        (8, "rgba(1,2)", "Background"),
        (9, 99, "Columns: must be a number from 1 to 16"),
    ],
)
def test_a_hostile_export_setting_is_named_with_its_limit(visitor: Visitor, place: int, value: Any, told: str) -> None:
    data = GOOD["download"].copy()
    data[7], data[place] = data[7] if place == 7 else False, value
    assert told in visitor.post("download", data).told()


@pytest.mark.parametrize("ticket", [None, -1, 1.5, "1", 2**70, [1]])
def test_a_hostile_ticket_is_refused(visitor: Visitor, ticket: Any) -> None:
    for name in ("generate", "complete", "enlarge", "stop", "select_model", "import_picture", "choose"):
        data = GOOD[name].copy()
        data[1] = ticket
        assert (visitor.post(name, data, SENT).error or "").startswith("ticket")


# --- sizes --------------------------------------------------------------------------------------------------------


def _answer(url: str, path: str, headers: dict[str, str], sent: bytes) -> tuple[int, str]:
    """Status and text that come for a POST of which only `sent` has been sent yet."""
    address = urllib.parse.urlsplit(url)
    with contextlib.closing(http.client.HTTPConnection(address.netloc, timeout=20)) as connection:
        connection.putrequest("POST", f"/gradio_api/{path}")
        for name, value in headers.items():
            connection.putheader(name, value)
        connection.endheaders(sent)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()


@pytest.mark.parametrize("path", ["queue/join", "run/predict", "call/generate"])
def test_a_body_beyond_the_limit_is_refused_before_it_ends(url: str, path: str) -> None:
    kind, limit = "application/json", SETTINGS.max_body_bytes
    announced = _answer(url, path, {"Content-Type": kind, "Content-Length": str(limit + 1)}, b"")
    body = b"[".ljust(limit + 1)
    streamed = _answer(
        url, path, {"Content-Type": kind, "Transfer-Encoding": "chunked"}, b"%x\r\n%b\r\n" % (len(body), body)
    )
    told = {"detail": "The request is too large; the limit is 8 MiB."}
    assert [(status, json.loads(text)) for status, text in (announced, streamed)] == [(413, told)] * 2


def test_the_largest_canvas_and_the_largest_file_are_taken(visitor: Visitor) -> None:
    side = SETTINGS.max_side
    picture = np.random.default_rng(0).integers(0, 256, (side, side, 4), np.uint8)
    canvas = canvas_to_payload(Canvas(picture, np.ones((side, side), np.bool_)))
    assert "it draws 16 x 16" in visitor.post("select_model", [None, 0, "tiny", canvas, "Any", None]).told()
    padded = encode_png(PICTURE).ljust(SETTINGS.max_file_bytes, b"\0")
    sent = {"name": "a.png", "data": base64.b64encode(padded).decode()}
    assert "Imported a.png" in visitor.post("import_picture", GOOD["import_picture"], sent).told()


def test_two_visitors_see_nothing_of_each_other(url: str, engine: FakeEngine, visitor: Visitor) -> None:
    other = Visitor(url)
    for one in (visitor, other):
        one.post("load", [None, None])
    visitor.post("generate", GOOD["generate"])
    assert "Draw a picture first" in other.post("reuse_seed", [None, None]).told()
    assert "There is no result yet." in other.post("download", GOOD["download"]).told()
    assert "gone" in other.post("choose", [None, 0, "tiny", None], {"index": 0}).told()
    other.post("generate", form("generate", seed=900))
    assert (
        visitor.post("reuse_seed", [None, None]).data[0] == 5 and other.post("reuse_seed", [None, None]).data[0] == 900
    )
    canvas, _ = visitor.post("choose", [None, 0, "tiny", None], {"index": 1}).data
    assert np.array_equal(canvas_from_payload(canvas).picture, wanted(engine, 6))


@pytest.mark.slow
def test_a_page_that_does_not_read_what_it_is_told_is_not_served_for_ever(
    visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unread.BoundedQueue, "settings", replace(SETTINGS, max_unread=3))
    for ticket in range(1, 6):
        with contextlib.suppress(urllib.error.HTTPError):  # it is refused by then
            visitor.start("generate", form("generate", ticket=ticket))
    time.sleep(1)  # in which more is told than it may leave unread
    assert unread.UNREAD in visitor.results().raw
    assert visitor.post("stop", [None, 9]).error is None


@pytest.mark.slow
def test_a_full_queue_says_so_at_once(engine: FakeEngine) -> None:
    engine = FakeEngine(row_seconds=0.02)
    with serving_app(engine) as (app, url):
        app._queue.max_size = 3
        visitors = [Visitor(url) for _ in range(6)]
        visitors[0].start("generate", GOOD["generate"])
        assert engine.running.wait(5)
        for visitor in visitors[1:4]:
            visitor.start("generate", GOOD["generate"])
        began = time.monotonic()
        for visitor in visitors[4:]:
            with pytest.raises(urllib.error.HTTPError, match="503") as refused:
                visitor.start("generate", GOOD["generate"])
            assert b"Queue is full" in refused.value.read()
            refused.value.close()
        assert time.monotonic() - began < 1
        assert all("2 pictures in" in visitor.results().told() for visitor in visitors[:4])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "data"), [("stop", [None, 10**9]), ("select_model", [None, 10**9, CANVAS, "tiny", True])]
)
def test_no_visitor_ends_the_drawing_of_another(
    url: str, engine: FakeEngine, visitor: Visitor, name: str, data: list[Any]
) -> None:
    other = Visitor(url)
    engine.row_seconds = 0.05
    visitor.start("generate", GOOD["generate"])
    assert engine.running.wait(5)
    other.post(name, data)
    canvas, status, _ = visitor.results().data
    assert "2 pictures in" in status and np.array_equal(canvas_from_payload(canvas).picture, wanted(engine, 5))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["stop", "select_model", "choose"])
def test_a_visitor_ends_the_own_drawing_and_draws_again(visitor: Visitor, engine: FakeEngine, name: str) -> None:
    visitor.post("generate", GOOD["generate"])
    engine.row_seconds = 0.05
    visitor.start("generate", form("generate", ticket=2))
    assert engine.running.wait(5)
    data = GOOD[name].copy()
    data[1] = 2
    visitor.post(name, data, {"index": 0})
    told = visitor.results().told()
    assert ("Stopped" in told) == (name == "stop") and "pictures in" not in told
    engine.row_seconds = 0.0
    assert "2 pictures in" in visitor.post("generate", form("generate", ticket=3)).told()
