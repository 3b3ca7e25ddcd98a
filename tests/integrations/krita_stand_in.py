"""Stands in for Krita's and Qt's modules, so that the docker can be made and its buttons pressed without them."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

PLUGIN = "pixelart.integrations.krita.pixelart_studio"
_OF_QT = ("docker", "form", "document", "connection")
"""Modules of the plug-in that import Qt or Krita."""


class _AnyClass(type):
    def __getattr__(cls, name: str) -> Any:
        return Thing()


class Thing(metaclass=_AnyClass):
    """An object of any class: each of its methods does nothing and returns another; a few keep what they are told."""

    def __init__(self, *args: Any) -> None:
        self.items = list[str]()
        self.words = next((each for each in args if isinstance(each, str)), "")
        self.listeners = list[Callable[..., Any]]()
        self.is_enabled = self.is_visible = True

    def __getattr__(self, name: str) -> Any:
        made = Thing()
        setattr(self, name, made)
        return made

    def __call__(self, *args: Any) -> Any:
        return Thing()

    def connect(self, listener: Callable[..., Any]) -> None:
        """As of a signal."""
        self.listeners.append(listener)

    def emit(self, *values: Any) -> None:
        """As of a signal."""
        for listener in self.listeners:
            listener(*values)

    def setText(self, text: str) -> None:
        self.words = text

    def text(self) -> str:
        return self.words

    def setEnabled(self, is_enabled: bool) -> None:
        self.is_enabled = is_enabled

    def setVisible(self, is_visible: bool) -> None:
        self.is_visible = is_visible

    def clear(self) -> None:
        self.items = []

    def addItems(self, names: list[str]) -> None:
        self.items += names

    def currentText(self) -> str:
        return self.items[0] if self.items else ""

    def currentIndex(self) -> int:
        return 0

    def isChecked(self) -> bool:
        return False

    def enterEvent(self, event: Any) -> None:
        """As of a widget."""

    def press(self) -> None:
        """Press a button, if it can be pressed."""
        if self.is_enabled and self.is_visible:
            self.clicked.emit(False)


class FakeKrita:
    """The program; it remembers no settings."""

    @classmethod
    def instance(cls) -> FakeKrita:
        return cls()

    def readSetting(self, group: str, name: str, usual: str) -> str:
        return usual

    def writeSetting(self, group: str, name: str, value: str) -> None:
        """Forget it."""


class _AnyModule(ModuleType):
    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return Thing


def load_docker(monkeypatch: pytest.MonkeyPatch) -> tuple[ModuleType, ModuleType]:
    """The modules `docker` and `connection` of the plug-in in the stand-in, until the test ends."""
    importlib.import_module(PLUGIN)  # first, so that it does not take this for Krita
    for name in ("krita", "PyQt5", "PyQt5.QtCore", "PyQt5.QtGui", "PyQt5.QtNetwork", "PyQt5.QtWidgets"):
        monkeypatch.setitem(sys.modules, name, _AnyModule(name))
    monkeypatch.setattr(sys.modules["krita"], "Krita", FakeKrita, raising=False)
    for name in _OF_QT:
        monkeypatch.setitem(sys.modules, f"{PLUGIN}.{name}", None)
        del sys.modules[f"{PLUGIN}.{name}"]  # and so again after the test
    return importlib.import_module(f"{PLUGIN}.docker"), importlib.import_module(f"{PLUGIN}.connection")
