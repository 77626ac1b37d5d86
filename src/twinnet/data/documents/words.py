"""Prose into words, in any script: what stands between spaces, or single characters where a script has none."""

from __future__ import annotations

import re

import numpy as np

from twinnet.data.documents.document import Words

# Scripts without spaces between words, by their Unicode blocks: Thai, Lao, Burmese, Khmer, kana, ideographs.
_UNSPACED = (
    "\u0e00-\u0e7f\u0e80-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\U00020000-\U0003134f"
)
_WORD = re.compile(rf"[{_UNSPACED}]|(?:(?![{_UNSPACED}_])\w)+(?:['’](?:(?![{_UNSPACED}_])\w)+)*")


def prose_words(text: str) -> Words:
    """Words in lower case (`casefold`), without punctuation; an apostrophe inside a word is dropped from its key."""
    found = list(_WORD.finditer(text))
    return Words(
        tuple(match.group().casefold().replace("'", "").replace("’", "") for match in found),
        np.array([match.start() for match in found], np.int64),
        np.array([match.end() for match in found], np.int64),
    )
