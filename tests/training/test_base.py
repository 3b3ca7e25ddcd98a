"""A run that goes on from a checkpoint."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from pixelart.checkpoint.format import CHOSEN_FILE, SEEN_FILE, read_chosen, read_config, read_seen, read_trained
from pixelart.checkpoint.origin import ORIGIN_FILE, Origin, parse_origin
from pixelart.checkpoint.weights import load_weights
from pixelart.cli.main import parse
from pixelart.cli.train import open_run
from pixelart.errors import DataRejected, RequestRejected, WeightsRejected
from pixelart.images.io import encode_png, read_picture
from pixelart.training.config import Schedule
from pixelart.training.data import pictures as data
from pixelart.training.data.pictures import is_validation, read_pictures
from pixelart.training.export import export_run
from pixelart.training.run_config import PaletteOf, read_run
from pixelart.training.runs import start_run
from pixelart.training.trainer import Trainer
from tests.training.runs import resumed

StartRun = Callable[..., Trainer]


def begin_from(base: Path, data: Path, run: Path, **schedule: Any) -> Trainer:
    values = {"steps": 6, "batch_size": 4, "save_every": 3, "threads": 1, "seed": 9, **schedule}
    with start_run(run, data, schedule=Schedule(**values), base=base) as trainer:
        return trainer


def test_it_starts_with_the_weights_palette_and_classes_of_the_base(
    tiny_checkpoints: Path, tiny_data: Path, tmp_path: Path
) -> None:
    base = tiny_checkpoints / "tiny"
    config = read_config(base)
    trainer = begin_from(base, tiny_data, tmp_path / "run")
    weights = load_weights(base, config).state_dict()
    for name, tensor in trainer.model.state_dict().items():
        assert torch.equal(tensor, weights[name])
    assert (trainer.config.codec, trainer.config.classes) == (config.codec, config.classes)
    trainer.train()
    assert not torch.equal(trainer.model.state_dict()["logits.weight"], weights["logits.weight"])
    exported = export_run(tmp_path / "run", tmp_path / "mine")
    assert read_config(exported).training["base"] == "tiny"
    assert read_seen(exported) >= read_seen(base)


@pytest.mark.slow
def test_what_it_is_made_of_is_remembered_where_that_is_on_the_hub(
    own_checkpoints: Path, tiny_data: Path, tmp_path: Path
) -> None:
    base, origin = own_checkpoints / "tiny", Origin("art/tiny", "0123456789" * 4)
    (base / ORIGIN_FILE).write_bytes(origin.to_json())
    begin_from(base, tiny_data, tmp_path / "run").train()
    (base / ORIGIN_FILE).unlink()  # it need not be there any more
    exported = export_run(tmp_path / "run", tmp_path / "mine")
    assert parse_origin(read_config(exported).training["base_origin"]) == origin
    begin_from(base, tiny_data, tmp_path / "again").train()
    assert "base_origin" not in read_config(export_run(tmp_path / "again", tmp_path / "other")).training


@pytest.mark.slow
def test_it_resumes_before_and_after_its_first_save(tiny_checkpoints: Path, tiny_data: Path, tmp_path: Path) -> None:
    base = tiny_checkpoints / "tiny"
    whole = begin_from(base, tiny_data, tmp_path / "whole")
    whole.train()
    begin_from(base, tiny_data, tmp_path / "cut")
    resumed(tmp_path / "cut", tiny_data).train(stop=iter([False] * 4 + [True] * 9).__next__)
    rest = resumed(tmp_path / "cut", tiny_data, base=base)
    assert rest.step == 4
    rest.train()
    for name, tensor in whole.model.state_dict().items():
        assert torch.equal(tensor, rest.model.state_dict()[name])
    with pytest.raises(RequestRejected, match="base"):
        resumed(tmp_path / "cut", tiny_data, base=tmp_path)
    with pytest.raises(RequestRejected, match="colours 8: cannot be set with a base"):
        resumed(tmp_path / "cut", tiny_data, colours=8)


@pytest.mark.slow
def test_a_base_is_found_from_elsewhere_and_not_needed_after_the_first_save(
    own_checkpoints: Path, tiny_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(own_checkpoints)
    run = begin_from(Path("tiny"), tiny_data, tmp_path / "run").run
    monkeypatch.chdir(tmp_path)
    resumed(run, tiny_data, base=Path("checkpoints") / "tiny").train(stop=iter([False] * 4 + [True] * 9).__next__)
    shutil.rmtree(own_checkpoints)
    learned = read_seen(run)
    rest = resumed(run, tiny_data)
    rest.train()
    assert rest.step == 6 and read_seen(run) == learned
    words = ["train", "--resume", "--data", str(tiny_data), "--out", str(run), "--base", str(own_checkpoints / "tiny")]
    with open_run(parse(words)) as said_again:
        assert said_again.step == 6


@pytest.mark.parametrize("origin", ["", f"art/tiny@{'0123456789' * 4}"])
@pytest.mark.parametrize("there", ["/pixelart-set/base/tiny", r"C:\Users\me\checkpoints\tiny"])
def test_a_run_of_another_machine_knows_its_base_by_name_and_origin(
    own_checkpoints: Path, tiny_data: Path, tmp_path: Path, origin: str, there: str
) -> None:
    base, run = own_checkpoints / "tiny", begin_from(own_checkpoints / "tiny", tiny_data, tmp_path / "run").run
    replace(read_run(run), base=there, base_origin=origin).write(run)
    words = ["train", "--resume", f"--data={tiny_data}", f"--out={run}", "--base=tiny"]
    words.append(f"--checkpoints={own_checkpoints}")
    if origin:
        with pytest.raises(RequestRejected, match="this run was started with"), open_run(parse(words)):
            pass
        (base / ORIGIN_FILE).write_bytes(parse_origin(origin).to_json())  # pyright: ignore[reportOptionalMemberAccess]
    with open_run(parse(words)) as here:  # it reads the base, because nothing is saved yet
        assert read_run(run).base == str(base.resolve()) == here.config.base
    other = shutil.copytree(base, own_checkpoints / "other")
    with pytest.raises(RequestRejected, match="other: this run was started with"):
        resumed(run, tiny_data, base=other)


@pytest.mark.slow
def test_nothing_that_the_base_learned_from_is_measured_on(
    tiny_checkpoints: Path, tiny_data: Path, tmp_path: Path
) -> None:
    base = tiny_checkpoints / "tiny"
    trainer = begin_from(base, tiny_data, tmp_path / "run", validation_share=0.6)
    hashes = read_pictures(tiny_data).hashes
    held_out = {hashes[i] for i in trainer.validation_rows.tolist()}
    assert held_out == {h for h in hashes if is_validation(h, share=0.6)} - read_seen(base) != set()
    assert resumed(tmp_path / "run", tiny_data).validation_rows.tolist() == trainer.validation_rows.tolist()


@pytest.mark.slow
def test_what_the_base_was_only_chosen_by_stays_in_the_validation_part(
    begin: StartRun, tiny_data: Path, tmp_path: Path
) -> None:
    shares = {"held_out_share": 0.2, "validation_share": 0.3, "steps": 1}
    hashes = set(read_pictures(tiny_data).hashes)
    first = begin(**shares)
    first.train()
    base = export_run(first.run, tmp_path / "checkpoints" / "first")
    chosen = {h for h in hashes if is_validation(h, share=0.5) and not is_validation(h, share=0.2)}
    assert chosen and read_chosen(base) == chosen and not read_trained(base) & chosen
    assert {h for h in hashes if not is_validation(h, share=0.2)} == read_seen(base)
    second = begin_from(base, tiny_data, tmp_path / "second", **shares)
    second.train()
    assert len(second.validation_rows) == len(chosen)
    assert read_chosen(export_run(second.run, tmp_path / "checkpoints" / "second")) == chosen
    third = begin_from(base, tiny_data, tmp_path / "third", held_out_share=0.5, validation_share=0.0)
    assert read_chosen(third.run) == chosen  # the weights that it starts from were chosen by them
    fourth = begin_from(base, tiny_data, tmp_path / "fourth", held_out_share=0.0, validation_share=0.0)
    assert read_trained(fourth.run) == hashes - chosen and read_chosen(fourth.run) == chosen


def test_a_damaged_list_is_refused(own_checkpoints: Path) -> None:
    (own_checkpoints / "tiny" / CHOSEN_FILE).write_bytes(b"\xff")
    with pytest.raises(WeightsRejected, match=r"^tiny/validation_images.txt: not readable$"):
        read_seen(own_checkpoints / "tiny")


@pytest.mark.slow
def test_what_the_base_decides_is_not_said_to_be_decided_by_the_run(
    tiny_checkpoints: Path, tiny_data: Path, tmp_path: Path
) -> None:
    begin_from(tiny_checkpoints / "tiny", tiny_data, tmp_path / "run")
    config = read_run(tmp_path / "run")
    assert (config.preset, config.colours, config.model, config.codec["name"]) == ("", 0, "gated_pixelcnn", "indexed")
    options = {"model": "pixelcnn", "codec": "rgb", "colours": 3}
    for name, value in options.items():
        asked = start_run(
            tmp_path / name, tiny_data, schedule=Schedule(steps=1), base=tiny_checkpoints / "tiny", **{name: value}
        )
        with pytest.raises(RequestRejected, match=f"{name} {value}: cannot be set with a base"), asked:
            pass
        assert not (tmp_path / name).exists()


def test_classes_of_the_base_count_toward_the_limit(
    tiny_checkpoints: Path, tiny_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(tiny_data / "cross", tmp_path / "data" / "moon")
    monkeypatch.setattr(data, "SETTINGS", replace(data.SETTINGS, max_classes=2))
    with pytest.raises(DataRejected, match="data with the base: 3 classes; the limit is 2"):
        begin_from(tiny_checkpoints / "tiny", tmp_path / "data", tmp_path / "run")


def test_what_a_base_cannot_do_is_said(tiny_checkpoints: Path, tiny_data: Path, tmp_path: Path) -> None:
    base = shutil.copytree(tiny_checkpoints / "tiny", tmp_path / "base")
    other = tmp_path / "data"
    shutil.copytree(tiny_data / "cross", other / "cross")
    shutil.copytree(tiny_data / "stripe", other / "dragon")
    schedule = Schedule(steps=1)
    refused = start_run(tmp_path / "run", other, schedule=schedule, base=base, new_classes="refuse")
    with pytest.raises(DataRejected, match="no class dragon"), refused:
        pass
    assert not (tmp_path / "run").exists()
    (base / SEEN_FILE).unlink()
    with pytest.raises(WeightsRejected, match="does not record"):
        begin_from(base, tiny_data, tmp_path / "run")


# --- another palette, and further classes -------------------------------------------------------------------------


@pytest.fixture
def other_data(tiny_data: Path, tmp_path: Path) -> Path:
    """A class that the base knows and one that it does not, in colours that it does not have."""
    for name, target in (("cross", "cross"), ("stripe", "moon")):
        (tmp_path / "other" / target).mkdir(parents=True)
        for path in sorted((tiny_data / name).iterdir()):
            picture = read_picture(path)
            picture[..., :3] = 255 - picture[..., :3]
            (tmp_path / "other" / target / path.name).write_bytes(encode_png(picture))
    return tmp_path / "other"


@pytest.mark.slow
def test_classes_that_the_base_lacks_are_added_to_its_own(
    tiny_checkpoints: Path, other_data: Path, tmp_path: Path
) -> None:
    trainer = begin_from(tiny_checkpoints / "tiny", other_data, tmp_path / "run")
    assert trainer.config.classes == ("cross", "stripe", "moon")
    assert set(trainer.classes.tolist()) == {0, 2}
    trainer.train()
    sheet = read_picture(tmp_path / "run" / "samples" / "step-00000006.png")
    assert sheet.shape[:2] == (2 * (2 * 9 - 1), 2 * (4 * 9 - 1)), "samples are of the classes that are learned from"
    exported = export_run(tmp_path / "run", tmp_path / "out" / "mine")
    assert read_config(exported).classes == ("cross", "stripe", "moon")
    load_weights(exported, read_config(exported))


@pytest.mark.slow
@pytest.mark.parametrize("palette", ["keep", "fit"])
def test_a_run_from_a_changed_base_resumes_before_and_after_its_first_save(
    tiny_checkpoints: Path, other_data: Path, tmp_path: Path, palette: PaletteOf
) -> None:
    base, schedule = tiny_checkpoints / "tiny", Schedule(steps=5, batch_size=4, threads=1, seed=9)
    for folder in ("whole", "cut"):
        with start_run(tmp_path / folder, other_data, schedule=schedule, base=base, palette=palette) as trainer:
            if folder == "whole":
                trainer.train()
    resumed(tmp_path / "cut", other_data).train(stop=iter([False] * 3 + [True] * 9).__next__)
    rest = resumed(tmp_path / "cut", other_data, palette=palette)
    assert rest.step == 3
    rest.train()
    for name, tensor in resumed(tmp_path / "whole", other_data).model.state_dict().items():
        assert torch.equal(tensor, rest.model.state_dict()[name])


@pytest.mark.slow
def test_a_fitted_palette_is_that_of_the_pictures_and_of_as_many_colours(
    tiny_checkpoints: Path, other_data: Path, tmp_path: Path
) -> None:
    base, pictures = tiny_checkpoints / "tiny", read_pictures(other_data).pictures
    there = {bytes(c[:3]).hex() for c in np.asarray(pictures).reshape(-1, 4).tolist() if c[3]}
    for folder, colours, expected in (("whole", None, 4), ("few", 3, 2)):
        schedule = Schedule(steps=1, validation_share=0.0)
        new = start_run(tmp_path / folder, other_data, schedule=schedule, base=base, palette="fit", colours=colours)
        with new as trainer:
            found = trainer.config.codec["colours"]
            assert len(found) == expected and set(found) <= there
            assert trainer.model.config.levels == expected + 1
    with pytest.raises(RequestRejected, match="colours 9: this run was started with 3"):
        resumed(tmp_path / "few", other_data, colours=9)
    with pytest.raises(RequestRejected, match="palette keep: this run was started with fit"):
        resumed(tmp_path / "few", other_data, palette="keep")


@pytest.mark.slow
def test_a_palette_is_kept_or_fitted_where_there_is_one(begin: StartRun, tiny_data: Path, tmp_path: Path) -> None:
    kept = start_run(tmp_path / "run", tiny_data, schedule=Schedule(steps=1), palette="keep")
    with pytest.raises(RequestRejected, match="palette keep: needs a base"), kept:
        pass
    run = begin("rgb", codec="rgb", steps=1)
    run.train()
    base = export_run(run.run, tmp_path / "checkpoints" / "rgb")
    fitted = start_run(tmp_path / "run", tiny_data, schedule=Schedule(steps=1), base=base, palette="fit")
    with pytest.raises(RequestRejected, match="palette fit: the base models rgb, which has no palette"), fitted:
        pass
    assert not (tmp_path / "run").exists()
