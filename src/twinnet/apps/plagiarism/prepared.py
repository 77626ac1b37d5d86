"""A document made ready to be compared: what counts of it, its marks, and its bags."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from twinnet.apps.plagiarism.align import Alignment
from twinnet.apps.plagiarism.bags import Bag, bag_of
from twinnet.apps.plagiarism.chain import telling
from twinnet.apps.plagiarism.hide import CODE_RUN, PROSE_RUN
from twinnet.apps.plagiarism.marks import Keys, Marks, common_words, marked, runs, stem_numbers, word_numbers
from twinnet.core.types import BoolArray
from twinnet.data.documents import NAME, CodeParts, Document, Words, code_parts, laid_out, prose_words

Kind = Literal["prose", "code"]
EXACT_RUN = 8
"""Words in a row that are the same are called verbatim from this length on."""

HOW: Mapping[Kind, Alignment] = {
    "prose": Alignment(gap=8, shortest=12, density=0.45),
    "code": Alignment(gap=6, shortest=18, density=0.6),
}
_PROSE_BAGS = {"one": (1,), "two": (2,), "three": (3,), "five": (5,)}


@dataclass(frozen=True, slots=True)
class Prepared:
    """`counted (W,)`: words that are compared at all; `exact (W,)`: numbers of the words as they are written.

    `telling (N,)`: of prose, the words that may be in a chain.
    """

    document: Document
    kind: Kind
    words: Words
    counted: BoolArray
    marks: Marks
    bags: Mapping[str, Bag]
    exact: Keys
    telling: Keys


@dataclass(frozen=True, slots=True)
class Split:
    """A document in words, before it is decided which of them count."""

    document: Document
    kind: Kind
    words: Words
    exact: Keys
    parts: CodeParts | None

    def phrases(self) -> Keys:
        """Keys of its runs of written words: what a template or most other documents may have too."""
        return runs(self.exact, self.run)

    @property
    def run(self) -> int:
        """How long those runs are."""
        return CODE_RUN if self.kind == "code" else PROSE_RUN


def split_words(document: Document) -> Split:
    """Cut a document into words, or a program into tokens."""
    if not document.language:
        words = prose_words(document.text)
        return Split(document, "prose", words, word_numbers(words.keys), None)
    parts = code_parts(document.text, document.language)
    bounds = zip(parts.words.start.tolist(), parts.words.end.tolist(), strict=True)
    written = [document.text[start:end] for start, end in bounds]
    return Split(document, "code", parts.words, word_numbers(written), parts)


def prepare(split: Split, hidden: BoolArray | None = None) -> Prepared:
    """Marks and bags of the words that are not `hidden (W,)`."""
    words = split.words
    counted = np.ones(len(words), np.bool_) if hidden is None else ~hidden
    if split.parts is None:
        marks = marked(words, common_words(words), run=3, reach=3, counted=counted)
        stems = stem_numbers(words.keys)
        bags = {name: bag_of(stems, lengths, counted) for name, lengths in _PROSE_BAGS.items()}
    else:
        marks = marked(words, np.ones(len(words), np.bool_), run=CODE_RUN, reach=0, counted=counted)
        bags = _code_bags(split, split.parts, counted)
    some = telling(words, counted) if split.parts is None else np.zeros(0, np.uint64)
    return Prepared(split.document, split.kind, words, counted, marks, bags, split.exact, some)


def _code_bags(split: Split, parts: CodeParts, counted: BoolArray) -> dict[str, Bag]:
    """Letters as written but for case and space, and the same without names; tokens as written, normalised, and with
    the space before them; and the author's own choices.
    """
    text, clear = split.document.text, np.ones(len(split.document.text) + 1, np.bool_)
    bounds = np.flatnonzero(np.diff(np.concatenate([[0], (~counted).astype(np.int8), [0]])))
    for first, last in bounds.reshape(-1, 2):  # what lies between hidden tokens, such as comments, is hidden, too
        clear[parts.words.start[first] : parts.words.end[last - 1]] = False
    if not clear.all():
        text = "".join(c if shown else " " for c, shown in zip(text, clear[:-1].tolist(), strict=True))
    normal = word_numbers(parts.words.keys)
    bags = {
        "letters": bag_of(_letters(text), (3, 4, 5)),
        "unnamed": bag_of(_letters(_without_names(text, parts, counted)), (3, 4, 5)),
        "tokens": bag_of(split.exact, (1, 2, 3), counted),
        "structure": bag_of(normal, (1, 2, 3), counted),
        "long_structure": bag_of(normal, (3, 4, 5, 6, 7, 8), counted),
        "layout": bag_of(word_numbers(laid_out(split.document.text, parts.words)), (1, 2, 3), counted),
    }
    for name in ("names", "strings", "numbers", "comments"):
        part: Words = getattr(parts, name)
        numbers = word_numbers(part.keys)
        bags[name] = bag_of(numbers, (1, 2), clear[part.start])
    return bags


def _letters(text: str) -> Keys:
    return np.frombuffer(" ".join(text.lower().split()).encode("utf-32-le"), np.uint32).astype(np.uint64)


def _without_names(text: str, parts: CodeParts, counted: BoolArray) -> str:
    """The program with its author's names levelled, and all else as he wrote it: renaming is what copiers do first."""
    pieces, before = [], 0
    words = parts.words
    places = zip(words.keys, words.start.tolist(), words.end.tolist(), counted.tolist(), strict=True)
    for key, start, end, shown in places:
        if key == NAME and shown:
            pieces += [text[before:start], NAME]
            before = end
    return "".join([*pieces, text[before:]])
