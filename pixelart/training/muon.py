"""Muon: momentum whose matrices are made orthogonal (Jordan et al. 2024, kellerjordan.github.io/posts/muon). The scale
of its steps is that of Liu et al. 2025, 2502.16982, section 2.2, so that the learning rates of AdamW serve.

A step of a convolution then turns all directions of its features by as much, not a few by most of it. On our tiles a
network learns in half of the steps of AdamW (NOTES.md).
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

QUINTIC = (3.4445, -4.7750, 2.0315)
"""x -> ax + bx^3 + cx^5, which takes singular values in (0, 1] to about 1 in STEPS."""
STEPS = 5
SMALLEST = 16
"""Fewer features than that span too little to be worth it."""
_ENDS = ("logits", "vote", "colours", "pointer", "palette", "beside")


class Muon(torch.optim.Optimizer):
    """For the kernels of convolutions; each is a matrix of outputs by what they read."""

    def __init__(
        self, groups: Iterable[dict[str, list[Tensor]]], *, weight_decay: float, precision: torch.dtype = torch.float32
    ) -> None:
        """`precision`: of the products; momentum and weights stay as they are."""
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
    """Of (n, m), with its singular vectors and all singular values at about 1, or 0 where they are 0."""
    a, b, c = QUINTIC
    tall = matrix.shape[0] > matrix.shape[1]
    x = matrix.mT if tall else matrix
    x = x / (x.norm() + 1e-7)
    for _ in range(STEPS):
        squared = x @ x.mT
        x = a * x + (b * squared + c * squared @ squared) @ x
    return x.mT if tall else x


def is_for_muon(name: str, parameter: Tensor) -> bool:
    """Whether a parameter is a kernel inside the network; what enters and leaves it is learned by AdamW."""
    is_end = any(word in _ENDS for word in name.split("."))
    return parameter.ndim > 2 and not is_end and min(parameter.shape[0], parameter[0].numel()) >= SMALLEST
