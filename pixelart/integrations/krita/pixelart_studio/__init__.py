"""The Krita plug-in of Pixel Art Studio. It runs in Krita's own Python (3.8 or newer) and needs no other package."""

try:
    import krita as _krita
except ImportError:  # the modules without Krita are also used outside it
    _krita = None

if _krita is not None:
    from . import plugin

    plugin.register()
