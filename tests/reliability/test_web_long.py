"""The long figures of the web surface; see test_long.py. Each is a test of tests/ with a higher count."""

from __future__ import annotations

import base64
import contextlib
import io
import json
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from benchmarks import limits
from benchmarks.load import app_process, burst, held, p95, visits
from benchmarks.page_client import Client, start_training
from pixelart.engine import Engine, Request
from pixelart.errors import ImageRejected
from pixelart.images.io import decode_picture
from pixelart.jobs import Jobs
from pixelart.settings import SETTINGS
from pixelart.training.data.report import prepare
from pixelart.training.data.survey import survey
from pixelart.ui.create.canvas_value import Canvas, canvas_from_payload, canvas_to_payload
from pixelart.ui.security.safe_blocks import NO_FILES
from pixelart.ui.train.dataset_form import DATASET, FOLDER
from tests.images.test_bombs import REFUSED_BOMBS
from tests.images.test_damaged_files import mutated, seeds
from tests.images.test_foreign_formats import BY_HAND, SAVED_BY_PILLOW, foreign_file
from tests.jobs.conftest import STUB
from tests.ui.attacks import RawClient, addresses, listening, traversals
from tests.ui.create.test_canvas_value import HOSTILE
from tests.ui.fake_engine import FakeEngine
from tests.ui.hub_apps import hub_of
from tests.ui.page_events import CANVAS, GOOD, HANDLERS, PICTURES, SENT, assert_plain, form
from tests.ui.security.test_request_filter import canaries
from tests.ui.serving import GRADIO_WARNINGS, serving, serving_apart
from tests.ui.test_api import ARGUMENTS, CANARY, canary_files, completions_over_http
from tests.ui.test_api import GOOD as API
from tests.ui.visitor import Visitor

HOSTILE_CALLS = ("complete", "enlarge", "colours_on_canvas", "download", "select_model", "generate", "stop")
CHECKS = ("receive_archive", "check_pictures", "compare")
pytestmark = [pytest.mark.long, pytest.mark.filterwarnings(*GRADIO_WARNINGS)]
Told = Callable[[str, str], None]
Count = Callable[[int], int]


