"""The tab Train: pictures in, settings, and a training in the background that the page merely watches."""

from pixelart.ui.train.tab import Models as Models
from pixelart.ui.train.tab import job_memory as job_memory
from pixelart.ui.train.tab import train_tab as train_tab
