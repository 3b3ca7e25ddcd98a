"""A client that uses the app over HTTP as its page does, without a browser."""

from __future__ import annotations

import base64
import contextlib
import html
import itertools
import json
import os
import re
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pixelart.ui.create.canvas_value import Canvas, canvas_from_payload, canvas_to_payload

PICTURES = ["ZIP", "", "", "As the base model", False, False, False, 0, 0, 0, 0]
TRAINING = [True, "Keep the base's", 0, 8, 0, 0.999, 0.1, 0, 0, 0, "Good"]
_NUMBERS = itertools.count()


def event_values(config: Mapping[str, Any], name: str, **given: Any) -> list[Any]:
    """The values that a page posts for the event `name`, in order.

    `config`: the config that the app serves. `given`: values by element ID, such as `top_p` for "top-p"; other inputs
    keep their initial values.
    """
    inputs = {component["id"]: component["props"] for component in config["components"]}
    event = next(event for event in config["dependencies"] if event["api_name"] == name)
    values = []
    for number in event["inputs"]:
        element = (inputs[number].get("elem_id") or "").replace("-", "_")
        element = "class_name" if element == "class" else element
        values.append(given.pop(element) if element in given else inputs[number].get("value"))
    if given:
        raise KeyError(f"{name} has no input {', '.join(given)}")
    return values


class Client:
    """A client of the app at `url`, with its own session and cookies."""

    def __init__(self, url: str) -> None:
        self.url, self.session, self.ticket = url, f"load-{os.getpid()}-{next(_NUMBERS)}", 0
        self._open = urllib.request.build_opener(urllib.request.HTTPCookieProcessor()).open
        self._get("")  # the page, whose answer may set a cookie
        self.config = json.loads(self._get("config"))
        self.events = {event["api_name"]: event["id"] for event in self.config["dependencies"]}

    def draw(self, name: str, model: str, canvas: Canvas | None, *, images: int = 1, **more: Any) -> Canvas:
        """Press a button, `page_generate` or `page_complete`, and wait. `more`: other values, see `event_values`.
        Raises RuntimeError with the app's message."""
        self.ticket += 1
        given = {**more, **({} if canvas is None else {"canvas": canvas_to_payload(canvas)})}
        shown = self.event(name, self.values(name, ticket=self.ticket, model=model, images=images, **given))
        if not shown or not isinstance(shown[0], dict) or "pixels" not in shown[0]:
            raise RuntimeError(f"{name}: {shown}"[:300])
        for item in shown[2]["value"]:
            self._get("gradio_api/file=" + item["image"]["path"])
        return canvas_from_payload(shown[0])

    def values(self, name: str, **given: Any) -> list[Any]:
        """`event_values` for this app."""
        return event_values(self.config, name, **given)

    def event(self, name: str, data: Sequence[Any], event_data: Any = None) -> list[Any]:
        """Run a queued event and return its outputs. Raises RuntimeError with the app's message."""
        self.join(name, data, event_data)
        return self.outputs()

    def join(self, name: str, data: Sequence[Any], event_data: Any = None) -> None:
        """Join the queue. Raises HTTPError 503 if it is full."""
        body = {"data": data, "fn_index": self.events[name], "session_hash": self.session, "event_data": event_data}
        self._post("gradio_api/queue/join", body)

    def at_once(self, name: str, data: Sequence[Any]) -> list[Any]:
        """Run an event that bypasses the queue and return its outputs."""
        body = {"data": data, "fn_index": self.events[name], "session_hash": self.session}
        return json.loads(self._post("gradio_api/run/predict", body))["data"]

    def outputs(self) -> list[Any]:
        """Wait for the queued event and return its outputs. Raises RuntimeError with the app's message."""
        shown: list[Any] = []
        with self.stream() as stream:
            for line in stream:
                message = json.loads(line[5:]) if line.startswith(b"data:") else {}
                if message.get("msg") == "process_completed":
                    if not message["success"]:
                        raise RuntimeError(str(message["output"].get("error"))[:300])
                    shown = message["output"]["data"]
        return shown

    def stream(self) -> Any:
        """The stream of the messages of queued events, to read line by line."""
        return self._open(f"{self.url}gradio_api/queue/data?session_hash={self.session}")

    def process(self) -> str:
        """The id that the app's process chose when it started."""
        return self._get("gradio_api/app_id").decode()

    def _get(self, path: str) -> bytes:
        with self._open(f"{self.url}{path}", timeout=60) as answer:
            return answer.read()

    def _post(self, path: str, body: Any) -> bytes:
        data, kind = json.dumps(body).encode(), {"Content-Type": "application/json"}
        with self._open(urllib.request.Request(f"{self.url}{path}", data, kind), timeout=60) as answer:
            return answer.read()


def start_training(url: str, model: str, data: Path, *, minutes: float) -> Callable[[], str]:
    """Fine-tune `model` on a .zip of pictures, as the Train tab does.

    Returns a function that stops and deletes the training and returns its last status.
    """
    client = Client(url)
    sent = {"name": data.name, "data": base64.b64encode(data.read_bytes()).decode()}
    memory = client.at_once("on_load", [None])[0]
    client.event("receive_archive", [None, *PICTURES, model, ""], sent)
    started = client.at_once("start_training", [memory, None, *PICTURES, model, "load", minutes, *TRAINING])
    memory, job = started[0], started[1]["value"]

    def end() -> str:
        status = html.unescape(re.sub("<[^>]+>", " ", client.at_once("look_at", [memory, job])[2]))
        client.at_once("stop_training", [memory, job])
        for _ in range(60):
            with contextlib.suppress(urllib.error.HTTPError):
                client.at_once("delete_job", [memory, job])
                break
            time.sleep(1)
        return " ".join(status.split())

    return end
