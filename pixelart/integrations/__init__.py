"""Plug-ins of other editors, and what puts them where those editors look.

The plug-ins are files for Krita's own Python and for Aseprite's Lua: they import nothing of this package. They lie
inside it because `pip install .`, the container and a Space carry the package and nothing beside it.
"""
