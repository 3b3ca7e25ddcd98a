"""Binarised digits: static ones stay, dynamic ones do not, and a result that is too good is a failure."""

from __future__ import annotations

import itertools
import json
import re
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from benchmarks import mnist, mnist_networks
from benchmarks.published import MNIST_RECORDS, Figure
from pixelart.errors import DataRejected
from pixelart.models import list_models
from tests.benchmarks.test_peers import checkout

ROW = r"^\| (\w+) \| (\S+) \| \d+ K \| \S+ \| (\d+) \| \d+ \| (\S+) ± (\S+) \| (.*) \|$"


def result(nats: float, error: float) -> mnist.Result:
    """A result with these nats."""
    return mnist.Result("m", mnist.OURS, 1, 1, 1.0, 1, nats, error, "a machine")


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """40 pictures to learn from and 12 to be judged by, 16 x 16: black left, white right, grey between."""
    grey = np.tile(np.repeat(np.array([0, 0, 0, 128, 128, 255, 255, 255], np.uint8), 2), (52, 16, 1))
    np.savez_compressed(tmp_path / "digits.npz", train_x=grey[:40], test_x=grey[40:])
    return tmp_path / "digits.npz"


def test_pixels_are_ink_as_often_as_they_are_bright() -> None:
    grey = torch.tensor([0, 51, 128, 255], dtype=torch.uint8).expand(20_000, 1, 4)
    ink = mnist.binarise(grey, torch.Generator().manual_seed(0)).float().mean((0, 1, 2))
    assert ink[0] == 0 and ink[3] == 1, "black is never ink and white always"
    torch.testing.assert_close(ink[1:3], torch.tensor([51 / 255, 128 / 255]), atol=0.02, rtol=0)


def test_static_pictures_stay_and_dynamic_ones_do_not() -> None:
    grey = torch.full((1, 8, 8), 128, dtype=torch.uint8)
    static, again, dynamic = (mnist.Digits(grey, binarisation=b) for b in ("static", "static", "dynamic"))
    pictures = static.batch(3)
    assert pictures.shape == (3, 1, 8, 8) and pictures.dtype == torch.long
    assert (pictures == pictures[0]).all() and torch.equal(static.batch(3), pictures)
    assert torch.equal(again.batch(3), pictures)
    moving = dynamic.batch(3)
    assert not torch.equal(moving[0], moving[1]) and not torch.equal(dynamic.batch(3), moving)


@pytest.mark.slow
@pytest.mark.parametrize("binarisation", ["static", "dynamic"])
def test_every_variant_for_two_levels_is_trained_and_told(
    archive: Path, capsys: pytest.CaptureFixture[str], binarisation: str
) -> None:
    words = ["--data", str(archive), "--binarisation", binarisation, "--minutes", "0.002", "--preset", "debug"]
    assert mnist.main([*words, "--test-images", "7", "--out", str(archive.with_name("out.md"))]) == 0
    printed = capsys.readouterr().out
    assert archive.with_name("out.md").read_text() in printed
    assert archive.with_name("out.md").read_text().count("--minutes 0.002") == 1, "one command, one line"
    rows = re.findall(ROW, archive.with_name("out.md").read_text(), flags=re.M)
    assert {name for name, *_ in rows} == set(list_models()) - {"pixelcnn_plus_plus", "sketch_pixelcnn"}
    assert all(int(steps) > 0 and 80 < float(nats) < 260 for _, _, steps, nats, *_ in rows)
    assert {name: target for name, *_, target in rows}["diagonal_bilstm"] == (
        "79.20 static MNIST (1601.06759)" if binarisation == "static" else "none"
    )
    assert mnist.MEANING[binarisation] in printed


def test_small_networks_are_small() -> None:
    assert set(mnist_networks.SIZES) == set(list_models()) - {"pixelcnn_plus_plus", "sketch_pixelcnn"}
    for name in mnist_networks.SIZES:
        model = mnist_networks.build(name, "small", (28, 28))
        assert (model.config.channels, model.config.levels, model.config.height) == (1, 2, 28)
        assert 20_000 < sum(p.numel() for p in model.parameters()) < 1_200_000


