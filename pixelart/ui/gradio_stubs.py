"""Import gradio without the type stubs that it writes.

For each component class gradio parses its source and writes a .pyi file beside it, whenever the class is imported. That
is most of the time of its import, and its own stubs are in its package already.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any

MODULE, WRITER = "gradio.component_meta", "create_or_modify_pyi"


class _WithoutStubs:
    """Finds gradio's module of component classes, once, and replaces the function that writes stubs."""

    def find_spec(self, name: str, path: Sequence[str] | None = None, target: Any = None) -> ModuleSpec | None:
        """The module's spec, with a loader that also replaces the function; None for other modules."""
        if name != MODULE:
            return None
        sys.meta_path.remove(self)
        found = PathFinder.find_spec(name, path)
        if found is None or found.loader is None:
            return None
        loader: Any = found.loader
        load = loader.exec_module

        def load_without_stubs(module: ModuleType) -> None:
            load(module)
            _replace(module)

        loader.exec_module = load_without_stubs
        return found


def skip_stubs() -> None:
    """From now on gradio writes no stubs; call it before gradio is imported."""
    if MODULE in sys.modules:
        _replace(sys.modules[MODULE])
    elif not any(isinstance(finder, _WithoutStubs) for finder in sys.meta_path):
        sys.meta_path.insert(0, _WithoutStubs())


def _replace(module: ModuleType) -> None:
    if hasattr(module, WRITER):  # another version of gradio may have no stubs
        setattr(module, WRITER, lambda *_: None)
