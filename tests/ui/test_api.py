"""The API endpoints as gradio's own client and curl meet them."""

from __future__ import annotations

import base64
import io
import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
import pytest
from gradio.utils import get_upload_folder
from gradio_client import Client, handle_file
from numpy.typing import NDArray
from PIL import Image

import app as program
from pixelart.engine import Engine, Request
from pixelart.errors import RequestRejected
from pixelart.images.codec import Picture
from pixelart.images.io import encode_png, encode_rgba_png, read_facts
from pixelart.settings import SETTINGS
from pixelart.ui import build
from pixelart.ui.api import ApiHandlers
from pixelart.ui.create.drawing_job import drawing_worker
from pixelart.ui.metrics import METRICS
from pixelart.ui.results import ResultFiles
from pixelart.ui.security.safe_blocks import FAULT
from tests.corpus import make
from tests.ui.fake_engine import CODEC, FakeEngine
from tests.ui.serving import GRADIO_WARNINGS, OFF, serving
from tests.ui.visitor import Visitor

pytestmark = pytest.mark.filterwarnings(*GRADIO_WARNINGS)
PICTURE = CODEC.table[np.random.default_rng(1).integers(CODEC.levels, size=(16, 16))]
MASK = np.zeros((16, 16), np.bool_)
MASK[4:9, 2:11] = True
CANARY = "Canary-7f3a"


def sent(picture: Picture) -> str:
    return base64.b64encode(encode_png(picture)).decode()


def painted(mask: NDArray[np.bool_]) -> Picture:
    """White where True, black elsewhere."""
    return np.where(mask[..., None], np.uint8(255), np.array([0, 0, 0, 255], np.uint8))


def pixels(path: str) -> Picture:
    with Image.open(path) as image:
        assert image.format == "PNG"
        return np.asarray(image.convert("RGBA"))


@pytest.fixture(scope="module")
def engine() -> FakeEngine:
    return FakeEngine(names=("tiny", "scales"))


@pytest.fixture(scope="module")
def url(engine: FakeEngine) -> Iterator[str]:
    with serving(engine) as url:
        yield url


@pytest.fixture(scope="module")
def client(url: str, tmp_path_factory: pytest.TempPathFactory) -> Client:
    return Client(url, verbose=False, download_files=tmp_path_factory.mktemp("downloads"))


@pytest.mark.slow
def test_generate_brings_png_files_of_exactly_the_pixels_of_the_seeds(client: Client, engine: FakeEngine) -> None:
    files, about = client.predict(class_name="hero", images=2, seed=5, api_name="/generate")
    wanted = [drawing.picture for drawing in engine.generate(Request("tiny", {"hero": 1.0}, count=2, seed=5))]
    assert np.array_equal([pixels(file) for file in files], wanted) and [each["seed"] for each in about] == [5, 6]


@pytest.mark.slow
def test_complete_draws_white_of_the_mask_and_leaves_every_other_pixel(client: Client, engine: FakeEngine) -> None:
    mask = "data:image/png;base64," + sent(painted(MASK))
    files, about = client.predict(sent(PICTURE), mask, images=3, seed=1, api_name="/complete")
    found = np.stack([pixels(file) for file in files])
    wanted = [drawing.picture for drawing in engine.complete(Request("tiny", count=3, seed=1), PICTURE, MASK)]
    assert np.array_equal(found, wanted) and (found[:, ~MASK] == PICTURE[~MASK]).all()
    assert [each["bits"] for each in about] == sorted(each["bits"] for each in about)


def test_complete_keeps_the_palette_and_the_profile_of_the_file(client: Client) -> None:
    palette = np.concatenate([CODEC.table[::-1], np.array([[9, 8, 7, 255]], np.uint8)])
    data = encode_png(PICTURE, palette=palette, profile=make.PROFILE)
    files, _ = client.predict(base64.b64encode(data).decode(), sent(painted(MASK)), seed=1, api_name="/complete")
    facts = read_facts(Path(files[0]).read_bytes(), name="a")
    assert facts.profile == make.PROFILE and facts.palette is not None
    assert facts.palette.tolist() == palette.tolist()


def test_a_random_seed_is_told(client: Client, engine: FakeEngine) -> None:
    files, about = client.predict(api_name="/generate")
    wanted = engine.generate(Request("tiny", seed=about[0]["seed"]))[0].picture
    assert np.array_equal(pixels(files[0]), wanted)


