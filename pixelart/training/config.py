"""What a run is: every value that decides its weights, kept as run.json beside its checkpoints."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pixelart.errors import RequestRejected
from pixelart.storage import write_file
from pixelart.training.data.archives import Frames
from pixelart.training.data.pictures import Fit

RUN_FILE = "run.json"
PaletteOf = Literal["keep", "fit"]
AUTO = "auto"
PRECISIONS, MEMORY_FORMATS = ("fp32", "bf16"), ("channels_last", "contiguous")


@dataclass(frozen=True)
class Schedule:
    """How a run learns.

    Exactly one of `steps` (the weights are then a function of the settings, to the bit, on one machine) and `minutes`
    (of training time; stops and measuring not counted) is positive; it also sets the length of the cosine schedule.
    `precision` and `memory_format` "auto" and `threads` 0 are decided when the run starts, by what is fastest on the
    machine (`pixelart.training.autotune`). `context_rate`: the learning rate of the context encoder and its ways
    into the trunk, relative to the trunk's; `context_first`: the share of the schedule in which the encoder learns
    alone, by its vote, at a fourth of the work a step. `class_dropout`: the share of pictures shown without their
    class; `flip`: the share shown mirrored left to right, and said to be; `recolour`: where the palette is an input,
    the share shown in turned hues and stretched lightness. `balance` 0 shows pictures as often as there are, 1 every
    class as often. `dropout`: the share of gated features left out while training. `vote_weight`: the weight of the
    context encoder's own loss. Of the pictures, by content, `held_out_share` have no part in the run, and
    `validation_share` of them are only measured on. A step learns from `batch_size` pictures at a time, `accumulate`
    times over, in each of `processes` processes. `keep`: which averaged weights are exported, those of the "last" save
    or of the "best", the one whose validation pictures cost least: small sets overfit. `sample_every` 0 draws samples
    with every save. `gradient_checkpointing` forgets what layers computed and does it again for the gradient: slower,
    in less memory, the same bits unless compiled.
    """

    steps: int = 0
    minutes: float = 0.0
    batch_size: int = 16
    accumulate: int = 1
    processes: int = 1
    learning_rate: float = 1.5e-3
    optimizer: str = "adamw"
    warmup_steps: int = 200
    context_rate: float = 3.0
    context_first: float = 0.0
    weight_decay: float = 0.01
    ema: float = 0.999
    class_dropout: float = 0.1
    vote_weight: float = 0.3
    flip: float = 0.0
    recolour: float = 0.0
    balance: float = 0.0
    dropout: float = 0.0
    validation_share: float = 0.1
    held_out_share: float = 0.0
    seed: int = 0
    save_every: int = 500
    sample_every: int = 0
    keep: str = "last"
    precision: str = AUTO
    memory_format: str = AUTO
    compile: bool = False
    gradient_checkpointing: bool = False
    threads: int = 0

    @property
    def global_batch_size(self) -> int:
        """How many pictures a step learns from, in all processes together."""
        return self.batch_size * self.accumulate * self.processes

    @property
    def execution(self) -> str:
        """How the machine computes, in words: "bf16, channels_last, 2 threads"."""
        threads = [f"{self.threads} thread{'s' * (self.threads != 1)}"] if self.threads else []
        return ", ".join([self.precision, self.memory_format, *threads, *["compiled"] * self.compile])

    def check(self) -> None:
        """Raises RequestRejected, naming the value and the limit."""
        for name, (low, high) in _LIMITS.items():
            value = getattr(self, name)
            if not low <= value <= high:
                raise RequestRejected(f"{name} {value}: must lie in {low:g} to {high:g}")
        if (self.steps > 0) == (self.minutes > 0):
            raise RequestRejected("say either how many steps or how many minutes to train")
        for name, (*others, last) in _WORDS.items():
            if getattr(self, name) not in (*others, last):
                raise RequestRejected(f"{name} {getattr(self, name)!r:.20}: must be {', '.join(others)} or {last}")


_WORDS = {
    "precision": (AUTO, *PRECISIONS),
    "memory_format": (AUTO, *MEMORY_FORMATS),
    "keep": ("last", "best"),
    "optimizer": ("adamw", "muon"),
}
_BEFORE = {
    "memory_format": "channels_last",
    "optimizer": "adamw",
    "recolour": 0.0,
    "balance": 0.0,
    "dropout": 0.0,
    "held_out_share": 0.0,
}
"""What a run had whose run.json does not say it, being older."""
_LIMITS = {
    "steps": (0, 10**8 - 1),
    "minutes": (0, 60 * 24 * 30),
    "batch_size": (1, 4096),
    "accumulate": (1, 4096),
    "processes": (1, 4096),
    "learning_rate": (1e-7, 1.0),
    "warmup_steps": (0, 10**6),
    "context_rate": (0, 100),
    "context_first": (0, 1),
    "weight_decay": (0, 1),
    "ema": (0, 0.99999),
    "class_dropout": (0, 1),
    "flip": (0, 0.9),
    "recolour": (0, 1),
    "balance": (0, 1),
    "dropout": (0, 0.9),
    "vote_weight": (0, 10),
    "validation_share": (0, 0.9),
    "held_out_share": (0, 0.9),
    "seed": (0, 2**31),
    "save_every": (1, 10**8),
    "sample_every": (0, 10**8),
    "threads": (0, 1024),
}


@dataclass(frozen=True)
class RunConfig:
    """The settings of one training run: the data and what it fixed, the network, the schedule."""

    model: str
    preset: str
    data: str
    size: tuple[int, int]
    fit: Fit
    data_fingerprint: str
    classes: tuple[str, ...]
    colours: int
    palette: PaletteOf
    """Whose colours: those of the base, or such as fit the pictures."""
    codec: dict[str, Any]
    model_config: dict[str, Any]
    schedule: Schedule
    frames: Frames = "first"
    class_rule: int = 1
    """How its pictures are named after their folders (`pixelart.training.data.classes`); what is older says nothing."""
    base: str = ""
    """The checkpoint folder whose weights the run started from, or nothing; `preset`, and `colours` where the
    palette is kept, then say nothing."""
    base_origin: str = ""
    """Where the base was pulled from, as owner/name@commit, or nothing."""
    sizes: int = 0
    """How many sizes of pictures its weights learn, or the base has learned; 0: not recorded, as in older runs."""
    measured: dict[str, float] = field(default_factory=dict)
    """Pictures a second of each choice that was timed before the run began; on a CPU, per second of processor time, but
    for those of threads."""

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
        values.update(size=tuple(values["size"]), classes=tuple(values["classes"]))
        values["schedule"] = {**_BEFORE, **values["schedule"]}
        missing = set(Schedule.__dataclass_fields__) - set(values["schedule"])
        if missing:
            raise ValueError(f"no {', '.join(sorted(missing))}")
        config = RunConfig(**{**values, "schedule": Schedule(**values["schedule"])})
        config.schedule.check()
        return config
    except FileNotFoundError as error:
        raise RequestRejected(f"{run}: not a run folder (no {RUN_FILE})") from error
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise RequestRejected(f"{run / RUN_FILE}: not readable ({error})") from error
