"""Bring the state up to date with the files: read what is new or has changed, forget what is gone."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from twinnet.apps.plagiarism.candidates import sketch
from twinnet.apps.plagiarism.collect import Source
from twinnet.apps.plagiarism.hide import quoted, under
from twinnet.apps.plagiarism.marks import Keys
from twinnet.apps.plagiarism.prepared import Kind, Split, prepare, split_words
from twinnet.apps.plagiarism.state import State
from twinnet.core.errors import MissingExtra, UnreadableItem
from twinnet.core.progress import Progress
from twinnet.core.types import BoolArray, Skipped
from twinnet.data.documents import read_document
from twinnet.data.sources import read_bytes

_AT_ONCE = 100  # documents to a transaction: so many at most are read again after a crash


@dataclass(frozen=True)
class Hides:
    """What never counts, whoever else wrote what: phrases of a template by kind (ascending keys), and quotations."""

    template: dict[Kind, Keys]
    quotations: bool

    def of(self, split: Split) -> BoolArray:
        """Which words `(W,)` of a document are left out for that."""
        hidden = np.zeros(len(split.words), np.bool_)
        if split.kind in self.template:
            hidden |= under(split.phrases(), self.template[split.kind], len(split.words), split.run)
        if self.quotations and split.kind == "prose":
            hidden |= quoted(split.document.text, split.words)
        return hidden


def hides(template: Sequence[Source], quotations: bool) -> Hides:
    """Read templates. Raises UnreadableItem for one that cannot be read: without it, results would mislead."""
    phrases: dict[Kind, list[Keys]] = {}
    for source in template:
        split = split_words(read_document(source.path, source.name))
        phrases.setdefault(split.kind, []).append(split.phrases())
    return Hides({kind: np.unique(np.concatenate(keys)) for kind, keys in phrases.items()}, quotations)


def bring_up_to_date(
    state: State, sides: Sequence[Sequence[Source]], hidden: Hides, progress: Progress
) -> list[Skipped]:
    """Read into the state; returns what could not be read for want of an installed package, which is tried again."""
    known = {(row.side, row.name): row for row in state.rows()}
    wanted = [(side, source) for side, sources in enumerate(sides) for source in sources]
    gone = [row.id for key, row in known.items() if key not in {(side, source.name) for side, source in wanted}]
    with state.change():
        state.forget(gone)
    left: list[Skipped] = []
    with progress.task("reading", len(wanted)) as task:
        for start in range(0, len(wanted), _AT_ONCE):
            chunk = wanted[start : start + _AT_ONCE]
            with state.change():
                for side, source in chunk:
                    row = known.get((side, source.name))
                    try:
                        _read(state, side, source, row.id if row else None, row.stamp if row else "", hidden)
                    except MissingExtra as error:
                        left.append(Skipped(source.name, str(error)))
            task.advance(len(chunk))
    return left


def _read(state: State, side: int, source: Source, known: int | None, stamp: str, hidden: Hides) -> None:
    problem = ""
    try:
        content = read_bytes(source.path, source.name)
        now = hashlib.sha256(content).hexdigest()
    except UnreadableItem as error:
        problem = now = error.reason
    if now == stamp:
        return
    if known is not None:
        state.forget([known])
    if not problem:
        try:
            split = split_words(read_document(content, source.name))
        except UnreadableItem as error:
            problem = error.reason
    if problem:
        state.add_problem(side, source.name, source.owner, now, problem)
        return
    left_out = hidden.of(split)
    row = state.add(side, source.name, source.owner, now, split.document, split.kind, split.phrases())
    state.set_mask(row, "", sketch(prepare(split, left_out)), int(left_out.sum()))
