"""Trainings in the background: a record of each, a queue, and one child process at a time."""

from pixelart.jobs.folder import JobFolder as JobFolder
from pixelart.jobs.folder import Progress as Progress
from pixelart.jobs.options import JOB_OPTIONS as JOB_OPTIONS
from pixelart.jobs.record import ENDED as ENDED
from pixelart.jobs.record import RESUMABLE as RESUMABLE
from pixelart.jobs.record import Job as Job
from pixelart.jobs.record import State as State
from pixelart.jobs.store import read_jobs as read_jobs
from pixelart.jobs.supervisor import Jobs as Jobs