GOOD = {"picture": sent(PICTURE), "mask": sent(painted(MASK))}
ARGUMENTS = ("model", "class_name", "images", "seed", "temperature", "top_p", "top_k", "guidance")
ARGUMENTS += ("bottom_temperature", "seamless", "preset")


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("model", "../..", "checkpoint '../..' not found"),
        ("model", 5, "Model: must be a name"),
        ("class_name", "dragon", "Class 'dragon': tiny does not have it."),
        ("images", 17, "Images: must be a number from 1 to 16."),
        ("images", 1.5, "Images: must be a whole number from 1 to 16."),
        ("seed", "x", "Seed: must be"),
        ("temperature", None, "Temperature: must be a number from 0.1 to 2."),
        ("top_p", 2, "Top-p: must be"),
        ("top_k", -2, "Top-k: must be"),
        ("preset", "loud", "preset 'loud' is not one of calm, balanced, wild"),
        ("preset", 5, "preset 5 is not one of calm, balanced, wild"),
        ("guidance", True, "Guidance: must be"),
        ("bottom_temperature", 3, "Temperature at bottom: must be"),
        ("seamless", "z", "Seamless: must be some of x and y."),
        ("seamless", 5, "Seamless: must be some of x and y."),
        ("picture", 5, "picture: must be a PNG file in base64"),
        ("picture", "!", "picture: not base64"),
        ("picture", "AAAA", "picture: not a readable picture"),
        ("mask", "data:text/html,x", "mask: not base64"),
        ("mask", "A" * (SETTINGS.max_file_bytes * 4 // 3 + 8), "mask: larger than the limit of 5 MiB"),
    ],
)
def test_a_bad_value_is_told_in_the_words_of_the_page(client: Client, name: str, value: Any, told: str) -> None:
    with pytest.raises(Exception, match=told.replace("(", r"\(").replace(".", r"\.")):
        client.predict(**{**GOOD, name: value}, api_name="/complete")


def test_the_messages_of_the_engine_arrive(tiny_checkpoints: Path, tmp_path: Path) -> None:
    api, small = ApiHandlers(Engine(tiny_checkpoints), ResultFiles(tmp_path)), PICTURE[:8, :8]
    for picture, mask, told in (
        (PICTURE[:7], MASK[:7], "picture is 16 x 7; tiny draws 8 x 8"),
        (small, MASK, "mask is 16 x 16; the picture is 8 x 8"),
        (small, MASK[:8, :8] & False, "the mask is empty"),
    ):
        with pytest.raises(gr.Error, match=told):
            api.complete(sent(picture), sent(painted(mask)))


def test_no_model_is_told(tmp_path: Path) -> None:
    api = ApiHandlers(FakeEngine(names=()), ResultFiles(tmp_path))  # pyright: ignore[reportArgumentType]
    with pytest.raises(gr.Error, match="No model is installed"):
        api.generate()


def faults() -> int:
    """How many faults this process has counted."""
    return int(METRICS.text(waiting=0).partition("\npixelart_errors_total ")[2].split()[0])


def test_a_fault_is_told_without_its_text_and_counted_once(client: Client, engine: FakeEngine) -> None:
    engine.fault, before = RuntimeError("/home/secret/path"), faults()
    try:
        with pytest.raises(Exception, match=r"Something went wrong") as caught:
            client.predict(api_name="/generate")
        assert FAULT in str(caught.value) and faults() == before + 1
    finally:
        engine.fault = None


def test_a_file_is_not_uploaded(client: Client, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(encode_png(PICTURE))
    with pytest.raises(Exception, match="maximum file size of 0 bytes"):
        client.predict(handle_file(str(tmp_path / "a.png")), GOOD["mask"], api_name="/complete")


def test_curl_can_call_it_too(url: str, engine: FakeEngine) -> None:
    body = json.dumps({"data": ["tiny", "hero", 1, 7, 1.0, 1.0, 0, 1.0, 0.0, ""]}).encode()
    request = urllib.request.Request(f"{url}gradio_api/call/generate", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as answer:
        event = json.load(answer)["event_id"]
    with urllib.request.urlopen(f"{url}gradio_api/call/generate/{event}") as stream:
        files, about = json.loads(stream.read().decode().split("data: ")[-1])
    with urllib.request.urlopen(f"{url}gradio_api/file={files[0]['path']}") as file:
        picture = np.asarray(Image.open(io.BytesIO(file.read())).convert("RGBA"))
    assert np.array_equal(picture, engine.generate(Request("tiny", {"hero": 1.0}, seed=7))[0].picture)
    assert about[0]["seed"] == 7


@pytest.mark.slow
def test_programs_and_pages_take_turns(url: str, client: Client, engine: FakeEngine) -> None:
    engine.row_seconds = 0.03
    try:
        visitor = Visitor(url)
        visitor.start("generate", visitor.values("generate", model="tiny", seed=5))
        assert engine.running.wait(5)
        job = client.submit(api_name="/generate")
        assert "4 pictures in" in visitor.results().told() and job.result(30)
    finally:
        engine.row_seconds = 0.0
    app = build(engine, OFF)  # pyright: ignore[reportArgumentType]
    ids = {fn.concurrency_id for fn in app.fns.values() if fn.name in ("generate", "complete", "enlarge")}
    assert ids == {"engine"}


def test_a_drawing_beyond_its_time_is_ended_and_says_so() -> None:
    engine = FakeEngine(row_seconds=0.05)
    worker = drawing_worker(
        lambda on_row, cancel: engine.generate(Request("tiny"), on_row=on_row, cancel=cancel), limit=0.1
    )
    worker.wait()
    with pytest.raises(
        RequestRejected, match=r"This took more than 0\.1 s, the limit\. Draw fewer or smaller pictures\."
    ):
        worker.result()


def canary_files() -> dict[str, bytes]:
    """A picture with a canary in every place that a file has for notes."""
    image, found = Image.fromarray(PICTURE), {}
    exif = Image.Exif()
    exif[0x010E], exif[0x8298] = CANARY, CANARY
    exif.get_ifd(0x8825)[29] = CANARY  # GPS
    xmp = f"<x:xmpmeta>{CANARY}</x:xmpmeta>".encode()
    options: dict[str, dict[str, Any]] = {
        "PNG": {"exif": exif, "icc_profile": CANARY.encode()},
        "JPEG": {"exif": exif, "xmp": xmp, "icc_profile": CANARY.encode(), "comment": CANARY},
        "WEBP": {"exif": exif, "xmp": xmp, "icc_profile": CANARY.encode(), "lossless": True},
        "GIF": {"comment": CANARY.encode()},
    }
    for kind, settings in options.items():
        buffer = io.BytesIO()
        (image.convert("RGB") if kind == "JPEG" else image).save(buffer, kind, **settings)
        found[kind] = buffer.getvalue()
    text = encode_png(PICTURE, text={"Comment": CANARY, "parameters": CANARY})
    return {**found, "PNG text": text}


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "PNG text"])
def test_what_a_file_tells_of_its_maker_goes_no_further(url: str, client: Client, kind: str) -> None:
    data = canary_files()[kind]
    assert CANARY.encode() in data or kind == "PNG"  # an ICC profile is packed
    visitor, text = Visitor(url), base64.b64encode(data).decode()
    shown = visitor.post("import_picture", [None, 0, "tiny", False, None, 0], {"name": "a.png", "data": text})
    files, about = client.predict(text, GOOD["mask"], api_name="/complete")
    served = [shown.raw.encode(), json.dumps(about).encode(), *(Path(file).read_bytes() for file in files)]
    assert not any(CANARY.encode() in part for part in served)


