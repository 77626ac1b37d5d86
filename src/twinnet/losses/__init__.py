"""5a How it learns: the formula as a pure function, then wrapped with the comparison and the choice of tuples."""

from twinnet.losses.base import (
    EpisodeIndex,
    Labels,
    Loss,
    LossOutput,
    PairIndex,
    PairMatrix,
    Relation,
    TripletIndex,
)
from twinnet.losses.bce import BCE, bce
from twinnet.losses.combine import CrossBatchMemory, WeightedSum
from twinnet.losses.contrastive import Contrastive, contrastive
from twinnet.losses.cross_entropy import CrossEntropy
from twinnet.losses.episodes import NPairs, Prototypical, info_nce
from twinnet.losses.exact_triplet import hinge_sum, violation_sum
from twinnet.losses.proxies import ArcFace, CosFace, ProxyAnchor, arcface, cosface, proxy_anchor
from twinnet.losses.reduce import class_balanced
from twinnet.losses.registry import LOSSES, NAMES, PROXY_LOSSES, build
from twinnet.losses.similarity import NCA, Circle, MultiSimilarity, circle, multi_similarity, nca
from twinnet.losses.supcon import NTXent, SupCon, nt_xent, supcon
from twinnet.losses.triplet import Triplet, soft_triplet, triplet
from twinnet.pairs.index import shares_any

__all__ = [
    "BCE",
    "LOSSES",
    "NAMES",
    "NCA",
    "PROXY_LOSSES",
    "ArcFace",
    "Circle",
    "Contrastive",
    "CosFace",
    "CrossBatchMemory",
    "CrossEntropy",
    "EpisodeIndex",
    "Labels",
    "Loss",
    "LossOutput",
    "MultiSimilarity",
    "NPairs",
    "NTXent",
    "PairIndex",
    "PairMatrix",
    "Prototypical",
    "ProxyAnchor",
    "Relation",
    "SupCon",
    "Triplet",
    "TripletIndex",
    "WeightedSum",
    "arcface",
    "bce",
    "build",
    "circle",
    "class_balanced",
    "contrastive",
    "cosface",
    "hinge_sum",
    "info_nce",
    "multi_similarity",
    "nca",
    "nt_xent",
    "proxy_anchor",
    "shares_any",
    "soft_triplet",
    "supcon",
    "triplet",
    "violation_sum",
]
