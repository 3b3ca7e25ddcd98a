"""A step that is given up in its middle, so that a stop need not wait for it: on a slow machine one takes minutes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from torch import nn

from pixelart.errors import Cancelled


@contextmanager
def interruptible(model: nn.Module, asked: Callable[[], bool]) -> Iterator[None]:
    """Inside the context Cancelled is raised between two layers of the model, forward or backward, once `asked` answers
    True. Weights change only after both, so that they are those of the step before."""

    def look_up(*_: object) -> None:
        if asked():
            raise Cancelled

    hooks = [module.register_forward_pre_hook(look_up) for module in model.modules()]
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
