"""The docker: its values, its buttons, and the list of results."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from krita import DockWidget, Krita  # pyright: ignore[reportMissingImports, reportAttributeAccessIssue]
from PyQt5.QtCore import QSize, Qt  # pyright: ignore[reportMissingImports]
from PyQt5.QtGui import QIcon, QImage, QPixmap  # pyright: ignore[reportMissingImports]
from PyQt5.QtWidgets import QListWidget, QListWidgetItem  # pyright: ignore[reportMissingImports]

from . import messages
from .connection import ADDRESS, Connection, Starter, start_command
from .document import (
    Place,
    Refused,
    ResultLayers,
    check_unchanged,
    drawing_place,
    edge_place,
    grow_canvas,
    selection_place,
)
from .form import Form
from .messages import Model, Results, Settings, after_resize, placed, progress_of, read_models, read_results
from .pixels import colours_in

ICON = 64
SETTINGS = "pixelart_studio"
"""Krita's group of settings."""
NO_START = "This plug-in does not know how to start the app: run python -m pixelart install-plugin krita in its folder."
NO_PALETTE = "Only this layer's colours needs 2 to 256 visible colours in the part that is sent."
OFFLINE = "Start the app to draw."
STARTING = "The app is starting ..."


class Gallery(QListWidget):
    """The results. `on_point`: called with the number of the one under the pointer, or of the chosen one."""

    def __init__(self, on_point: Callable[[int], None]) -> None:
        super().__init__()
        self._on_point = on_point
        self.setViewMode(QListWidget.IconMode)
        self.setIconSize(QSize(ICON, ICON))
        self.setResizeMode(QListWidget.Adjust)
        self.setMovement(QListWidget.Static)
        self.setMouseTracking(True)
        self.itemEntered.connect(lambda item: on_point(self.row(item)))
        self.currentRowChanged.connect(on_point)

    def leaveEvent(self, event: Any) -> None:
        """Show the chosen one again."""
        self._on_point(self.currentRow())
        super().leaveEvent(event)

    def fill(self, results: Results | None) -> None:
        """Show these pictures, the first one chosen."""
        self.blockSignals(True)
        self.clear()
        for picture in results.pictures if results else ():
            width, height = results.box[2:] if results else (0, 0)
            image = QImage(picture.rgba, width, height, 4 * width, QImage.Format_RGBA8888)
            icon = QPixmap.fromImage(image).scaled(ICON, ICON, Qt.KeepAspectRatio, Qt.FastTransformation)
            item = QListWidgetItem(QIcon(icon), picture.name.split(" - ")[0])
            item.setToolTip(picture.name)
            self.addItem(item)
        self.setCurrentRow(0 if results else -1)
        self.blockSignals(False)


