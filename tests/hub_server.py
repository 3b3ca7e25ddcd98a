"""A Hub on this machine: it speaks as much of the real one's protocol as the real client asks for, keeps what is
pushed, and fails where a test wants it to."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import socket
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal, NamedTuple
from urllib.parse import parse_qsl, unquote

PAGE = 4
SIGNATURE = "signature-of-an-upload"
"""In the address that a large file goes to: whoever knows it may write there."""
LOST = 10.0
"""Seconds that a request without an answer waits for its client to give up."""


class Answer(NamedTuple):
    """A status, headers, and a body."""

    status: int
    headers: Mapping[str, str] = {}
    body: bytes = b""


Fault = Answer | Literal["reset", "timeout"]
NO_REPO = Answer(404, {"X-Error-Code": "RepoNotFound"})


@dataclass(frozen=True)
class Commit:
    """A state of a repository."""

    oid: str
    files: Mapping[str, bytes]
    title: str = ""


@dataclass
class Repo:
    """A repository: its commits, oldest first."""

    commits: list[Commit]
    private: bool = False

    @property
    def files(self) -> Mapping[str, bytes]:
        """Those of the newest commit."""
        return self.commits[-1].files

    def at(self, revision: str) -> Commit | None:
        """The commit of a revision, `main` or its number."""
        if revision == "main":
            return self.commits[-1]
        return next((commit for commit in self.commits if commit.oid == revision), None)


@dataclass
class HubServer:
    """Repositories by their address below the server: art/heroes, datasets/art/sprites, or spaces/art/studio.

    A request has a stage: login, create, delete, validate, preupload, batch, put, commit, info, tree, head or get.
    `faults` by stage are answered in place of what the Hub would, before anything is done, or after, where the stage is
    in `lost`.
    """

    users: dict[str, str] = field(default_factory=dict)
    """Token -> name."""
    organisations: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Name of a user -> those that they write for."""
    repos: dict[str, Repo] = field(default_factory=dict)
    url: str = ""
    faults: dict[str, Fault] = field(default_factory=dict)
    lost: set[str] = field(default_factory=set)
    sizes: dict[str, int] = field(default_factory=dict)
    """What the tree says of a file where it is not the truth."""
    served: dict[str, bytes] = field(default_factory=dict)
    """What is sent in place of a file."""
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    """(stage, Authorization) of each request."""
    bodies: list[bytes] = field(default_factory=list)
    large: dict[str, bytes] = field(default_factory=dict)
    """SHA-256 -> content of large files, committed or not."""
    on_request: Callable[[str, str], None] = lambda stage, when: None
    """Told every stage, "before" and "after" it is done."""
    _lock: threading.RLock = field(default_factory=threading.RLock)
    _closing: threading.Event = field(default_factory=threading.Event)

    def add(self, place: str, files: Mapping[str, bytes], *, private: bool = False) -> Repo:
        """A repository with one commit."""
        repo = self.repos[place] = Repo([], private)
        self.commit(repo, files)
        return repo

    def commit(self, repo: Repo, files: Mapping[str, bytes], title: str = "") -> Commit:
        """A further commit, which holds exactly `files`."""
        number = hashlib.sha1(repr((len(repo.commits), id(repo), sorted(files))).encode()).hexdigest()
        repo.commits.append(Commit(number, dict(files), title))
        return repo.commits[-1]

    def answer(self, method: str, path: str, body: bytes, token: str) -> tuple[str, Callable[[], Answer]]:
        """The stage of a request, and what does it."""
        path, _, query = path.partition("?")
        for wanted, pattern, stage in self.routes():
            found = re.fullmatch(pattern, path)
            if found and method in wanted.split():
                parts = [unquote(part or "") for part in found.groups()]
                do = partial(getattr(self, f"_{stage}"), *parts, query, body, token)
                return (method.lower() if stage == "file" else stage), do
        return "unknown", lambda: NO_REPO

    def routes(self) -> list[tuple[str, str, str]]:
        """(methods, pattern of the path, stage), the first one that fits."""
        return _ROUTES

    def _login(self, query: str, body: bytes, token: str) -> Answer:
        return _json({"name": self.users[token]}) if token in self.users else Answer(401)

    def _create(self, query: str, body: bytes, token: str) -> Answer:
        if token not in self.users:
            return Answer(401)
        wanted = json.loads(body)
        kind = {"space": "spaces/", "dataset": "datasets/"}.get(wanted.get("type"), "")
        place = f"{kind}{wanted['organization'] or self.users[token]}/{wanted['name']}"
        if not self._is_of(place, token):
            return Answer(403)
        status = 409 if place in self.repos else 200
        if status == 200:
            self.add(place, {".gitattributes": b"*.safetensors filter=lfs\n"})
            self.repos[place].private = wanted["visibility"] == "private"
        return _json({"url": f"{self.url}/{place}"})._replace(status=status)

    def _delete(self, query: str, body: bytes, token: str) -> Answer:
        wanted = json.loads(body)
        kind = {"space": "spaces/", "dataset": "datasets/"}.get(wanted.get("type"), "")
        place = f"{kind}{wanted['organization'] or self.users.get(token)}/{wanted['name']}"
        repo = self._writable(place, token)
        if isinstance(repo, Answer):
            return repo
        del self.repos[place]
        return Answer(200)

    def _validate(self, query: str, body: bytes, token: str) -> Answer:
        return _json({"errors": [], "warnings": []})

    def _preupload(self, place: str, query: str, body: bytes, token: str) -> Answer:
        repo = self._writable(place, token)
        if isinstance(repo, Answer):
            return repo
        told = []
        for file in json.loads(body)["files"]:
            there, is_large = repo.files.get(file["path"]), b"\0" in base64.b64decode(file["sample"])
            mode = "lfs" if is_large else "regular"
            oid = None if there is None else hashlib.sha256(there).hexdigest() if is_large else _blob(there)
            told.append({"path": file["path"], "uploadMode": mode, "shouldIgnore": False, "oid": oid})
        return _json({"files": told})

    def _batch(self, place: str, query: str, body: bytes, token: str) -> Answer:
        repo = self._writable(place, token)
        if isinstance(repo, Answer):
            return repo
        objects = []
        for wanted in json.loads(body)["objects"]:
            upload = {"upload": {"href": f"{self.url}/put/{wanted['oid']}?{SIGNATURE}"}}
            objects.append(wanted if wanted["oid"] in self.large else {**wanted, "actions": upload})
        return _json({"transfer": "basic", "objects": objects})

    def _put(self, oid: str, query: str, body: bytes, token: str) -> Answer:
        if query != SIGNATURE:
            return Answer(403)
        if hashlib.sha256(body).hexdigest() != oid:
            return Answer(400)
        self.large[oid] = body
        return Answer(200)

    def _commit(self, place: str, query: str, body: bytes, token: str) -> Answer:
        repo = self._writable(place, token)
        if isinstance(repo, Answer):
            return repo
        header, *operations = (json.loads(line) for line in body.splitlines())
        if header["value"].get("parentCommit") not in (None, repo.commits[-1].oid):
            return Answer(412, {"X-Error-Message": "A commit has happened since. Please refresh and try again."})
        files = dict(repo.files)
        for operation in operations:
            kind, value = operation["key"], operation["value"]
            if kind == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif kind == "lfsFile":
                files[value["path"]] = self.large[value["oid"]]
            else:
                del files[value["path"]]
        oid = self.commit(repo, files, header["value"]["summary"]).oid
        return _json({"commitUrl": f"{self.url}/{place}/commit/{oid}", "commitOid": oid})

    def _info(self, place: str, revision: str, query: str, body: bytes, token: str) -> Answer:
        repo = self._visible(place, token)
        commit = repo.at(revision or "main") if repo else None
        if not repo:
            return NO_REPO
        if not commit:
            return Answer(404, {"X-Error-Code": "RevisionNotFound"})
        return _json({"id": "/".join(place.split("/")[-2:]), "sha": commit.oid, "private": repo.private})

    def _tree(self, place: str, revision: str, query: str, body: bytes, token: str) -> Answer:
        repo = self._visible(place, token)
        commit = repo.at(revision) if repo else None
        if not commit:
            return NO_REPO
        given = dict(parse_qsl(query))
        is_deep, first = given.get("recursive", "").lower() == "true", int(given.get("cursor", "0"))
        names = sorted(commit.files if is_deep else {name.partition("/")[0] for name in commit.files})
        page = [self._entry(name, commit.files.get(name)) for name in names[first : first + PAGE]]
        more = f"recursive={is_deep}&cursor={first + PAGE}"
        link = f'<{self.url}/api/{place}/tree/{revision}?{more}>; rel="next"'
        return _json(page, {"Link": link} if first + PAGE < len(names) else {})

    def _file(self, place: str, revision: str, name: str, query: str, body: bytes, token: str) -> Answer:
        repo = self._visible(place, token)
        commit = repo.at(revision) if repo else None
        if not commit or name not in commit.files:
            return NO_REPO
        data = self.served.get(name, commit.files[name])
        return Answer(200, {"X-Repo-Commit": commit.oid, "ETag": f'"{hashlib.sha1(data).hexdigest()}"'}, data)

    def _visible(self, place: str, token: str) -> Repo | None:
        repo = self.repos.get(place.removeprefix("models/"))
        return repo if repo and (not repo.private or self._is_of(place, token)) else None

    def _writable(self, place: str, token: str) -> Repo | Answer:
        repo = self._visible(place, token)
        if token not in self.users:
            return Answer(401)
        return NO_REPO if not repo else repo if self._is_of(place, token) else Answer(403)

    def _is_of(self, place: str, token: str) -> bool:
        """Whether the repository at `place` is of whoever `token` is of, or of an organisation of theirs."""
        user = self.users.get(token)
        return user is not None and place.split("/")[-2] in (user, *self.organisations.get(user, ()))

    def _entry(self, name: str, data: bytes | None) -> dict[str, object]:
        if data is None:
            return {"type": "directory", "path": name, "oid": "0" * 40, "size": 0}
        size = self.sizes.get(name, len(data))
        entry: dict[str, object] = {"type": "file", "path": name, "size": size, "oid": _blob(data)}
        if b"\0" in data[:512]:
            entry["lfs"] = {"oid": hashlib.sha256(data).hexdigest(), "size": size, "pointerSize": 130}
        return entry


