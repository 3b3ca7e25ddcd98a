"""Add the docker to Krita."""

from __future__ import annotations

from krita import DockWidgetFactory, DockWidgetFactoryBase, Krita  # pyright: ignore[reportMissingImports, reportAttributeAccessIssue]

from .docker import StudioDocker

DOCKER_ID = "pixelart_studio"


def register() -> None:
    """Krita then makes a docker for each window."""
    factory = DockWidgetFactory(DOCKER_ID, DockWidgetFactoryBase.DockRight, StudioDocker)
    Krita.instance().addDockWidgetFactory(factory)
