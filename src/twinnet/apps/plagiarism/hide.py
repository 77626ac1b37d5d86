"""Words that do not count: those of a template, of quotations, and of what most documents say alike."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from twinnet.apps.plagiarism.marks import Keys
from twinnet.core.types import BoolArray
from twinnet.data.documents import Words

PROSE_RUN = 5
CODE_RUN = 8
"""Words, or tokens, in a row that must be the same to be called the same phrase."""

MANY = 10
"""What fewer documents share may be a group that copied; what so many share is taken for a set phrase or a hand-out."""

# A quotation is at most a page or so: an unclosed mark must not hide the rest of a text.
_QUOTED = re.compile(
    r"“[^”]{1,2000}”|„[^“”]{1,2000}[“”]|«[^»]{1,2000}»|「[^」]{1,2000}」|(?<!\w)\"[^\"]{1,2000}\"(?!\w)|^[ \t]*>.*$",
    re.MULTILINE,
)


def under(keys: Keys, chosen: Keys, n_words: int, run: int) -> BoolArray:
    """Which words `(W,)` lie in a run whose key is one of `chosen`, ascending; `keys (W − run + 1,)`."""
    hidden = np.zeros(n_words, np.bool_)
    if not len(chosen) or not len(keys):
        return hidden
    at = np.minimum(np.searchsorted(chosen, keys), len(chosen) - 1)
    hits = np.flatnonzero(chosen[at] == keys)
    for step in range(run):
        hidden[hits + step] = True
    return hidden


def in_most(all_keys: Sequence[Keys], share: float) -> Keys:
    """Keys that stand in more than this share of the documents, and in at least `MANY` of them, ascending.

    Each document's keys are given as they stand in it, repeats included.
    """
    if len(all_keys) < MANY or share >= 1:
        return np.zeros(0, np.uint64)
    keys, counts = np.unique(np.concatenate([np.unique(keys) for keys in all_keys]), return_counts=True)
    return np.asarray(keys[counts > max(share * len(all_keys), MANY - 1)], np.uint64)


def quoted(text: str, words: Words) -> BoolArray:
    """Which words `(W,)` stand between quotation marks, or on lines that begin with `>`."""
    hidden = np.zeros(len(words), np.bool_)
    for match in _QUOTED.finditer(text):
        first, last = np.searchsorted(words.start, [match.start(), match.end()])
        hidden[first:last] = True
    return hidden
