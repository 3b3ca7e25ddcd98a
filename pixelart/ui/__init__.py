"""The app in a browser; the only room that imports gradio."""

from pixelart.ui.launching import launch
from pixelart.ui.studio import build, launch_settings

__all__ = ["build", "launch", "launch_settings"]
