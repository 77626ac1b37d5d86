"""How answers about plagiarism look, as JSON and as text."""

from __future__ import annotations

from typing import Any

from twinnet.apps.plagiarism import Found, Match
from twinnet.apps.plagiarism.measures import MEASURES
from twinnet.apps.plagiarism.passages import spans
from twinnet.apps.plagiarism.report import TRICKS, percent, unit
from twinnet.cli.render import notes, say
from twinnet.evaluation import report_json
from twinnet.training.facts import versions


def as_json(found: Found, data: str, least: float) -> dict[str, Any]:
    """Pairs from the nearest on, with their passages in characters where the texts are at hand."""
    listed = _listed(found, least)
    counts = {
        "documents": len(found.names), "pairs_compared": len(found.matches), "pairs_new": found.new_pairs,
        "copies": len(found.copies), "clusters": len(found.clusters), "skipped": len(found.skipped),
    }  # fmt: skip
    answer = report_json("plagiarism", None, {}, counts, data, "", None, versions())
    return {
        **answer,
        "pairs": [_pair(found, match) for match in listed],
        "clusters": [
            {"members": list(c.owners), "links": c.links, "probability": c.probability} for c in found.clusters
        ],
        "suspicious": [
            {"document": name, "kind": f.kind, "count": f.count, "example": f.example}
            for name, findings in found.suspicious
            for f in findings
        ],
        "words_not_counted": {found.names[i]: n for i, n in found.hidden.items()},
        "skipped": [{"item": s.item, "reason": s.reason} for s in found.skipped],
    }


def show(found: Found, least: float) -> None:
    """A line for each pair; what was passed over, to stderr."""
    notes(f"skipped {skip.item}: {skip.reason}" for skip in found.skipped)
    notes(
        f"{name}: {TRICKS[f.kind]} ({f.count:,}), undone before comparing; such as {f.example!r}"
        for name, findings in found.suspicious
        for f in findings
    )
    for match in _listed(found, least):
        say(f"{percent(match.probability):>6}  {found.names[match.a]}  {found.names[match.b]}")
        say(
            f"        shared: {match.shared.share_a:.0%} of the first, {match.shared.share_b:.0%} of the second; "
            f"longest verbatim: {match.shared.verbatim:,} {unit(match)}"
            + ("" if match.decision.same else "; below the threshold")
        )
    for cluster in found.clusters:
        if len(cluster.owners) > 2:
            say(f"cluster of {len(cluster.owners)}: {', '.join(cluster.owners)}")
    say(
        f"{len(found.names):,} documents, {_pairs(len(found.matches))} compared ({found.new_pairs:,} now), "
        f"{len(found.copies):,} above the threshold"
    )


def _pairs(n: int) -> str:
    return "1 pair" if n == 1 else f"{n:,} pairs"


def _listed(found: Found, least: float) -> list[Match]:
    return [match for match in found.matches if match.decision.same or match.probability >= least]


def _pair(found: Found, match: Match) -> dict[str, Any]:
    pair: dict[str, Any] = {
        "first": found.names[match.a], "second": found.names[match.b], "kind": match.kind, "same": match.decision.same,
        "probability": match.probability, "distance": match.decision.distance, "threshold": match.decision.threshold,
        "share_of_first": match.shared.share_a, "share_of_second": match.shared.share_b,
        "longest_verbatim": match.shared.verbatim,
        "measures": dict(zip(MEASURES[match.kind], match.shared.measures.tolist(), strict=True)),
    }  # fmt: skip
    if match.a in found.texts and match.b in found.texts:
        sides = (spans(found.texts[i], match.shared.passages, side) for side, i in enumerate((match.a, match.b)))
        pair["passages"] = [{"first": list(x), "second": list(y)} for x, y in zip(*sides, strict=True)]
    return pair
