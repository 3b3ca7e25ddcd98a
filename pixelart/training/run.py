"""What a run is: every value that decides its weights, kept as run.json beside its checkpoints."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pixelart.errors import RequestRejected
from pixelart.training.checkpoint import write_file

RUN_FILE = "run.json"


@dataclass(frozen=True)
class RunConfig:
    """The settings of one training run.

    Exactly one of `steps` (the run is then a function of its settings, to the bit) and `minutes` (of training time,
    stops and resumes not counted) is positive; it also sets the length of the cosine schedule.
    """

    model: str
    preset: str
    data: str
    size: tuple[int, int]
    fit: str
    data_fingerprint: str
    classes: tuple[str, ...]
    codec: dict[str, Any]
    model_config: dict[str, Any]
    steps: int = 0
    minutes: float = 0.0
    batch_size: int = 16
    learning_rate: float = 1.5e-3
    warmup_steps: int = 200
    weight_decay: float = 0.01
    ema: float = 0.999
    class_dropout: float = 0.1
    vote_weight: float = 0.3
    flip: bool = False
    validation_share: float = 0.1
    seed: int = 0
    save_every: int = 500
    precision: str = "bf16"
    compile: bool = False
    threads: int = 0

    def write(self, run: Path) -> None:
        """Store as `run`/run.json."""
        write_file(run / RUN_FILE, json.dumps(dataclasses.asdict(self), indent=1).encode())


def read_run(run: Path) -> RunConfig:
    """The config of the run folder `run`.

    Raises:
        RequestRejected: no run there, or not one that this version understands.
    """
    try:
        values = json.loads((run / RUN_FILE).read_bytes())
        return RunConfig(**{**values, "size": tuple(values["size"]), "classes": tuple(values["classes"])})
    except FileNotFoundError as error:
        raise RequestRejected(f"{run}: not a run folder (no {RUN_FILE})") from error
    except (ValueError, TypeError, KeyError) as error:
        raise RequestRejected(f"{run / RUN_FILE}: not readable ({error})") from error
