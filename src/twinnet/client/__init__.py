"""A typed client of `twinnet serve`: the answers are the library's own types."""

from twinnet.client.answers import Anomaly, Compared, Explanation, Piece, Reading, ServedModel
from twinnet.client.client import Client
from twinnet.core.errors import ServerError

__all__ = ["Anomaly", "Client", "Compared", "Explanation", "Piece", "Reading", "ServedModel", "ServerError"]