@pytest.mark.slow
def test_training_learns(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Columns that are always black or always white become cheap; a grey pixel costs a bit for ever."""
    ticks = itertools.count()
    ticking = SimpleNamespace(process_time=lambda: float(next(ticks)))  # two looks a step
    monkeypatch.setattr(mnist_networks, "time", ticking)
    monkeypatch.setattr(mnist_networks, "WARMUP", 1)
    monkeypatch.setattr(mnist_networks, "RATE", 2e-2)
    grey = mnist.read_images(archive, "train")
    model = mnist_networks.build("row_rnn", "debug", grey.shape[1:])
    test = mnist.binarise(grey, torch.Generator().manual_seed(5)).long()
    minutes = 200 / 60 / torch.get_num_threads()
    learner = mnist_networks.Ours(model, grey, minutes=minutes)
    steps = mnist_networks.train(learner, mnist.Digits(grey, binarisation="dynamic").batch, minutes=minutes)
    nats = mnist_networks.nats_of(learner.result(), test).mean()
    assert steps > 90 and 0.9 * 64 * np.log(2) < nats < 0.4 * 256 * np.log(2)


@pytest.mark.slow
def test_the_networks_of_a_checkout_are_trained_beside_ours(
    archive: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A made-up checkout, since no other project is part of this one; results of an earlier command stay."""
    other = checkout(tmp_path / "other", "pytorch-generative")
    words = ["--data", str(archive), "--binarisation", "dynamic", "--minutes", "0.002", "--preset", "debug"]
    words += ["--out", str(tmp_path / "out.md"), "--test-images", "3", "--models"]
    assert mnist.main([*words, "row_rnn"]) == 0
    assert mnist.main([*words, "gated_pixelcnn", "row_lstm", "--generative", str(other)]) == 0
    rows = re.findall(ROW, (tmp_path / "out.md").read_text(), flags=re.M)
    named = [("gated_pixelcnn", mnist.OURS), ("gated_pixelcnn", mnist.THEIRS)]
    assert [row[:2] for row in rows] == [*named, ("row_lstm", mnist.OURS), ("row_rnn", mnist.OURS)]
    assert len(json.loads((tmp_path / "out.json").read_text())) == 4
    assert mnist.main([*words, "gated_pixelcnn", "--generative", str(other), "--no-ours"]) == 0
    assert len(re.findall(ROW, (tmp_path / "out.md").read_text(), flags=re.M)) == 4, "replaced, not repeated"


def test_nothing_is_trained_before_all_input_is_known_to_be_good(
    archive: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mnist, "measure", lambda *_: pytest.fail("trained"))
    out = tmp_path / "out.md"
    longer = [{"command": "c", **asdict(mnist.Result("row_rnn", mnist.OURS, 1, 1, 60.0, 1, 80.0, 1.0, "a machine"))}]
    out.with_suffix(".json").write_text(json.dumps(longer))
    words = ["--data", str(archive), "--binarisation", "dynamic", "--minutes", "0.002", "--preset", "debug"]
    words += ["--out", str(out), "--models"]
    for more, message in {
        f"gated_pixelcnn --generative {tmp_path}": "no networks of pytorch-generative can be made",
        "row_lstm --no-ours": "row_lstm: nothing to train without ours and without a checkout that has it",
        "row_rnn": "has row_rnn of pixelart after 60 minutes; --replace replaces it",
    }.items():
        assert mnist.main([*words, *more.split()]) == 2
        assert message in capsys.readouterr().err.splitlines()[-1]
    with pytest.raises(pytest.fail.Exception, match="trained"):
        mnist.main([*words, "row_rnn", "--replace"])
    assert not out.exists()


def test_a_peer_is_judged_by_its_own_loss() -> None:
    """One logit per level that is 0 costs log 2 a pixel, in nats of the picture."""
    learner = object.__new__(mnist_networks.Theirs)
    learner.network = torch.nn.Conv2d(1, 2, 1)
    for weights in learner.network.parameters():
        torch.nn.init.zeros_(weights)
    learner._loss = lambda out, x: torch.nn.functional.cross_entropy(out, x[:, 0])
    x = torch.randint(0, 2, (5, 1, 4, 6))
    torch.testing.assert_close(mnist_networks.nats_of(learner.result(), x), torch.full((5,), 24 * np.log(2)))


def test_what_is_far_below_the_record_is_a_failure(
    archive: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    record = MNIST_RECORDS["dynamic"].value
    good, chance, bad = (result(nats, error) for nats, error in ((76, 0), (70, 3), (70, 0.3)))
    assert record == 77.56
    assert mnist.leak(good, "dynamic") is None and mnist.leak(chance, "dynamic") is None
    assert "m: 70.00 nats are far below the record, 77.56" in str(mnist.leak(bad, "dynamic"))
    monkeypatch.setitem(MNIST_RECORDS, "static", Figure(1000.0, "static MNIST", "nobody"))
    words = ["--data", str(archive), "--binarisation", "static", "--minutes", "0.001", "--preset", "debug"]
    assert mnist.main([*words, "--models", "row_rnn", "--out", str(archive.with_name("out.md"))]) == 1
    assert not archive.with_name("out.md").exists()
    assert "the model leaks the future" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        "--models nope",
        "--models pixelcnn_plus_plus",
        "--preset huge",
        "--test-images 1",
        "--test-images 0",
        "--test-images -3",
        "--minutes 0",
        "--minutes -1",
        "--minutes nan",
        "--minutes inf",
    ],
)
def test_bad_input_is_one_line(archive: Path, capsys: pytest.CaptureFixture[str], words: str) -> None:
    given = ["--data", str(archive), "--binarisation", "static", "--minutes", "0.001", *words.split()]
    assert mnist.main(given) == 2
    assert capsys.readouterr().err.splitlines()[-1].startswith("benchmarks.mnist: ")


def test_other_archives_are_refused(tmp_path: Path) -> None:
    (tmp_path / "text.npz").write_text("no archive")
    np.savez(tmp_path / "other.npz", pictures=np.zeros(3))
    np.savez(tmp_path / "floats.npz", train_x=np.zeros((3, 4, 4)))
    np.savez(tmp_path / "objects.npz", train_x=np.array([{}], object), allow_pickle=True)
    np.savez(tmp_path / "one.npz", train_x=np.zeros((1, 4, 4), np.uint8))
    np.savez_compressed(tmp_path / "damaged.npz", train_x=np.arange(4096, dtype=np.uint8).reshape(16, 16, 16))
    damaged = bytearray((tmp_path / "damaged.npz").read_bytes())
    damaged[60:64] = b"\xff" * 4  # inside the compressed data
    (tmp_path / "damaged.npz").write_bytes(damaged)
    for name in ("text.npz", "other.npz", "floats.npz", "objects.npz", "none.npz", "one.npz", "damaged.npz"):
        with pytest.raises(DataRejected, match=name):
            mnist.read_images(tmp_path / name, "train")
