"""The incremental face of a stack of gated layers.

Rows above are seen by the vertical stack alone, so at the start of a row it is computed for the whole row at once,
together with everything the context gives (one product for all layers). A pixel then costs the horizontal stack and
the head. Features are channels-last here, (B, W, p), so every convolution is a matrix product.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from pixelart.layers.gated import GatedLayer
from pixelart.layers.kernels import Choice, GatedWeights, RowState, draw_row
from pixelart.layers.masked import MaskedConv2d
from pixelart.layers.stream import RowKernel, Stream

_POOL = ThreadPoolExecutor(thread_name_prefix="draw-row")


@dataclass(frozen=True)
class GatedStack:
    """The parts of a gated network that drawing needs, in the order of the forward pass."""

    colours: nn.Embedding
    layers: list[GatedLayer]
    context_skip: nn.Conv2d
    vote: nn.Conv2d
    hidden: MaskedConv2d
    logits: MaskedConv2d
    channels: int
    levels: int


class GatedStream(Stream):
    """Draws with a `GatedStack`, biased by context_map (B, F, H, W)."""

    def __init__(self, stack: GatedStack, context_map: Tensor) -> None:
        self.stack, self.context_map = stack, context_map
        batch, _, height, width = context_map.shape
        first, *later = stack.layers
        self.features = first.split[0]
        self.weights = _pack(stack)
        self.vertical = [(_as_matrix(layer.vertical), _bias(layer.vertical)) for layer in stack.layers]
        self.links = [_as_matrix(layer.link) for layer in stack.layers]
        self.context_weight, self.context_bias = _pack_context(stack)
        self.context_rows = context_map.permute(0, 2, 3, 1)
        # Inputs of each vertical kernel with a border of zeros: `tall` rows above, `side` columns on both sides.
        self.reach = [(layer.vertical.padding[2], layer.vertical.padding[0]) for layer in stack.layers]
        widths = [stack.colours.embedding_dim * stack.channels] + [self.features] * len(later)
        self.inputs = [
            context_map.new_zeros(batch, height + tall, width + 2 * side, n)
            for (tall, side), n in zip(self.reach, widths, strict=True)
        ]
        shape = (len(stack.layers), batch, width)
        self.before = context_map.new_empty(*shape, 2 * self.features)
        self.row_features = context_map.new_zeros(*shape, self.features)

    def prefill(self, x: Tensor, rows: int) -> None:
        if not rows:
            return
        # On a CPU one picture at a time, which is as fast, and keeps rounding the same at any batch size.
        size = 1 if x.device.type == "cpu" else len(x)
        for some in (slice(start, start + size) for start in range(0, len(x), size)):
            v = self._embed(x[some, :, :rows]).permute(0, 3, 1, 2)
            for layer, held, (tall, side) in zip(self.stack.layers, self.inputs, self.reach, strict=True):
                held[some, tall : tall + rows, side : held.shape[2] - side] = v.permute(0, 2, 3, 1)
                if layer is not self.stack.layers[-1]:
                    v = layer.vertical_only(v, self.context_map[some, :, :rows])

    def begin_row(self, x: Tensor, row: int) -> None:
        batch, width, p = len(x), x.shape[3], self.features
        given = self.context_rows[:, row].reshape(batch * width, -1) @ self.context_weight + self.context_bias
        given = given.view(batch, width, -1)
        biases = given[..., : 4 * p * len(self.links)].view(batch, width, -1, 4 * p)
        self.skip, self.vote = given[..., 4 * p * len(self.links) :].split(
            [self.weights["hidden"].shape[0], self.weights["logits"].shape[1]], dim=-1
        )
        if row:
            tall, side = self.reach[0]
            self.inputs[0][:, tall + row - 1, side : side + width] = self._embed(x[:, :, row - 1])
        for i, layer in enumerate(self.stack.layers):
            above = torch.addmm(self.vertical[i][1], self._window(i, row, width), self.vertical[i][0])
            above = above.view(batch, width, 2 * p)
            torch.add((above @ self.links[i]), biases[:, :, i, 2 * p :], out=self.before[i])
            if i + 1 < len(self.links):
                gate_in = above + biases[:, :, i, : 2 * p]
                v = torch.tanh(gate_in[..., :p]) * torch.sigmoid(gate_in[..., p:])
                if layer.mask_type == "B":
                    tall, side = self.reach[i]
                    v = v + self.inputs[i][:, tall + row, side : side + width]
                tall, side = self.reach[i + 1]
                self.inputs[i + 1][:, tall + row, side : side + width] = v

    def maps(self, x: Tensor, row: int, columns: slice) -> Tensor:
        column = columns.start
        p, w = self.features, self.weights
        total = self.skip[:, column]
        for i, layer in enumerate(self.stack.layers):
            if i == 0:
                window = self._first_window(x[:, :, row], column)
                weight, out, bias = w["first"], w["first_out"], w["first_out_bias"]
            else:
                back = column - layer.horizontal.dilation[1]
                here = self.row_features[i - 1]
                left = here[:, back] if back >= 0 else torch.zeros_like(here[:, 0])
                window = torch.cat([left, here[:, column]], dim=1)
                weight, out, bias = w["horizontal"][i - 1], w["out"][i - 1], w["out_bias"][i - 1]
            gate_in = torch.addmm(self.before[i][:, column], window, weight)
            result = torch.addmm(bias, torch.tanh(gate_in[:, :p]) * torch.sigmoid(gate_in[:, p:]), out)
            h = result[:, :p] if i == 0 else result[:, :p] + window[:, p:]
            self.row_features[i][:, column] = h
            total = total + result[:, p:]
        hidden = torch.addmm(w["hidden_bias"], total.relu(), w["hidden"])
        logits = torch.addmm(w["logits_bias"], hidden.relu(), w["logits"]) + self.vote[:, column]
        return logits[:, :, None, None]

    def row_kernel(self) -> RowKernel | None:
        if self.context_map.device.type != "cpu" or self.context_map.dtype != torch.float32:
            return None
        dilations = torch.tensor([layer.horizontal.dilation[1] for layer in self.stack.layers[1:]])
        weights = GatedWeights(**{k: v.numpy() for k, v in self.weights.items()}, dilations=dilations.numpy())

        def draw(
            x: Tensor,
            row: int,
            mask: Tensor,
            noise: Tensor,
            temperature: Tensor,
            log_prob: Tensor,
            choice: Choice,
            columns: slice,
        ) -> None:
            given = (self.before, self.skip.contiguous(), self.vote.contiguous(), self.row_features)
            state = RowState(*(t.numpy() for t in given))
            line = x[:, :, row].contiguous()
            arrays = [t.contiguous().numpy() for t in (mask[:, row], noise[:, :, row], temperature[:, row])]
            seen = log_prob[:, :, row].contiguous()
            pictures, threads = len(mask), min(len(mask), torch.get_num_threads())
            bounds = [pictures * i // threads for i in range(threads + 1)]
            run = partial(
                draw_row, weights, state, choice, line.numpy(), *arrays, seen.numpy(), columns.start, columns.stop
            )
            if threads == 1:
                run(0, pictures)
            else:
                list(_POOL.map(run, bounds[:-1], bounds[1:]))
            x[:, :, row], log_prob[:, :, row] = line, seen

        return draw

    def _embed(self, x: Tensor) -> Tensor:  # (B, C, ..., W) -> (B, ..., W, C*E)
        offsets = torch.arange(x.shape[1], device=x.device) * self.stack.levels
        features = F.embedding(x.movedim(1, -1) + offsets, self.weights["colours"])
        return features.flatten(-2)

    def _window(self, layer: int, row: int, width: int) -> Tensor:  # (B*W, taps*F), row tap major
        held, kernel = self.inputs[layer], self.stack.layers[layer].vertical
        _, _, tall, wide = kernel.weight.shape
        dy, dx = kernel.dilation
        taps = [held[:, row + i * dy, j * dx : j * dx + width] for i in range(tall) for j in range(wide)]
        return torch.cat(taps, dim=-1).flatten(0, 1)

    def _first_window(self, line: Tensor, column: int) -> Tensor:  # (B, taps*C*E)
        taps = self.stack.layers[0].horizontal.weight.shape[3]
        features = self._embed(line[:, :, max(0, column - taps + 1) : column + 1]).flatten(1)
        missing = max(0, taps - 1 - column) * self.stack.channels * self.stack.colours.embedding_dim
        return F.pad(features, (missing, 0))


def _as_matrix(conv: MaskedConv2d | nn.Conv2d) -> Tensor:  # (taps*in, out), tap major
    weight = conv.masked_weight() if isinstance(conv, MaskedConv2d) else conv.weight
    return weight.detach().permute(2, 3, 1, 0).flatten(0, 2).contiguous()


def _bias(conv: nn.Module) -> Tensor:
    bias = conv.bias
    assert isinstance(bias, Tensor)
    return bias.detach()


def _pack(stack: GatedStack) -> dict[str, Tensor]:
    """The fields of `GatedWeights` but the dilations."""
    first, *later = stack.layers
    packed = {
        "colours": stack.colours.weight,
        "first": _as_matrix(first.horizontal),
        "first_out": _as_matrix(first.out),
        "first_out_bias": _bias(first.out),
        "horizontal": torch.stack([_as_matrix(layer.horizontal) for layer in later]),
        "out": torch.stack([_as_matrix(layer.out) for layer in later]),
        "out_bias": torch.stack([_bias(layer.out) for layer in later]),
        "hidden": _as_matrix(stack.hidden),
        "hidden_bias": _bias(stack.hidden),
        "logits": _as_matrix(stack.logits),
        "logits_bias": _bias(stack.logits),
    }
    return {name: tensor.detach().contiguous() for name, tensor in packed.items()}


def _pack_context(stack: GatedStack) -> tuple[Tensor, Tensor]:
    """One matrix (F, out) and bias (out,) for all that a row takes from the context map: for each layer the vertical
    and the horizontal bias (with the horizontal kernel's own), then the skip and the vote."""
    convs = [*(layer.context for layer in stack.layers), stack.context_skip, stack.vote]
    biases = [torch.cat([torch.zeros_like(_bias(layer.horizontal)), _bias(layer.horizontal)]) for layer in stack.layers]
    biases += [_bias(stack.context_skip), _bias(stack.vote)]
    return torch.cat([_as_matrix(conv) for conv in convs], dim=1), torch.cat(biases)
