"""The tab Train: pictures, settings, and trainings that run in the background while the page shows them."""

from pixelart.ui.train.tab import Models as Models
from pixelart.ui.train.tab import job_memory as job_memory
from pixelart.ui.train.tab import train_tab as train_tab
