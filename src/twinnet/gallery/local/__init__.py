"""The local store: one folder, nothing to start. SQLite is the record; the index is disposable."""

from twinnet.gallery.local.store import LocalStore

__all__ = ["LocalStore"]
