"""All limits of the app, the version that is written into pictures, and the folder of the sources."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from pathlib import Path

from pixelart.system.memory import MIB, share_of_memory

VERSION = "0.1.0"
ROOT = Path(__file__).parents[1]
"""The folder that holds the package and, in a checkout, app.py."""


@dataclass(frozen=True)
class Settings:
    """Limits on input and resources; sizes are in bytes or pixels, as named."""

    max_side: int = 1024
    max_sheet_pixels: int = 2048 * 2048
    """Largest picture that is cut into tiles or reduced to its true grid; its sides may exceed `max_side`."""
    max_frames: int = 1000
    """Frames of an animation when all of them are read."""
    max_file_bytes: int = 5 * 2**20
    max_body_bytes: int = 10 * 2**20
    """Size of a request body. In base64, a canvas of `max_side` with its mask and its painted temperature has 8 MiB and
    8 bytes, and the stored results (`max_page_bytes`) have 1 MiB; the rest is for the settings."""
    max_body_seconds: float = 30.0
    """Time from the first to the last byte of a request body."""
    max_upload_bytes: int = 0
    """Size of a file uploaded through gradio; 0, because neither the page nor the API uploads this way."""
    max_queue: int = 64
    """Requests waiting in the queue, of all visitors."""
    max_unread: int = 500
    """Messages that a page has not read yet."""
    max_session_bytes: int = share_of_memory(256, least=32 * MIB, most=64 * MIB)
    """Memory that the app keeps for one page: what it sent, unread answers, and its results."""
    max_held_bytes: int = share_of_memory(64, least=64 * MIB, most=192 * MIB)
    """The same for all pages together."""
    max_drawing_bytes: int = share_of_memory(32, least=256 * MIB, most=512 * MIB)
    """Memory for pictures that are sampled or inspected at the same time, without the weights."""
    own_drawing_bytes: int = share_of_memory(4, least=512 * MIB)
    """The same on the command line, where the machine serves one user."""
    max_drawing_seconds: float = 120.0
    """Duration of one drawing, without its time in the queue."""
    max_sessions: int = 1000
    """Pages whose results the app keeps; the least recently used one is dropped first."""
    max_result_bytes: int = 500 * 2**20
    """Size of all result files that the app keeps for its pages; the oldest are dropped first."""
    max_page_bytes: int = 768 * 2**10
    """Results that a page keeps in its browser, as PNG files with their settings. Together with a canvas of `max_side`
    they fit into one request."""
    max_page_pixels: int = 2**20
    """Pixels of all these results together."""
    max_pictures: int = 100_000
    max_classes: int = 256
    max_class_name: int = 80
    """Characters."""
    max_files: int = 400_000
    """Files of any kind in a folder of pictures; `max_directory_bytes` limits those of an archive."""
    max_archive_bytes: int = 512 * 2**20
    max_directory_bytes: int = 8 * 2**20
    max_decoded_bytes: int = share_of_memory(8, least=512 * MIB, most=2048 * MIB)
    """Pixels of a set of pictures; pictures are read one at a time."""
    max_palette_bytes: int = 2**16
    max_count: int = 64
    max_set: int = 100_000_000
    """Pictures of a set that is drawn in shards."""
    first_checkpoint: str = "studio"
    """The checkpoint that the app opens with and fine-tunes by default, if it exists."""
    max_weights_bytes: int = 512 * 2**20
    max_config_bytes: int = 2**20
    max_checks: int = 2
    """Uploads of visitors that are checked at the same time; others wait."""
    max_fetches: int = 4
    """Datasets of the Hub that are downloaded for visitors at the same time."""
    max_pushes: int = 2
    """Checkpoints that visitors push to the Hub at the same time."""
    max_incoming_bytes: int = 500 * 2**20
    """Uploaded pictures of all visitors together, without those of jobs."""
    max_running_jobs: int = 1
    max_queued_jobs: int = 3
    max_jobs_per_owner: int = 2
    """Places of these that one visitor may use when there are other visitors."""
    max_remote_jobs: int = 16
    """Trainings on rented machines that are watched at the same time."""
    max_remote_minutes: float = 24 * 60.0
    """Training time of a job on a rented machine."""
    max_kept_jobs: int = 20
    """Jobs of one owner, ended ones and their saves included."""
    max_kept_bytes: int = 8 * 2**30
    """Disk space of all trainings. With one owner per checkpoint, the models exported from them count too."""
    max_job_bytes: int = share_of_memory(2, least=1024 * MIB)
    """Memory of a job's process (Linux, on a CPU)."""
    max_job_threads: int = 8
    """CPU threads of a job, or all cores if there are fewer. These small networks gain nothing from more."""
    max_job_minutes: float = 30.0
    """Training time of a job, without validation, sampling and pauses."""
    max_process_minutes: float = 60.0
    """Run time of a job's process, validation included, pauses excluded. Then it saves and stops."""

    def for_one_user(self) -> Settings:
        """These limits for a single user, who may use all places."""
        places = self.max_running_jobs + self.max_queued_jobs
        return replace(self, max_jobs_per_owner=places, max_kept_bytes=sys.maxsize)


SETTINGS = Settings()
