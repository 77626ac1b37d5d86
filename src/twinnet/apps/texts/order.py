"""What bags of n-grams do not see: the order of words, names, and numbers.

Such measures judge machine translations by a reference, and tell paraphrases well (Madnani et al. 2012).
"""

from __future__ import annotations

import math
import re
from collections import Counter

import numpy as np

from twinnet.core.types import FloatArray

_WORD, _NUMBER, _NAME = re.compile(r"\w+"), re.compile(r"\d[\d,.]*"), re.compile(r"(?<=\s)[^\W\d_a-z]\w+")
_LONGEST = 4
MEASURES = (
    "in_order_of_shorter", "in_order_of_longer", "longest_run", "names_of_fewer", "names_of_more",
    "numbers_apart", "numbers_shared", "has_numbers",
    *(f"runs_{n}_of_{which}" for n in range(1, _LONGEST + 1) for which in ("longer", "shorter")),
)  # fmt: skip


def ordered(first: str, second: str) -> FloatArray:
    """`(len(MEASURES),)`, the same for (second, first)."""
    a, b = (_WORD.findall(text.lower()) for text in (first, second))
    few, many = sorted((max(1, len(a)), max(1, len(b))))
    together, longest = _in_order(a, b), _longest_run(a, b)
    names, figures = (tuple(Counter(found.findall(text)) for text in (first, second)) for found in (_NAME, _NUMBER))
    shared_names, counts = (names[0] & names[1]).total(), sorted(max(1, bag.total()) for bag in names)
    row = [
        together / few, together / many, longest / few, shared_names / counts[0], shared_names / counts[1],
        math.log1p((figures[0] - figures[1]).total() + (figures[1] - figures[0]).total()),
        math.log1p((figures[0] & figures[1]).total()), float(bool(figures[0] or figures[1])),
    ]  # fmt: skip
    for n in range(1, _LONGEST + 1):
        x, y = (Counter(zip(*(words[i:] for i in range(n)), strict=False)) for words in (a, b))
        both = (x & y).total()
        row += sorted((both / max(1, x.total()), both / max(1, y.total())))
    return np.array(row, np.float64)


def _in_order(a: list[str], b: list[str]) -> int:
    """Length of the longest common subsequence."""
    longest = [0] * (len(b) + 1)
    for word in a:
        diagonal = 0
        for j, other in enumerate(b, 1):
            above = longest[j]
            longest[j] = diagonal + 1 if word == other else max(above, longest[j - 1])
            diagonal = above
    return longest[-1]


def _longest_run(a: list[str], b: list[str]) -> int:
    before, best = [0] * (len(b) + 1), 0
    for word in a:
        before = [0, *(n + 1 if word == other else 0 for n, other in zip(before, b, strict=False))]
        best = max(best, *before)
    return best
