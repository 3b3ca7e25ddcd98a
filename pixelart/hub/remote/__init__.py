"""Trainings as Hugging Face Jobs: rent a machine, train there, and fetch the run."""

from pixelart.hub.remote.hardware import Flavor as Flavor
from pixelart.hub.remote.hardware import find_flavor as find_flavor
from pixelart.hub.remote.hardware import list_flavors as list_flavors
from pixelart.hub.remote.record import RemoteRecord as RemoteRecord
from pixelart.hub.remote.record import read_record as read_record
from pixelart.hub.remote.training import RemoteTraining as RemoteTraining
from pixelart.hub.remote.training import delete_pictures as delete_pictures
from pixelart.hub.remote.training import is_at_work as is_at_work
