"""The whole search: read, find candidates, compare, judge."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

from twinnet.apps.plagiarism.collect import sources_in
from twinnet.apps.plagiarism.comparing import Comparing
from twinnet.apps.plagiarism.found import Found, Match, clusters_of
from twinnet.apps.plagiarism.judge import Judge, default_judge
from twinnet.apps.plagiarism.measures import measure
from twinnet.apps.plagiarism.prepared import Kind, prepare, split_words
from twinnet.apps.plagiarism.reading import Hides, bring_up_to_date, hides
from twinnet.apps.plagiarism.state import State
from twinnet.core.errors import ConfigError
from twinnet.core.progress import SILENT, Progress
from twinnet.core.types import Skipped
from twinnet.data.documents import Document, read_document

_MEASURES = 4  # raised whenever the measures of the same two texts change: older states are then made anew
_KINDS: tuple[Kind, ...] = ("prose", "code")
MOST_SHOWN = 100
"""Pairs whose texts are in the answer, and side by side in the report."""


@dataclass(frozen=True, slots=True)
class Options:
    """What is left out of the comparison, and what is one submission.

    `template`: a file or folder whose phrases never count. `skip_quoted`: nor do quotations. `common`: nor do phrases
    that stand in more than this share of the documents, and in at least ten; 1 counts them all. `by_folder`: each
    folder directly below the given one is one submission, and its files are not compared with each other.
    """

    template: Path | None = None
    skip_quoted: bool = False
    common: float = 0.5
    by_folder: bool = False

    def __post_init__(self) -> None:
        if not 0 < self.common <= 1:
            raise ConfigError(f"common is a share of the documents, above 0 and at most 1; got {self.common}.")

    def hides(self) -> Hides:
        """The templates, read."""
        return hides(sources_in(self.template) if self.template else (), self.skip_quoted)


NOTHING_HIDDEN = Options()


def find_plagiarism(
    place: Path,
    against: Path | None = None,
    *,
    options: Options = NOTHING_HIDDEN,
    state: Path | None = None,
    judge: Judge | None = None,
    progress: Progress = SILENT,
) -> Found:
    """All against all below `place`, or all of them against all sources in `against`.

    With `state`, a file, what was read and compared is kept, and a later run does only what is new. Unreadable
    documents are skipped and listed. Raises DataError where there is nothing, and for a state that does not fit.
    """
    sides = [sources_in(place, by_folder=options.by_folder)]
    if against is not None:
        sides.append(sources_in(against))
    hidden = options.hides()
    kept = State(state, _settings(options, hidden, against is not None))
    try:
        left = bring_up_to_date(kept, sides, hidden, progress)
        new_pairs = sum(Comparing(kept, kind, hidden, options.common).run(progress) for kind in _KINDS)
        return _answer(kept, left, new_pairs, judge or default_judge())
    finally:
        kept.close()


def compare_two(a: Path, b: Path, *, options: Options = NOTHING_HIDDEN, judge: Judge | None = None) -> Found:
    """Two files. Raises UnreadableItem where one cannot be read."""
    return compare_documents(read_document(a), read_document(b), options=options, judge=judge)


def compare_documents(
    one: Document, two: Document, *, options: Options = NOTHING_HIDDEN, judge: Judge | None = None
) -> Found:
    """Two documents that were read already."""
    hidden = options.hides()
    if bool(one.language) != bool(two.language):  # a program beside prose: both are read as prose
        one, two = replace(one, language=""), replace(two, language="")
    x, y = (prepare(split := split_words(document), hidden.of(split)) for document in (one, two))
    shared = measure(x, y)
    match = Match(0, 1, x.kind, shared, (judge or default_judge()).decide(x.kind, shared.measures))
    names = {0: one.name, 1: two.name}
    return Found(
        names=names, owners=names, matches=(match,), texts={0: one, 1: two}, clusters=clusters_of((match,), names),
        skipped=(), suspicious=tuple((d.name, d.findings) for d in (one, two) if d.findings),
        hidden={i: n for i, p in enumerate((x, y)) if (n := int((~p.counted).sum()))}, new_pairs=1,
    )  # fmt: skip


def _settings(options: Options, hidden: Hides, two_sided: bool) -> dict[str, object]:
    template = {kind: hashlib.sha256(keys.tobytes()).hexdigest() for kind, keys in hidden.template.items()}
    return {
        "measures": _MEASURES, "two_sided": two_sided, "template": template, "skip_quoted": options.skip_quoted,
        "common": options.common, "by_folder": options.by_folder,
    }  # fmt: skip


def _answer(state: State, left: list[Skipped], new_pairs: int, judge: Judge) -> Found:
    rows = {row.id: row for row in state.rows()}
    matches = []
    for a, b, shared in state.pairs():
        kind: Kind = "code" if rows[a].kind == "code" else "prose"
        matches.append(Match(a, b, kind, shared, judge.decide(kind, shared.measures)))
    ranked = tuple(sorted(matches, key=lambda m: (m.decision.distance, -m.shared.words, m.a, m.b)))
    owners = {row.id: row.owner for row in rows.values()}
    shown = dict.fromkeys(i for match in ranked[:MOST_SHOWN] for i in (match.a, match.b))
    readable = {i: row for i, row in rows.items() if not row.problem}
    return Found(
        names={i: row.name for i, row in readable.items()}, owners=owners, matches=ranked,
        texts={i: state.document(i) for i in shown}, clusters=clusters_of(ranked, owners),
        skipped=(*(Skipped(row.name, row.problem) for row in rows.values() if row.problem), *left),
        suspicious=tuple((row.name, row.findings) for row in readable.values() if row.findings),
        hidden={i: row.hidden for i, row in readable.items() if row.hidden}, new_pairs=new_pairs,
    )  # fmt: skip
