"""How a mistake is put into one model, and into no other."""

from __future__ import annotations

from collections.abc import Callable
from types import MethodType, ModuleType
from typing import Any, TypeVar

from torch import Tensor, nn

Part = TypeVar("Part", bound=nn.Module)


def parts(model: nn.Module, kind: type[Part]) -> list[Part]:
    """Every module of a kind, in the order of the model."""
    found = [module for module in model.modules() if isinstance(module, kind)]
    assert found, f"the model has no {kind.__name__}"
    return found


def replace(part: nn.Module, name: str, method: Callable[..., Any]) -> None:
    """Let `method` (its first argument is the part) stand for the method `name` of this one object."""
    assert hasattr(part, name)
    setattr(part, name, MethodType(method, part))


def after(part: nn.Module, name: str, change: Callable[[Tensor], Tensor]) -> None:
    """Let the method `name` of this one object give `change` of what it gave."""
    plain = getattr(part, name)
    setattr(part, name, lambda *given, **named: change(plain(*given, **named)))


def mistakes_in(room: ModuleType) -> set[Callable[..., Any]]:
    """The mistakes that a module of this package holds: its own public functions and classes."""
    return {
        value
        for name, value in vars(room).items()
        if not name.startswith("_") and callable(value) and getattr(value, "__module__", "") == room.__name__
    }
