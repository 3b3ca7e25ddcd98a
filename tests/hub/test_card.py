"""The card: what the Hub reads of it, what people read, and that no text of an artist is more than text."""

from __future__ import annotations

import io
import re
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from PIL import Image

from pixelart.checkpoint.info import CheckpointInfo
from pixelart.checkpoint.library import Checkpoint
from pixelart.checkpoint.origin import Origin
from pixelart.engine import Drawing, Engine, Request
from pixelart.engine.samples import MAX_ROWS, SHEET_WIDTH, draw_class_samples, sample_sheet
from pixelart.errors import RequestRejected
from pixelart.hub.card import LICENCES, as_markdown, check_licence, one_line
from pixelart.hub.publish import card_text, preview_card
from pixelart.models import list_models
from pixelart.models.registry import get_variant

NASTY = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "![x](https://evil.example/x.png)",
    "[x](javascript:alert(1))",
    "# heading",
    "`code`",
    "```\ncode\n```",
    "---\nlicense: mit\n---",
    'x"\nlicense: mit',
    "a: b # c",
    "{{ 1 }} {% x %}",
    "$$x$$",
    "www.evil.example",
    "https://evil.example/x",
    "\u202eesrever",
    "a\u2028b\x85c\x00d\ud800",
    "<!-- ",
    "&lt;b&gt;",
    "| a | b |",
    "1. one",
    "\\",
    "@someone",
    "' + __import__('os').system('x') + '",
]


@pytest.fixture(scope="module")
def engine(tiny_checkpoints: Path) -> Engine:
    return Engine(tiny_checkpoints, device=torch.device("cpu"))


@pytest.fixture(scope="module")
def loaded(engine: Engine) -> Checkpoint:
    return engine.library.load("tiny")


def _front_matter(text: str) -> dict[str, Any]:
    empty, values, body = text.split("---\n", 2)
    assert empty == "" and body.startswith("\n# ")
    return yaml.safe_load(values)


def _with(loaded: Checkpoint, *, classes: tuple[str, ...] | None = None, **training: Any) -> Checkpoint:
    info = replace(loaded.info, training={**loaded.info.training, **training})
    return replace(loaded, info=info if classes is None else replace(info, classes=classes))


def test_the_hub_reads_what_it_is(engine: Engine) -> None:
    assert _front_matter(preview_card(engine, "tiny", "me/mine", licence="cc-by-4.0")) == {
        "license": "cc-by-4.0",
        "library_name": "pixelart",
        "pipeline_tag": "unconditional-image-generation",
        "tags": [
            "pixel-art",
            "autoregressive",
            "gated-pixelcnn",
            "inpainting",
            "class-conditional",
            "arxiv:1606.05328",
        ],
        "widget": [{"text": "cross", "output": {"url": "samples.png"}}],
    }


def test_people_read_the_samples_first_then_what_it_draws_and_how_to_use_it(engine: Engine) -> None:
    text = preview_card(
        engine, "tiny", "me/mine", licence="cc-by-4.0", data_note="Drawn by me. https://me.example/art, all of it."
    )
    wanted = [
        "# mine",
        "![8 samples of each class](samples.png)",
        "Pictures of 8 x 8 pixels, 4 colours and transparent. Classes, top to bottom in the picture: cross, stripe.",
        "## Use",
        'engine = from_pretrained("me/mine")',
        "Request('me--mine', class_weights={'cross': 1.0}, count=4, seed=1)",
        "## Data and licence",
        "Drawn by me. <https://me.example/art>, all of it.",
        "Trained on ",
        "Licence of the weights: CC BY 4.0: with your name.",
        "## Figures",
        " bits per dimension** on pictures held out of training",
        "## Limits",
        "## Network",
        "van den Oord",
    ]
    places = [text.index(line) for line in wanted]
    assert places == sorted(places)
    assert "base_model" not in text and "Near copies of training pictures among its samples were not counted" in text


