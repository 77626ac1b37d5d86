"""A text in pieces for showing: plain, or one of the passages that it shares, with long plain stretches left out."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from twinnet.apps.plagiarism.align import Passage
from twinnet.apps.plagiarism.prepared import split_words
from twinnet.data.documents import Document

_CONTEXT = 300  # characters of plain text on each side of a passage, in a text too long to be shown whole
_WHOLE = 12_000  # characters: a text up to this is shown whole


@dataclass(frozen=True, slots=True)
class Piece:
    """Characters `start … end` of a text; `passage` counts from 1, 0 is plain; `omitted` ones are not shown."""

    text: str
    passage: int
    start: int
    end: int
    omitted: bool = False


def spans(document: Document, passages: tuple[Passage, ...], side: int) -> list[tuple[int, int]]:
    """Where each passage stands in a document's text, as characters `[start, end)`; side 0 is a, 1 is b."""
    words = split_words(document).words
    ends = [p.b if side else p.a for p in passages]
    return [(int(words.start[first]), int(words.end[last])) for first, last in ends]


def pieces(document: Document, passages: tuple[Passage, ...], side: int) -> list[Piece]:
    """The whole text in order. Of passages that overlap the longer is shown; they are numbered as they stand in a."""
    text = document.text
    which = np.zeros(len(text), np.int64)
    number_of = {passage: n for n, passage in enumerate(sorted(passages), 1)}
    longest_last = sorted(zip(spans(document, passages, side), passages, strict=True), key=lambda s: s[0][1] - s[0][0])
    for (start, end), passage in longest_last:
        which[start:end] = number_of[passage]
    cuts = [0, *(np.flatnonzero(np.diff(which)) + 1).tolist(), len(text)]
    found: list[Piece] = []
    for start, end in pairwise(cuts):
        number = int(which[start]) if start < len(text) else 0
        if number or len(text) <= _WHOLE or end - start <= 3 * _CONTEXT:
            found.append(Piece(text[start:end], number, start, end))
            continue
        first = start if start == 0 else start + _CONTEXT
        last = end if end == len(text) else end - _CONTEXT
        parts = (
            Piece(text[start:first], 0, start, first),
            Piece("", 0, first, last, omitted=True),
            Piece(text[last:end], 0, last, end),
        )
        found += [piece for piece in parts if piece.start < piece.end]
    return found