def memory(pid: int | str = "self") -> float:
    """The most that a process has held so far, MiB."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def test_t01_damaged_pictures(count: Count, tell: Told) -> None:
    good, random, seconds = seeds(), np.random.default_rng(1), []
    decode_picture(good[0], name="warm")
    number, read, before = count(20_000), 0, memory()
    for index in range(number):
        data = mutated(good[index % len(good)], good[int(random.integers(len(good)))], random)
        began = time.perf_counter()
        with contextlib.suppress(ImageRejected):
            read += decode_picture(data, name="damaged").ndim == 3
        seconds.append(time.perf_counter() - began)
    p99, grown = float(np.percentile(seconds, 99)) * 1000, memory() - before
    assert p99 <= 100 and grown <= 128
    found = f"{number} damaged pictures: {read} read, the others refused in one line, nothing else raised;"
    tell("T01", f"{found} p99 {p99:.1f} ms, memory +{grown:.0f} MiB")


def test_t02_t03_bombs_and_foreign_formats(tell: Told) -> None:
    before, slowest = memory(), 0.0
    for make in REFUSED_BOMBS.values():
        data, began = make(), time.process_time()
        with pytest.raises(ImageRejected):
            decode_picture(data, name="bomb")
        slowest = max(slowest, time.process_time() - began)
        del data
    for kind in (*SAVED_BY_PILLOW, *BY_HAND):
        with pytest.raises(ImageRejected):
            decode_picture(foreign_file(kind), name="foreign.png")
    assert slowest <= 0.5
    foreign = len(SAVED_BY_PILLOW) + len(BY_HAND)
    found = (
        f"{len(REFUSED_BOMBS)} bombs refused in at most {slowest:.2f} s of one core; {foreign} files of other formats"
    )
    tell("T02, T03", f"{found} refused; memory +{memory() - before:.0f} MiB, making them included")


def test_t04_canaries(count: Count, tell: Told) -> None:
    with serving(FakeEngine()) as url:
        visitor, number = Visitor(url), count(20)
        for _ in range(number):
            for kind, data in canary_files().items():
                text = base64.b64encode(data).decode()
                sent = {"name": f"{kind}.png", "data": text}
                shown = visitor.post("import_picture", [None, 0, "tiny", False, None, 0], sent)
                canvas = shown.data[0]["imported"]
                shape = (canvas["height"], canvas["width"])
                canvas["mask"] = canvas_to_payload(Canvas(np.zeros((*shape, 4), np.uint8), np.ones(shape, np.bool_)))[
                    "mask"
                ]
                done = visitor.post("complete", form("complete", canvas=canvas))
                export = ["Canvas", "PNG indexed", 1, True, "#ffffff", 4]
                saved = visitor.post("download", [None, canvas, "tiny", None, *export, None])
                served = [
                    urllib.request.urlopen(f"{url}gradio_api/file={item['image']['path']}").read()
                    for item in done.data[2]["value"]
                ]
                parts = [shown.raw.encode(), done.raw.encode(), base64.b64decode(saved.data[0]["data"]), *served]
                assert not any(CANARY.encode() in part for part in parts)
    tell("T04", f"{number} x 5 pictures with canaries in EXIF, GPS, XMP, ICC and texts: 0 in what was served or saved")


def test_t05_exact_pixels(tiny_checkpoints: Path, tmp_path: Path, count: Count, tell: Told) -> None:
    number = count(1000)
    assert completions_over_http(tiny_checkpoints, tmp_path, count=number) == 0
    tell("T05", f"{number} completions over HTTP of pictures of 2 to 256 colours: 0 pixels changed outside the masks")


def test_t06_hostile_calls(count: Count, tell: Told) -> None:
    number, slowest = 0, 0.0
    with serving_apart("tiny", "scales") as (url, pid):
        visitor = Visitor(url)
        assert visitor.post("generate", GOOD["generate"]).error is None
        side, noise = SETTINGS.max_side, np.random.default_rng(6)
        large = canvas_to_payload(
            Canvas(noise.integers(0, 256, (side, side, 4), np.uint8), np.zeros((side, side), np.bool_))
        )
        for name in ("colours_on_canvas", "download", "select_model"):  # what the largest canvas costs anyone
            visitor.post(name, [large if value == CANVAS else value for value in GOOD[name]])
        before = memory(pid)
        deep: Any = 1
        for _ in range(900):
            deep = [deep]
        hostile = [
            *HOSTILE.values(),
            {"index": 10**9},
            {"colours": ["ff0000"] * 10**5, "allowed": [True] * 10**5},
            deep,
        ]
        hostile += [{"width": 10**9, "height": 10**9, "pixels": "", "mask": ""}, ["x"] * 10**5, "x" * 10**6]
        for name in HOSTILE_CALLS:
            for place in range(len(GOOD[name])):
                for value in hostile[: count(len(hostile))]:
                    data = [*GOOD[name][:place], value, *GOOD[name][place + 1 :]]
                    began = time.monotonic()
                    _assert_plain_or_too_large(visitor, name, data, SENT)
                    slowest, number = max(slowest, time.monotonic() - began), number + 1
        for name in ("import_picture", "load_palette", "receive_archive", "choose", "inspect"):
            for value in hostile if name in visitor.events else ():
                _assert_plain_or_too_large(
                    visitor, name, GOOD[name], {"name": "a.png", "data": value, "index": value, "number": value}
                )
                number += 1
        assert visitor.post("generate", GOOD["generate"]).error is None
        grown = memory(pid) - before
    assert grown <= 64
    tell(
        "T06",
        f"{number} hostile calls: each one plain line within {slowest:.2f} s; memory +{grown:.0f} MiB; then as before",
    )


def calls(visitor: Visitor) -> list[tuple[str, list[Any]]]:
    """A good call of every handler of the page, and of those that read a dataset or a folder."""
    assert set(GOOD) == set(visitor.events)
    sources = [(name, [None, source, *PICTURES[1:]]) for name in CHECKS for source in (DATASET, FOLDER)]
    return [*((name, GOOD[name]) for name in HANDLERS), *sources]


@contextlib.contextmanager
def whole_app(folder: Path) -> Iterator[str]:
    """The app with all that a page can do, before a Hub on this machine that knows nobody."""
    engine: Any = FakeEngine(names=("tiny", "scales"))
    with (
        hub_of({}),
        Jobs(folder / "jobs", checkpoints=folder, program=STUB) as jobs,
        serving(engine, jobs) as url,
    ):
        yield url


def test_t07_traversal(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, count: Count, tell: Told) -> None:
    asked = 0
    with whole_app(tmp_path_factory.mktemp("app")) as url:
        visitor, client = Visitor(url), RawClient(url)
        gallery = visitor.post("generate", GOOD["generate"]).data[2]
        results = Path(gallery["value"][0]["image"]["path"]).parents[1]
        secret, files = canaries(tmp_path, results)
        before = _tree(tmp_path), _tree(Path.cwd())
        payloads = [way for file in files for way in traversals(file)]
        payloads = payloads[:: max(1, len(payloads) // count(len(payloads)))]
        for way in payloads:
            for prefix in (
                "/gradio_api/file=",
                "/static/",
                "/assets/",
                "/gradio_api/heartbeat/",
                "/",
                "/gradio_api/upload/",
            ):
                status, _, body = client.ask("GET", prefix + way)
                assert status in (400, 403, 404, 405) and secret not in body, prefix + way
                asked += 1
        for name, good in calls(visitor):
            for place in range(len(good)):
                for way in payloads[:: max(1, len(payloads) // count(300))]:
                    answer = visitor.post(name, [*good[:place], way, *good[place + 1 :]], SENT | {"name": way})
                    assert secret.decode() not in answer.raw
                    asked += 1
        for name in ARGUMENTS:
            for way in payloads[:: max(1, len(payloads) // count(300))]:
                assert secret not in _call(url, "complete", {**API, name: way})
                asked += 1
        assert (_tree(tmp_path), _tree(Path.cwd())) == before
        for file in files[1:]:
            file.unlink()
    tell(
        "T07",
        f"{asked} requests with {len(payloads)} ways to write 3 files: no byte of them told, no file made or changed",
    )


def test_t08_addresses(tmp_path: Path, count: Count, tell: Told) -> None:
    asked = 0
    with whole_app(tmp_path) as url, listening() as listener:
        visitor, client = Visitor(url), RawClient(url)
        for address in addresses(listener.port):
            for route in ("file=", "proxy=", "file/", "stream/"):
                client.ask("GET", f"/gradio_api/{route}{address}")
                asked += 1
            file = {"path": address, "url": address, "meta": {"_type": "gradio.FileData"}}
            events = calls(visitor)
            for name, good in events[: count(len(events))]:
                for place in range(len(good)):
                    for value in (file, address):
                        answer = visitor.post(
                            name, [*good[:place], value, *good[place + 1 :]], SENT | {"data": address}
                        )
                        assert value == address or answer.error == NO_FILES
                        asked += 1
            for name in (*ARGUMENTS, "picture", "mask"):
                _call(url, "complete", {**API, name: address})
                asked += 1
        assert listener.connections == 0
        forms = len(addresses(0))
    tell("T08", f"{asked} requests with {forms} forms of an address: 0 connections reached it")


def test_t11_visitors(tmp_path: Path, tiny_data: Path, count: Count, tell: Told) -> None:
    sessions, requests, foreign = count(50), count(2000), 0
    ann, pictures = {"owner": "a" * 32, "job": ""}, prepare(survey(tiny_data), tmp_path / "pictures.zip")
    with (
        Jobs(tmp_path / "jobs", checkpoints=tmp_path, program=STUB) as jobs,
        serving(FakeEngine(), jobs) as url,
    ):
        visitors = [Visitor(url) for _ in range(sessions)]
        for seed, visitor in enumerate(visitors):
            visitor.post("load", [None, None])
            visitor.post("generate", [None, 1, "tiny", "Any", 1, 1000 * seed, 2, None, 1, 0, 1, 0, [], True, "", ""])
        random = np.random.default_rng(11)

        def ask(turn: int) -> None:
            seed = int(random.integers(sessions)) if turn % 2 else turn % sessions
            visitor = visitors[seed]
            with locks[seed]:
                assert visitor.post("reuse_seed", [None, None]).data[0] in (1000 * seed, 1000 * seed + 1)
                index = turn % 2
                canvas, status = visitor.post("choose", [None, turn, "tiny", None, None, 0], {"index": index}).data
                own = FakeEngine().generate(Request("tiny", count=2, seed=1000 * seed))[index].picture
                assert np.array_equal(canvas_from_payload(canvas).picture, own)
                assert f"Seed {1000 * seed + index} " in status

        locks = [threading.Lock() for _ in range(sessions)]
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(ask, range(requests // 2)))
        job = jobs.submit(ann["owner"], "anns", {"steps": 2}, pictures)
        jobs.wait_until_idle()
        kept = _tree(jobs.folder(ann["owner"], job.id).path)
        for number in range(count(100)):
            bob = {"owner": f"{number:032x}", "job": job.id}
            visitors[number % sessions].post("on_load", [bob])
            for said in (bob, ann):  # what a page posts later does not make it another's
                for name in ("stop_training", "resume_training", "delete_job", "use_model", "download_model"):
                    values = [said, job.id, *([None] if name == "resume_training" else [])]
                    answer = visitors[number % sessions].post(name, values)
                    foreign += 1
                    assert answer.error == f"job '{job.id}': not found", (name, answer)
                for name in ("look_at", "tick"):
                    answer = visitors[number % sessions].post(name, [said, job.id, None][: 3 if name == "tick" else 2])
                    assert "anns" not in answer.raw
        assert _tree(jobs.folder(ann["owner"], job.id).path) == kept
        visitors[0].post("on_load", [ann])
        assert "anns" in visitors[0].post("look_at", [ann, job.id]).raw
    tell(
        "T11",
        f"{sessions} sessions, {requests} requests: nothing foreign seen; {foreign} calls with foreign jobs refused",
    )


def test_t28_t29_load(tmp_path: Path, tiny_checkpoints: Path, tiny_data: Path, count: Count, tell: Told) -> None:
    import shutil

    users, minutes = count(20), max(0.1, 30 * count(1000) / 1000)
    archive = Path(shutil.make_archive(str(tmp_path / "tiny"), "zip", tiny_data))
    checkpoints = shutil.copytree(tiny_checkpoints, tmp_path / "checkpoints")
    with app_process(checkpoints, tmp_path / "jobs") as (url, pid, temporary):
        Client(url).draw("page_generate", "tiny", None)
        slowest, kept = {}, []
        for name in ("alone", "beside a training"):
            end = start_training(url, "tiny", archive, minutes=min(30, minutes + 1)) if name != "alone" else None
            early: list[Any] = []
            tally = visits(
                url, "tiny", users=users, seconds=60 * minutes, think=3.0,
                third=lambda early=early: early.append(held(pid, temporary)),
            )  # fmt: skip
            assert tally.errors == [] and tally.changed_pixels == 0
            slowest[name] = p95(tally)
            kept.append((early[0], held(pid, temporary)))
            if end:
                end()
        size = 80 if users < 20 else 200
        met = burst(url, "tiny", size=size)
    assert slowest["beside a training"] <= min(10, max(1, 2 * slowest["alone"]))
    assert minutes < 10 or all(late.memory <= 1.05 * soon.memory for soon, late in kept)
    assert SETTINGS.max_queue <= met.served < size and met.slowest_refusal <= 1 and met.normal_after <= 60
    told = ", ".join(f"p95 {seconds:.2f} s {name}" for name, seconds in slowest.items())
    tell("T28", f"{users} visitors, {minutes:.1f} min each: 0 errors, {told}; held {kept[-1][0]}, then {kept[-1][1]}")
    refused = f"{met.refused} told within {met.slowest_refusal:.2f} s that the queue is full"
    tell("T29", f"burst of {size}: {met.served} served, {refused}; normal after {met.normal_after:.1f} s")


def test_t30_threads(tiny_checkpoints: Path, count: Count, tell: Told) -> None:
    engine, number = Engine(tiny_checkpoints), count(250)

    def draw(worker: int) -> list[bytes]:
        found = [engine.generate(Request("tiny", seed=1000 * worker + i))[0] for i in range(number)]
        return [drawing.picture.tobytes() + np.float64(drawing.log_prob).tobytes() for drawing in found]

    serial = [draw(worker) for worker in range(8)]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(draw, range(8))) == serial
    tell("T30", f"8 threads x {number} pictures of one shared model: all bit-identical to one after the other")


def test_t31_uploads(tmp_path: Path, tiny_checkpoints: Path, count: Count, tell: Told) -> None:
    number, most = count(5000), 0.0
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 4), np.uint8)
    with app_process(tiny_checkpoints, tmp_path / "jobs") as (url, pid, temporary):
        client, raw = Client(url), RawClient(url)
        for index in range(number):
            buffer = io.BytesIO()
            Image.fromarray(np.roll(noise, index)).save(buffer, "PNG")
            data = buffer.getvalue().ljust(2**20, bytes([index % 256]))
            sent = {"name": f"{index}.png", "data": base64.b64encode(data).decode()}
            client.event("import_picture", [None, 0, "tiny", True, None, 0], sent)
            head = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.png"\r\n\r\n'
            kind = [("Content-Type", "multipart/form-data; boundary=x")]
            assert raw.ask("POST", "/gradio_api/upload", headers=kind, body=head + data[:1000] + b"\r\n--x--")[0] == 404
            if index % 20 == 0:
                most = max(most, held(pid, temporary).temporary)
        late = held(pid, temporary)
    assert most <= 500
    tell(
        "T31",
        f"{number} pictures of 1 MiB imported, as many uploads refused: at most {most:.1f} MiB temporary; held {late}",
    )


def test_memory_under_hostile_clients(tell: Told, capsys: pytest.CaptureFixture[str]) -> None:
    """The benchmark of the limits with lower counts: what is kept within its limit at these is so at any."""
    code = limits.main(["--calls", "40", "--pictures", "60", "--minutes", "1", "--patience", "0.5"])
    rows = [line.strip("| ").split(" | ") for line in capsys.readouterr().out.splitlines()[2:]]
    peaks = {row[0]: int(row[-1]) for row in rows}
    assert not any("error" in said for _, said, _ in rows), rows
    assert code == 0 and len(peaks) == 5 and max(list(peaks.values())[:4]) <= limits.MOST, peaks
    assert 0 < peaks["the training on it"] << 20 <= SETTINGS.max_job_bytes
    tell("limits", "; ".join(f"{what}: {peak} MiB" for what, peak in peaks.items()))


def _assert_plain_or_too_large(visitor: Visitor, name: str, data: list[Any], event_data: Any) -> None:
    """What is beyond the limit of a body is answered before it was sent whole, which this client cannot read."""
    try:
        assert_plain(visitor.post(name, data, event_data))
    except urllib.error.URLError as error:
        told = error.code == 413 if isinstance(error, urllib.error.HTTPError) else isinstance(error.reason, OSError)
        assert told and len(json.dumps([data, event_data])) > SETTINGS.max_body_bytes, error


def _tree(folder: Path) -> set[tuple[str, int]]:
    """Files and when they were changed; what the tests themselves and Python write is left out."""
    skipped = ("__pycache__", ".git", ".pytest_cache", ".ruff_cache")
    paths = (path for path in folder.rglob("*") if path.is_file() and not set(skipped) & set(path.parts))
    return {(str(path), path.stat().st_mtime_ns) for path in paths}


def _call(url: str, name: str, values: dict[str, Any]) -> bytes:
    """Everything that comes of a call of the API."""
    order = ("picture", "mask", *ARGUMENTS)
    usual = dict(zip(ARGUMENTS, ("", "Any", 1, 1, 1.0, 1.0, 0, 1.0, 0.0, ""), strict=True))
    data = [{**usual, **values}[key] for key in order]
    body, kind = json.dumps({"data": data}).encode(), {"Content-Type": "application/json"}
    with urllib.request.urlopen(urllib.request.Request(f"{url}gradio_api/call/{name}", body, kind)) as answer:
        event = urllib.parse.quote(json.load(answer)["event_id"])
    with urllib.request.urlopen(f"{url}gradio_api/call/{name}/{event}") as stream:
        return stream.read()
