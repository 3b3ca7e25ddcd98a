"""A Krita plug-in that uses the docker of Pixel Art Studio as an artist would, for tests and for the guide's pictures.

It runs inside Krita only. PIXELART_DRIVER names a folder with `task.json`; it writes what it finds there to
`told.json` and the pixels (BGRA) to `NAME.bin`, and then ends Krita.
"""

from __future__ import annotations

import json
import os
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from krita import Krita, Selection  # pyright: ignore[reportMissingImports, reportAttributeAccessIssue]
from PyQt5.QtCore import QByteArray, QTimer  # pyright: ignore[reportMissingImports]

FOLDER = Path(os.environ["PIXELART_DRIVER"])
TASK = json.loads((FOLDER / "task.json").read_text())
WIDTH, HEIGHT = TASK["size"]
TICK_MS = 20
PATIENCE = 120.0
Steps = Iterator[Callable[[], bool]]


class Driver:
    """Runs the steps of `work`, each of which waits until its condition is true."""

    def __init__(self) -> None:
        self.told: dict[str, Any] = {"longest_pause": 0.0}
        self.steps = self.work()
        self.until: Callable[[], bool] = lambda: True
        self.deadline = self.ticked = 0.0
        self.is_measuring = self.is_inside = False
        self.timer = QTimer()
        self.timer.timeout.connect(self.tick)
        self.timer.start(TICK_MS)

    def tick(self) -> None:
        """Called every TICK_MS, also while a step makes Krita handle events."""
        if self.is_inside:
            return
        self.is_inside = True
        try:
            self.look(time.monotonic())
        finally:
            self.is_inside = False

    def look(self, now: float) -> None:
        """Go on if the condition is true."""
        if self.is_measuring:
            self.told["longest_pause"] = max(self.told["longest_pause"], now - self.ticked)
        self.ticked = now
        try:
            if self.until():
                self.is_measuring = False
                self.until, self.deadline = next(self.steps), now + PATIENCE
            elif now > self.deadline > 0:
                raise TimeoutError(f"nothing happened for {PATIENCE} s: {self.docker.form.status.text()}")
        except StopIteration:
            self.end("")
        except Exception:
            self.end(f"{traceback.format_exc()}The docker says: {self.docker.form.status.text()}")

    def end(self, error: str) -> None:
        """Write what was found, and end Krita."""
        self.told["error"] = error
        (FOLDER / "told.json").write_text(json.dumps(self.told))
        os._exit(0)

    def idle(self) -> bool:
        """Whether the docker waits for no answer."""
        return not self.docker.is_busy

    def press(self, button: str) -> Callable[[], bool]:
        """Press a button, and wait for its answer while Krita's pauses are measured."""
        self.docker.form.buttons[button].click()
        self.is_measuring, self.ticked = True, time.monotonic()
        return self.idle

    def keep(self, name: str, layer: Any) -> None:
        """Write all pixels of a layer on the canvas."""
        size = self.document.width(), self.document.height()
        (FOLDER / f"{name}.bin").write_bytes(bytes(layer.pixelData(0, 0, *size)))
        self.told[name] = [*size, layer.name(), layer.visible()]

    def keep_results(self, name: str) -> None:
        """Write all results and the own layer."""
        for number, layer in enumerate(self.docker.layers.layers):
            self.keep(f"{name}{number}", layer)
        self.keep(f"{name}-own", self.own)

    def names(self) -> list[str]:
        """The layers, without the mask that is the selection."""
        nodes = self.document.rootNode().childNodes()
        return [node.name() for node in nodes if node.type() != "selectionmask"]

    def shot(self, name: str) -> None:
        """Write a picture of the window, if the task wants some."""
        if TASK.get("shots"):
            Krita.instance().activeWindow().qwindow().grab().save(str(Path(TASK["shots"]) / f"{name}.png"))

    def select(self, data: bytes) -> None:
        """Select these pixels of the canvas."""
        selection = Selection()
        selection.select(0, 0, WIDTH, HEIGHT, 255)
        selection.setPixelData(QByteArray(data), 0, 0, WIDTH, HEIGHT)
        self.document.setSelection(selection)

    def open_document(self) -> None:
        """A document with the task's pixels on one layer, and the docker."""
        from pixelart_studio.docker import find_docker  # pyright: ignore[reportMissingImports]

        krita = Krita.instance()
        self.document = krita.createDocument(WIDTH, HEIGHT, "sprite", "RGBA", "U8", "", 72.0)
        krita.activeWindow().addView(self.document)
        others = self.document.rootNode().childNodes()
        self.own = self.document.createNode("Sprite", "paintlayer")
        self.document.rootNode().addChildNode(self.own, None)
        self.document.setActiveNode(self.own)
        for node in others:
            node.remove()
        self.own.setPixelData(QByteArray((FOLDER / "picture.bin").read_bytes()), 0, 0, WIDTH, HEIGHT)
        self.document.refreshProjection()
        self.document.setActiveNode(self.own)
        krita.activeWindow().activeView().canvas().setZoomLevel(TASK.get("zoom", 1.0))
        self.docker = find_docker()
        if TASK.get("shots"):
            self.tidy()
        self.docker.setVisible(True)
        self.docker.form.address.setText(TASK["address"])

    def tidy(self) -> None:
        """A window for a picture: large, with only two dockers, and a tool without an outline of its brush."""
        for docker in Krita.instance().dockers():
            docker.setVisible(docker is self.docker or docker.objectName() == "KisLayerBox")
        Krita.instance().activeWindow().qwindow().resize(*TASK["window"])
        Krita.instance().action("KisToolSelectRectangular").trigger()

    def choose(self) -> None:
        """The task's values."""
        form = self.docker.form
        form.class_name.setCurrentText(TASK["class_name"])
        form.seed.setValue(TASK["seed"])
        form.images.setValue(TASK["images"])

    def keep_lists(self) -> None:
        """Tell which looks and kinds are offered for each class; None for a list that is hidden."""
        form, told = self.docker.form, {}
        for number in range(form.class_name.count()):
            form.class_name.setCurrentIndex(number)
            boxes = {"look": form.look, "kind": form.kind}
            told[form.class_name.currentText()] = {
                name: None if box.isHidden() else [box.itemText(i) for i in range(box.count())]
                for name, box in boxes.items()
            }
        self.told["lists"] = told

    def work(self) -> Steps:
        """All steps."""
        yield lambda: Krita.instance().activeWindow() is not None
        self.open_document()
        yield self.idle
        self.docker.find_models()
        yield self.idle
        self.keep_lists()
        self.choose()
        yield from self.completion()
        yield from self.drawing()
        yield from self.extension()
        yield from self.cancelling()

    def completion(self) -> Steps:
        """Complete the selection, look at the second result, draw again, apply."""
        yield self.press("complete")
        self.told["without_selection"] = self.docker.form.status.text()
        self.select((FOLDER / "selection.bin").read_bytes())
        yield self.press("complete")
        self.keep_results("complete")
        self.docker.gallery.itemEntered.emit(self.docker.gallery.item(1))
        self.told["pointed"] = [layer.visible() for layer in self.docker.layers.layers]
        self.document.waitForDone()
        yield self.pause(1.0)
        self.shot("complete")
        yield self.press("again")
        self.keep_results("again")
        name = self.docker.layers.layers[0].name()
        self.docker.apply()
        yield self.pause(0.5)
        kept = self.document.nodeByName(name)
        self.keep("applied", kept)
        self.keep("applied-own", self.own)
        self.told["layers"] = self.names()
        self.told["active"] = self.document.activeNode().name()
        kept.remove()
        self.own.setVisible(True)
        self.document.setActiveNode(self.own)

    def drawing(self) -> Steps:
        """Draw a new picture at the selection, and discard it."""
        yield self.press("draw")
        self.keep_results("draw")
        yield self.pause(1.0)
        self.shot("draw")
        self.docker.discard()
        self.keep("discarded", self.own)
        self.told["after_discard"] = self.names()

    def extension(self) -> Steps:
        """Extend the canvas at two sides, and discard it."""
        for side in ("left", "down"):
            self.docker.form.side.setCurrentText(side)
            self.docker.form.pixels.setValue(TASK["pixels"])
            yield self.press("extend")
            self.document.waitForDone()
            self.keep_results(side)
            yield self.pause(1.0)
            self.shot(f"extend-{side}")
            self.docker.discard()
            self.document.waitForDone()
            self.keep(f"{side}-discarded", self.own)

    def cancelling(self) -> Steps:
        """Cancel a drawing."""
        self.docker.form.images.setValue(16)
        self.docker.form.buttons["draw"].click()
        self.docker.form.buttons["cancel"].click()
        yield self.idle
        self.told["cancelled"] = [self.docker.form.status.text(), self.docker.layers is None]
        self.docker.form.address.setText("http://127.0.0.1:9")
        self.docker.find_models()
        yield self.idle
        self.told["closed"] = self.docker.form.status.text()

    @staticmethod
    def pause(seconds: float) -> Callable[[], bool]:
        """True after so many seconds."""
        end = time.monotonic() + seconds
        return lambda: time.monotonic() > end


DRIVER = Driver()
