"""The events of the page: values that it posts, values that it never would, and what makes an answer plain."""

from __future__ import annotations

import base64
import math
from functools import cache
from typing import Any

import numpy as np

from benchmarks.page_client import event_values
from pixelart.engine import Request
from pixelart.images.codec import Picture
from pixelart.images.io import encode_png
from pixelart.ui import build
from pixelart.ui.create.canvas_value import Canvas, canvas_to_payload
from tests.ui.fake_engine import CODEC, FakeEngine
from tests.ui.serving import without_resource_warnings
from tests.ui.visitor import Answer

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
        "load_palette": ["tiny", None, 0],
        "load_own": [],
        "lock": ["tiny", None, 0],
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
        "name_of": ["tiny", None, "CGA"],
        "name_of_1": ["tiny", None, "CGA"],
        "name_of_2": ["tiny", None, "CGA"],
        "name_of_3": ["tiny", None, "CGA"],
        "offer": ["tiny", "", "hero", "", ""],
        "select_model": [None, 0, "tiny", CANVAS, "hero", None, "CGA"],
        "select_model_1": [None, 0, "tiny", CANVAS, "hero", None, "CGA"],
        "offer_1": ["tiny", "", "hero", "", "", None],
        "offer_2": ["tiny", "", "hero", "", ""],
        "import_picture": [None, 0, "tiny", False, None, 0],
        "choose": [None, 0, "tiny", None, None, 0],
        "choose_1": [None, 0, "tiny", None, 0],
        "reuse": [None, 0, None, 0],
        "swatches": ["tiny"],
        "offer_3": ["tiny", "", "hero", "", ""],
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
        "offer_kinds": ["tiny", "hero", ""],
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


def wanted(engine: FakeEngine, seed: int) -> Picture:
    return engine.generate(Request("tiny", {"hero": 1.0}, seed=seed))[0].picture


def assert_plain(answer: Answer) -> None:
    """No stack trace, no text of an exception that nobody wrote for visitors."""
    for sign in ("Traceback", 'File "', ".py", "gradio.", "Error:", "NoneType", "object has no", "enough input"):
        assert sign not in (answer.error or "") and sign not in " ".join(answer.notices), answer
    assert "Traceback" not in answer.raw and answer.error != "None"
    for line in [answer.error or "", *answer.notices]:
        assert "\n" not in line and len(line) < 200, line
