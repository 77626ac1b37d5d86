"""Bring the pairs up to date: what most documents say alike stops counting, candidates are found and compared."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import Any

import numpy as np

from twinnet.apps.plagiarism.candidates import candidates, sketch
from twinnet.apps.plagiarism.hide import CODE_RUN, PROSE_RUN, in_most, under
from twinnet.apps.plagiarism.marks import Keys
from twinnet.apps.plagiarism.measures import measure
from twinnet.apps.plagiarism.prepared import Kind, Prepared, prepare, split_words
from twinnet.apps.plagiarism.reading import Hides
from twinnet.apps.plagiarism.state import State
from twinnet.core.progress import Progress
from twinnet.core.types import BoolArray

_AT_ONCE = 200  # pairs to a transaction
_IN_MEMORY = 512  # documents kept ready


class Comparing:
    """One kind of document, of one state."""

    def __init__(self, state: State, kind: Kind, hides: Hides, common: float) -> None:
        self._state, self._kind, self._hides = state, kind, hides
        self._rows = [row for row in state.rows() if row.kind == kind]
        self._side = {row.id: row.side for row in self._rows}
        self._usual = self._in_most(common)
        self._ready: Any = lru_cache(maxsize=_IN_MEMORY)(self._prepare)

    def run(self, progress: Progress) -> int:
        """Compare what has not been compared, or not with what counts now; how many pairs that were."""
        masks = self._masks()
        known = self._state.pair_masks()
        ids = np.array([row.id for row in self._rows], np.int64)
        owners = {name: i for i, name in enumerate(sorted({row.owner for row in self._rows}))}
        # Two documents of one name on different sides have different owners.
        allowed = np.array([[2 * owners[row.owner] + row.side, row.side] for row in self._rows], np.int64)
        two_sided = bool(len(allowed)) and allowed[:, 1].any()
        if two_sided:
            allowed[:, 1] += 1
        sketches = self._state.sketches(self._kind)
        new = np.array([not row.compared for row in self._rows], np.bool_)
        found = candidates([sketches[i] for i in ids.tolist()], new, allowed.reshape(-1, 2))
        wanted = [self._turned(int(ids[x]), int(ids[y])) for x, y in found.tolist()]
        todo = [pair for pair in wanted if known.get(pair) != f"{masks[pair[0]]}|{masks[pair[1]]}"]
        here = set(ids.tolist())
        stale = [p for p, m in known.items() if p[0] in here and m != f"{masks[p[0]]}|{masks[p[1]]}"]
        todo = sorted({*todo, *stale})
        with progress.task("comparing", len(todo)) as task:
            for start in range(0, len(todo), _AT_ONCE):
                chunk = todo[start : start + _AT_ONCE]
                results = [(a, b, measure(self._ready(a), self._ready(b))) for a, b in chunk]
                with self._state.change():
                    for a, b, shared in results:
                        self._state.add_pair(a, b, f"{masks[a]}|{masks[b]}", shared)
                task.advance(len(chunk))
        with self._state.change():
            self._state.set_compared(ids[new].tolist())
        return len(todo)

    def _turned(self, x: int, y: int) -> tuple[int, int]:
        """Suspect first; among equals the one that came first."""
        return (x, y) if (self._side[x], x) < (self._side[y], y) else (y, x)

    def _in_most(self, common: float) -> Keys:
        phrases = self._state.phrases(self._kind)
        sides = [[phrases[row.id] for row in self._rows if row.side == side] for side in (0, 1)]
        return np.union1d(*(in_most(side, common) for side in sides))

    def _masks(self) -> dict[int, str]:
        """The digest of what is left out of each document for being usual; sketches follow where it changed."""
        before, phrases = self._state.masks(), self._state.phrases(self._kind)
        now = {}
        changed = []
        for row in self._rows:
            usual = self._usual_words(phrases[row.id])
            now[row.id] = (
                hashlib.blake2b(np.packbits(usual).tobytes(), digest_size=8).hexdigest() if usual.any() else ""
            )
            if now[row.id] != before[row.id]:
                changed.append(row.id)
        with self._state.change():
            for i in changed:
                prepared = self._prepare(i)
                self._state.set_mask(i, now[i], sketch(prepared), int((~prepared.counted).sum()))
        return now

    def _usual_words(self, phrases: Keys) -> BoolArray:
        run = CODE_RUN if self._kind == "code" else PROSE_RUN
        return under(phrases, self._usual, len(phrases) + run - 1, run)

    def _prepare(self, row: int) -> Prepared:
        split = split_words(self._state.document(row))
        hidden = self._hides.of(split)
        if len(phrases := split.phrases()):
            hidden |= self._usual_words(phrases)
        return prepare(split, hidden)
