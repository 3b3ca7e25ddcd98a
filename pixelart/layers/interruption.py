"""Cancel a network in the middle of a pass, which may take minutes on a slow machine."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from torch import nn

from pixelart.errors import Cancelled


@contextmanager
def cancel_between_layers(model: nn.Module, asked: Callable[[], bool] | None) -> Iterator[None]:
    """Within this context, raise Cancelled between two layers, forward or backward, once `asked` returns True.

    None disables it. Forward passes of the same model in other threads are not affected. A training step that is
    cancelled leaves the weights unchanged, since the optimizer runs after both passes.
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
