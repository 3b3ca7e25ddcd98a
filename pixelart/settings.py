"""Every limit in one place, and the version that pictures say they were made by."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace

from pixelart.system.memory import MIB, share_of_memory

VERSION = "0.1.0"


@dataclass(frozen=True)
class Settings:
    """Limits on what comes in; sizes in bytes, pixels, or as named."""

    max_side: int = 1024
    max_sheet_pixels: int = 2048 * 2048
    """Of a picture that is to be cut into tiles, or reduced to its true grid, whatever its sides are."""
    max_frames: int = 1000
    """Of an animation all of whose frames are taken."""
    max_file_bytes: int = 5 * 2**20
    max_body_bytes: int = 8 * 2**20
    """Of a request to the app: such a file or a canvas of `max_side`, in base64, with its settings."""
    max_body_seconds: float = 30.0
    """From the first byte of such a request to its last."""
    max_upload_bytes: int = 0
    """Of a file in the way of gradio, which keeps it: neither the page nor the API takes one."""
    max_queue: int = 64
    """Of what waits for its turn, whoever asked."""
    max_unread: int = 500
    """Of messages that wait for a page to read them."""
    max_session_bytes: int = share_of_memory(256, least=32 * MIB, most=64 * MIB)
    """Of memory that the app holds for one page: what it sent, answers that it has not read, and its results."""
    max_held_bytes: int = share_of_memory(64, least=64 * MIB, most=192 * MIB)
    """The same for all pages together."""
    max_drawing_bytes: int = share_of_memory(32, least=256 * MIB, most=512 * MIB)
    """Of memory that the pictures drawn at once, or inspected, take beside the weights."""
    own_drawing_bytes: int = share_of_memory(4, least=512 * MIB)
    """The same in a terminal, where the machine serves one user."""
    max_drawing_seconds: float = 120.0
    """Of one drawing, from its turn to its end."""
    max_sessions: int = 1000
    """Of which the app keeps what they drew; the one unused longest goes first."""
    max_result_bytes: int = 500 * 2**20
    """Of the files of results that the app keeps for its pages; the oldest go first."""
    max_page_bytes: int = 768 * 2**10
    """Of the results that a page keeps in its browser, as PNG files with how they were made: beside a canvas of
    `max_side` they fit a request."""
    max_page_pixels: int = 2**20
    """Of all these together."""
    max_pictures: int = 100_000
    max_classes: int = 256
    max_class_name: int = 80
    """Characters."""
    max_files: int = 400_000
    """Of a folder of pictures, whatever they are; of an archive, `max_directory_bytes` limits them."""
    max_archive_bytes: int = 512 * 2**20
    max_directory_bytes: int = 8 * 2**20
    max_decoded_bytes: int = share_of_memory(8, least=512 * MIB, most=2048 * MIB)
    """Of the pixels of a set of pictures; they are read one at a time."""
    max_palette_bytes: int = 2**16
    max_count: int = 64
    first_checkpoint: str = "dungeon-gated"
    """What the app opens with, and is trained on from, where it is there."""
    max_weights_bytes: int = 512 * 2**20
    max_config_bytes: int = 2**20
    max_checks: int = 2
    """Of pictures that visitors of the app put in: so many are looked through at once, and others wait."""
    max_fetches: int = 4
    """Of datasets of the Hub that visitors of the app wait for."""
    max_pushes: int = 2
    """Of checkpoints that visitors of the app push to the Hub: so many are on their way at once."""
    max_incoming_bytes: int = 500 * 2**20
    """Of the pictures that all visitors of the app together have put in; those of trainings are not counted."""
    max_running_jobs: int = 1
    max_queued_jobs: int = 3
    max_jobs_per_owner: int = 2
    """Of those places that one visitor may have, where there may be others."""
    max_kept_jobs: int = 20
    """Of one owner, those that have ended and their saves included."""
    max_kept_bytes: int = 8 * 2**30
    """Of the disk that all trainings take up, and, where they are their owners' alone, the models made of them."""
    max_job_bytes: int = share_of_memory(2, least=1024 * MIB)
    """Of memory that the process of a job may take (Linux, on a CPU)."""
    max_job_threads: int = 8
    """Or all cores, where there are fewer: more gain nothing on networks as small as these."""
    max_job_minutes: float = 30.0
    """Of training; measuring, drawing samples and waiting for whoever draws are not counted."""
    max_process_minutes: float = 60.0
    """Of the process of a job, measuring and all, but for waiting: what has not ended then is saved and stopped."""

    def for_one_user(self) -> Settings:
        """The same, where there are no other visitors: all places are one's own."""
        places = self.max_running_jobs + self.max_queued_jobs
        return replace(self, max_jobs_per_owner=places, max_kept_bytes=sys.maxsize)


SETTINGS = Settings()
