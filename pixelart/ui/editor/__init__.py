"""The route that plug-ins of other editors ask (docs/editors.md): JSON messages with PNG files, on this machine."""
