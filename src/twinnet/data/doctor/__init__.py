"""What is wrong with a data set, before a minute of training is spent on it: one look at every item, then findings."""

from twinnet.data.doctor.content import content
from twinnet.data.doctor.copies import copies, side_of
from twinnet.data.doctor.duplicates import Duplicates, coarse, duplicates, unit
from twinnet.data.doctor.finding import Finding, by_severity, first, many
from twinnet.data.doctor.look import Look, look, together
from twinnet.data.doctor.suspects import Suspects, suspects

__all__ = [
    "Duplicates",
    "Finding",
    "Look",
    "Suspects",
    "by_severity",
    "coarse",
    "content",
    "copies",
    "duplicates",
    "first",
    "look",
    "many",
    "side_of",
    "suspects",
    "together",
    "unit",
]
