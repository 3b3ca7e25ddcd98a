"""The card of a checkpoint: README.md as the Hub shows it, the sample grid first.

Class names and notes come from artists. They are escaped, so that none of it is read as Markdown, HTML or YAML.
"""

from __future__ import annotations

import json
import re
import sys
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pixelart.checkpoint.format import SAMPLES_FILE
from pixelart.checkpoint.info import ANY_SIZE
from pixelart.checkpoint.library import Checkpoint
from pixelart.checkpoint.origin import Origin
from pixelart.engine.samples import COLUMNS, MAX_ROWS, shown_classes
from pixelart.errors import RequestRejected

LICENCES = {
    "cc0-1.0": "CC0 1.0: anyone may do anything",
    "cc-by-4.0": "CC BY 4.0: with your name",
    "cc-by-sa-4.0": "CC BY-SA 4.0: with your name, and under the same licence",
    "cc-by-nc-4.0": "CC BY-NC 4.0: with your name, not for money",
    "cc-by-nc-sa-4.0": "CC BY-NC-SA 4.0: with your name, not for money, and under the same licence",
    "apache-2.0": "Apache 2.0",
    "mit": "MIT",
}
"""The Hub's name of a licence -> what it says. There is no default: the owner of the training pictures decides."""
_LINK = re.compile(r"(\(?)(https://[A-Za-z0-9][A-Za-z0-9.-]*?(?:/[A-Za-z0-9/._~%?=&+-]*?)?)([.,;:)]*)")
_ARXIV = re.compile(r"\b(\d{4}\.\d{5})\b")


@dataclass(frozen=True)
class Card:
    """The parts of a card that the checkpoint itself does not contain.

    `licence`: one of LICENCES. `imports`, `engine`: lines of Python that make an engine in which the checkpoint is
    called `name`. `data`: Markdown about the training pictures. `figures`: Markdown about the measurements. `base`: the
    checkpoint it was fine-tuned from, if that is on the Hub. `pictures`: Markdown below the sample grid. `further`:
    more sections, title -> Markdown.
    """

    title: str
    name: str
    imports: Sequence[str]
    engine: str
    licence: str
    data: str
    figures: str
    base: Origin | None = None
    pictures: str = ""
    further: Mapping[str, str] = field(default_factory=dict)

    def of(self, loaded: Checkpoint) -> str:
        """The text of the card of this checkpoint."""
        shown = shown_classes(loaded.info)
        classes = ", ".join(as_markdown(name) for name in loaded.info.classes) or "none"
        looks = ", ".join(as_markdown(name) for name in loaded.info.looks)
        looks = f"Looks: {looks}. " if looks else ""
        for name, kinds in loaded.info.kinds_by_class().items():
            looks += f"Kinds of {as_markdown(name)}: {', '.join(map(as_markdown, kinds))}. "
        rows = (
            "top to bottom in the picture" if len(shown) == len(loaded.info.classes) else f"the first {MAX_ROWS} shown"
        )
        intro = (
            f"Pictures of {loaded.info.width} x {loaded.info.height} pixels, {describe_colours(loaded)}. Classes, "
            f"{rows}: {classes}. {looks}Seeds 0 to {COLUMNS - 1}, drawn "
            "as the app draws by default; nothing was chosen by hand. It "
            "generates, and completes a painted mask with context from all sides"
            + ("; it also enlarges." if loaded.info.enlarges else ".")
        )
        parts = [
            _front_matter(loaded, self),
            f"# {as_markdown(self.title)}",
            f"![{COLUMNS} samples of each class]({SAMPLES_FILE})",
            intro,
            *([self.pictures] if self.pictures else []),
            "## Use",
            _code(self, shown[0]),
            "Made with Pixel Art Studio. Pull it, and the app draws with it too.",
            "## Data and licence",
            self.data,
            f"Licence of the weights: {LICENCES[self.licence]}.",
            "## Figures",
            self.figures,
            "## Limits",
            _limits(loaded),
            "## Network",
            f"{sum(p.numel() for p in loaded.model.parameters()) / 1e6:.1f} M parameters." + _based_on(self.base),
            *(_doc(model) for model in networks(loaded)),
        ]
        for title, text in self.further.items():
            parts += [f"## {title}", text]
        return "\n\n".join(parts) + "\n"


