"""Cancel a network in the middle of a pass, which may take minutes on a slow machine."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from torch import nn

from pixelart.errors import Cancelled


@contextmanager
def cancel_between_layers(model: nn.Module, cancel: Callable[[], bool] | None) -> Iterator[None]:
    """Within this context, raise Cancelled between two layers, forward or backward, once `cancel` returns True.

    None disables it. Forward passes of the same model in other threads are not affected. A training step that is
    cancelled leaves the weights unchanged, since the optimizer runs after both passes.
    """
    if cancel is None:
        yield
        return
    thread = threading.get_ident()

    def check(*_: object) -> None:
        if cancel():
            raise Cancelled

    def check_in_this_thread(*_: object) -> None:
        if threading.get_ident() == thread:
            check()

    hooks = [module.register_forward_pre_hook(check_in_this_thread) for module in model.modules()]
    hooks += [
        parameter.register_post_accumulate_grad_hook(check)
        for parameter in model.parameters()
        if parameter.requires_grad
    ]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
