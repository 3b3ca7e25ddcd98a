"""A second device for machines that have none: its tensors say `pretend:0`, compute on the CPU, refuse to mix with
tensors of the CPU as those of a GPU do, and count what is copied between the devices.

    with pretending() as copies:
        model.to(PRETEND)
        ...
    assert copies.to_host == 1

Autocast works as on a GPU for the operations of `LOW_PRECISION`. What a device of its own would round differently, and
whether kernels wait for each other, is not imitated.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch.library import Library, fallthrough_kernel
from torch.utils._python_dispatch import TorchDispatchMode, _disable_current_modes
from torch.utils._pytree import tree_leaves, tree_map
from torch.utils.backend_registration import (
    _DummyBackendModule,  # pyright: ignore[reportPrivateUsage]
    _setup_privateuseone_for_python_backend,  # pyright: ignore[reportPrivateUsage]
)

aten = torch.ops.aten
_NAME, _KEY = "pretend", "PrivateUse1"
PACKAGE = str(Path(__file__).parents[1] / "pixelart")
LOW_PRECISION = ("conv1d", "conv2d", "linear", "matmul", "mm", "bmm", "addmm", "scaled_dot_product_attention")
"""Operations that autocast computes in its lower precision, as on CUDA."""
COPIES = {aten._to_copy.default, aten.copy_.default, aten.copy.default}
INDEXED = {aten.index.Tensor, aten.index_put_.default, aten.index_put.default, aten._index_put_impl_.default}
WAITS = {aten._local_scalar_dense.default, aten.nonzero.default, aten.masked_select.default, aten.equal.default}
WAITS |= {aten._unique2.default, aten.unique_dim.default, aten.is_nonzero.default}
"""Operations whose result the program reads on the host, so that it waits for the device."""


class _Module(_DummyBackendModule):
    def get_amp_supported_dtype(self) -> list[torch.dtype]:
        """The types of autocast."""
        return [torch.bfloat16, torch.float16]

    def current_device(self) -> int:
        """The number of the only device."""
        return 0

    def get_rng_state(self, device: Any = None) -> torch.Tensor:
        """It has no randomness of its own."""
        return torch.get_rng_state()

    def set_rng_state(self, state: torch.Tensor, device: Any = None) -> None:
        """See `get_rng_state`."""


def _register() -> None:
    _setup_privateuseone_for_python_backend(_NAME, backend_module=_Module())
    _OTHERS.fallback(fallthrough_kernel)  # autocast leaves other operations as they are
    for name in LOW_PRECISION:
        _CASTS.impl(name, _cast_first(getattr(aten, name)))
    # `torch.tensor(..., device=...)` copies where no mode sees it.
    _KERNELS.impl("empty_strided", _empty_strided)
    _KERNELS.impl("_copy_from", _copy_from)


def _empty_strided(size: Any, stride: Any, *, dtype: Any = None, **_: Any) -> torch.Tensor:
    with _disable_current_modes():
        return OnDevice(torch.empty_strided(size, stride, dtype=dtype))


def _copy_from(source: torch.Tensor, target: torch.Tensor, non_blocking: bool = False) -> torch.Tensor:
    _count("to device" if isinstance(target, OnDevice) else "to host")
    with _disable_current_modes():
        _value(target).copy_(_value(source))
    return target


def _cast_first(operation: Any) -> Any:
    """The operation on arguments in autocast's type."""

    def lower(value: Any) -> Any:
        is_float = isinstance(value, torch.Tensor) and value.dtype == torch.float32
        return value.to(torch.get_autocast_dtype(_NAME)) if is_float else value

    def call(*args: Any, **kwargs: Any) -> Any:
        keys = torch._C.DispatchKeySet(torch._C.DispatchKey.AutocastPrivateUse1)  # pyright: ignore[reportAttributeAccessIssue]
        with torch._C._ExcludeDispatchKeyGuard(keys):
            return operation(*tree_map(lower, args), **tree_map(lower, kwargs))

    return call


_CASTS, _KERNELS = (Library("aten", "IMPL", f"{kind}PrivateUse1") for kind in ("Autocast", ""))
_OTHERS = Library("_", "IMPL", "AutocastPrivateUse1")
_register()
PRETEND = torch.device(_NAME, 0)


class Mixed(RuntimeError):
    """An operation with tensors of both devices."""


class Copies:
    """How often values went from the device to the host and back, and from where in the package."""

    def __init__(self) -> None:
        self.places: Counter[tuple[str, str]] = Counter()

    @property
    def to_host(self) -> int:
        """Copies to the host, and values that it waited for."""
        return sum(count for (way, _), count in self.places.items() if way == "to host")

    @property
    def to_device(self) -> int:
        """Copies to the device."""
        return sum(count for (way, _), count in self.places.items() if way == "to device")

    def add(self, way: str) -> None:
        """Note a copy, with the innermost line of the package that caused it."""
        frame = sys._getframe()
        while frame is not None and not frame.f_code.co_filename.startswith(PACKAGE):
            frame = frame.f_back
        place = f"{Path(frame.f_code.co_filename).name}:{frame.f_lineno}" if frame else "a test"
        self.places[way, place] += 1


_counting: list[Copies] = []


