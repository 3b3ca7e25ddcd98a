"""A pass through a network that is given up in its middle, so that a stop need not wait for it: on a slow machine a
training step takes minutes, and a large picture many seconds."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from torch import nn

from pixelart.errors import Cancelled


@contextmanager
def interruptible(model: nn.Module, asked: Callable[[], bool] | None) -> Iterator[None]:
    """Inside the context Cancelled is raised between two layers of the model, forward or backward, once `asked` answers
    True; None never does. Other threads may run the same model: their forward passes do not ask.

    In training, weights change only after both, so that they are those of the step before.
    """
    if asked is None:
        yield
        return
    thread = threading.get_ident()

    def look_up(*_: object) -> None:
        if asked():
            raise Cancelled

    def look_up_here(*_: object) -> None:
        if threading.get_ident() == thread:
            look_up()

    hooks = [module.register_forward_pre_hook(look_up_here) for module in model.modules()]
    hooks += [
        parameter.register_post_accumulate_grad_hook(look_up)
        for parameter in model.parameters()
        if parameter.requires_grad
    ]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
