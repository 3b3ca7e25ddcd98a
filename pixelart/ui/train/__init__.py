"""The tab Train: check pictures, set up a training, and follow it while it runs in the background."""

from pixelart.ui.train.tab import Models as Models
from pixelart.ui.train.tab import job_memory as job_memory
from pixelart.ui.train.tab import train_tab as train_tab
