"""The app in a browser; the only package that imports gradio."""

from pixelart.ui.app import build, launch_settings
from pixelart.ui.launch import launch

__all__ = ["build", "launch", "launch_settings"]
