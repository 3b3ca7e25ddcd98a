"""The app as a server: what a raw HTTP client can do to it."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from tests.ui.fake_engine import FakeEngine
from tests.ui.serving import GRADIO_WARNINGS, serving
from tests.ui.test_canvas_value import HOSTILE

pytestmark = pytest.mark.filterwarnings(*GRADIO_WARNINGS)
GENERATE = [None, None, "tiny", "Any", 1, 5, 2, None, 1, 0, 1, 0]


class Visitor:
    """A client that speaks HTTP and skips every check of the page."""

    def __init__(self, url: str) -> None:
        self.url = url
        with urllib.request.urlopen(f"{url}config") as answer:
            self.events = json.load(answer)["dependencies"]
        self.count = 0

    def event(self, inputs: int) -> int:
        """The first event with this number of inputs."""
        return next(d["id"] for d in self.events if len(d["inputs"]) == inputs)

    def post(self, event: int, data: list[Any], event_data: Any = None) -> dict[str, Any]:
        """The last message of an event."""
        self.count += 1
        session = f"visitor{self.count}"
        body = {"data": data, "fn_index": event, "session_hash": session, "event_data": event_data}
        request = urllib.request.Request(
            f"{self.url}gradio_api/queue/join", json.dumps(body).encode(), {"Content-Type": "application/json"}
        )
        urllib.request.urlopen(request).close()
        with urllib.request.urlopen(f"{self.url}gradio_api/queue/data?session_hash={session}") as stream:
            messages = [json.loads(line[5:]) for line in stream if line.startswith(b"data:")]
        return next(m for m in messages if m["msg"] == "process_completed")


@pytest.fixture(scope="module")
def visitor() -> Iterator[Visitor]:
    with serving(FakeEngine()) as url:
        yield Visitor(url)


def test_no_event_is_offered_to_clients(visitor: Visitor) -> None:
    assert {d["api_visibility"] for d in visitor.events} == {"private"}


def test_generate_works(visitor: Visitor) -> None:
    assert visitor.post(visitor.event(len(GENERATE)), GENERATE)["success"]


@pytest.mark.parametrize("name", ["text", "width huge", "width nan", "pixels dict", "pixels not base64", "mask short"])
def test_a_hostile_canvas_gets_one_plain_line(visitor: Visitor, name: str) -> None:
    message = visitor.post(visitor.event(len(GENERATE)), [None, HOSTILE[name], *GENERATE[2:]])
    assert not message["success"] and message["output"]["error"].startswith("canvas")


@pytest.mark.parametrize(
    ("place", "value", "told"),
    [
        (2, "../..", "not found"),
        (2, {"a": 1}, "No model"),
        (3, "dragon", "dragon"),
        (4, None, "Temperature: must be"),
        (4, "hot", "Temperature: must be"),
        (5, "x", "Seed: must be"),
        (6, 1000, "Images: must be"),
        (7, {"colours": 5}, "palette"),
        (8, [1], "Top-p: must be"),
        (9, {}, "Top-k: must be"),
        (10, True, "Guidance: must be"),
        (11, 1e300, "Temperature at bottom: must be"),
    ],
)
def test_a_hostile_value_gets_one_plain_line(visitor: Visitor, place: int, value: Any, told: str) -> None:
    data = GENERATE.copy()
    data[place] = value
    message = visitor.post(visitor.event(len(GENERATE)), data)
    assert told in json.dumps(message["output"]) and "Traceback" not in json.dumps(message)
