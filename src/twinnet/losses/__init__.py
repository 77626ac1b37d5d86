"""5a How it learns: the formula as a pure function, then wrapped with the comparison and the choice of tuples."""

from twinnet.losses.base import Loss, LossOutput, PairIndex, Relation, TripletIndex
from twinnet.losses.bce import BCE, bce
from twinnet.losses.contrastive import Contrastive, contrastive
from twinnet.losses.cross_entropy import CrossEntropy
from twinnet.losses.registry import LOSSES, build
from twinnet.losses.supcon import SupCon, supcon
from twinnet.losses.triplet import Triplet, triplet

__all__ = [
    "BCE",
    "LOSSES",
    "Contrastive",
    "CrossEntropy",
    "Loss",
    "LossOutput",
    "PairIndex",
    "Relation",
    "SupCon",
    "Triplet",
    "TripletIndex",
    "bce",
    "build",
    "contrastive",
    "supcon",
    "triplet",
]
