"""4 How far apart: Euclidean, cosine, learned. Always a distance, lower is more alike."""

from twinnet.compare.base import Comparison
from twinnet.compare.learned import Learned
from twinnet.compare.metric import Cosine, Euclidean
from twinnet.compare.registry import COMPARISONS, build

__all__ = ["COMPARISONS", "Comparison", "Cosine", "Euclidean", "Learned", "build"]