def test_the_lines_of_use_are_python_that_works(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = preview_card(engine, "tiny", "me/mine", licence="mit").replace("me--mine", "tiny")
    monkeypatch.setattr("pixelart.from_pretrained", lambda repo_id: {"me/mine": engine}[repo_id])
    monkeypatch.chdir(tmp_path)
    found = re.search(r"```python\n(.*?)```", text, re.S)
    assert found
    exec(found[1], {})
    assert (tmp_path / "drawing.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("nasty", NASTY)
def test_no_text_of_an_artist_is_more_than_text(loaded: Checkpoint, engine: Engine, nasty: str) -> None:
    folder = engine.library.path("tiny")
    plain = card_text(_with(loaded, classes=("aa", "bb")), folder, "me/mine", licence="mit", data_note="cc")
    text = card_text(_with(loaded, classes=(nasty, "bb")), folder, "me/mine", licence="mit", data_note=f"{nasty} cc")
    assert _front_matter(text) == {
        **_front_matter(plain),
        "widget": [{"text": one_line(nasty), "output": {"url": "samples.png"}}],
    }
    assert len(text.splitlines()) == len(plain.splitlines())
    body = re.sub(r"```python\n.*?```", "", text.split("---\n", 2)[2], flags=re.S)
    body = body.replace("<https://evil.example/x>", "")  # of the note alone, which may have a link
    assert not re.search(r"<(?!br)[a-z!/]|(?<!\\)[`$]|https://evil|www\.evil|(?<!\\)\[x|\]\(java|&lt;b", body)
    code = re.search(r"```python\n(.*?)```", text, re.S)
    assert code and len(code[1].splitlines()) == 8
    compile(code[1], "card", "exec")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a b, c; d 3 'e'", "a b, c; d 3 'e'"),
        ("1. one. 2.5", r"1\. one. 2\.5"),
        ("a*b_c", r"a\*b\_c"),
        ("<b>&", "&lt;b&gt;&amp;"),
        (" a\n\n b\t", "a b"),
        ("see https://x.org/a_b?c=1.", r"see https\://x\.org/a\_b?c\=1\."),
    ],
)
def test_markdown_shows_the_text(text: str, shown: str) -> None:
    assert as_markdown(text) == shown


def test_a_note_may_hold_links(loaded: Checkpoint) -> None:
    assert as_markdown("see https://x.org/a_b?c=1.", links=True) == "see <https://x.org/a_b?c=1>."
    for bad in ("http://x.org", "https://x.org/<b>", 'https://x.org/"onclick="', "javascript:x"):
        assert not re.search(r"<(?!https://x.org/>)", as_markdown(bad, links=True))


def test_a_base_is_named_where_it_is_on_the_hub(loaded: Checkpoint, engine: Engine) -> None:
    folder, origin = engine.library.path("tiny"), Origin("some/base", "a" * 40)
    text = card_text(_with(loaded, base_origin=str(origin)), folder, "me/mine", licence="mit", data_note="")
    values = _front_matter(text)
    assert (values["base_model"], values["base_model_relation"]) == ("some/base", "finetune")
    assert f"Fine-tuned from [some/base](https://huggingface.co/some/base/tree/{'a' * 40})." in text
    for other in ("dungeon-gated", "some/base", f"some/base@{'a' * 39}", "<b>/x@" + "a" * 40, 3, None):
        text = card_text(_with(loaded, base_origin=other), folder, "me/mine", licence="mit", data_note="")
        assert "base_model" not in text and "Fine-tuned" not in text


def test_figures_are_those_of_the_save_that_was_kept(loaded: Checkpoint, own_checkpoints: Path) -> None:
    folder = own_checkpoints / "tiny"
    table = "step,validation_bits,hole_bits,seam_ratio\n40,1.25,1.5,0.9\n60,1.125,nan,\n"
    (folder / "training_log.csv").write_text(table)

    def text(**training: Any) -> str:
        return card_text(_with(loaded, **training), folder, "me/mine", licence="mit", data_note="")

    assert "**1.250 bits per dimension**" in text(kept_step=40) and "1.500 bits a hidden pixel" in text(kept_step=40)
    assert "Seam ratio 0.900" in text(kept_step=40)
    assert "**1.125 bits per dimension**" in text(kept_step=60) and "hidden pixel" not in text(kept_step=60)
    assert "**1.125 bits per dimension**" in text(kept_step=None)
    for damaged in (b"", b"\xff\xfe", b"step\n" + b"x" * 10**6, b'a,"b\n', b"step,validation_bits\n60,<b>\n"):
        (folder / "training_log.csv").write_bytes(damaged)
        assert "Nothing was measured on pictures held out of training." in text()
    (folder / "training_log.csv").unlink()
    assert "Nothing was measured" in text()


