"""Calls of the engine that another process may answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from numpy.typing import NDArray

from pixelart.checkpoint.info import CheckpointInfo
from pixelart.engine.previews import OnRow
from pixelart.engine.request import Drawing, Request
from pixelart.progress import Cancel

if TYPE_CHECKING:
    from pixelart.engine.engine import Engine

RemoteBackend = Callable[["Call", CheckpointInfo, OnRow | None, Cancel | None], list[Drawing] | None]
"""backend(call, info, on_row, cancel): draws in another process, or returns None if it cannot. Its previews show only
the first picture."""


@dataclass(frozen=True)
class Call:
    """A call of one engine method in a form that can be sent to another process.

    generate: no `arguments`. complete: picture and mask. enlarge: the picture, and `factor`.
    """

    method: Literal["generate", "complete", "enlarge"]
    request: Request
    arguments: tuple[NDArray[Any], ...] = ()
    factor: int = 1

    def of(self, engine: Engine, on_row: OnRow | None, cancel: Cancel | None) -> list[Drawing]:
        """Make the call on `engine`. Raises what the method raises."""
        watched: dict[str, Any] = {"on_row": on_row, "cancel": cancel}
        if self.method == "enlarge":
            watched["factor"] = self.factor
        return getattr(engine, self.method)(self.request, *self.arguments, **watched)
