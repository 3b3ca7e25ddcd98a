"""Any event with any values gets one plain line, and never the text of a fault."""

from __future__ import annotations

from typing import Any

import pytest

from pixelart.ui.security.safe_blocks import FAULT
from tests.tiers import a_long
from tests.ui.create.test_canvas_value import HOSTILE
from tests.ui.fake_engine import FakeEngine
from tests.ui.page_events import BAD, GOOD, HANDLERS, SENT, assert_plain, form
from tests.ui.serving import GRADIO_WARNINGS
from tests.ui.visitor import Visitor

pytestmark = pytest.mark.filterwarnings(*GRADIO_WARNINGS)
DRAWINGS = ("generate", "complete", "enlarge", "recolour", "more_like", "sweep", "extend", "tileset", "animate")
LENGTHY = (*DRAWINGS, "receive_archive", "check_pictures", "start_training", "download")
"""Events whose values are many and whose answers take a while."""


@pytest.mark.slow
@pytest.mark.parametrize("name", [a_long(name) if name in LENGTHY else name for name in HANDLERS])
def test_any_event_with_any_value_answers_plainly(visitor: Visitor, name: str) -> None:
    visitor.post("load", [None, None])
    for place in range(len(GOOD[name])):
        for value in BAD:
            data = [*GOOD[name][:place], value, *GOOD[name][place + 1 :]]
            answer = visitor.post(name, data, SENT)
            assert_plain(answer)
            assert answer.error != FAULT, (place, value)


@pytest.mark.slow
@pytest.mark.parametrize("name", HANDLERS)
def test_any_event_with_too_few_or_too_many_values_answers_plainly(visitor: Visitor, name: str) -> None:
    good = GOOD[name]
    for data in ([], good[:-1], [*good, None, "x" * 5000], [None] * 500):
        assert_plain(visitor.post(name, data, SENT))
    if good:
        told = f"This event takes {len(good)} values, not {len(good) - 1}."
        assert visitor.post(name, good[:-1], SENT).error == told


@pytest.mark.parametrize("name", ["import_picture", "load_palette", "choose", "inspect", "reuse"])
def test_any_event_data_answers_plainly(visitor: Visitor, name: str) -> None:
    visitor.post("generate", GOOD["generate"])
    for value in [*BAD, {"name": "a.png", "data": "!" * 40}, {"index": [0]}]:
        answer = visitor.post(name, GOOD[name], value)
        assert_plain(answer)
        assert answer.told() and answer.error != FAULT, value


def test_a_fault_of_the_program_is_told_without_its_text(
    visitor: Visitor, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> Any:
        raise RuntimeError("/home/secret/path")

    monkeypatch.setattr(engine, "snap", broken)
    answer = visitor.post("select_model", GOOD["select_model"])
    assert answer.error == FAULT and "secret" not in answer.raw
    answer = visitor.post("import_picture", GOOD["import_picture"], SENT)
    assert answer.error == FAULT and "secret" not in answer.raw


@pytest.mark.slow
@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_canvas_gets_one_plain_line(visitor: Visitor, name: str) -> None:
    answer = visitor.post("complete", form("complete", canvas=HOSTILE[name]))
    assert answer.error and answer.error.startswith("canvas")
    assert_plain(answer)


@pytest.mark.parametrize(
    ("place", "value", "told"),
    [
        ("model", "../..", "not found"),
        ("model", {"a": 1}, "Model: must be a name"),
        ("class_name", "dragon", "dragon"),
        ("temperature", None, "Temperature: must be"),
        ("temperature", "hot", "Temperature: must be"),
        ("seed", "x", "Seed: must be"),
        ("images", 1000, "Images: must be"),
        ("colours", {"colours": 5}, "palette"),
        ("top_p", [1], "Top-p: must be"),
        ("top_k", {}, "Top-k: must be"),
        ("guidance", True, "Guidance: must be"),
        ("bottom_temperature", 1e300, "Temperature at bottom: must be"),
        ("seamless", ["x", "z"], "Seamless: must be"),
    ],
)
@pytest.mark.parametrize("loaded", [False, True])
def test_a_hostile_setting_is_named_with_its_limit(
    visitor: Visitor, loaded: bool, place: str, value: Any, told: str
) -> None:
    if loaded:  # gradio then has a component of its own for this session
        visitor.post("load", [None, None])
    answer = visitor.post("generate", form("generate", **{place: value}))
    assert told in answer.told()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("place", "value", "told"),
    [
        (4, "Everything", "Picture 'Everything': choose one of Canvas"),
        (5, ["PNG RGBA"], "Format"),
        (5, "BMP", "Format 'BMP': choose one of PNG indexed"),
        (6, 3, "Scale 3: choose one of 1, 2, 4"),
        (6, True, "Scale"),
        (7, "yes", "Transparent: must be"),
        (8, "url(x)", "Background 'url(x)': must be"),
        (8, "rgba(1,2)", "Background"),
        (9, 99, "Columns: must be a number from 1 to 16"),
    ],
)
def test_a_hostile_export_setting_is_named_with_its_limit(visitor: Visitor, place: int, value: Any, told: str) -> None:
    data = GOOD["download"].copy()
    data[7], data[place] = data[7] if place == 7 else False, value
    assert told in visitor.post("download", data).told()


@pytest.mark.parametrize("ticket", [None, -1, 1.5, "1", 2**70, [1]])
def test_a_hostile_ticket_is_refused(visitor: Visitor, ticket: Any) -> None:
    for name in ("generate", "complete", "enlarge", "stop", "select_model", "import_picture", "choose"):
        data = GOOD[name].copy()
        data[1] = ticket
        assert (visitor.post(name, data, SENT).error or "").startswith("ticket")
