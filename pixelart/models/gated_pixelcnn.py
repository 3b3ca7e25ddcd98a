"""Gated PixelCNN (Conditional Image Generation with PixelCNN Decoders, van den Oord et al. 2016, arXiv 1606.05328).

    pixels -> embedding -> first layer (rows above; left taps, mask A) -> gated layers (mask B) -> sum of skips
           -> ReLU, 1x1 mask B, ReLU, 1x1 mask B -> logits of every level of every channel

Differences from the paper: colours enter as learned embeddings, because palette indices are categories; later kernels
are dilated (the default receptive field is 23 pixels up and to each side); and the vertical stack is residual.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from pixelart.layers.causal import pointwise
from pixelart.layers.context import Conditioning, ContextConfig
from pixelart.layers.decode_state import DecodeState, cut
from pixelart.layers.gated import GatedLayer
from pixelart.layers.head import logits_of_levels
from pixelart.layers.incremental import IncrementalDecoder
from pixelart.layers.masked import spread_groups
from pixelart.layers.program import Program, Slot
from pixelart.layers.program_decoder import ProgramDecoder
from pixelart.layers.self_attention import CausalSelfAttention
from pixelart.models.base import ModelConfig, RasterModel
from pixelart.models.registry import register_model


@dataclass(frozen=True)
class GatedPixelCNNConfig(ModelConfig):
    """Sizes of the network.

    `hidden` features per stack, `embedding` features per colour channel, `head` features before the logits. After each
    layer numbered in `attention` (0 = the first) comes self-attention with `heads` of `head_size` features, over every
    `stride`-th row and column.
    """

    embedding: int = 16
    hidden: int = 64
    skip: int = 64
    head: int = 128
    first_rows: int = 3
    dilations: tuple[int, ...] = (1, 2, 1, 4, 1, 2, 1, 4, 1, 2, 1)
    attention: tuple[int, ...] = ()
    heads: int = 4
    head_size: int = 16
    stride: int = 2


_DEBUG = {
    "embedding": 4,
    "hidden": 10,
    "skip": 8,
    "head": 8,
    "first_rows": 2,
    "dilations": (1, 2),
    "context": ContextConfig(hidden=8, embedding=3, dilations=(1,)),
}


@register_model("gated_pixelcnn", config=GatedPixelCNNConfig, presets={"default": {}, "debug": _DEBUG})
class GatedPixelCNN(RasterModel):
    """Vertical and horizontal gated stacks, no blind spot, skip connections, colour-aware masks."""

    config: GatedPixelCNNConfig

    def __init__(self, config: GatedPixelCNNConfig) -> None:
        super().__init__(config)
        channels, context = config.channels, config.context.hidden
        self.colours = self.colour_embedding(config.embedding)
        groups, skip = spread_groups(config.hidden, channels), spread_groups(config.skip, channels)
        head = spread_groups(config.head, channels)
        first = GatedLayer(
            self.colours.groups,
            groups,
            skip,
            context=context,
            mask_type="A",
            rows=config.first_rows,
            taps=config.first_rows + 1,
        )
        self.layers = nn.ModuleList(
            [first]
            + [GatedLayer(groups, groups, skip, context=context, mask_type="B", dilation=d) for d in config.dilations]
        )
        shape = {"heads": config.heads, "size": config.head_size, "stride": config.stride}
        self.attention = nn.ModuleDict({str(i): CausalSelfAttention(groups, **shape) for i in config.attention})
        self.context_skip = nn.Conv2d(context, config.skip, 1)
        self.hidden = pointwise(skip, head)
        self.logits = logits_of_levels(head, channels=channels, levels=self.outputs_per_channel)

    def trunk(self, x: Tensor, given: Conditioning, state: DecodeState | None = None) -> Tensor:
        if state is None:
            return self._whole(x, given)
        embed, befores = self.embed(given), self._rows(x, given, state)
        if state.is_prefill and not self.attention:
            return given.map[..., :0]  # the horizontal stack reads only its own row
        h, total, attentions = x, self.context_skip(cut(given.map, state)), self.attentions
        for i, (layer, before) in enumerate(zip(self.gated_layers, befores, strict=True)):
            h, skip = layer.pixels(h, before, state) if i else layer.first_pixels(x, embed, before, state)
            total = total + skip
            if attention := attentions.get(i):
                h = attention(h, state)
        return self.logits(torch.relu(self.hidden(torch.relu(total), state)), state)

    def _whole(self, x: Tensor, given: Conditioning) -> Tensor:
        """The trunk's outputs for whole pictures."""
        embed, attentions = self.embed(given), self.attentions
        v, h, total = embed(x), x, self.context_skip(given.map)
        for i, layer in enumerate(self.layers):
            v, h, skip = layer(v, h, given.map, embed)
            total = total + skip
            if attention := attentions.get(i):
                h = attention(h, None)
        return self.logits(torch.relu(self.hidden(torch.relu(total))))

    @property
    def gated_layers(self) -> list[GatedLayer]:
        """The layers, first to last."""
        return [layer for layer in self.layers if isinstance(layer, GatedLayer)]

    @property
    def attentions(self) -> dict[int, CausalSelfAttention]:
        """The attention layers, by the number of the layer they follow."""
        return {int(i): a for i, a in self.attention.items() if isinstance(a, CausalSelfAttention)}

    def _rows(self, x: Tensor, given: Conditioning, state: DecodeState) -> list[Tensor]:
        """The vertical stack's input to the pixels of the state's region, per layer: (B, 2 * hidden, h, w)."""
        if state.is_prefill:
            v, befores = self.embed(given)(cut(x, state)), list[Tensor]()
            for layer in self.gated_layers:
                v, before = layer.rows(v, given.map, state.whole_rows())
                befores.append(before)
            return befores
        if state.begins_row:
            for layer, before in zip(
                self.layers, self._row(x, given, self._context_row(given, state), state), strict=True
            ):
                state.put(layer, "before", before.mT[:, :, None])
        return [state.keep(layer, "before", lambda: x)[..., state.columns] for layer in self.layers]

    def _row(self, x: Tensor, given: Conditioning, of_context: list[Tensor], state: DecodeState) -> list[Tensor]:
        """`_rows` for the whole of the state's row, (B, W, 2 * hidden)."""
        rows, row, befores = state.whole_rows(), state.row, list[Tensor]()
        v = self.embed(given)(x[:, :, max(0, row - 1) : max(1, row)])[:, :, 0].mT
        v = v if row else torch.zeros_like(v)
        for layer, of_layer in zip(self.gated_layers, of_context, strict=False):
            v, before = layer.row(v, of_layer, rows)
            befores.append(before)
        return befores

    def _context_row(self, given: Conditioning, state: DecodeState) -> list[Tensor]:
        """All biases that the state's row takes from the context map, (B, W, n), by one product: each layer's, the
        skip's, and the context head's."""
        convs = [*(layer.context for layer in self.gated_layers), self.context_skip, self.vote]
        sizes = [conv.out_channels for conv in convs]

        def joined() -> tuple[Tensor, Tensor]:
            matrix = torch.cat([conv.weight.detach()[:, :, 0, 0] for conv in convs]).mT.contiguous()
            biases = [
                torch.zeros(n).to(matrix) if c.bias is None else c.bias for c, n in zip(convs, sizes, strict=True)
            ]
            return matrix, torch.cat(biases).detach()

        matrix, bias = state.constant(self, "context", joined)
        row = given.map[:, :, state.row].mT
        product = torch.addmm(bias, row.reshape(-1, row.shape[2]), matrix)
        return list(product.unflatten(0, row.shape[:2]).split(sizes, dim=-1))

    def decoder(self, given: Conditioning) -> IncrementalDecoder:
        return ProgramDecoder(self, given)

    def row_inputs(self, x: Tensor, given: Conditioning, state: DecodeState) -> list[Tensor]:
        of_context = self._context_row(given, state)
        befores = self._row(x, given, of_context, state)
        biased = [b + layer.horizontal.bias for b, layer in zip(befores, self.gated_layers, strict=True)]
        places = [a.row_inputs(state.rows, state.columns, of_context[-1]) for a in self.attentions.values()]
        skip, head = of_context[-2:]
        return [*biased, skip, head + self.logits.bias, *(part for pair in places for part in pair)]

    def program(self, given: Conditioning) -> Program:
        program, config, layers = Program(), self.config, self.gated_layers
        befores = [program.rows.take(2 * config.hidden) for _ in layers]
        skip, outputs_of_row = program.rows.take(config.skip), program.rows.take(len(self.logits.bias))
        places = {i: (program.rows.take(a.inner), program.rows.take(2 * a.inner)) for i, a in self.attentions.items()}
        total, h = program.load_row(skip), None
        for i, (layer, before) in enumerate(zip(layers, befores, strict=True)):
            gates = program.load_row(before)
            if i == 0:
                program.product(gates, self._emit_window(program, given), layer.horizontal.matrix())
            h = layer.emit(program, h, gates, total)
            if i in places:
                h = self.attentions[i].emit(program, h, *places[i])
        hidden = program.bias(self.hidden.bias)
        program.product(hidden, program.relu(total), self.hidden.matrix())
        outputs = program.load_row(outputs_of_row)
        program.product(outputs, program.relu(hidden), self.logits.matrix())
        program.logits = outputs
        if self.pointer is not None and given.codes is not None:
            program.logits = self.pointer.emit(program, outputs, given.codes)
        return program

    def _emit_window(self, program: Program, given: Conditioning) -> Slot:
        """Emit the features of the pixels that the first horizontal kernel reads."""
        table, features, channels = self.colours.rows(given.codes), self.config.embedding, self.config.channels
        taps = self.gated_layers[0].horizontal.weight.shape[3]
        window = program.state.take(taps * channels * features)
        for tap in range(taps):
            for channel in range(channels):
                place = window.part((tap * channels + channel) * features, features)
                levels, back = self.config.levels, taps - 1 - tap
                program.embed(table, place, channel=channel, levels=levels, back=back)
        return window

    def kept(self, state: DecodeState) -> list[Tensor]:
        return [past for a in self.attentions.values() if (past := state.kept(a, "past")) is not None]