@pytest.mark.slow
def test_completions_over_http_change_no_pixel_outside_the_mask(tiny_checkpoints: Path, tmp_path: Path) -> None:
    assert completions_over_http(tiny_checkpoints, tmp_path, count=5) == 0


def completions_over_http(checkpoints: Path, folder: Path, *, count: int) -> int:
    """How many pixels outside the masks changed in so many completions of the checkpoint "tiny"."""
    random, changed = np.random.default_rng(5), 0
    with serving(Engine(checkpoints)) as url:
        client = Client(url, verbose=False, download_files=folder)
        for number in range(count):
            levels = random.integers(2, 257, endpoint=False)
            colours = random.integers(0, 256, (levels, 4), np.uint8)
            if number % 2:
                colours[:, 3] = random.choice([0, 255], levels)
            picture = colours[random.integers(levels, size=(8, 8))]
            mask = random.random((8, 8)) < random.random()
            mask[tuple(random.integers(8, size=2))] = True
            data = base64.b64encode(encode_rgba_png(picture)).decode()
            files, _ = client.predict(data, sent(painted(mask)), seed=number, images=2, api_name="/complete")
            changed += sum(int((pixels(file)[~mask] != picture[~mask]).any(-1).sum()) for file in files)
            for file in files:
                Path(file).unlink()
    return changed


# --- how the program is started -----------------------------------------------------------------------------------


def test_only_mcp_may_be_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    assert program.wants_tools([]) is False
    with pytest.raises(RequestRejected, match=r"'--share': the only option is --mcp"):
        program.wants_tools(["--share"])
    monkeypatch.setattr(program, "find_spec", lambda name: None)
    with pytest.raises(RequestRejected, match=r"pip install 'gradio\[mcp\]'"):
        program.wants_tools(["--mcp"])
    monkeypatch.setattr(program, "find_spec", lambda name: name)
    assert program.wants_tools(["--mcp"]) is True


@pytest.mark.slow
def test_the_endpoints_are_mcp_tools_with_their_descriptions() -> None:
    code = "import tests.ui.mcp_session as m; m.main()"
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, timeout=120)
    told = json.loads(done.stdout.strip().splitlines()[-1])
    assert told["tools"] == ["complete", "generate"] and "hero_5_16x16.png" in told["drawn"], done.stderr
    assert "how many pictures; 1 to 16" in told["description"] and told["refused"].count("Images: must be") == 1


@pytest.mark.parametrize("chosen", [False, True])
def test_temporary_files_go_with_the_program(chosen: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import tempfile

    before = tempfile.gettempdir()
    if chosen:
        monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "results"))
    else:
        monkeypatch.delenv("GRADIO_TEMP_DIR", raising=False)
    with program.own_temporary_folder():
        inside = Path(tempfile.mkdtemp())
        assert inside.parent.name.startswith("pixel-art-studio-")
        assert Path(get_upload_folder()).parent == inside.parent
        assert not chosen or inside.is_relative_to(tmp_path / "results")
    assert not inside.exists() and tempfile.gettempdir() == before
    assert os.environ.get("GRADIO_TEMP_DIR") == (str(tmp_path / "results") if chosen else None)
