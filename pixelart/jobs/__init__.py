"""Background trainings: a database of jobs, a queue, and one child process per running job."""

from pixelart.jobs.folder import JobFolder as JobFolder
from pixelart.jobs.folder import JobProgress as JobProgress
from pixelart.jobs.job import CONTINUABLE as CONTINUABLE
from pixelart.jobs.job import ENDED as ENDED
from pixelart.jobs.job import RESUMABLE as RESUMABLE
from pixelart.jobs.job import Job as Job
from pixelart.jobs.job import State as State
from pixelart.jobs.options import JOB_OPTIONS as JOB_OPTIONS
from pixelart.jobs.queue import Jobs as Jobs
from pixelart.jobs.remote import RemoteTrainer as RemoteTrainer
from pixelart.jobs.store import read_jobs as read_jobs
