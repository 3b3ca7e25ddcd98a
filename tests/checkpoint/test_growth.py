"""A larger network that goes on from a smaller one at first predicts the same, then learns with all of its weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from pixelart.checkpoint.format import config_of, read_config
from pixelart.checkpoint.growth import grown_config
from pixelart.checkpoint.resize import adapt, adapted_config
from pixelart.checkpoint.weights import load_weights
from pixelart.errors import RequestRejected, WeightsRejected
from pixelart.images.class_names import Labels
from pixelart.images.codec import RGB, Indexed
from pixelart.layers.context import ContextConfig
from pixelart.models import AutoregressiveModel, create_model, get_variant, list_models
from pixelart.training.config import Schedule
from pixelart.training.export import export_run
from pixelart.training.initialization import base_weights
from pixelart.training.run_config import read_run
from pixelart.training.runs import start_run
from tests.checkpoint.test_resize import CLASSES, COLOURS, SHAPE, codec_for, start
from tests.models.checks import nothing_known, random_pixels
from tests.training.runs import resumed

CAN_GROW = [name for name in list_models() if get_variant(name).model.can_grow]
Values = dict[str, Any]
MORE: dict[str, Callable[[Values], Values]] = {
    "wider": lambda known: {"hidden": known["hidden"] + 4},
    "deeper": lambda known: {"dilations": (*known["dilations"], 2, 1)},
    "attention": lambda known: {"attention": (*known.get("attention", ()), 0)},
    "all": lambda known: {
        "hidden": known["hidden"] + 3,
        "dilations": (*known["dilations"], 4),
        "attention": (*known.get("attention", ()), 0),
    },
}


def offer(monkeypatch: pytest.MonkeyPatch, name: str, changed: Callable[[Values], Values], **others: Any) -> None:
    """Add the preset "other" to a variant: its debug preset, changed in each of its networks."""
    preset = dict(get_variant(name).presets["debug"])
    if "stages" in preset:
        preset["stages"] = tuple(replace(one, values=one.values | changed(one.values)) for one in preset["stages"])
    else:
        preset |= changed(preset)
    monkeypatch.setitem(get_variant(name).presets, "other", preset | others)


def grown(name: str, labels: Labels | None = None) -> tuple[AutoregressiveModel, AutoregressiveModel]:
    """A model and the larger one that goes on from it, both in double precision."""
    model, config = start(name, codec_for(name))
    same_size = adapted_config(config, codec=codec_for(name), labels=labels or Labels(()))
    larger = adapt(model, config, grown_config(same_size, "other"))
    return model.double(), larger.eval().double()


@pytest.mark.parametrize("what", MORE)
@pytest.mark.parametrize("name", CAN_GROW)
def test_a_larger_network_predicts_the_same_at_first(name: str, what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    offer(monkeypatch, name, MORE[what])
    model, larger = grown(name)
    count = [sum(parameter.numel() for parameter in one.parameters()) for one in (model, larger)]
    assert count[1] > count[0]
    x = random_pixels(3, 1, codec_for(name).levels, SHAPE)
    context = nothing_known(x, torch.eye(len(CLASSES), dtype=torch.float64))
    context.mask[:, :2, 1:] = False
    with torch.no_grad():
        expected = model.log_prob(x, context)
        torch.testing.assert_close(larger.log_prob(x, context), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", CAN_GROW)
def test_every_weight_of_a_new_layer_learns(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two steps along the gradient change each weight of a new layer: none is behind two zeros."""
    offer(monkeypatch, name, MORE["all"])
    _, larger = grown(name)
    before = {name: parameter.detach().clone() for name, parameter in larger.named_parameters()}
    x = random_pixels(3, 1, codec_for(name).levels, SHAPE)
    context = nothing_known(x, torch.eye(len(CLASSES), dtype=torch.float64))
    context.mask[:, :2, 1:] = False
    for parameter in larger.parameters():
        parameter.requires_grad_()
    for _ in range(2):
        gradients = torch.autograd.grad(-larger.log_prob(x, context).sum(), [*larger.parameters()], allow_unused=True)
        with torch.no_grad():
            for parameter, gradient in zip(larger.parameters(), gradients, strict=True):
                parameter -= 0.01 * (torch.zeros_like(parameter) if gradient is None else gradient)
    new = [name for name in before if ".attention.0." in f".{name}" or ".layers.3." in f".{name}"]
    still = [name for name, parameter in larger.named_parameters() if torch.equal(parameter, before[name])]
    assert new and not set(new) & set(still)


