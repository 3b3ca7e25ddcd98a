"""The settings of a training run, as its folder keeps them in run.json."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pixelart.checkpoint.format import CheckpointConfig
from pixelart.errors import RequestRejected
from pixelart.images.class_names import Labelled
from pixelart.storage import write_file
from pixelart.training.config import OPTIONS, Schedule
from pixelart.training.data.archives import Frames
from pixelart.training.data.pictures import Fit

RUN_FILE = "run.json"
PaletteOf = Literal["keep", "fit"]


@dataclass(frozen=True)
class RunConfig(Labelled):
    """The settings of one training run: data, network and schedule."""

    model: str
    preset: str
    data: str
    size: tuple[int, int]
    fit: Fit
    data_fingerprint: str
    classes: tuple[str, ...]
    colours: int
    palette: PaletteOf
    """"keep": the colours of the base. "fit": a palette fitted to the pictures."""
    codec: dict[str, Any]
    model_config: dict[str, Any]
    schedule: Schedule
    frames: Frames = "first"
    class_rule: int = 1
    """How folders name classes (`pixelart.training.data.classes`); older runs lack it, so the default is 1."""
    looks: tuple[str, ...] = ()
    kinds: tuple[tuple[str, str], ...] = ()
    """The looks and kinds that the network knows, see `Labels`."""
    base: str = ""
    """The checkpoint folder whose weights the run started from; "" = none. With a base, `preset` is "" unless
    the network grows, and `colours` is 0 unless set."""
    base_origin: str = ""
    """Where the base was pulled from, as owner/name@commit; "" = not pulled."""
    sizes: int = 0
    """Number of picture sizes that the run or its base was trained on; 0 = not recorded, as in older runs."""
    measured: dict[str, float] = field(default_factory=dict)
    """Pictures per second of each choice that was timed when the run started. On a CPU they are per second of CPU time;
    those of threads are per second of wall-clock time."""

    def network(self, training: dict[str, Any]) -> CheckpointConfig:
        """The config of the run's network, with this part on its `training`."""
        return CheckpointConfig(
            self.model, self.model_config, self.codec, self.classes, training, self.looks, self.kinds
        )

    def write(self, run: Path) -> None:
        """Store as `run`/run.json."""
        write_file(run / RUN_FILE, json.dumps(dataclasses.asdict(self), indent=1).encode())


OLDER = {name: declared.before for name, declared in OPTIONS.items() if declared.before is not None}
"""The values of options that runs of older versions do not record."""


def read_run(run: Path) -> RunConfig:
    """The config of the run folder `run`.

    Raises:
        RequestRejected: no run in this folder, or this version cannot read it.
    """
    try:
        values = json.loads((run / RUN_FILE).read_bytes())
        values.update(size=tuple(values["size"]), classes=tuple(values["classes"]))
        values.update(looks=tuple(values.get("looks", ())), kinds=tuple(map(tuple, values.get("kinds", ()))))
        values["schedule"] = {**OLDER, **values["schedule"]}
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
