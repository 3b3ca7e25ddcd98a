"""A visitor that speaks HTTP and skips every check of the page."""

from __future__ import annotations

import itertools
import json
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any

from benchmarks.page_client import event_values

_SESSIONS = itertools.count()


@dataclass(frozen=True)
class Answer:
    """What came of one event: its values, or the text of its error; and the notices on the way."""

    data: list[Any]
    error: str | None
    notices: list[str]
    raw: str

    def told(self) -> str:
        """Everything that a person could read."""
        return " ".join([self.error or "", *self.notices, *(v for v in self.data if isinstance(v, str))])


class Visitor:
    """One session of the app at `url`."""

    def __init__(self, url: str, *, headers: dict[str, str] | None = None) -> None:
        self.headers = {"Content-Type": "application/json", **(headers or {})}
        self.url, self.session = url, f"visitor{next(_SESSIONS)}"
        with urllib.request.urlopen(f"{url}config") as answer:
            self.config = json.load(answer)
        events = self.config["dependencies"]
        private = [d for d in events if d["backend_fn"] and d["api_visibility"] == "private"]
        self.events = {d["api_name"].removeprefix("page_"): d for d in private}
        self.public = [d["api_name"] for d in events if d["backend_fn"] and d not in private]

    def values(self, name: str, **given: Any) -> list[Any]:
        """What the page posts for one of its buttons, see `event_values`."""
        return event_values(self.config, f"page_{name}", **given)

    def post(self, name: str, data: list[Any], event_data: Any = None) -> Answer:
        """Runs an event as the page does: through the queue, or past it."""
        event = self.events[name]
        body = {"data": data, "fn_index": event["id"], "session_hash": self.session, "event_data": event_data}
        return self._queued(body) if event["queue"] else self._direct(body)

    def start(self, name: str, data: list[Any]) -> None:
        """Joins the queue and does not wait."""
        event = self.events[name]["id"]
        self._send("queue/join", {"data": data, "fn_index": event, "session_hash": self.session}).close()

    def results(self) -> Answer:
        """What the queue has for this session, up to the end of one event."""
        with urllib.request.urlopen(f"{self.url}gradio_api/queue/data?session_hash={self.session}") as stream:
            lines = [line[5:].decode() for line in stream if line.startswith(b"data:")]
        messages = [json.loads(line) for line in lines]
        notices = [m["log"] for m in messages if m["msg"] == "log"]
        end = next(m for m in reversed(messages) if m["msg"] == "process_completed")
        error = None if end["success"] else str(end["output"]["error"])
        return Answer(end["output"].get("data") or [], error, notices, "".join(lines))

    def _queued(self, body: dict[str, Any]) -> Answer:
        self._send("queue/join", body).close()
        return self.results()

    def _direct(self, body: dict[str, Any]) -> Answer:
        try:
            with self._send("run/predict", body) as answer:
                raw = answer.read().decode()
                return Answer(json.loads(raw)["data"], None, [], raw)
        except urllib.error.HTTPError as error:
            raw = error.read().decode()
            error.close()
            return Answer([], str(json.loads(raw)["error"]), [], raw)

    def _send(self, path: str, body: dict[str, Any]) -> Any:
        request = urllib.request.Request(f"{self.url}gradio_api/{path}", json.dumps(body).encode(), self.headers)
        return urllib.request.urlopen(request)
