"""6 Who is known: templates of identities, kept durably, searched and forgotten. Embeddings only, never pixels."""

from twinnet.gallery.exchange import binding_of, export, import_
from twinnet.gallery.local import LocalStore
from twinnet.gallery.store import Batch, Shortlist, Store
from twinnet.gallery.templates import Templates
from twinnet.gallery.types import (
    Binding,
    Dtype,
    Embeddings,
    Enrolled,
    Entry,
    Forgotten,
    Info,
    Keep,
    Match,
    Near,
    Receipt,
    Row,
)

__all__ = [
    "Batch",
    "Binding",
    "Dtype",
    "Embeddings",
    "Enrolled",
    "Entry",
    "Forgotten",
    "Info",
    "Keep",
    "LocalStore",
    "Match",
    "Near",
    "Receipt",
    "Row",
    "Shortlist",
    "Store",
    "Templates",
    "binding_of",
    "export",
    "import_",
]
