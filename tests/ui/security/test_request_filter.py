"""What the app answers to requests that its page never makes."""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
from starlette.datastructures import Headers
from starlette.routing import Route

from pixelart.ui.security.body_limit import BodyLimit
from pixelart.ui.security.hosting import find_hosting
from pixelart.ui.security.request_filter import ROUTES, TOOL_ROUTES, RouteAllowlist, is_result
from pixelart.ui.security.safe_blocks import NO_FILES, names_a_file
from tests.ui.attacks import RawClient, addresses, listening, traversals
from tests.ui.fake_engine import FakeEngine
from tests.ui.serving import GRADIO_WARNINGS, serving_app
from tests.ui.visitor import Visitor

pytestmark = pytest.mark.filterwarnings(*GRADIO_WARNINGS)
OPEN = {
    "GET /", "HEAD /", "GET /config", "GET /config/", "GET /theme.css", "GET /favicon.ico", "GET /robots.txt",
    "GET /manifest.json", "GET /assets/{path:path}", "GET /static/{path:path}", "GET /gradio_api/info",
    "GET /gradio_api/startup-events", "GET /gradio_api/app_id", "GET /gradio_api/heartbeat/{session_hash}",
    "GET /gradio_api/queue/data", "POST /gradio_api/queue/join", "POST /gradio_api/run/{api_name}",
    "POST /gradio_api/cancel", "POST /gradio_api/call/{api_name}", "GET /gradio_api/call/{api_name}/{event_id}",
    "GET /logout", "GET /studio/{version}/{name:path}", "HEAD /studio/{version}/{name:path}",
    "GET /healthz", "HEAD /healthz", "GET /metrics", "HEAD /metrics",
}  # fmt: skip
"""Every route that any request can reach; a file of a result is the one more."""
SPACE_HOST = {"SYSTEM": "spaces", "SPACE_ID": "ann/art", "SPACE_HOST": "ann-art.hf.space"}
FILLED = {"{api_name}": "predict", "{path:path}": "x.js", "{event_id}": "a1", "{session_hash}": "a1", "{size}": "1"}
FILLED |= {"{version}": "0" * 16, "{name:path}": "canvas/main.js"}


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[gr.Blocks, str]]:
    with serving_app(FakeEngine()) as app_and_url:
        yield app_and_url


@pytest.fixture(scope="module")
def url(served: tuple[gr.Blocks, str]) -> str:
    return served[1]


@pytest.fixture(scope="module")
def client(url: str) -> RawClient:
    return RawClient(url)


@pytest.fixture
def result(url: str) -> str:
    """The path of a result, as a page is told it."""
    visitor = Visitor(url)
    gallery = visitor.post("generate", visitor.values("generate", ticket=1, model="tiny", seed=5)).data[2]
    return str(gallery["value"][0]["image"]["path"])


def refused(client: RawClient, method: str, path: str) -> bool:
    """Whether the gate answers, whatever gradio would have done."""
    status, _, body = client.ask(method, path)
    return status in (404, 405) and (b"Not found." in body or body.startswith(b'{"detail":"Use '))


# --- which routes there are ---------------------------------------------------------------------------------------


@pytest.mark.slow
def test_these_routes_are_open_and_no_others(served: tuple[gr.Blocks, str], client: RawClient) -> None:
    routes = [route for route in served[0].app.routes if isinstance(route, Route)]
    found = set()
    for route in [*routes, *_included(served[0].app.routes)]:
        path = route.path
        for name, value in FILLED.items():
            name_of_call = "generate" if "/call/" in path and name == "{api_name}" else value
            path = path.replace(name, name_of_call)
        gate = RouteAllowlist(_nothing, results=Path("/nowhere"), routes=ROUTES)
        for method in route.methods or ():
            if gate._refusal(method, path, _headers()) is None:
                found.add(f"{method} {route.path}")
    assert found == OPEN


def _included(routes: list[Any]) -> list[Route]:
    """Routes of routers inside routers."""
    found: list[Route] = []
    for route in routes:
        inside = getattr(route, "routes", None) or getattr(getattr(route, "original_router", None), "routes", None)
        found += [r for r in inside or [] if isinstance(r, Route)]
    return found


async def _nothing(*_: Any) -> None:
    """An ASGI app."""


def _headers() -> Headers:
    return Headers({"host": "a"})


@pytest.mark.slow
@pytest.mark.parametrize(
    "path",
    [
        "upload", "upload_progress?upload_id=a", "component_server", "proxy=http://127.0.0.1/", "monitoring",
        "deep_link?session_hash=a", "stream/a", "stream/a/close", "process_recording", "vibe-edit", "vibe-code",
        "dev/reload", "token", "user", "login_check",
        "reset", "queue/status", "openapi.json", "runs", "run-history/records", "mcp", "mcp/sse",
        "custom_component/a/client/component/index.js", "file/etc/passwd", "api/predict", "run/generate", "call/load",
        "call/v2/generate", "call/page_generate", "profiling/traces", "file=/etc/passwd",
    ],
)  # fmt: skip
def test_what_the_page_does_not_need_is_not_there(client: RawClient, path: str) -> None:
    for method in ("GET", "POST"):
        assert refused(client, method, f"/gradio_api/{path}"), (method, path)
    assert refused(client, "POST", f"/{path}")


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "TRACE", "CONNECT", "PROPFIND"])
def test_no_other_methods_are_taken(client: RawClient, method: str) -> None:
    for path in ("/", "/config", "/gradio_api/queue/join", "/gradio_api/file=/tmp/a.png"):
        assert refused(client, method, path)