class StudioDocker(DockWidget):
    """The docker. One request at a time; Krita stays usable meanwhile."""

    def __init__(self) -> None:
        super().__init__()
        self.setWindowTitle("Pixel Art Studio")
        self.connection = Connection(self._answered)
        self.starter = Starter(self.find_models)
        self.models: list[Model] = []
        self.layers: ResultLayers | None = None
        self._finish: Callable[[dict[str, Any]], None] = lambda answer: None
        self._place: Place | None = None
        self._repeat: Callable[[Settings], None] | None = None
        self._last = Settings()
        self.is_busy = False
        self.gallery = Gallery(self._point)
        self.form = Form(self.gallery)
        self.form.address.setText(Krita.instance().readSetting(SETTINGS, "address", ADDRESS))
        self.setWidget(self.form)
        for name, action in {
            "complete": lambda: self._start(self._complete), "draw": lambda: self._start(self._draw),
            "extend": lambda: self._start(self._extend), "cancel": self.connection.cancel, "start": self.start_app,
            "apply": self.apply, "again": self.again, "discard": self.discard,
        }.items():  # fmt: skip
            self.form.buttons[name].clicked.connect(lambda _, action=action: action())
        self.form.model.currentTextChanged.connect(lambda _: self._show_model())
        self.form.class_name.currentTextChanged.connect(lambda _: self._show_kinds())
        self.form.address.editingFinished.connect(self.find_models)
        self.find_models()

    def canvasChanged(self, canvas: Any) -> None:
        """Krita calls it for another document."""

    def enterEvent(self, event: Any) -> None:
        """The pointer enters: look for an app that somebody has started meanwhile."""
        if not self.models and not self.starter.is_waiting:
            self.find_models()
        super().enterEvent(event)

    @property
    def model(self) -> Model | None:
        """The chosen model."""
        return next((each for each in self.models if each.name == self.form.model.currentText()), None)

    def find_models(self) -> None:
        """Ask the app for its models."""
        if not self.is_busy:
            self.connection.address = self.form.address.text()
            Krita.instance().writeSetting(SETTINGS, "address", self.connection.address)
            self._ask({"action": "models"}, self._show_models)

    def start_app(self) -> None:
        """Start the app, and ask it until it answers."""
        if not start_command():
            self.form.say(NO_START)
        elif self.starter.start():
            self.form.say(STARTING)
        else:
            self.form.say("The app could not be started: " + " ".join(start_command()))
        self._show_state()

    def apply(self) -> None:
        """Keep the shown result as a layer."""
        self._close(lambda layers: layers.apply())

    def discard(self) -> None:
        """Remove the results."""
        self._close(lambda layers: layers.discard())

    def again(self) -> None:
        """Draw other pictures at the same place."""
        repeat, settings = self._repeat, self._last.again()
        self.discard()
        if repeat is not None:
            self._start(repeat, settings)

    def _close(self, end: Callable[[ResultLayers], None]) -> None:
        layers, self.layers = self.layers, None
        if layers is not None and layers.is_there:
            end(layers)
        self.gallery.fill(None)
        self._show_state()

    def _start(self, draw: Callable[[Settings], None], settings: Settings | None = None) -> None:
        if self.is_busy or self.model is None:
            self.form.say(self.form.status.text() if self.is_busy else OFFLINE)
            return
        self.discard()
        try:
            self._last, self._repeat = settings or self.form.settings(), draw
            draw(self._last)
        except Refused as reason:
            self.form.say(str(reason))

    def _within(self, settings: Settings, place: Place) -> Settings:
        """The settings with the layer's colours, if only these are wanted. Raises Refused if they make no palette."""
        if not self.form.own_colours.isChecked():
            return settings
        colours = colours_in(place.rgba)
        if colours is None:
            raise Refused(NO_PALETTE)
        return settings._replace(colours=colours)

    def _complete(self, settings: Settings) -> None:
        assert self.model is not None
        place = selection_place(self.model.size)
        message = messages.complete(self._within(settings, place), place.box, place.rgba, place.selection)
        self._ask(message, lambda answer: self._show(place, read_results(answer, place.box), settings, True), place)

    def _draw(self, settings: Settings) -> None:
        assert self.model is not None
        place = drawing_place()
        message = messages.generate(self._within(settings, place), self.model.size_for(place.box))

        def finish(answer: dict[str, Any]) -> None:
            self._show(place, placed(read_results(answer, place.box), place.box), settings, False)

        self._ask(message, finish, place)

    def _extend(self, settings: Settings) -> None:
        assert self.model is not None
        side, pixels = self.form.side.currentText(), self.form.pixels.value()
        place = edge_place(side, self.model.size)
        message = messages.extend(self._within(settings, place), place.box, place.rgba, side, pixels)

        def finish(answer: dict[str, Any]) -> None:
            results = after_resize(read_results(answer, place.box), place.canvas, side, pixels)
            before = grow_canvas(place, side, pixels)
            self._show(place, results, settings, True)
            if self.layers:
                self.layers.remember_canvas(before)

        self._ask(message, finish, place)

    def _ask(
        self, message: dict[str, Any], finish: Callable[[dict[str, Any]], None], place: Place | None = None
    ) -> None:
        """`place`: where the results will be put."""
        self._finish, self._place, self.is_busy = finish, place, True
        self.connection.ask(message)
        self.form.say("Waiting" if place else "")
        self._show_state()

    def _answered(self, answer: dict[str, Any]) -> None:
        try:
            self._take(answer)
        finally:  # only now, because Krita handles clicks while it makes layers
            self.is_busy = self.is_busy and not messages.is_last(answer)
            self.form.show_progress(progress_of(answer))
            self._show_state()

    def _take(self, answer: dict[str, Any]) -> None:
        if "error" in answer:
            is_closed = answer.get("is_closed", False)
            if is_closed:
                self.models = []
            self.form.say(STARTING if is_closed and self.starter.is_waiting else answer["error"])
        elif "cancelled" in answer:
            self.form.say("Cancelled.")
        elif messages.is_last(answer):
            try:
                if self._place is not None:
                    check_unchanged(self._place)
                self._finish(answer)
            except (Refused, ValueError, KeyError, TypeError) as error:
                self.form.say(str(error))

    def _show(self, place: Place, results: Results, settings: Settings, stands_for_layer: bool) -> None:
        self.layers = ResultLayers(
            place, settings.class_name or "any class", results, stands_for_layer=stands_for_layer
        )
        self.gallery.fill(results)
        self.layers.show(0)
        self.form.say("Point at a result to see it.")

    def _point(self, index: int) -> None:
        if self.layers is not None and self.layers.is_there:
            self.layers.show(index)

    def _show_models(self, answer: dict[str, Any]) -> None:
        self.starter.stop()
        self.models = read_models(answer)
        self.form.fill_models([model.name for model in self.models])
        self._show_model()
        self.form.say("" if self.models else "No model is installed in the app.")

    def _show_model(self) -> None:
        if self.model is not None:
            self.form.fill_model(self.model)

    def _show_kinds(self) -> None:
        if self.model is not None:
            self.form.fill_kinds(self.model)

    def _show_state(self) -> None:
        self.form.show_state(
            is_asking=self.is_busy,
            is_starting=self.starter.is_waiting,
            has_models=bool(self.models),
            has_results=self.layers is not None,
        )


def find_docker() -> StudioDocker | None:
    """The docker of the window that was opened last."""
    found = [each for each in Krita.instance().dockers() if isinstance(each, StudioDocker)]
    return found[-1] if found else None
