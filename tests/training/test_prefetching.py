"""The batch of the next step is drawn while a step runs, and is the same batch."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import fields

import pytest
import torch
from torch import Tensor

from pixelart.images.class_names import Labels
from pixelart.images.codec import Codec, Indexed, Paletted, Picture
from pixelart.layers.context import Context
from pixelart.training.config import Schedule
from pixelart.training.data.batches import Batch, Batches, Prefetcher
from pixelart.training.data.encoded import code_pictures
from pixelart.training.trainer import Trainer
from tests.conftest import COLOURS

StartRun = Callable[..., Trainer]
PATIENCE = 20.0


def _parts(batch: Batch) -> list[Tensor | None]:
    return [batch[0], *(getattr(batch[1], field.name) for field in fields(Context))]


def _same(one: Batch, other: Batch) -> bool:
    pairs = zip(_parts(one), _parts(other), strict=True)
    return all(a is b is None or (a is not None and b is not None and torch.equal(a, b)) for a, b in pairs)


@pytest.mark.parametrize(
    "codec", [Indexed(COLOURS[1:, :3]), Paletted(COLOURS[1:, :3], levels=8)], ids=["indexed", "palette"]
)
def test_it_draws_what_is_drawn_without_it(tiny_pictures: dict[str, Picture], codec: Codec) -> None:
    coded = code_pictures(codec, tiny_pictures["cross"], torch.zeros(20, dtype=torch.long))
    schedule = Schedule(steps=9, batch_size=4, flip=0.5, recolour=0.5)
    batches = Batches([coded], labels=Labels(("cross",)), schedule=schedule)
    with Prefetcher(batches.draw) as prefetcher:
        for step in (0, 1, 2, 2, 9, 10, 0):
            assert _same(prefetcher.draw(step), batches.draw(step))
    assert not _same(batches.draw(0), batches.draw(1))


def test_the_next_batch_is_drawn_before_it_is_asked_for() -> None:
    asked, batch = list[tuple[int, str]](), (torch.zeros(1), Context(*[torch.zeros(1)] * 3))
    ahead = threading.Event()

    def draw(step: int) -> Batch:
        asked.append((step, threading.current_thread().name))
        if step == 6:
            ahead.set()
        return batch

    with Prefetcher(draw) as prefetcher:
        assert prefetcher.draw(5) is batch and ahead.wait(PATIENCE)
        assert [step for step, _ in asked] == [5, 6]
        assert prefetcher.draw(6) is batch
    assert [step for step, _ in asked][:3] == [5, 6, 7][: len(asked)]
    assert len({name for _, name in asked}) == 1 and asked[0][1] != threading.current_thread().name
    assert not any(thread.name == asked[0][1] for thread in threading.enumerate()), "the thread ends with its context"


def test_what_fails_is_raised_at_its_own_step() -> None:
    batch = (torch.zeros(1), Context(*[torch.zeros(1)] * 3))

    def draw(step: int) -> Batch:
        if step == 1:
            raise OSError("the disk")
        return batch

    with Prefetcher(draw) as prefetcher:
        assert prefetcher.draw(0) is batch
        with pytest.raises(OSError, match="the disk"):
            prefetcher.draw(1)


@pytest.mark.trains
def test_a_run_learns_from_batches_that_are_drawn_ahead(begin: StartRun, monkeypatch: pytest.MonkeyPatch) -> None:
    run, threads = begin(steps=3, batch_size=2), list[str]()
    plain = run.batches.draw

    def draw(step: int) -> Batch:
        threads.append(threading.current_thread().name)
        return plain(step)

    monkeypatch.setattr(run.batches, "draw", draw)
    run.train()
    assert len(threads) >= 3 and set(threads) == {"batches_0"}
