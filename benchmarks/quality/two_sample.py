"""Classifier two-sample test (Lopez-Paz & Oquab 2017): a small net learns to distinguish drawn from real pictures.

Its accuracy on unseen pictures shows how much the two differ; 50 % is chance.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from benchmarks.quality.judge import as_input, varied
from pixelart.images.codec import Picture

STEPS, BATCH, RATE = 150, 48, 2e-3
FOLDS = 2


def tells_apart(drawn: Picture, real: Picture) -> NDArray[np.bool_]:
    """Whether each of `drawn` (n, H, W, 4) and then of `real` (n, H, W, 4) is classified correctly, (2 * n,), by a net
    trained on the other half of both."""
    x = as_input(np.concatenate([drawn, real]))
    labels = torch.arange(len(x)) >= len(drawn)
    random = torch.Generator().manual_seed(0)
    sides = torch.cat([torch.randperm(len(drawn), generator=random), torch.randperm(len(real), generator=random)])
    fold = sides % FOLDS
    right = np.zeros(len(x), np.bool_)
    for held in range(FOLDS):
        net = _trained(x[fold != held], labels[fold != held], random)
        with torch.no_grad():
            answers = net(x[fold == held])[:, 0] > 0
        right[(fold == held).numpy()] = (answers == labels[fold == held]).numpy()
    return right


def _trained(x: Tensor, labels: Tensor, random: torch.Generator) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        net = nn.Sequential(
            nn.Conv2d(4, 24, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(24, 32, 3, 2, 1),
            nn.ReLU(),
            nn.Conv2d(32, 48, 3, 2, 1),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(48, 1),
        )
    optimizer = torch.optim.AdamW(net.parameters(), RATE, weight_decay=0.01)
    for step in range(STEPS):
        for group in optimizer.param_groups:
            group["lr"] = RATE * (1 - step / STEPS)
        rows = torch.randint(len(x), (BATCH,), generator=random)
        loss = F.binary_cross_entropy_with_logits(net(varied(x[rows], random))[:, 0], labels[rows].float())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return net.eval()
