"""What a user can do with a checkpoint: generate, complete, enlarge, score, inspect. No gradio, no argparse."""

from pixelart.checkpoint.info import CheckpointInfo as CheckpointInfo
from pixelart.checkpoint.library import Checkpoint as Checkpoint
from pixelart.checkpoint.presets import Preset as Preset
from pixelart.engine.drawing import most_probable_first as most_probable_first
from pixelart.engine.engine import Engine as Engine
from pixelart.engine.faults import Fault as Fault
from pixelart.engine.inspection import ColourChance as ColourChance
from pixelart.engine.inspection import Inspection as Inspection
from pixelart.engine.inspection import PixelColours as PixelColours
from pixelart.engine.previews import OnRow as OnRow
from pixelart.engine.remote import Call as Call
from pixelart.engine.remote import RemoteBackend as RemoteBackend
from pixelart.engine.request import Drawing as Drawing
from pixelart.engine.request import Preview as Preview
from pixelart.engine.request import Request as Request
from pixelart.engine.variations import Animation as Animation
from pixelart.engine.variations import Tileset as Tileset
