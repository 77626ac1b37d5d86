"""Routes: parse, ask, answer. One file for each thing that is asked about."""

from twinnet.server.routes import compare, gallery, identities, state, strange, texts

ROUTERS = (compare.router, identities.router, gallery.router, strange.router, texts.router, state.router)

__all__ = ["ROUTERS"]
