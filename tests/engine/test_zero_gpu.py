"""Drawing on a GPU that is lent: what would break in the forked process of ZeroGPU breaks here."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from pixelart.engine import Call, CheckpointInfo, Engine, Preview, Request
from pixelart.engine.windows import plan_windows
from pixelart.engine.zero_gpu import MOST_SECONDS, START_SECONDS, gpu_seconds, zero_gpu_backend
from pixelart.errors import Cancelled, RequestRejected
from tests import fake_spaces

pytestmark = pytest.mark.filterwarnings("ignore:This process.*is multi-threaded:DeprecationWarning")
CPU = torch.device("cpu")
PICTURE = np.zeros((8, 8, 4), np.uint8)
MASK = np.eye(8, dtype=np.bool_)
CROSS = Request("tiny", class_weights={"cross": 1.0}, count=3, seed=5)


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    for told in (fake_spaces.calls, fake_spaces.refusal, fake_spaces.deaths):
        told.clear()
    yield


@pytest.fixture
def lent(tiny_checkpoints: Path) -> Engine:
    """The engine of a page on ZeroGPU."""
    return Engine(tiny_checkpoints, device=CPU, remote=zero_gpu_backend(fake_spaces.GPU, tiny_checkpoints))


@pytest.fixture
def here(tiny_checkpoints: Path) -> Engine:
    return Engine(tiny_checkpoints, device=CPU)


def pictures(drawings: list) -> list[bytes]:
    return [d.picture.tobytes() for d in drawings]


def test_generate_and_complete_draw_there_what_is_drawn_here(lent: Engine, here: Engine) -> None:
    rows: list[tuple[int, int, bytes]] = []

    def on_row(done: int, count: int, shown: Preview) -> None:
        rows.append((done, count, shown()[0].tobytes()))
        assert shown.undrawn().any(1).sum() == count - done

    drawn = lent.generate(CROSS, on_row=on_row)
    assert pictures(drawn) == pictures(here.generate(CROSS))
    assert [done for done, *_ in rows] == list(range(1, 9)) and {count for _, count, _ in rows} == {8}
    assert rows[-1][2] == drawn[0].picture.tobytes() != rows[0][2]
    assert drawn[1].settings["seed"] == 6 and drawn[1].png().startswith(b"\x89PNG")
    completed = lent.complete(CROSS, PICTURE, MASK)
    assert pictures(completed) == pictures(here.complete(CROSS, PICTURE, MASK))
    assert [call["ended"] for call in fake_spaces.calls] == ["end", "end"]


def test_what_cannot_be_drawn_asks_for_no_gpu(lent: Engine) -> None:
    for bad in (Request("gone"), Request("tiny", count=0), Request("tiny", sampler="magic")):
        with pytest.raises(RequestRejected):
            lent.generate(bad)
    with pytest.raises(RequestRejected, match="mask is empty"):
        lent.complete(CROSS, PICTURE, np.zeros((8, 8), np.bool_))
    with pytest.raises(RequestRejected, match="does not enlarge"):
        lent.enlarge(CROSS, PICTURE)
    assert not fake_spaces.calls


def test_what_is_refused_there_is_told_in_its_own_words(lent: Engine) -> None:
    with pytest.raises(RequestRejected, match="class 'nope' is not one of cross, stripe"):
        lent.generate(Request("tiny", class_weights={"nope": 1.0}))


def test_a_stop_gets_there_and_the_gpu_is_given_back(lent: Engine) -> None:
    rows = []
    with pytest.raises(Cancelled):
        lent.generate(CROSS, on_row=lambda done, *_: rows.append(done), cancel=lambda: len(rows) >= 2)
    assert rows == [1, 2] and fake_spaces.calls[0]["ended"] == "end"


@pytest.mark.parametrize("fate", ["refused", "dies"])
def test_without_a_gpu_the_cpu_draws(lent: Engine, here: Engine, fate: str, caplog: pytest.LogCaptureFixture) -> None:
    if fate == "refused":
        fake_spaces.refusal.append("ZeroGPU quota exceeded")
    else:
        fake_spaces.deaths.append(True)
    assert pictures(lent.generate(CROSS)) == pictures(here.generate(CROSS))
    assert "drawing on the CPU: ZeroGPU" in caplog.text and len(fake_spaces.calls) == 1


def test_locks_that_another_thread_holds_do_not_matter_there(lent: Engine, here: Engine) -> None:
    with lent.library._lock:  # a checkpoint is being loaded, say, while the process is forked
        drawn = []
        call = Call("generate", CROSS)
        remote, info = lent._remote, here.info("tiny")
        assert remote
        thread = threading.Thread(target=lambda: drawn.extend(remote(call, info, None, None) or []), daemon=True)
        thread.start()
        thread.join(60)
    assert pictures(drawn) == pictures(here.generate(CROSS))


def test_a_checkpoint_that_is_new_since_the_start_is_drawn_with(
    own_checkpoints: Path, here: Engine, tmp_path: Path
) -> None:
    lent = Engine(own_checkpoints, device=CPU, remote=zero_gpu_backend(fake_spaces.GPU, own_checkpoints))
    lent.generate(CROSS)
    os.rename(own_checkpoints / "tiny", own_checkpoints / "mine")
    drawn = lent.generate(Request("mine", class_weights={"cross": 1.0}, count=3, seed=5))
    assert pictures(drawn) == pictures(here.generate(CROSS)) and len(fake_spaces.calls) == 2


def test_the_time_that_is_asked_for_grows_with_rows_and_pictures_and_is_bounded(here: Engine) -> None:
    info = CheckpointInfo("large", "fake", 32, 32, (), None)
    one = gpu_seconds(Call("generate", Request("large")), info)
    assert one == gpu_seconds(Call("generate", Request("large", count=16)), info) <= 20
    assert one < gpu_seconds(Call("generate", Request("large", count=17)), info)
    row = np.zeros((32, 32), np.bool_)
    row[5] = True
    assert gpu_seconds(Call("complete", Request("large"), (np.zeros((32, 32, 4), np.uint8), row)), info) < one
    assert gpu_seconds(Call("enlarge", Request("large"), (np.zeros((32, 32, 4), np.uint8),), 2), info) > 3 * one - 16
    assert gpu_seconds(Call("generate", Request("large", count=64, seamless="xy")), info) > MOST_SECONDS
    large, whole = np.zeros((100, 100, 4), np.uint8), np.ones((100, 100), np.bool_)
    in_windows = gpu_seconds(Call("complete", Request("large"), (large, whole)), info)
    windows = len(plan_windows(whole, (32, 32)))
    assert in_windows == pytest.approx(START_SECONDS + windows * (one - START_SECONDS), abs=windows)
    small = np.zeros((100, 100), np.bool_)
    small[50:60, 50] = True
    assert gpu_seconds(Call("complete", Request("large"), (large, small)), info) == one, "one window"
    tiles = Request("large", seamless="x")
    assert gpu_seconds(Call("complete", tiles, (large[:32, :32], whole[:32, :32])), info) > one
    twice = gpu_seconds(Call("generate", Request("large")), replace(info, keeps=("shape", "sketch")))
    assert twice == pytest.approx(2 * one - START_SECONDS, abs=1), "the sketch, then its colours"


def test_what_takes_too_long_is_drawn_here(tiny_checkpoints: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pixelart.engine.zero_gpu.PIXEL_SECONDS", 10.0)
    lent = Engine(tiny_checkpoints, device=CPU, remote=zero_gpu_backend(fake_spaces.GPU, tiny_checkpoints))
    assert len(lent.generate(CROSS)) == 3 and not fake_spaces.calls


def test_an_enlargement_travels_with_its_factor() -> None:
    class Told:
        def enlarge(self, *given: object, **named: object) -> object:
            return given, named

    request = Request("scales")
    drawn: object = Call("enlarge", request, (PICTURE,), 4).of(Told(), None, None)  # pyright: ignore[reportArgumentType]
    assert drawn == ((request, PICTURE), {"factor": 4, "on_row": None, "cancel": None})


def test_the_fake_breaks_what_the_real_one_would(tiny_checkpoints: Path) -> None:
    def unpicklable(call: object) -> Iterator[object]:
        yield threading.Lock()

    with pytest.raises(Exception, match="TypeError"):
        list(fake_spaces.GPU(unpicklable)(1))
