"""The training state in a checkpoint: weights, their average, the optimizer's moments, and how far the run is."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import safetensors.torch
import torch
from torch import Tensor

from pixelart.checkpoint.weights import pack_weights
from pixelart.errors import RequestRejected
from pixelart.models import AutoregressiveModel
from pixelart.training.config import Schedule
from pixelart.training.muon import Muon, is_for_muon

_log = logging.getLogger(__name__)
BEST = "best.safetensors"
"""The averaged weights with the lowest validation loss, in the checkpoints of a run that keeps them."""
STATE = "state.json"
MOMENTS = ("step", "exp_avg", "exp_avg_sq")  # AdamW's state per parameter
MOMENTUM = ("momentum",)  # Muon's


def state_json(
    step: int, seconds: float, rows: list[dict[str, Any]], recent: list[float], *, fingerprint: str
) -> bytes:
    """The content of STATE. `rows`: of the log. `recent`: bits of the steps since the last one. `fingerprint`: of the
    data."""
    values = {
        "step": step,
        "seconds": seconds,
        "rows": rows,
        "recent": recent,
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "fingerprint": fingerprint,
    }
    return json.dumps(values, indent=1).encode()


def read_state(parts: Mapping[str, bytes]) -> dict[str, Any]:
    """The values of STATE. Warns if this machine may compute other bits than the one that wrote it.

    Raises:
        KeyError, ValueError: it is missing or incomplete.
    """
    state = json.loads(parts[STATE])
    for name, now in (("threads", torch.get_num_threads()), ("torch", torch.__version__)):
        if state[name] != now:
            note = "%s was %s, is %s: bits may differ from a run that was never stopped"
            _log.warning(note, name, state[name], now)
    return state


class TrainState:
    """A model, the average of its weights, and their optimizers.

    Each optimizer has two groups: the trunk; and the context encoder with its connections to the trunk.
    """

    def __init__(self, model: AutoregressiveModel, average: AutoregressiveModel, schedule: Schedule) -> None:
        self.model, self.average = model, average
        groups = {muon: ({"params": list[Tensor]()}, {"params": list[Tensor]()}) for muon in (False, True)}
        for name, parameter in model.named_parameters():
            is_context = any(word.startswith(("encoder", "vote", "context")) for word in name.split("."))
            by_muon = schedule.optimizer == "muon" and is_for_muon(name, parameter)
            groups[by_muon][is_context]["params"].append(parameter)
        decay, precision = schedule.weight_decay, torch.bfloat16 if schedule.precision == "bf16" else torch.float32
        adamw = torch.optim.AdamW(groups[False], betas=(0.9, 0.99), weight_decay=decay)
        self.optimizers: list[torch.optim.Optimizer] = [adamw]
        if any(group["params"] for group in groups[True]):
            self.optimizers.append(Muon(groups[True], weight_decay=decay, precision=precision))
        for optimizer in self.optimizers:  # also of parameters that get no gradient at first
            for parameter in (one for group in optimizer.param_groups for one in group["params"]):
                kinds = MOMENTS if optimizer is adamw else MOMENTUM
                optimizer.state[parameter] = {
                    kind: torch.tensor(0.0) if kind == "step" else torch.zeros_like(parameter) for kind in kinds
                }

    def set_rates(self, *rates: float) -> None:
        """Set the learning rates of the trunk and of the context encoder."""
        for optimizer in self.optimizers:
            for group, rate in zip(optimizer.param_groups, rates, strict=True):
                group["lr"] = rate

    @property
    def learning_rate(self) -> float:
        """The learning rate of the trunk."""
        return float(self.optimizers[0].param_groups[0]["lr"])

    def clear_gradients(self) -> None:
        """Clear the gradients of all parameters."""
        self.model.zero_grad(set_to_none=True)

    def step(self) -> None:
        """Update the weights from their gradients."""
        for optimizer in self.optimizers:
            optimizer.step()

    def pack(self) -> dict[str, bytes]:
        """The files of a checkpoint, by name.

        Raises:
            RequestRejected: a weight is not finite, so the checkpoint would be unusable.
        """
        for model in (self.model, self.average):
            if not all(bool(torch.isfinite(weight).all()) for weight in model.state_dict().values()):
                raise RequestRejected("the weights are not finite; lower the learning rate")
        moments = {
            f"{kind}/{name}": value.cpu().contiguous() for name, kept in self._moments() for kind, value in kept.items()
        }
        return {
            "model.safetensors": pack_weights(self.model),
            "average.safetensors": pack_weights(self.average),
            "optimizer.safetensors": safetensors.torch.save(moments),
        }

    def unpack(self, parts: Mapping[str, bytes]) -> None:
        """Restore what `pack` returned.

        Raises:
            KeyError, ValueError, RuntimeError, safetensors.SafetensorError: something is missing or left over.
        """
        self.model.load_state_dict(safetensors.torch.load(parts["model.safetensors"]))
        self.average.load_state_dict(safetensors.torch.load(parts["average.safetensors"]))
        moments = safetensors.torch.load(parts["optimizer.safetensors"])
        for name, kept in self._moments():
            parameter = self.model.get_parameter(name)
            kept.update({kind: _like(parameter, moments.pop(f"{kind}/{name}")) for kind in kept})
        if moments:
            raise ValueError(f"moments of {next(iter(moments))}")

    def _moments(self) -> Iterator[tuple[str, dict[str, Tensor]]]:
        """The optimizer state of each parameter, by name."""
        for name, parameter in self.model.named_parameters():
            yield name, next(o.state[parameter] for o in self.optimizers if parameter in o.state)


def best_row(rows: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """The first measured row with the lowest validation loss; empty without validation pictures."""
    measured = [row for row in rows if "validation_bits" in row]
    return min(measured, key=lambda row: row["validation_bits"], default={})


def _like(parameter: Tensor, value: Tensor) -> Tensor:
    """A moment in the memory layout of its parameter, so that a resumed run sums in the same order."""
    return torch.empty_like(parameter).copy_(value) if value.ndim else value
