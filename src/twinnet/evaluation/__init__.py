"""How good: one file per protocol; each stamps its name on its result."""

from twinnet.evaluation.embedded import paired, templates
from twinnet.evaluation.exact import verification_exact
from twinnet.evaluation.koch import koch, koch_pairs
from twinnet.evaluation.lake import lake20, lake20_assignment
from twinnet.evaluation.lfw import lfw
from twinnet.evaluation.nway import nway, one_shot_within_groups
from twinnet.evaluation.openset import Searches, openset, searches
from twinnet.evaluation.pairing import pairs_to_compare
from twinnet.evaluation.result import Result, bare, report_json, table
from twinnet.evaluation.retrieval import retrieval
from twinnet.evaluation.verification import verification, verification_of_pairs

__all__ = [
    "Result",
    "Searches",
    "bare",
    "koch",
    "koch_pairs",
    "lake20",
    "lake20_assignment",
    "lfw",
    "nway",
    "one_shot_within_groups",
    "openset",
    "paired",
    "pairs_to_compare",
    "report_json",
    "retrieval",
    "searches",
    "table",
    "templates",
    "verification",
    "verification_exact",
    "verification_of_pairs",
]
