"""Krita's document: the pixels that are sent, and the layers that the results become.

The artist's own layer is never written to. A result that stands for it is a copy of it with other pixels inside the
box, and the own layer is hidden meanwhile.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from krita import Krita  # pyright: ignore[reportMissingImports, reportAttributeAccessIssue]
from PyQt5.QtCore import QTimer  # pyright: ignore[reportMissingImports]

from .messages import Results
from .pixels import Box, edge_region, extended_canvas, has_selected, region_around, swapped

GROUP = "Pixel Art Studio"


class Refused(Exception):
    """What is asked is not possible; the text is for the artist."""


class Place(NamedTuple):
    """Where a request comes from: the document, the layer, and a part of the canvas with its pixels (RGBA)."""

    document: Any
    layer: Any
    canvas: Box
    box: Box
    rgba: bytes
    selection: bytes = b""


def _active() -> tuple[Any, Any, Box]:
    document = Krita.instance().activeDocument()
    if document is None:
        raise Refused("Open a picture first.")
    if document.colorModel() != "RGBA" or document.colorDepth() != "U8":
        raise Refused("The picture must be RGB with 8 bits a channel: Image > Convert Image Color Space.")
    layer = document.activeNode()
    if layer is None or layer.type() != "paintlayer":
        raise Refused("Choose a paint layer first.")
    if layer.parentNode() is not None and layer.parentNode().name().startswith(GROUP):
        raise Refused("This layer is a result: apply or discard it first.")
    return document, layer, Box(0, 0, document.width(), document.height())


def _rgba(layer: Any, box: Box) -> bytes:
    return swapped(bytes(layer.pixelData(*box)))


def _selected(document: Any, canvas: Box) -> Box:
    """The part of the canvas that is selected; an empty box if nothing is."""
    selection = document.selection()
    if selection is None:
        return Box(0, 0, 0, 0)
    return Box(selection.x(), selection.y(), selection.width(), selection.height()).within(canvas)


def selection_place(model: tuple[int, int]) -> Place:
    """What is sent to complete the selection. `model`: (width, height). Raises Refused."""
    document, layer, canvas = _active()
    selected = _selected(document, canvas)
    if selected.is_empty:
        raise Refused("Select the pixels to redraw first.")
    box = region_around(selected, canvas, model)
    chosen = bytes(document.selection().pixelData(*box))
    if not has_selected(chosen):
        raise Refused("Nothing is selected by at least half.")
    return Place(document, layer, canvas, box, _rgba(layer, box), chosen)


def drawing_place() -> Place:
    """Where a new picture is drawn: the selection, or the whole canvas. Raises Refused."""
    document, layer, canvas = _active()
    selected = _selected(document, canvas)
    box = canvas if selected.is_empty else selected
    return Place(document, layer, canvas, box, _rgba(layer, box))


def edge_place(side: str, model: tuple[int, int]) -> Place:
    """What is sent to extend the canvas at a side. Raises Refused."""
    document, layer, canvas = _active()
    box = edge_region(canvas, side, model)
    return Place(document, layer, canvas, box, _rgba(layer, box))


def _is_open(document: Any) -> bool:
    return any(each == document for each in Krita.instance().documents())


def check_unchanged(place: Place) -> None:
    """Raises Refused if the results of a request cannot be put where it came from."""
    if not _is_open(place.document) or place.layer.parentNode() is None:
        raise Refused("The picture or its layer is gone.")
    if (place.document.width(), place.document.height()) != (place.canvas.width, place.canvas.height):
        raise Refused("The picture has another size now; draw again.")


class ResultLayers:
    """The results of one request as layers in a group above the artist's layer."""

    def __init__(self, place: Place, title: str, results: Results, *, stands_for_layer: bool) -> None:
        """`stands_for_layer`: the results replace the layer; else they lie above it."""
        self.document, self.own, self.box = place.document, place.layer, results.box
        self._was_visible, self._replaces = place.layer.visible(), stands_for_layer
        self._shown = -1
        self._before: Box | None = None
        self.group = self.document.createGroupLayer(f"{GROUP}: {title}")
        self.own.parentNode().addChildNode(self.group, self.own)
        self.layers = [self._layer(each.name, each.rgba) for each in results.pictures]
        if stands_for_layer:
            self.own.setVisible(False)

    def _layer(self, name: str, rgba: bytes) -> Any:
        layer = self.own.duplicate() if self._replaces else self.document.createNode(name, "paintlayer")
        layer.setName(name)
        layer.setVisible(False)
        self.group.addChildNode(layer, None)
        layer.setPixelData(swapped(rgba), *self.box)
        return layer

    @property
    def is_there(self) -> bool:
        """Whether the artist has kept the document and the group."""
        return _is_open(self.document) and self.group.parentNode() is not None

    def remember_canvas(self, canvas: Box) -> None:
        """The canvas as it is to be after `discard`, in coordinates of the current one."""
        self._before = canvas

    def show(self, index: int) -> None:
        """Show one result."""
        if index == self._shown or not 0 <= index < len(self.layers):
            return
        for number, layer in enumerate(self.layers):
            layer.setVisible(number == index)
        self._shown = index
        self.document.refreshProjection()

    def apply(self) -> None:
        """Keep the shown result as a layer of its own; the own layer stays below it, hidden if it is replaced."""
        chosen = self.layers[max(0, self._shown)].duplicate()  # Krita's list of layers loses one that is moved
        self.own.parentNode().addChildNode(chosen, self.own)
        chosen.setVisible(True)
        self.group.remove()
        self.document.refreshProjection()
        QTimer.singleShot(0, lambda: self.document.setActiveNode(chosen))  # Krita's list of layers follows later

    def discard(self) -> None:
        """Remove all results; everything is as it was."""
        self.group.remove()
        self.own.setVisible(self._was_visible)
        if self._before is not None:
            self.document.resizeImage(*self._before)
        self.document.setActiveNode(self.own)
        self.document.refreshProjection()


def grow_canvas(place: Place, side: str, pixels: int) -> Box:
    """Extend the canvas. Returns the canvas before, in the new coordinates."""
    larger = extended_canvas(place.canvas, side, pixels)
    place.document.resizeImage(*larger)
    place.document.waitForDone()
    return place.canvas._replace(x=-larger.x, y=-larger.y)
