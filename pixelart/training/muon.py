"""Muon: momentum with orthogonalised updates (Jordan et al. 2024, kellerjordan.github.io/posts/muon).

Steps are scaled as in Liu et al. 2025, 2502.16982, section 2.2, so that AdamW's learning rates work. An update then
changes all directions of a kernel equally instead of a few of them. On our tiles this needs half as many steps as AdamW
(NOTES.md).
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

QUINTIC = (3.4445, -4.7750, 2.0315)
"""x -> ax + bx^3 + cx^5, which maps singular values in (0, 1] to about 1 within STEPS iterations."""
STEPS = 5
SMALLEST = 16
"""Kernels with fewer features gain nothing."""
_ENDS = ("logits", "vote", "colours", "pointer", "palette", "beside")


class Muon(torch.optim.Optimizer):
    """The optimizer for convolution kernels; each is treated as a matrix (outputs, inputs x kernel area)."""

    def __init__(
        self, groups: Iterable[dict[str, list[Tensor]]], *, weight_decay: float, precision: torch.dtype = torch.float32
    ) -> None:
        """`precision`: of the matrix products; momentum and weights keep their type."""
        super().__init__(groups, {"lr": 0.0, "momentum": 0.95, "weight_decay": weight_decay})
        self._precision = precision

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                kept = self.state[parameter]["momentum"].lerp_(parameter.grad, 1 - group["momentum"])
                ahead = parameter.grad.lerp(kept, group["momentum"])  # Nesterov's
                turned = orthogonal(ahead.flatten(1).to(self._precision)).to(parameter.dtype).view(parameter.shape)
                scale = 0.2 * max(parameter.shape[0], parameter[0].numel()) ** 0.5
                parameter.mul_(1 - group["lr"] * group["weight_decay"]).add_(turned, alpha=-group["lr"] * scale)


def orthogonal(matrix: Tensor) -> Tensor:
    """Set the singular values of a matrix (n, m) to about 1, and keep those that are 0."""
    a, b, c = QUINTIC
    tall = matrix.shape[0] > matrix.shape[1]
    x = matrix.mT if tall else matrix
    x = x / (x.norm() + 1e-7)
    for _ in range(STEPS):
        squared = x @ x.mT
        x = a * x + (b * squared + c * squared @ squared) @ x
    return x.mT if tall else x


def is_for_muon(name: str, parameter: Tensor) -> bool:
    """Whether a parameter is an inner kernel of the network; AdamW trains input and output layers."""
    is_end = any(word in _ENDS for word in name.split("."))
    return parameter.ndim > 2 and not is_end and min(parameter.shape[0], parameter[0].numel()) >= SMALLEST
