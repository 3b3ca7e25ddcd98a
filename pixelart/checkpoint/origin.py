"""The Hub repository that a checkpoint was pulled from, stored beside it as hub.json."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path

ORIGIN_FILE = "hub.json"
_MAX_BYTES = 4096
_ORIGIN = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]{0,95}/[A-Za-z0-9][A-Za-z0-9._-]{0,95})@([0-9a-f]{40})")


@dataclass(frozen=True)
class Origin:
    """A model repository on the Hugging Face Hub and the commit that was pulled."""

    repo: str
    commit: str

    def __str__(self) -> str:
        return f"{self.repo}@{self.commit}"

    def to_json(self) -> bytes:
        """The content of hub.json."""
        return json.dumps(asdict(self), indent=1).encode()


def read_origin(folder: Path) -> Origin | None:
    """The origin of the checkpoint in `folder`; None if hub.json is missing or not valid."""
    try:
        with (folder / ORIGIN_FILE).open("rb") as file:
            values = json.loads(file.read(_MAX_BYTES))
        return parse_origin(f"{values['repo']}@{values['commit']}")
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return None


def parse_origin(text: object) -> Origin | None:
    """Parse owner/name@commit; None if it is anything else."""
    found = _ORIGIN.fullmatch(text) if isinstance(text, str) else None
    return Origin(*found.groups()) if found else None