class OnDevice(torch.Tensor):
    """A tensor of the device; `held` is its value on the CPU."""

    held: torch.Tensor

    @staticmethod
    def __new__(cls, held: torch.Tensor) -> OnDevice:
        shape = {"strides": held.stride(), "storage_offset": held.storage_offset(), "dtype": held.dtype}
        made = torch.Tensor._make_wrapper_subclass(cls, held.shape, **shape, device=PRETEND, requires_grad=False)
        made.held = held
        return made

    def tolist(self) -> Any:
        """As of a tensor of a GPU: the host waits for the values."""
        _count("to host")
        return self.held.tolist()

    def __repr__(self, **_: Any) -> str:  # pyright: ignore[reportIncompatibleMethodOverride]
        return f"OnDevice({self.held})"

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _run(func, args, kwargs or {})


def _count(way: str) -> None:
    for copies in _counting:
        copies.add(way)


def _names_device(device: Any) -> bool:
    return device is not None and torch.device(device).type == _NAME


def _value(x: Any) -> Any:
    return x.held if isinstance(x, OnDevice) else x


def _wrapped(x: Any) -> Any:
    return OnDevice(x) if isinstance(x, torch.Tensor) and not isinstance(x, OnDevice) else x


def _check(func: Any, args: Any, leaves: list[torch.Tensor]) -> bool:
    """Whether an operation runs on the device. Raises Mixed."""
    ours = [x for x in leaves if isinstance(x, OnDevice)]
    if ours and func not in COPIES | INDEXED and any(x.dim() for x in leaves if not isinstance(x, OnDevice)):
        raise Mixed(f"{func}: tensors of pretend and of cpu")
    if func in INDEXED and ours and not isinstance(args[0], OnDevice):
        raise Mixed(f"{func}: indices of pretend for a tensor of cpu")
    return bool(ours)


def _run(func: Any, args: Any, kwargs: Any) -> Any:
    leaves = [x for x in tree_leaves((args, kwargs)) if isinstance(x, torch.Tensor)]
    is_ours, device = _check(func, args, leaves), kwargs.get("device")
    named = {**kwargs, "device": torch.device("cpu")} if _names_device(device) else kwargs
    _count_copy(func, args, leaves, is_ours, device)
    if func is aten._thnn_fused_lstm_cell.default:
        made = _lstm_cell(*(_value(x) for x in args))
    elif func is aten._thnn_fused_lstm_cell_backward_impl.default:
        made = _lstm_cell_backward(*(_value(x) for x in args))
    else:
        made = func(*tree_map(_value, args), **tree_map(_value, named))
    if any(r.alias_info is not None and r.alias_info.is_write for r in func._schema.returns):
        return kwargs["out"] if "out" in kwargs else args[0]
    goes_there = _names_device(device) if device is not None else is_ours
    return tree_map(_wrapped, made) if goes_there else made


def _count_copy(func: Any, args: Any, leaves: list[torch.Tensor], is_ours: bool, device: Any) -> None:
    if func in WAITS and is_ours:
        _count("to host")
    elif func in INDEXED and is_ours and any(x.dtype == torch.bool for x in leaves[1:]):
        _count("to host")  # how many are chosen decides the shape
    elif func is aten._to_copy.default and device is not None and _names_device(device) != is_ours:
        _count("to host" if is_ours else "to device")
    elif func is aten.copy_.default and isinstance(args[0], OnDevice) != isinstance(args[1], OnDevice):
        _count("to device" if isinstance(args[0], OnDevice) else "to host")
    elif func in INDEXED and is_ours and any(not isinstance(x, OnDevice) and x.dim() for x in leaves):
        _count("to device")


def _lstm_cell(ig: torch.Tensor, hg: torch.Tensor, cx: torch.Tensor, *biases: torch.Tensor | None) -> tuple[Any, ...]:
    """The fused cell of `nn.LSTMCell`, which PyTorch has for devices other than the CPU."""
    i, f, g, o = (ig + hg + sum(b for b in biases if b is not None)).chunk(4, 1)
    i, f, g, o = i.sigmoid(), f.sigmoid(), g.tanh(), o.sigmoid()
    c = f * cx + i * g
    return o * c.tanh(), c, torch.cat([i, f, g, o], 1)


def _lstm_cell_backward(
    grad_h: torch.Tensor | None, grad_c: torch.Tensor | None, cx: torch.Tensor, cy: torch.Tensor, gates: torch.Tensor,
    has_bias: bool,
) -> tuple[Any, ...]:  # fmt: skip
    i, f, g, o = gates.chunk(4, 1)
    tanh, grad_c = cy.tanh(), torch.zeros_like(cy) if grad_c is None else grad_c
    grad_h = torch.zeros_like(cy) if grad_h is None else grad_h
    grad_c = grad_c + grad_h * o * (1 - tanh**2)
    parts = [grad_c * g * i * (1 - i), grad_c * cx * f * (1 - f), grad_c * i * (1 - g**2), grad_h * tanh * o * (1 - o)]
    grads = torch.cat(parts, 1)
    return grads, grad_c * f, grads.sum(0) if has_bias else None


class _Mode(TorchDispatchMode):
    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # otherwise PyTorch imports its compiler, to leave this class out

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _run(func, args, kwargs or {})


@contextmanager
def pretending() -> Iterator[Copies]:
    """Inside, tensors can go to PRETEND; gives the counts of copies."""
    copies = Copies()
    _counting.append(copies)
    try:
        with _Mode():
            yield copies
    finally:
        _counting.remove(copies)