@pytest.mark.parametrize("name", CAN_GROW)
def test_labels_are_added_at_the_same_time(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    offer(monkeypatch, name, MORE["all"])
    model, larger = grown(name, Labels(("x",), ("old",), (("x", "round"),)))
    x = random_pixels(3, 1, codec_for(name).levels, SHAPE)
    old = nothing_known(x, torch.eye(3, dtype=torch.float64))
    new = replace(old, class_weights=torch.cat([old.class_weights, torch.zeros(3, 3, dtype=torch.float64)], dim=1))
    with torch.no_grad():
        torch.testing.assert_close(larger.log_prob(x, new), model.log_prob(x, old), rtol=1e-12, atol=1e-12)


def test_a_palette_is_fitted_at_the_same_time(monkeypatch: pytest.MonkeyPatch) -> None:
    offer(monkeypatch, "gated_pixelcnn", MORE["all"])
    model, config = start("gated_pixelcnn", Indexed(COLOURS))
    wanted = adapted_config(config, codec=Indexed(COLOURS[[2, 0, 3, 1]]), labels=Labels(()))
    expected = adapt(model, config, wanted).double()
    larger = adapt(model, config, grown_config(wanted, "other")).eval().double()
    x = random_pixels(3, 1, 5, SHAPE)
    context = nothing_known(x, torch.eye(3, dtype=torch.float64))
    with torch.no_grad():
        torch.testing.assert_close(larger.log_prob(x, context), expected.log_prob(x, context), rtol=1e-12, atol=1e-12)


def test_layers_of_the_encoder_are_added(monkeypatch: pytest.MonkeyPatch) -> None:
    offer(monkeypatch, "gated_pixelcnn", lambda _: {}, context=ContextConfig(hidden=8, embedding=3, dilations=(1, 2)))
    model, larger = grown("gated_pixelcnn")
    x = random_pixels(3, 1, 5, SHAPE)
    context = nothing_known(x, torch.eye(3, dtype=torch.float64))
    context.mask[:, :2, 1:] = False
    with torch.no_grad():
        assert len([*larger.parameters()]) > len([*model.parameters()])
        torch.testing.assert_close(larger.log_prob(x, context), model.log_prob(x, context), rtol=1e-12, atol=1e-12)


OTHERS: dict[str, tuple[Callable[[Values], Values], dict[str, Any]]] = {
    "hidden": (lambda known: {"hidden": known["hidden"] - 2}, {}),
    "skip": (lambda known: {"skip": known["skip"] + 2}, {}),
    "dilations": (lambda known: {"dilations": (2, *known["dilations"])}, {}),
    "context.hidden": (lambda known: {}, {"context": ContextConfig(hidden=10, embedding=3, dilations=(1,), codes=6)}),
}


@pytest.mark.parametrize("what", OTHERS)
def test_another_network_is_refused(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    changed, others = OTHERS[what]
    offer(monkeypatch, "sketch_pixelcnn", changed, **others)
    place = what if others else f"stages.0.values.{what}"
    told = rf"^preset other: differs from the base in {place}, not only by more features or layers$"
    with pytest.raises(RequestRejected, match=told):
        grown("sketch_pixelcnn")


def test_what_cannot_grow_is_refused() -> None:
    _, config = start("row_rnn", codec_for("row_rnn"))
    with pytest.raises(RequestRejected, match=r"^preset debug: a row_rnn cannot grow; leave preset out with"):
        grown_config(config, "debug")
    _, config = start("gated_pixelcnn", codec_for("gated_pixelcnn"))
    with pytest.raises(RequestRejected, match=r"^preset 'huge' of gated_pixelcnn is not one of default, debug$"):
        grown_config(config, "huge")
    with pytest.raises(RequestRejected, match=r"^preset debug: is not larger than the base's network$"):
        grown_config(config, "debug")


def test_a_network_of_several_channels_is_refused() -> None:
    """More features would move old ones to other channels."""
    _, config = start("gated_pixelcnn", RGB())
    with pytest.raises(RequestRejected, match=r"^preset debug: a gated_pixelcnn of 3 channels cannot grow"):
        grown_config(config, "debug")


def test_the_preset_of_studio_grows() -> None:
    sizes = {"channels": 1, "levels": 65, "height": 32, "width": 32, "num_classes": 4}
    with torch.device("meta"):
        small = create_model("sketch_pixelcnn", preset="studio", **sizes)
    config = config_of(small, "sketch_pixelcnn", codec_for("sketch_pixelcnn"), CLASSES)
    assert grown_config(config, "studio-wide").model_config != config.model_config


def test_a_base_that_was_replaced_meanwhile_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """As when a run is resumed before its first save."""
    model, config = start("gated_pixelcnn", codec_for("gated_pixelcnn"))
    offer(monkeypatch, "gated_pixelcnn", MORE["all"])
    larger_config = grown_config(config, "other")
    larger = adapt(model, config, larger_config)
    with pytest.raises(WeightsRejected, match=r"^the base is not the one that this training was started with: it diff"):
        adapt(larger, larger_config, config)


@pytest.mark.trains
def test_a_run_goes_on_in_a_larger_network(
    tiny_checkpoints: Path, tiny_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = tiny_checkpoints / "tiny"
    offer(monkeypatch, "gated_pixelcnn", MORE["all"])
    schedule = Schedule(steps=2, batch_size=4, save_every=1, threads=1)
    with start_run(tmp_path / "run", tiny_data, schedule=schedule, base=base, preset="other") as trainer:
        trainer.train()
    config = read_run(tmp_path / "run")
    wider = read_config(base).model_config["hidden"] + 3
    assert (config.preset, config.model_config["hidden"]) == ("other", wider)
    torch.randn(9)  # what others draw does not matter
    first, again = base_weights(config), base_weights(config)
    other = base_weights(replace(config, schedule=replace(schedule, seed=1)))
    assert first and again and other
    for name, tensor in first.state_dict().items():
        assert torch.equal(tensor, again.state_dict()[name])
    assert not torch.equal(first.state_dict()["layers.1.link.weight"], other.state_dict()["layers.1.link.weight"])
    exported = export_run(tmp_path / "run", tmp_path / "wide")
    assert load_weights(exported, read_config(exported)).config == trainer.model.config
    with pytest.raises(RequestRejected, match=r"^preset default: this run was started with other$"):
        resumed(tmp_path / "run", tiny_data, preset="default")


@pytest.mark.trains
def test_a_run_in_the_network_of_its_base_does_not_grow_later(
    tiny_checkpoints: Path, tiny_data: Path, tmp_path: Path
) -> None:
    schedule = Schedule(steps=2, batch_size=4, save_every=1, threads=1)
    with start_run(tmp_path / "run", tiny_data, schedule=schedule, base=tiny_checkpoints / "tiny"):
        pass
    with pytest.raises(RequestRejected, match=r"^preset default: this run was started with the network of its base$"):
        resumed(tmp_path / "run", tiny_data, preset="default")
