"""How cost grows: the slopes of known powers, and that the command ends with a table and a plot."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from benchmarks import scale
from benchmarks.plot import MARGIN, SIZE, Panel, draw_panels, slope


@pytest.mark.parametrize("power", [0.0, 1.0, 2.0, -0.5])
def test_the_slope_of_a_power_is_its_exponent(power: float) -> None:
    assert slope([(x, 3 * x**power) for x in (1, 2, 5, 17)]) == pytest.approx(power)
    assert slope([(4.0, 1.0)]) == 0


def test_a_plot_has_a_panel_for_each_axis_and_its_points_inside() -> None:
    curves = {"a": [(1.0, 1.0), (10.0, 100.0)], "b": [(1.0, 100.0), (10.0, 100.0)]}
    image = draw_panels(
        [Panel("one", "x", "y", curves), Panel("two", "x", "y", curves), Panel("three", "x", "y", curves)]
    )
    assert image.size == (2 * SIZE[0], 2 * SIZE[1])
    drawn = {colour for _, colour in image.getcolors(1 << 20) or []}
    assert {(0x4F, 0x46, 0xE5), (0xDC, 0x26, 0x26)} <= drawn
    assert image.getpixel((MARGIN + 10, SIZE[1] - MARGIN - 10)) == (0x4F, 0x46, 0xE5)  # the first point of "a"


def test_the_axes_of_a_variant_are_those_that_it_has() -> None:
    assert set(scale.axes_of("gated_pixelcnn", scale.AXES)) == {"side", "batch", "palette", "width"}
    assert set(scale.axes_of("pixelcnn_plus_plus", scale.AXES)) == {"side", "batch", "width"}  # its levels are fixed
    assert "width" not in scale.axes_of("sketch_pixelcnn", scale.AXES)  # its networks have their own


def test_the_table_compares_the_measured_with_the_theoretical_slope(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """With times that grow as the square root of what they should."""

    def made(model: Any, batch: int, device: torch.device, *, rounds: int) -> dict[str, float]:
        size = batch * model.config.height**2
        return {"seconds": size**0.5, "operations": size, "parameters": model.config.hidden}

    monkeypatch.setattr(scale, "measure", made)
    words = ["--device", "cpu", "--models", "pixelcnn_plus_plus", "--short", "--plot", str(tmp_path / "plot.png")]
    assert scale.main(words) == 0
    printed = capsys.readouterr().out
    assert "| pixelcnn_plus_plus | side | 4 | 6 | 4000.0 | 6000.0 | 1.00 | 2.00 |" in printed
    assert "| pixelcnn_plus_plus | batch | 1 | 2 |" in printed and "| 0.50 | 1.00 |" in printed
    with Image.open(tmp_path / "plot.png") as plot:
        assert plot.size == (2 * SIZE[0], 2 * SIZE[1])


@pytest.mark.slow
def test_the_short_command_ends(capsys: pytest.CaptureFixture[str], same_threads: None) -> None:
    torch.set_num_threads(1)
    assert (
        scale.main(["--device", "cpu", "--short", "--models", "row_rnn", "sketch_pixelcnn", "--json", "--rounds", "1"])
        == 0
    )
    found = json.loads(capsys.readouterr().out)["models"]
    assert found["row_rnn"]["side"]["theoretical"] == pytest.approx(2, abs=0.2)
    assert found["sketch_pixelcnn"]["batch"]["theoretical"] == pytest.approx(1, abs=0.1)