def test_a_direct_call_does_not_pass_the_queue_by(url: str) -> None:
    visitor = Visitor(url)
    body = {"data": [], "fn_index": visitor.events["generate"]["id"], "session_hash": visitor.session}
    with pytest.raises(Exception, match="404"):
        visitor._send("run/predict", body)


def test_tools_have_routes_only_where_they_are_offered() -> None:
    for routes, status in ((ROUTES, 404), ({**ROUTES, **TOOL_ROUTES}, None)):
        gate = RouteAllowlist(_nothing, results=Path("/nowhere"), routes=routes)
        found = gate._refusal("POST", "/gradio_api/mcp/", _headers())
        assert (found and found[0]) == status


def test_web_sockets_are_closed() -> None:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {}

    gate = RouteAllowlist(_nothing, results=Path("/nowhere"), routes=ROUTES)
    asyncio.run(gate({"type": "websocket", "path": "/"}, receive, send))
    assert sent == [{"type": "websocket.close", "code": 1008}]


# --- files --------------------------------------------------------------------------------------------------------


def test_a_result_is_served_as_an_attachment_and_as_nothing_but_a_picture(client: RawClient, result: str) -> None:
    status, headers, body = client.ask(
        "GET", f"/gradio_api/file={result}", headers=[("Range", "bytes=0-3"), ("X-A", "b")]
    )
    assert status == 200 and body.startswith(b"\x89PNG") and "x-a" not in headers
    assert headers["content-disposition"].startswith("attachment") and headers["content-type"] == "image/png"
    assert headers["x-content-type-options"] == "nosniff" and "sandbox" in headers["content-security-policy"]


def canaries(folder: Path, results: Path) -> tuple[bytes, list[Path]]:
    """A secret, and three files that hold it: elsewhere, among the results, and behind a link among them."""
    secret = secrets.token_hex(16).encode()
    hidden = results / f"canaries-{secrets.token_hex(4)}"
    hidden.mkdir(parents=True)
    files = [folder / "canary.txt", hidden / "canary.txt", hidden / "link.png"]
    for file in files[:2]:
        file.write_bytes(secret)
    files[2].symlink_to(files[0])
    return secret, files


@pytest.fixture
def hidden(tmp_path: Path, result: str) -> Iterator[tuple[bytes, list[Path]]]:
    secret, files = canaries(tmp_path, Path(result).parents[1])
    yield secret, files
    for file in files[1:]:
        file.unlink()
    files[1].parent.rmdir()


@pytest.mark.parametrize("prefix", ["/gradio_api/file=", "/static/", "/assets/", "/gradio_api/heartbeat/"])
def test_no_way_to_write_a_path_leads_to_another_file(
    client: RawClient, hidden: tuple[bytes, list[Path]], prefix: str
) -> None:
    secret, files = hidden
    for number, file in enumerate(files):
        for path in [str(file), *traversals(file)[number::13]]:
            status, _, body = client.ask("GET", prefix + path)
            assert status in (400, 403, 404, 405) and secret not in body, path


@pytest.mark.parametrize(
    "path", ["{}/../a/b.png", "{}//a.png", "{}/a.PNG", "{}/a.png/", "{}", "a.png", "{}/\0.png", ""]
)
def test_only_the_plain_path_of_a_png_is_one_of_a_result(path: str, tmp_path: Path) -> None:
    assert is_result(f"{tmp_path}/a/b.png", tmp_path)
    assert not is_result(path.format(tmp_path), tmp_path)
    os.symlink("/etc/hostname", tmp_path / "link.png")
    assert not is_result(str(tmp_path / "link.png"), tmp_path)


def test_no_event_fetches_what_a_client_names(url: str) -> None:
    visitor = Visitor(url)
    with listening() as listener:
        for address in addresses(listener.port):
            for file in ({"path": address, "url": address}, {"path": "x", "url": address}):
                answer = visitor.post("stop", [None, {**file, "meta": {"_type": "gradio.FileData"}}])
                assert answer.error == NO_FILES
                RawClient(url).ask("GET", f"/gradio_api/file={address}")
                RawClient(url).ask("GET", f"/gradio_api/proxy={address}")
        assert listener.connections == 0


