"""A Hub on this machine: it answers as much of the real one's protocol as the client asks for."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple

COMMIT = "0123456789abcdef0123456789abcdef01234567"
PAGE = 2


class Answer(NamedTuple):
    """A status, headers, and a body."""

    status: int
    headers: Mapping[str, str] = {}
    body: bytes = b""


@dataclass
class FakeHub:
    """One dataset, art/sprites; `faults` by stage (info, tree, head, get) are answered in place of it."""

    files: Mapping[str, bytes]
    url: str = ""
    faults: dict[str, Answer] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    """(stage, Authorization) of each request."""

    def answer(self, method: str, path: str) -> tuple[str, Answer]:
        """The stage of a request, and what is answered."""
        path, _, query = path.partition("?")
        if path == "/api/datasets/art/sprites":
            return "info", _json({"id": "art/sprites", "sha": COMMIT})
        if path == f"/api/datasets/art/sprites/tree/{COMMIT}":
            return "tree", self._tree(int(query.partition("cursor=")[2] or 0))
        start = f"/datasets/art/sprites/resolve/{COMMIT}/"
        if path.startswith(start) and path.removeprefix(start) in self.files:
            data = self.files[path.removeprefix(start)]
            headers = {"X-Repo-Commit": COMMIT, "ETag": f'"{hashlib.sha1(data).hexdigest()}"'}
            return method.lower(), Answer(200, headers, data)
        return "unknown", Answer(404, {"X-Error-Code": "RepoNotFound"})

    def _tree(self, first: int) -> Answer:
        names = sorted(self.files)
        page = [
            {"type": "file", "path": name, "size": self.sizes.get(name, len(self.files[name])), "oid": "0" * 40}
            for name in names[first : first + PAGE]
        ]
        more = first + PAGE < len(names)
        link = f'<{self.url}/api/datasets/art/sprites/tree/{COMMIT}?cursor={first + PAGE}>; rel="next"'
        return _json(page, {"Link": link} if more else {})


@contextmanager
def serve(hub: FakeHub) -> Iterator[FakeHub]:
    """The Hub at `hub.url`, until the end of the context."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            stage, answer = hub.answer(self.command, self.path)
            hub.asked.append((stage, self.headers.get("Authorization")))
            answer = hub.faults.get(stage, answer)
            self.send_response(answer.status)
            for name, value in {**answer.headers, "Content-Length": str(len(answer.body))}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(answer.body)

        do_HEAD = do_GET

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hub.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _json(value: object, headers: Mapping[str, str] | None = None) -> Answer:
    return Answer(200, {"Content-Type": "application/json", **(headers or {})}, json.dumps(value).encode())
