"""How good: one file per protocol; each stamps its name on its result."""

from twinnet.evaluation.embedded import paired, templates
from twinnet.evaluation.nway import nway, one_shot_within_groups
from twinnet.evaluation.pairing import pairs_to_compare
from twinnet.evaluation.result import Result, bare, report_json, table
from twinnet.evaluation.verification import verification, verification_of_pairs

__all__ = [
    "Result",
    "bare",
    "nway",
    "one_shot_within_groups",
    "paired",
    "pairs_to_compare",
    "report_json",
    "table",
    "templates",
    "verification",
    "verification_of_pairs",
]
