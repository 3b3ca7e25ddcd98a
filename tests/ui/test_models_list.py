"""How the page lists the models."""

from __future__ import annotations

from dataclasses import replace

from pixelart.ui.models_list import model_choices
from tests.ui.fake_engine import FakeEngine


def test_models_are_listed_by_purpose_with_one_line_each() -> None:
    info = FakeEngine(size=32).info("tiny")
    models = [
        replace(info, name="chain", model="multiscale", enlarges=True),
        replace(info, name="old", model="row_lstm"),
        replace(info, name="first", model="gated_pixelcnn"),
        replace(info, name="studio", model="sketch_pixelcnn", keeps=("sketch",), takes_palettes=True, any_size=True),
        replace(info, name="mine", model="gated_pixelcnn", classes=("cat",)),
    ]
    assert model_choices(models) == [
        ("first · Draw: 32 x 32, 2 classes", "first"),
        ("studio · Draw: any palette and size, 2 classes", "studio"),
        ("mine · Draw: 32 x 32, 1 class", "mine"),
        ("chain · Enlarge: to 64 x 64 and more; draws 32 x 32 too", "chain"),
        ("old · Compare: row lstm, slower; 32 x 32", "old"),
    ]
    assert model_choices([]) == []
