"""6 Who is known: templates of identities, kept durably, searched and forgotten. Embeddings only, never pixels."""

from twinnet.gallery.exchange import binding_of, entries_of, export, import_, import_entries
from twinnet.gallery.local import LocalStore
from twinnet.gallery.milvus import MilvusStore
from twinnet.gallery.places import AnyStore, Place, create_store, open_store, there
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
    "AnyStore",
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
    "MilvusStore",
    "Near",
    "Place",
    "Receipt",
    "Row",
    "Shortlist",
    "Store",
    "Templates",
    "binding_of",
    "create_store",
    "entries_of",
    "export",
    "import_",
    "import_entries",
    "open_store",
    "there",
]
