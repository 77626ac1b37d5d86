"""8 A model and a gallery behind HTTP and a page: no torch, safe by default. `serve(Settings(...))` runs it."""

from twinnet.server.run import serve
from twinnet.server.settings import Limits, Settings

__all__ = ["Limits", "Settings", "serve"]
