"""Find a picture again: an index over a folder, questions by a picture or a crop, a contact sheet for an answer."""

from twinnet.apps.retrieve.index import Indexed, index_folder
from twinnet.apps.retrieve.query import Found, Hit, query
from twinnet.apps.retrieve.regions import Box
from twinnet.apps.retrieve.sheet import write_sheet
from twinnet.apps.retrieve.train import retrieval_config, train_retrieval

__all__ = [
    "Box",
    "Found",
    "Hit",
    "Indexed",
    "index_folder",
    "query",
    "retrieval_config",
    "train_retrieval",
    "write_sheet",
]
