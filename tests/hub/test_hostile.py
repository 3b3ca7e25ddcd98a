"""The Hub as an enemy: what it sends has a size and an end, what it names is checked, tokens stay with their host."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import HfApi, close_session

from pixelart.checkpoint.format import WEIGHTS_FILE
from pixelart.errors import DataRejected, HubFailure
from pixelart.hub import client, fetch_dataset, guard, pull_checkpoint, sign_in
from pixelart.hub.guard import MAX_ANSWER, seconds_for, time_limit
from pixelart.hub.pull import commit_of
from tests.hub.conftest import SECRET
from tests.hub_server import Answer, HubServer
from tests.training.files import dot

PLACE = "art/tiny"


def answer(value: object, **headers: str) -> Answer:
    return Answer(200, {"Content-Type": "application/json", **headers}, json.dumps(value).encode())


def test_a_file_longer_than_announced_is_not_taken(hub: HubServer, files: dict[str, bytes], tmp_path: Path) -> None:
    hub.add(PLACE, files)
    hub.served[WEIGHTS_FILE] = files[WEIGHTS_FILE] + b"\0" * (8 << 20)
    size = len(files[WEIGHTS_FILE])
    with pytest.raises(HubFailure) as refused:
        pull_checkpoint(PLACE, tmp_path)
    assert str(refused.value) == f"art/tiny: the Hub's answer is longer than announced or allowed ({size} bytes)"
    assert list(tmp_path.iterdir()) == []


def test_a_picture_longer_or_shorter_than_announced_is_not_taken(hub: HubServer, tmp_path: Path) -> None:
    hub.add("datasets/art/sprites", {"a/1.png": dot(1)})
    hub.served["a/1.png"] = dot(1) + b"\0" * (1 << 20)
    with pytest.raises(HubFailure, match=r"longer than announced or allowed \(\d+ bytes\)$"):
        fetch_dataset("art/sprites", tmp_path / "new")
    hub.served["a/1.png"] = dot(1)[:-1]
    with pytest.raises(HubFailure, match=r"^dataset 'art/sprites': a/1\.png arrived damaged; try again$"):
        fetch_dataset("art/sprites", tmp_path / "new")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("commit", ["../..", "main", "", None, 7, "0" * 39, "g" * 40, "0" * 40 + "\n"])
def test_what_is_no_commit_is_not_used(hub: HubServer, files: dict[str, bytes], tmp_path: Path, commit: Any) -> None:
    hub.add(PLACE, files)
    hub.add("datasets/art/sprites", {"a/1.png": dot(1)})
    hub.faults["info"] = answer({"id": PLACE, "sha": commit})
    told = r"the Hub's answer is not understood \(it contains no commit id\)$"
    with pytest.raises(HubFailure, match=rf"^art/tiny: {told}"):
        pull_checkpoint(PLACE, tmp_path)
    with pytest.raises(HubFailure, match=rf"^art/tiny: {told}"):
        commit_of(PLACE, None)
    with pytest.raises(HubFailure, match=rf"^dataset 'art/sprites': {told}"):
        fetch_dataset("art/sprites", tmp_path / "new")
    assert {stage for stage, _ in hub.asked} == {"info"} and list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["../../evil.png", "/tmp/evil.png", "a/../../evil.png", "a\\b.png", "c:evil.png"])
def test_a_path_that_leads_out_is_not_written(hub: HubServer, tmp_path: Path, name: str) -> None:
    hub.add("datasets/art/sprites", {"a/1.png": dot(1)})
    hub.faults["tree"] = answer([{"type": "file", "path": name, "size": 5, "oid": "0" * 40}])
    with pytest.raises((HubFailure, DataRejected), match=r": not the name of a file$|no picture files"):
        fetch_dataset("art/sprites", tmp_path / "new")
    assert list(tmp_path.iterdir()) == []


def test_the_token_stays_with_its_host(hub: HubServer, files: dict[str, bytes], tmp_path: Path) -> None:
    hub.add(PLACE, files)
    with other_server(lambda handler: reply(handler, b"[]")) as (address, asked):
        link = f'<{address}/api/models/{PLACE}/tree/main?cursor=1>; rel="next"'
        hub.faults["tree"] = answer([], Link=link)
        with pytest.raises(HubFailure) as refused:
            pull_checkpoint(PLACE, tmp_path, token=SECRET)
        assert str(refused.value) == f"{PLACE}: the Hub redirects to another server, which must not get the token"
        assert asked == []


def test_a_file_that_lies_elsewhere_is_fetched_without_the_token(
    hub: HubServer, files: dict[str, bytes], tmp_path: Path
) -> None:
    """As large files of the Hub do."""
    hub.add(PLACE, {"config.json": files["config.json"], WEIGHTS_FILE: files[WEIGHTS_FILE]})
    with other_server(lambda handler: reply(handler, files["config.json"])) as (address, asked):
        hub.faults["get"] = Answer(302, {"Location": f"{address}/config.json"})
        with pytest.raises(HubFailure):  # the weights are redirected to the config, too
            pull_checkpoint(PLACE, tmp_path, token=SECRET)
        assert asked and {headers.get("Authorization") for headers in asked} == {None}


@pytest.mark.parametrize("stage", ["login", "info", "tree"])
def test_an_answer_without_end_is_given_up(hub: HubServer, files: dict[str, bytes], tmp_path: Path, stage: str) -> None:
    hub.add(PLACE, files)
    hub.faults[stage] = Answer(200, {"Content-Type": "application/json"}, b'{"name": "' + b"x" * (MAX_ANSWER + 1))
    with pytest.raises(HubFailure, match=rf"longer than announced or allowed \({MAX_ANSWER} bytes\)$"):
        sign_in(SECRET) if stage == "login" else pull_checkpoint(PLACE, tmp_path)


def test_a_small_body_that_unpacks_to_a_huge_one_is_refused(hub: HubServer) -> None:
    hub.faults["login"] = Answer(200, {"Content-Encoding": "gzip"}, b"\x1f\x8b")
    with pytest.raises(HubFailure, match="it is compressed without a request for that"):
        sign_in(SECRET)


@pytest.mark.parametrize("name", ["", "a b", "<b>", "x" * 97, 7, None, ["a"]])
def test_what_is_no_name_of_a_user_is_not_shown(hub: HubServer, name: Any) -> None:
    hub.faults["login"] = answer({"name": name})
    with pytest.raises(HubFailure, match=r"^sign-in: the Hub's answer is not understood$"):
        sign_in(SECRET)


# --- time ---------------------------------------------------------------------------------------------------------


def test_pages_without_end_are_given_up(
    hub: HubServer, files: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.add(PLACE, files)
    link = f'<{hub.url}/api/models/{PLACE}/tree/{"0" * 40}?cursor=0>; rel="next"'
    hub.faults["tree"] = answer([], Link=link)
    monkeypatch.setattr(guard, "TASK_SECONDS", 1.0)
    with pytest.raises(HubFailure, match=r"^art/tiny: the Hub answers too slowly; gave up$"):
        pull_checkpoint(PLACE, tmp_path)


def trickle(handler: BaseHTTPRequestHandler, *, headers: bool) -> None:
    """An answer that never ends, in small parts."""
    if headers:
        handler.wfile.write(b"HTTP/1.0 200 OK\r\n")
    else:
        handler.send_response(200)
        handler.end_headers()
    for number in range(600):
        handler.wfile.write(b"x-%d: y\r\n" % number if headers else b" ")
        handler.wfile.flush()
        threading.Event().wait(0.05)


@pytest.mark.parametrize("headers", [False, True])
def test_an_answer_that_trickles_is_given_up(monkeypatch: pytest.MonkeyPatch, headers: bool) -> None:
    monkeypatch.setattr(guard, "TASK_SECONDS", 0.5)
    monkeypatch.setattr(guard, "_GRACE", 0.5)
    with other_server(partial(trickle, headers=headers)) as (address, _):
        monkeypatch.setattr(client, "HfApi", partial(HfApi, endpoint=address))
        began = time.monotonic()
        with pytest.raises(HubFailure, match=r"^sign-in: the Hub answers too slowly; gave up$"):
            sign_in(SECRET)
        assert time.monotonic() - began < 10
    close_session()


def test_a_time_limit_inside_another_ends_with_it() -> None:
    with time_limit(100.0):
        outer = guard._deadline.get()
        with time_limit(1000.0):
            assert guard._deadline.get() == outer
        with time_limit(1.0):
            assert (guard._deadline.get() or 0) < (outer or 0)
    assert guard._deadline.get() is None and seconds_for(512 << 20) > 3600


# --- servers ------------------------------------------------------------------------------------------------------


def reply(handler: BaseHTTPRequestHandler, body: bytes) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


@contextmanager
def other_server(
    do: Callable[[BaseHTTPRequestHandler], None],
) -> Iterator[tuple[str, list[dict[str, str]]]]:
    """Its address, and the headers of what was asked."""
    asked: list[dict[str, str]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(dict(self.headers))
            do(self)

        def log_message(self, format: str, *args: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        block_on_close = False

        def handle_error(self, request: object, client_address: object) -> None:
            pass

    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
