"""Every limit in one place."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Settings:
    """Limits on what comes in; sizes in bytes, pixels, or as named."""

    max_side: int = 1024
    max_file_bytes: int = 8 * 2**20
    max_pictures: int = 100_000
    max_archive_bytes: int = 512 * 2**20
    max_decoded_bytes: int = 2 * 2**30
    max_palette_bytes: int = 2**16
    max_count: int = 64
    max_weights_bytes: int = 512 * 2**20
    max_config_bytes: int = 2**20


SETTINGS = Settings()
