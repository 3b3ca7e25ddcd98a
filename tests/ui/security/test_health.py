"""/healthz and /metrics: what they say, and that visitors learn nothing from them."""

from __future__ import annotations

import re
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.requests import Request

from pixelart.errors import Cancelled, RequestRejected
from pixelart.ui.health import TOKEN, Health, may_read_metrics
from pixelart.ui.metrics import Metrics
from tests.ui.fake_engine import FakeEngine
from tests.ui.serving import GRADIO_WARNINGS, serving
from tests.ui.visitor import Visitor

pytestmark = pytest.mark.filterwarnings(*GRADIO_WARNINGS)
ROOT = Path(__file__).parents[3]
SECRET = "a-token-of-the-monitoring"
HERE = {"host": "127.0.0.1:7860"}


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with serving(FakeEngine()) as address:
        yield address


def get(url: str, **headers: str) -> tuple[int, bytes, dict[str, str]]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=named), timeout=30) as answer:
            return answer.status, answer.read(), dict(answer.headers)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read(), dict(error.headers)


def values(text: str) -> dict[str, float]:
    """Every line of Prometheus text, checked for its form."""
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    assert all(re.fullmatch(r'[a-z_]+(\{[a-z]+="[^"]+"\})? [0-9.e+-]+', line) for line in lines)
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines)}


def test_healthz_says_ok_and_nothing_else(url: str) -> None:
    status, body, headers = get(f"{url}healthz", X_Forwarded_For="203.0.113.5")
    assert (status, body) == (200, b"ok\n")
    assert headers["cache-control"] == "no-store" and headers["x-content-type-options"] == "nosniff"


def test_healthz_without_models_is_503() -> None:
    with serving(FakeEngine(names=())) as url:
        assert get(f"{url}healthz")[:2] == (503, b"no models\n")


def test_many_questions_about_health_look_once() -> None:
    asked = list[None]()
    health = Health(lambda: bool(asked.append(None)) or True)
    assert all(health.is_ready() for _ in range(100)) and len(asked) == 1


def test_metrics_count_drawings(url: str) -> None:
    def now() -> dict[str, float]:
        status, body, headers = get(f"{url}metrics")
        assert status == 200 and headers["content-type"].startswith("text/plain; version=0.0.4")
        return values(body.decode())

    before = now()
    visitor = Visitor(url)
    visitor.post("generate", visitor.values("generate", ticket=1, model="tiny", images=3))
    after = now()
    changed = {name for name in after if after[name] != before[name]}
    assert after["pixelart_pictures_total"] - before["pixelart_pictures_total"] == 3
    done = 'pixelart_drawings_total{result="done"}'
    assert after[done] - before[done] == 1 and 'pixelart_drawing_seconds_bucket{le="+Inf"}' in changed
    assert {re.split(r"[{ ]", name)[0].rsplit("_", 1)[0] for name in changed} <= {
        "pixelart_pictures", "pixelart_drawings", "pixelart_drawing_seconds",
    }  # fmt: skip


def test_metrics_in_numbers() -> None:
    metrics = Metrics()
    with metrics.drawing() as pictures:
        pictures.append(4)
    for error in (Cancelled(), RequestRejected("no"), KeyError("fault")):
        with pytest.raises(type(error)), metrics.drawing():
            raise error
    metrics.count_fault()
    with metrics.drawing():
        found = values(metrics.text(waiting=7))
    assert found["pixelart_queue_length"] == 7 and found["pixelart_drawings_running"] == 1
    assert [found[f'pixelart_drawings_total{{result="{name}"}}'] for name in ("done", "stopped", "refused", "failed")] \
        == [1, 1, 1, 1]  # fmt: skip
    assert found["pixelart_pictures_total"] == 4 and found["pixelart_errors_total"] == 2
    buckets = [value for name, value in found.items() if "_bucket" in name]
    assert buckets == sorted(buckets) and buckets[-1] == found["pixelart_drawing_seconds_count"] == 4


@pytest.mark.parametrize(
    "headers",
    [
        {"X_Forwarded_For": "127.0.0.1"},
        {"X_Forwarded_For": "203.0.113.5"},
        {"X_Real_IP": "127.0.0.1"},
        {"Forwarded": "for=127.0.0.1"},
        {"X_Forwarded_Host": "localhost"},
        {"Via": "1.1 proxy"},
        {"Host": "studio.example.org"},
        {"Authorization": "Bearer "},
        {"Authorization": f"Bearer {SECRET}", "Host": "studio.example.org"},
    ],
    ids=str,
)
def test_visitors_are_answered_as_for_a_route_that_is_not_there(url: str, headers: dict[str, str]) -> None:
    if headers == {"Authorization": "Bearer "}:
        headers = {**headers, "Host": "studio.example.org"}
    mine, other = get(f"{url}metrics", **headers), get(f"{url}no-such-route", **headers)
    assert mine[:2] == other[:2] == (404, b'{"detail":"Not found."}')
    assert {name.lower() for name in mine[2]} == {name.lower() for name in other[2]}


def asked(client: str, **headers: str) -> Request:
    raw = [(name.lower().encode(), value.encode()) for name, value in {**HERE, **headers}.items()]
    return Request({"type": "http", "client": (client, 1234), "headers": raw})


def test_who_may_read_metrics() -> None:
    token = {TOKEN: SECRET}
    assert may_read_metrics(asked("127.0.0.1"), {}) and may_read_metrics(asked("::1"), {})
    assert not may_read_metrics(asked("192.0.2.7"), {})
    assert may_read_metrics(asked("192.0.2.7", host="studio:7860", authorization=f"Bearer {SECRET}"), token)
    assert not may_read_metrics(asked("192.0.2.7", authorization=f"Bearer {SECRET[:-1]}"), token)
    assert not may_read_metrics(asked("192.0.2.7", authorization=SECRET), token)
    for short in ("", "x" * 15):
        assert not may_read_metrics(asked("192.0.2.7", authorization=f"Bearer {short}"), {TOKEN: short})


def test_the_container_is_checked_by_healthz() -> None:
    assert "/healthz" in next(s for s in (ROOT / "Dockerfile").read_text().splitlines() if s.startswith("HEALTHCHECK"))