def test_near_copies_are_counted_where_the_pictures_are_given(
    loaded: Checkpoint, engine: Engine, tiny_pictures: dict[str, Any]
) -> None:
    folder, samples = engine.library.path("tiny"), [*tiny_pictures["cross"][:4]]
    options: dict[str, Any] = {"licence": "mit", "data_note": "", "samples": samples}
    text = card_text(loaded, folder, "me/mine", **options, learned=tiny_pictures["cross"])
    assert "Near copies among 4 such samples: 100.0%." in text
    text = card_text(loaded, folder, "me/mine", **options, learned=np.zeros((1, 8, 8, 4), np.uint8))
    assert "Near copies among 4 such samples: 0.0%." in text


def test_what_is_not_said_is_not_made_up(engine: Engine) -> None:
    assert "The maker of the training pictures is not stated." in preview_card(engine, "tiny", "a/b", licence="mit")
    assert set(LICENCES) >= {"cc0-1.0", "cc-by-4.0"}
    with pytest.raises(RequestRejected, match=r"^licence '': choose one of cc0-1.0, "):
        check_licence("")


def test_the_grid_has_a_row_for_each_of_the_first_classes(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    names = tuple(f"class {i}" for i in range(MAX_ROWS + 4))
    asked = _asked_for(engine, monkeypatch, replace(engine.info("tiny"), classes=names))
    samples = draw_class_samples(engine, "tiny")
    assert [list(request.class_weights) for request in asked] == [[name] for name in names[:MAX_ROWS]]
    preset = engine.info("tiny").preset()
    assert {(request.count, request.seed, request.temperature, request.guidance) for request in asked} == {
        (8, 0, preset.temperature, preset.guidance)
    }, "as the app draws by default"
    sheet, scale = Image.open(io.BytesIO(sample_sheet(samples))), SHEET_WIDTH // (8 * 9 - 1)
    assert sheet.size == ((8 * 9 - 1) * scale, (MAX_ROWS * 9 - 1) * scale)


def test_each_class_has_its_usual_size_unless_one_is_given(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    info = replace(engine.info("tiny"), any_size=True, usual_sizes={("stripe", ""): (4, 6)})
    _asked_for(engine, monkeypatch, info)
    samples = draw_class_samples(engine, "tiny")
    assert [sample.shape for sample in samples] == [(8, 8, 4)] * 8 + [(4, 6, 4)] * 8
    assert {sample.shape for sample in draw_class_samples(engine, "tiny", size=(5, 7))} == {(5, 7, 4)}


def test_smaller_pictures_fill_their_cell_of_the_sheet_by_whole_numbers() -> None:
    large, small = np.full((9, 8, 4), 255, np.uint8), np.full((4, 3, 4), 255, np.uint8)
    sheet = np.asarray(Image.open(io.BytesIO(sample_sheet([large] * 8 + [small] * 8))).convert("RGBA"))
    scale = SHEET_WIDTH // (8 * 9 - 1)
    cell = sheet[10 * scale : 19 * scale : scale, : 8 * scale : scale, 3] > 0
    expected = np.zeros((9, 8), np.bool_)
    expected[:8, 1:7] = True  # 4 x 3 twice as large, in the middle
    assert np.array_equal(cell, expected)


def _asked_for(engine: Engine, monkeypatch: pytest.MonkeyPatch, info: CheckpointInfo) -> list[Request]:
    """The requests that the engine gets from now on; it answers with empty pictures, as a checkpoint with `info`."""
    asked = list[Request]()

    def draw(request: Request, **_: Any) -> list[Drawing]:
        asked.append(request)
        size = request.size or info.usual_size(request.class_weights)
        return [Drawing(np.zeros((*size, 4), np.uint8), seed, 0.0, {}) for seed in range(request.count)]

    monkeypatch.setattr(engine, "info", lambda _: info)
    monkeypatch.setattr(engine, "generate", draw)
    return asked


@pytest.mark.parametrize("name", list_models())
def test_every_variant_has_something_to_say_of_itself(name: str) -> None:
    assert (sys.modules[get_variant(name).model.__module__].__doc__ or "").strip()
