"""The app in a browser; the only package that imports gradio."""

from pixelart.ui.gradio_stubs import skip_stubs

skip_stubs()  # before gradio is imported

from pixelart.ui.app import build, launch_settings  # noqa: E402
from pixelart.ui.launch import launch  # noqa: E402

__all__ = ["build", "launch", "launch_settings"]