_PLACE = r"((?:datasets/|models/|spaces/)?[^/]+/[^/]+)"
_ROUTES = [
    ("GET", r"/api/whoami-v2", "login"),
    ("POST", r"/api/repos/create", "create"),
    ("DELETE", r"/api/repos/delete", "delete"),
    ("POST", r"/api/validate-yaml", "validate"),
    ("POST", rf"/api/{_PLACE}/preupload/main", "preupload"),
    ("POST", rf"/{_PLACE}\.git/info/lfs/objects/batch", "batch"),
    ("PUT", r"/put/([0-9a-f]{64})", "put"),
    ("POST", rf"/api/{_PLACE}/commit/main", "commit"),
    ("GET", rf"/api/{_PLACE}(?:/revision/([^/]+))?", "info"),
    ("GET", rf"/api/{_PLACE}/tree/([^/]+)", "tree"),
    ("GET HEAD", rf"/{_PLACE}/resolve/([^/]+)/(.+)", "file"),
]


@contextmanager
def serve(hub: HubServer) -> Iterator[HubServer]:
    """The Hub at `hub.url`, until the end of the context."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            authorization = self.headers.get("Authorization")
            stage, do = hub.answer(self.command, self.path, body, (authorization or "").removeprefix("Bearer "))
            hub.asked.append((stage, authorization))
            hub.bodies.append(body)
            hub.on_request(stage, "before")
            fault = hub.faults.get(stage)
            if fault is None or stage in hub.lost:
                with hub._lock:
                    answer = do()
                hub.on_request(stage, "after")
                fault = fault or answer
            self._send(fault)

        do_HEAD = do_POST = do_PUT = do_DELETE = do_GET

        def _send(self, answer: Fault) -> None:
            if answer == "timeout":
                hub._closing.wait(LOST)
            elif answer == "reset":  # what is unsent is thrown away, and the other side told so
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.connection.close()
            elif isinstance(answer, Answer):
                self.send_response(answer.status)
                for name, value in {**answer.headers, "Content-Length": str(len(answer.body))}.items():
                    self.send_header(name, value)
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(answer.body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        def handle_error(self, request: object, client_address: object) -> None:
            pass  # a client that was killed, or gave up

    server = Server(("127.0.0.1", 0), Handler)
    hub.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        hub._closing.set()
        server.shutdown()
        server.server_close()
        thread.join()


def _blob(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def _json(value: object, headers: Mapping[str, str] | None = None) -> Answer:
    return Answer(200, {"Content-Type": "application/json", **(headers or {})}, json.dumps(value).encode())