def check_licence(licence: str) -> None:
    """Raises RequestRejected unless `licence` is one of LICENCES."""
    if licence not in LICENCES:
        raise RequestRejected(f"licence {licence!r:.40}: choose one of {', '.join(LICENCES)}")


def one_line(text: str) -> str:
    """`text` in one line, with control and format characters replaced by spaces."""
    plain = "".join(" " if unicodedata.category(c)[0] in "CZ" else c for c in text)
    return " ".join(plain.split())


def as_markdown(text: str, *, links: bool = False) -> str:
    """Escape `text` as one line of Markdown; with `links`, its https addresses become links."""
    return " ".join(_linked(word) if links else _escaped(word) for word in one_line(text).split())


def _linked(word: str) -> str:
    found = _LINK.fullmatch(word)
    if not found:
        return _escaped(word)
    before, address, after = found.groups()
    return f"{_escaped(before)}<{address}>{_escaped(after)}"


def _escaped(text: str) -> str:
    plain = re.sub(r"([!#$()*+:=@\[\\\]^_`{|}~-]|\.(?=\S)|(?<=\d)\.)", r"\\\1", text)
    return plain.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def networks(loaded: Checkpoint) -> list[type]:
    """The class of the network and, for a chain, the classes of its stages, without duplicates."""
    return list(dict.fromkeys([type(loaded.model), *(type(stage) for stage in loaded.model.stages())]))


def describe_colours(loaded: Checkpoint) -> str:
    """Which colours the checkpoint draws."""
    if loaded.info.takes_palettes:
        return f"any palette of up to {loaded.info.most_colours} colours, and transparent"
    if loaded.info.colours is not None:
        return f"{len(loaded.info.colours) - 1} colours and transparent"
    values = loaded.codec.to_config()
    background = f", on the background {values['background']}" if "background" in values else ""
    return f"{values['name']}, {loaded.codec.levels} levels a channel{background}"


def _front_matter(loaded: Checkpoint, card: Card) -> str:
    papers = dict.fromkeys(paper for model in networks(loaded) for paper in _ARXIV.findall(_doc(model)))
    tags = ["pixel-art", "autoregressive", loaded.info.model.replace("_", "-"), "inpainting"]
    tags += ["class-conditional"] * bool(loaded.info.classes) + ["super-resolution"] * loaded.info.enlarges
    values: dict[str, Any] = {
        "license": card.licence,
        "library_name": "pixelart",
        "pipeline_tag": "unconditional-image-generation",
        "tags": [*tags, *(f"arxiv:{paper}" for paper in papers)],
        **({"base_model": card.base.repo, "base_model_relation": "finetune"} if card.base else {}),
        "widget": [{"text": one_line(shown_classes(loaded.info)[0] or "any"), "output": {"url": SAMPLES_FILE}}],
    }
    # JSON is valid YAML, except for characters that YAML does not allow; `one_line` has removed those.
    lines = [f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in values.items()]
    return "\n".join(["---", *lines, "---"])


def _code(card: Card, label: str | None) -> str:
    chosen = "" if label is None else f"class_weights={{{_literal(label)}: 1.0}}, "
    lines = [
        "from pathlib import Path",
        "",
        *card.imports,
        "",
        card.engine,
        f"drawings = engine.generate(Request({_literal(card.name)}, {chosen}count=4, seed=1))",
        'Path("drawing.png").write_bytes(drawings[0].png(scale=8))',
    ]
    return "\n".join(["```python", *lines, "```"])


def _literal(text: str) -> str:
    """`text` as a Python literal without backticks, which would end the code block."""
    return ascii(text).replace("`", "\\x60")


def _limits(loaded: Checkpoint) -> str:
    info = loaded.info
    size = ANY_SIZE if info.any_size else f"{info.width} x {info.height} pixels"
    colours = "" if info.colours is None else " and no colours but its own"
    if info.takes_palettes:
        colours = f" in any palette of up to {info.most_colours} colours"
    return (
        f"It draws {size}{colours}, in the style of its training pictures. It takes no text prompts and has only the "
        "classes above. A network that trains on few pictures, or for long, starts to copy them; compare what it draws "
        "with the originals before you use it as new."
    )


def _based_on(base: Origin | None) -> str:
    if base is None:
        return ""
    return f" Fine-tuned from [{as_markdown(base.repo)}](https://huggingface.co/{base.repo}/tree/{base.commit})."


def _doc(model: type) -> str:
    return (sys.modules[model.__module__].__doc__ or "").strip()