def test_a_file_is_seen_at_any_depth() -> None:
    deep: Any = {"path": "a", "meta": {}}
    for _ in range(50_000):
        deep = [deep]
    assert names_a_file(deep) and names_a_file([1, {"a": ("b", {"path": 0, "meta": 0})}])
    assert not names_a_file([None, "path", {"path": "a"}, {"meta": 1}, [{}], 1.5])


# --- other sites --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://127.0.0.1:1", "https://127.0.0.1.evil.example", "http://["]
)
def test_a_page_of_another_site_is_refused(client: RawClient, origin: str) -> None:
    for method, path in (("POST", "/gradio_api/queue/join"), ("GET", "/config"), ("POST", "/gradio_api/run/predict")):
        status, _, body = client.ask(method, path, headers=[("Origin", origin)])
        assert status == 403 and b"other sites" in body


def test_the_own_page_is_answered_also_behind_a_proxy(client: RawClient) -> None:
    for headers in (
        [("Origin", f"http://{client.address}")],
        [("Origin", "https://a.b"), ("X-Forwarded-Host", "a.b")],
        [("Origin", "https://a.b"), ("X-Forwarded-Host", "a.b, inner:80")],
        [("Origin", "https://a.b"), ("X-Forwarded-Host", "A.b:443")],
        [("Origin", "https://a.b:8443"), ("X-Forwarded-Host", "a.b:8443")],
    ):
        assert client.ask("GET", "/config", headers=headers)[0] == 200
    for origin in ("https://a.b:80", "https://b", "https://a.b.c", "null", "", "a.b", "https://a.b:8443"):
        assert client.ask("GET", "/config", headers=[("Origin", origin), ("X-Forwarded-Host", "a.b")])[0] == 403


def test_a_space_answers_its_page_by_the_name_that_the_hub_gave_it() -> None:
    gate = RouteAllowlist(_nothing, results=Path("/nowhere"), routes=ROUTES, names=find_hosting(SPACE_HOST).names)
    for origin, status in (("https://ann-art.hf.space", None), ("https://bob-art.hf.space", 403)):
        found = gate._refusal("GET", "/", Headers({"host": "10.0.0.1:7860", "origin": origin}))
        assert (found and found[0]) == status
    assert gate._refusal("GET", "/", Headers({"host": "", "origin": "null"}))


def test_another_site_signs_nobody_out() -> None:
    gate = RouteAllowlist(_nothing, results=Path("/nowhere"), routes=ROUTES)
    for site, status in (("cross-site", 403), ("same-origin", None), ("none", None)):
        found = gate._refusal("GET", "/logout", Headers({"host": "a.b", "sec-fetch-site": site}))
        assert (found and found[0]) == status


@pytest.mark.parametrize(
    ("host", "status"),
    [("127.0.0.1:7860", None), ("localhost", None), ("[::1]:1", None), ("evil.example", 403), ("[", 403)],
)
def test_an_app_of_one_machine_answers_to_its_names_only(host: str, status: int | None) -> None:
    gate = RouteAllowlist(_nothing, results=Path("/nowhere"), routes=ROUTES, hosts=("127.0.0.1", "localhost", "::1"))
    found = gate._refusal("GET", "/", Headers({"host": host}))
    assert (found and found[0]) == status


def test_every_answer_tells_the_browser_what_it_may_not_do(client: RawClient) -> None:
    for path in ("/", "/config", "/nowhere", "/gradio_api/queue/data?session_hash=none"):
        headers = client.ask("GET", path)[1]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["content-security-policy"].startswith("frame-ancestors 'self' https://huggingface.co;")


def test_no_session_is_found_by_guessing(client: RawClient, caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(20):
        for path in (f"queue/data?session_hash={secrets.token_hex(6)}", f"call/generate/{secrets.token_hex(16)}"):
            body = client.ask("GET", f"/gradio_api/{path}")[2]
            assert b"process_" not in body and b"output" not in body, body
    assert "Traceback" not in caplog.text


# --- bodies that do not end ---------------------------------------------------------------------------------------


def test_a_body_that_drips_is_given_up() -> None:
    async def drip() -> Any:
        await asyncio.sleep(0.03)
        return {"type": "http.request", "body": b"[", "more_body": True}

    async def read_all(scope: Any, receive: Any, send: Any) -> None:
        while (await receive()).get("more_body"):
            pass

    async def send(message: Any) -> None:
        raise AssertionError(message)

    limit = BodyLimit(read_all, limit=1000, seconds=0.2)
    with pytest.raises(Exception, match=r"The request took more than 0.2 s to arrive\."):
        asyncio.run(limit({"type": "http", "headers": []}, drip, send))


@pytest.mark.slow
def test_a_client_that_waits_long_for_its_answer_is_not_given_up() -> None:
    waits = iter([0.0, 0.2])

    async def receive() -> Any:
        await asyncio.sleep(next(waits))
        return {"type": "http.request", "body": b"", "more_body": False}

    async def read_and_wait(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await receive()

    asyncio.run(BodyLimit(read_and_wait, limit=1000, seconds=0.1)({"type": "http", "headers": []}, receive, _nothing))
