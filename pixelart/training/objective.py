"""The training loss: nll of hidden pixels, under the whole network and under the context encoder's own logits."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from pixelart.layers.context import Context
from pixelart.models import AutoregressiveModel
from pixelart.training.config import Schedule

Loss = Callable[..., tuple[Tensor, Tensor]]


class Objective:
    """The losses of a model: `joint`, and `alone`, of the context encoder's logits only, at a fourth of the cost.

    Each is a function (x, context, whole) -> (loss, bits per hidden sub-pixel). `whole`: for a part of a batch, the
    `weight_and_count` of the whole batch; the losses and bits of all parts then add up to those of the batch.
    """

    def __init__(self, model: AutoregressiveModel, schedule: Schedule) -> None:
        self.model, self.schedule = model, schedule
        self.joint: Loss = self._joint_loss
        self.alone: Loss = self._context_loss
        if schedule.gradient_checkpointing:
            forget_activations(model, dropout=schedule.dropout)
        if schedule.compile:
            self.joint, self.alone = (
                torch.compile(loss, dynamic=False)  # pyright: ignore[reportAttributeAccessIssue]
                for loss in (self._joint_loss, self._context_loss)
            )

    def warm_up(self, *given: Any, alone: bool) -> None:
        """Call the losses once to compile them, `alone` only if it will be used. Changes nothing but the gradients."""
        for loss in (self.alone, self.joint) if alone else (self.joint,):
            loss(*given)[0].backward()

    def stop_compiling(self) -> None:
        """Use the losses uncompiled from now on."""
        self.joint, self.alone = self._joint_loss, self._context_loss

    def _joint_loss(self, x: Tensor, context: Context, whole: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """The model's nll of the hidden pixels, plus the weighted nll of the encoder's logits."""
        with self._autocast(x.device):
            log_p, context_log_p = self.model.log_probs(x, context)
        nll, bits = self._hidden_nll(log_p, x, context, whole)
        return nll + self.schedule.vote_weight * self._hidden_nll(context_log_p, x, context, whole)[0], bits

    def _context_loss(self, x: Tensor, context: Context, whole: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """The nll of the encoder's logits only, which trains the encoder before the network uses it."""
        with self._autocast(x.device):
            context_log_p = self.model.context_log_prob(x, context)
        return self._hidden_nll(context_log_p, x, context, whole)

    def _hidden_nll(self, log_p: Tensor, x: Tensor, context: Context, whole: Tensor | None) -> tuple[Tensor, Tensor]:
        """(weighted mean nll, mean bits) over the hidden sub-pixels, from log p (B, C, H, W)."""
        hidden, weight = _hidden_and_weight(x, context)
        nll = -log_p
        total, count = (weight.sum(), hidden.sum()) if whole is None else whole.unbind()
        bits = (nll.detach() * hidden).sum() / (count * math.log(2))
        return (nll * weight).sum() / total, bits

    def _autocast(self, device: torch.device) -> torch.autocast:
        return torch.autocast(device.type, dtype=torch.bfloat16, enabled=self.schedule.precision == "bf16")


def weight_and_count(x: Tensor, context: Context) -> Tensor:
    """(2,): total weight and number of the hidden sub-pixels of x (B, C, H, W)."""
    hidden, weight = _hidden_and_weight(x, context)
    return torch.stack([weight.sum(), hidden.sum().to(weight.dtype)])


def _hidden_and_weight(x: Tensor, context: Context) -> tuple[Tensor, Tensor]:
    """A picture's weight is the square root of its hidden pixels; otherwise full masks dominate the loss."""
    hidden = context.mask[:, None].expand_as(x)
    return hidden, hidden / hidden.flatten(1).sum(1).clamp(min=1).sqrt()[:, None, None, None]


def set_dropout(model: nn.Module, share: float) -> None:
    """Set spatial dropout of the gated features (Tompson et al. 2015, 1411.4280): it drops whole feature maps.

    This costs a tenth of dropping single values.
    """
    for module in model.modules():
        if isinstance(module, nn.Dropout2d):
            module.p = share


def forget_activations(model: nn.Module, *, dropout: float = 0.0) -> None:
    """Gradient checkpointing (Training Deep Nets with Sublinear Memory Cost, Chen et al. 2016, 1604.06174).

    Each layer of a stack stores only its inputs and recomputes its activations in the backward pass: those of
    `forward`, or of the methods that the layer names in `recomputed`.
    """
    for stack in model.modules():
        if isinstance(stack, nn.ModuleList):
            for layer in stack:
                for name in getattr(layer, "recomputed", ("forward",)):
                    plain = getattr(layer, name)
                    how = {"use_reentrant": False, "preserve_rng_state": dropout > 0}
                    setattr(layer, name, partial(checkpoint, plain, **how))
