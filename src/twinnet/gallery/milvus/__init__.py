"""The distributed store: the same calls on a Milvus server or cluster. `pip install 'twinnet[milvus]'`."""

from twinnet.gallery.milvus.address import Address, is_address
from twinnet.gallery.milvus.store import MilvusStore

__all__ = ["Address", "MilvusStore", "is_address"]
