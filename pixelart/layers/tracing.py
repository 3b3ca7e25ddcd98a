"""Trace a network's trunk once, with symbols instead of tensors, to get the computation of one pixel.

`Traced` stands for the features of any one pixel. Layers and torch functions that are called with it add nodes to a
graph, which layers/lowering.py turns into a program. So a variant that is made of the shared layers, sums, products,
concatenations and activations is drawn by the interpreter without any code of its own.

Methods that layers call return Any, because the result stands for a tensor.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from pixelart.layers.decode_state import DecodeState


class Term(NamedTuple):
    """A summand: a node `dy` rows below and `dx` columns right of the pixel, times `matrix` (I, O), or (B or 1, I, O)
    with one per picture; None = the node itself."""

    node: Traced
    dy: int = 0
    dx: int = 0
    matrix: Tensor | None = None


class Embedded(NamedTuple):
    """A table of features of the levels of a channel: (K, E), or per picture (B or 1, K, E)."""

    channel: int
    table: Tensor


class Deferred(Tensor):
    """A tensor that depends on the context, with the steps that computed it, so that it can be computed for another
    one."""

    recipe: str | tuple[Callable[..., Any], Any, dict[str, Any]]

    @classmethod
    def of(cls, value: Tensor, recipe: Any) -> Deferred:
        """The value, computed by `recipe`: a function with its arguments, or the name of what is given."""
        made = value.as_subclass(cls)
        made.recipe = recipe
        return made

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None) -> Any:
        with torch._C.DisableTorchFunctionSubclass():
            result = func(*args, **(kwargs or {}))
        if isinstance(result, (tuple, list)) and any(isinstance(one, Tensor) for one in result):
            return [cls.of(one, (_item, (i, func, args, kwargs or {}), {})) for i, one in enumerate(result)]
        return cls.of(result, (func, args, kwargs or {})) if isinstance(result, Tensor) else result


def _item(number: int, function: Callable[..., Any], arguments: Any, named: dict[str, Any]) -> Any:
    return function(*arguments, **named)[number]


def recompute(value: Any, given: Mapping[str, Tensor]) -> Any:
    """A value, or tuple, list or dictionary of such, computed again from what is given, on its device."""
    if isinstance(value, (tuple, list)):
        return type(value)(recompute(one, given) for one in value)
    if isinstance(value, dict):
        return {name: recompute(one, given) for name, one in value.items()}
    if not isinstance(value, Deferred):
        return value.to(next(iter(given.values())).device) if isinstance(value, Tensor) else value
    if isinstance(value.recipe, str):
        return given[value.recipe]
    function, arguments, named = value.recipe
    return function(*recompute(arguments, given), **recompute(named, given))


@dataclass(eq=False)
class Traced:
    """A node: `size` features of a pixel; a node with `step` s exists at every s-th row and column only."""

    recorder: Recorder
    kind: str
    size: int
    terms: tuple[Term, ...] = ()
    step: int = 1
    data: Any = None

    device = torch.device("cpu")

    @property
    def dtype(self) -> torch.dtype:
        """That of the program."""
        return self.recorder.dtype

    def __post_init__(self) -> None:
        self.recorder.nodes.append(self)

    def new(self, kind: str, size: int, *terms: Term, data: Any = None, step: int = 0) -> Traced:
        """A node computed from `terms`, by default where this one is."""
        step = step or max((term.node.step for term in terms), default=self.step)
        return Traced(self.recorder, kind, size, terms, step, data)

    def sum(self, terms: Sequence[Term], bias: Tensor | None = None, *, size: int) -> Any:
        """The sum of terms and a bias (size,)."""
        return self.new("sum", size, *terms, data=bias)

    def moved(self, dy: int, dx: int) -> Any:
        """The node's value at another pixel."""
        return self.sum([Term(self, dy, dx)], size=self.size)

    def at_step(self, step: int) -> Any:
        """The same value, computed at every `step`-th row and column only."""
        return Traced(self.recorder, self.kind, self.size, self.terms, step, self.data)

    def grown(self, matrices: Tensor, bias: Tensor) -> Any:
        """At twice the size: the value up-left of each pixel, times the matrix (I, O) of its place, of four, plus its
        bias."""
        return self.new("grow", bias.shape[1], Term(self), data=(matrices, bias), step=self.step // 2)

    def part(self, start: int, size: int) -> Traced:
        """Some of the features."""
        return self.new("part", size, Term(self), data=start)

    def split(self, sizes: Sequence[int], dim: int = 1) -> list[Traced]:
        assert dim == 1 and sum(sizes) == self.size
        return [self.part(sum(sizes[:i]), size) for i, size in enumerate(sizes)]

    def chunk(self, count: int, dim: int = 1) -> list[Traced]:
        return self.split([self.size // count] * count, dim)

    def to(self, *_: Any) -> Traced:
        """All numbers of a program are of one type."""
        return self

    def unary(self, name: str) -> Traced:
        return self.new(name, self.size, Term(self))

    def __add__(self, other: Traced) -> Traced:
        assert self.size == other.size
        return self.sum([Term(self), Term(other)], size=self.size)

    def __mul__(self, other: Traced) -> Traced:
        assert self.size == other.size
        return self.new("mul", self.size, Term(self), Term(other))

    def __neg__(self) -> Traced:
        return self.unary("neg")

    @classmethod
    def __torch_function__(
        cls, function: Callable[..., Any], kinds: Any, given: tuple[Any, ...] = (), named: dict[str, Any] | None = None
    ) -> Any:
        if function not in _FUNCTIONS:
            raise NotImplementedError(f"{function.__name__} cannot be part of a pixel program")
        return _FUNCTIONS[function](*given, **(named or {}))


def _conv2d(x: Traced, weight: Tensor, bias: Tensor | None = None, *given: Any) -> Traced:
    assert weight.shape[2:] == (1, 1), "only layers of `layers.causal` read other pixels"
    return x.sum([Term(x, matrix=weight.detach()[:, :, 0, 0].T)], bias, size=len(weight))


def _cat(parts: Sequence[Traced], dim: int = 0) -> Traced:
    assert dim == 1
    return parts[0].new("cat", sum(part.size for part in parts), *map(Term, parts))


def _dropout(x: Traced, p: float = 0.5, training: bool = True, inplace: bool = False) -> Traced:
    return x  # a drawing drops nothing


_FUNCTIONS: dict[Any, Callable[..., Any]] = {
    torch.conv2d: _conv2d,
    torch.cat: _cat,
    F.dropout2d: _dropout,
    F.elu: lambda x, *_, **__: x.unary("elu"),
    torch.relu: lambda x: x.unary("relu"),
    torch.sigmoid: lambda x: x.unary("sigmoid"),
    torch.tanh: lambda x: x.unary("tanh"),
}


@dataclass
class Drawn:
    """Stands for the picture x (B, C, H, W) that is being drawn."""

    recorder: Recorder
    dy: int = 0

    def above(self) -> Any:
        """The picture moved down by a row: each pixel stands for the one above it."""
        return Drawn(self.recorder, self.dy - 1)

    def embedded(self, parts: Sequence[Embedded]) -> Any:
        """Features of a pixel by tables; zeros outside of the picture.

        At the pixel itself they may be read by convolutions that mask what is unknown, and otherwise by what is
        computed after the pixel was drawn."""
        size = sum(part.table.shape[-1] for part in parts)
        return Traced(self.recorder, "picture", size, data=(tuple(parts), self.dy))


class Recorder(DecodeState):
    """A decode state in which a trunk is traced; regions are one symbolic pixel.

    nodes: in the order in which they were made. dtype: of the program, float32 or float64. step: the network works at
    every `step`-th row and column. dy: maps are read so many rows below.
    """

    is_traced = True

    def __init__(
        self,
        height: int,
        width: int,
        *,
        dtype: torch.dtype,
        nodes: list[Traced] | None = None,
        step: int = 1,
        dy: int = 0,
    ) -> None:
        super().__init__(height, width)
        self.nodes: list[Traced] = [] if nodes is None else nodes
        self.step, self.dy, self.dtype = step, dy, dtype
        self.is_prefill = False

    def cut(self, x: Any) -> Any:
        """The features of a map (B or 1, F, H, W) at the pixel."""
        if not isinstance(x, Tensor):
            return x
        return Traced(self, "map", x.shape[1], step=self.step, data=(x, self.dy))

    def halved(self) -> Recorder:
        height, width = -(-self.height // 2), -(-self.width // 2)
        return Recorder(height, width, dtype=self.dtype, nodes=self.nodes, step=2 * self.step)

    def row_above(self) -> Recorder:
        """The recorder of the row above: what it cuts out of maps is of that row."""
        return Recorder(self.height, self.width, dtype=self.dtype, nodes=self.nodes, step=self.step, dy=self.dy - 1)

    def memory(
        self, size: int, *, above: Tensor | None = None, left: Tensor | None = None, right: Tensor | None = None
    ) -> Any:
        """A node that is defined later, by `define`, since it depends on its values at other pixels.

        above, left, right: its values (size,) beyond that border; default 0. With `right`, it is computed from the
        right to the left, from what is known when the row begins, and is 0 in the first row."""
        return Traced(self, "memory", size, data={"above": above, "left": left, "right": right})

    def define(self, memory: Traced, value: Any) -> None:
        """Set what a memory node holds."""
        memory.data["value"] = Traced(self, "define", memory.size, (Term(value),), data=memory)

    def attend(self, query: Traced, key_value: Traced, *, heads: int, values: int, zero_key: bool) -> Any:
        """Softmax attention of the query (heads * k) over `key_value` (heads * k keys, then `values`) of all earlier
        pixels that have one, see `at_step`. `zero_key`: also over a key and value of zeros; without it, the first pixel
        gets zeros."""
        data = {"heads": heads, "keys": query.size // heads, "values": values // heads, "zero_key": zero_key}
        keep = Traced(self, "keep", 0, (Term(key_value),), step=key_value.step, data=data)
        return Traced(self, "attend", values, (Term(query),), data=keep)
