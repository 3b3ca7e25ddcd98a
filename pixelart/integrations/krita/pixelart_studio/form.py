"""The widgets of the docker."""

from __future__ import annotations

from typing import Any

from PyQt5.QtWidgets import (  # pyright: ignore[reportMissingImports]
    QCheckBox,
    QComboBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QProgressBar,
    QPushButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from .connection import ADDRESS
from .messages import MAX_SEED, RANDOM, SIDES, Model, Settings

ANY_CLASS, ANY_LOOK, ANY_KIND = "Any class", "Any look", "Any kind"
"""The first entry of each list."""
BUTTONS = {
    "complete": ("Complete selection", "Redraw the selected pixels of the active layer"),
    "draw": ("Draw here", "Draw a new picture at the selection, or in the middle of the canvas"),
    "extend": ("Extend", "Add pixels at this side of the canvas and draw them"),
    "cancel": ("Cancel", "Stop drawing"),
    "start": ("Start the app", "Start Pixel Art Studio on this computer"),
    "apply": ("Apply", "Keep the shown result as a layer"),
    "again": ("Again", "Draw other pictures at the same place"),
    "discard": ("Discard", "Remove the results"),
}
"""Name -> text and tooltip."""


class Form(QWidget):
    """The widgets. `gallery`: shows the results."""

    def __init__(self, gallery: Any) -> None:
        super().__init__()
        self.model, self.class_name, self.look, self.kind, self.preset, self.side = (QComboBox() for _ in range(6))
        self.seed, self.images, self.pixels = _spin(RANDOM, MAX_SEED, RANDOM), _spin(1, 16, 4), _spin(1, 256, 16)
        self.seed.setSpecialValueText("random")
        self.side.addItems(SIDES)
        self.side.setCurrentText("right")
        self.own_colours = QCheckBox("Only this layer's colours")
        self.address = QLineEdit(ADDRESS)
        self.status, self.progress, self.gallery, self.fields = QLabel(), QProgressBar(), gallery, QFormLayout()
        self.status.setWordWrap(True)
        self.progress.setRange(0, 100)
        self.buttons = {name: QPushButton(text) for name, (text, _) in BUTTONS.items()}
        for name, (_, tooltip) in BUTTONS.items():
            self.buttons[name].setToolTip(tooltip)
        self._arrange()

    def _arrange(self) -> None:
        for label, widget in (
            ("Model", self.model), ("Class", self.class_name), ("Look", self.look), ("Kind", self.kind),
            ("Style", self.preset), ("Seed", self.seed), ("Images", self.images),
        ):  # fmt: skip
            self.fields.addRow(label, widget)
        column = QVBoxLayout(self)
        column.addLayout(self.fields)
        column.addWidget(self.own_colours)
        column.addLayout(_row(self.buttons["complete"], self.buttons["draw"]))
        column.addLayout(_row(self.buttons["extend"], self.side, self.pixels))
        column.addLayout(_row(self.progress, self.buttons["cancel"]))
        column.addWidget(self.status)
        column.addWidget(self.gallery, 1)
        column.addLayout(_row(self.buttons["apply"], self.buttons["again"], self.buttons["discard"]))
        column.addLayout(_row(QLabel("App"), self.address, self.buttons["start"]))

    def settings(self) -> Settings:
        """The values."""
        class_name, look, kind = (_chosen(box) for box in (self.class_name, self.look, self.kind))
        return Settings(
            self.model.currentText(),
            class_name,
            look,
            kind,
            self.preset.currentText(),
            self.seed.value(),
            self.images.value(),
        )

    def fill_models(self, names: list[str]) -> None:
        """Offer these models; the chosen one stays if it is among them."""
        _fill(self.model, names)

    def fill_model(self, model: Model) -> None:
        """Offer the classes, looks and styles of a model."""
        self._fill_labels(self.class_name, ANY_CLASS, model.classes)
        self._fill_labels(self.look, ANY_LOOK, model.looks)
        self.fill_kinds(model)
        _fill(self.preset, model.presets, "balanced")

    def fill_kinds(self, model: Model) -> None:
        """Offer the kinds of the chosen class."""
        self._fill_labels(self.kind, ANY_KIND, model.kinds.get(_chosen(self.class_name), []))

    def _fill_labels(self, box: QComboBox, first: str, names: list[str]) -> None:
        """Offer these names after the first entry; without names the row is hidden."""
        _fill(box, [first, *names])
        for widget in (box, self.fields.labelForField(box)):
            widget.setVisible(bool(names))

    def say(self, text: str) -> None:
        """Show a line of text."""
        self.status.setText(text)

    def show_progress(self, share: float | None) -> None:
        """Show how much is drawn, 0 to 1; None: nothing."""
        self.progress.setValue(0 if share is None else round(100 * share))

    def show_state(self, *, is_asking: bool, is_starting: bool, has_models: bool, has_results: bool) -> None:
        """Switch the buttons that can be used now on."""
        usable = {name: has_models and not is_asking for name in ("complete", "draw", "extend")}
        usable.update({name: has_results and not is_asking for name in ("apply", "discard")})
        usable["again"] = usable["draw"] and has_results
        usable.update({"cancel": is_asking and has_models, "start": not has_models and not is_starting})
        for name, is_usable in usable.items():
            self.buttons[name].setEnabled(is_usable)
        self.buttons["start"].setVisible(not has_models)
        for widget in (self.progress, self.buttons["cancel"]):
            widget.setVisible(is_asking and has_models)


def _spin(least: int, most: int, value: int) -> QSpinBox:
    box = QSpinBox()
    box.setRange(least, most)
    box.setValue(value)
    return box


def _row(*widgets: Any) -> QHBoxLayout:
    row = QHBoxLayout()
    for widget in widgets:
        row.addWidget(widget)
    return row


def _chosen(box: QComboBox) -> str:
    """The chosen name; empty for the first entry, which stands for any."""
    return box.currentText() if box.currentIndex() > 0 else ""


def _fill(box: QComboBox, names: list[str], usual: str = "") -> None:
    chosen = box.currentText() or usual
    box.blockSignals(True)
    box.clear()
    box.addItems(names)
    if chosen in names:
        box.setCurrentText(chosen)
    box.blockSignals(False)
