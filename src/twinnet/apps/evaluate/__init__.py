"""Judge a model on data that it never saw, by a named protocol."""

from twinnet.apps.evaluate.data import open_for
from twinnet.apps.evaluate.judged import seen_note, template_distances
from twinnet.apps.evaluate.run import PROTOCOLS, evaluate

__all__ = ["PROTOCOLS", "evaluate", "open_for", "seen_note", "template_distances"]
