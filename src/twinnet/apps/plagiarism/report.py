"""The report: pairs ranked, clusters, and each pair side by side with its passages in matching colours. One file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from twinnet.apps.plagiarism.found import Found, Match
from twinnet.apps.plagiarism.passages import pieces
from twinnet.apps.plagiarism.run import MOST_SHOWN
from twinnet.core.errors import TwinnetError
from twinnet.core.version import __version__

MOST_ROWS = 1000
_HUES = (48, 195, 110, 330, 265, 20, 165, 225)  # far apart, also for most who see colours differently; numbers help
TRICKS = {
    "zero_width": "invisible characters inside words",
    "direction": "marks that turn the direction of writing",
    "look_alikes": "letters of another alphabet that look alike",
    "styled_letters": "letters in fancy dress",
    "mixed_encoding": "lines in another encoding",
    "no_text_layer": "pages without text",
}
WORDS = (
    "It shows which passages two documents share. It does not show who wrote them first, nor whether both took them "
    "from somebody else, nor whether sharing them was allowed. Read the passages before you speak to anybody.",
    "The probability says how often a pair like this one was a copy among the pairs that the weights were learned on, "
    "half of which were. Where copying is rarer, and it usually is, the same figure means less.",
    "Quotations with their source, set phrases, a common template, and the obvious solution of a small task are shared "
    "honestly. The options template and skip-quoted leave them out.",
    "What is not listed is not proven to be original: ideas, translations, figures, rewording beyond recognition, and "
    "sources that were not given leave no trace here.",
)


def write_report(path: str | Path, found: Found, *, least: float = 0.0, two_sided: bool = False) -> None:
    """Write the pairs with a probability of at least `least`. Raises TwinnetError where it cannot be written."""
    from jinja2 import Environment, PackageLoader

    listed = [match for match in found.matches if match.decision.same or match.probability >= least]
    shown = [m for m in listed[:MOST_SHOWN] if m.a in found.texts and m.b in found.texts]
    environment = Environment(
        loader=PackageLoader("twinnet.apps.plagiarism", "."), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    html = environment.get_template("report.html").render(
        title="Shared passages", lead=_lead(found), words=(*WORDS, *_left_out(found)), hues=_HUES,
        first="suspect" if two_sided else "first", second="source" if two_sided else "second",
        rows=[_row(found, n, m, n <= len(shown)) for n, m in enumerate(listed[:MOST_ROWS], 1)],
        more=f"{len(listed) - MOST_ROWS:,} more are in the answer of --json." if len(listed) > MOST_ROWS else "",
        clusters=[
            {"size": len(c.owners), "who": ", ".join(c.owners), "links": c.links, "strongest": percent(c.probability)}
            for c in found.clusters
        ],
        suspicious=[
            {"name": name, "what": TRICKS[f.kind], "count": f.count, "example": f.example}
            for name, findings in found.suspicious for f in findings
        ],
        skipped=found.skipped, pairs=[_pair(found, n, m) for n, m in enumerate(shown, 1)],
        footer=f"Made by twinnet {__version__}: {len(found.matches):,} pairs compared, {len(found.names):,} documents.",
    )  # fmt: skip
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(html, encoding="utf-8", errors="replace")
    except OSError as error:
        raise TwinnetError(f"{path}: the report cannot be written ({error.strerror or error}).") from error


def _lead(found: Found) -> str:
    n, copies = len(found.names), len(found.copies)
    if not copies:
        return f"{n:,} documents; no pair is above the threshold."
    inside = sum(len(cluster.owners) for cluster in found.clusters)
    pairs = "1 pair is" if copies == 1 else f"{copies:,} pairs are"
    parts = "1 cluster" if len(found.clusters) == 1 else f"{len(found.clusters):,} clusters"
    return f"{n:,} documents; {pairs} above the threshold, in {parts} of {inside:,} documents or submissions."


def _left_out(found: Found) -> list[str]:
    if not found.hidden:
        return []
    total = sum(found.hidden.values())
    return [
        f"{total:,} words in {len(found.hidden):,} documents were not counted: they stand in the template, in "
        "quotations, or in most documents."
    ]


def _row(found: Found, number: int, match: Match, shown: bool) -> dict[str, Any]:
    return {
        "number": number, "shown": shown, "same": match.decision.same, "a": found.names[match.a],
        "b": found.names[match.b], "probability": percent(match.probability), "share_a": f"{match.shared.share_a:.0%}",
        "share_b": f"{match.shared.share_b:.0%}", "verbatim": f"{match.shared.verbatim:,} {unit(match)}",
    }  # fmt: skip


def _pair(found: Found, number: int, match: Match) -> dict[str, Any]:
    sides = []
    for side, i in enumerate((match.a, match.b)):
        seen: set[int] = set()
        shown = []
        for piece in pieces(found.texts[i], match.shared.passages, side):
            first = piece.passage and piece.passage not in seen
            seen.add(piece.passage)
            own, other = (f"p{number}-{piece.passage}{'ab'[x]}" for x in (side, 1 - side))
            shown.append({
                "text": piece.text, "passage": piece.passage, "omitted": piece.omitted, "start": piece.start,
                "end": piece.end, "id": own if first else "", "other": other,
            })  # fmt: skip
        sides.append({"name": found.names[i], "pieces": shown})
    return {
        "number": number, "a": found.names[match.a], "b": found.names[match.b], "code": match.kind == "code",
        "sides": sides, "facts": facts(match),
    }  # fmt: skip


def facts(match: Match) -> str:
    """A pair in one line."""
    shared, n = match.shared, len(match.shared.passages)
    verdict = "above" if match.decision.same else "below"
    passages, each = f"{n} shared passage{'' if n == 1 else 's'}", unit(match)[:-1]
    if not n:
        passages = "No passage is long and close enough to be marked"
    return (
        f"Probability {percent(match.probability)}, {verdict} the threshold. {passages}: {shared.share_a:.0%} of the "
        f"first and {shared.share_b:.0%} of the second document; longest run that is the same {each} by {each}: "
        f"{shared.verbatim:,} {unit(match)}."
    )


def percent(probability: float) -> str:
    """Never 0 or 100 %: no count of pairs could show that."""
    return (
        "> 99 %" if probability > 0.99 else "< 1 %" if probability < 0.01 else f"{probability:.0%}".replace("%", " %")
    )


def unit(match: Match) -> str:
    """What is counted."""
    return "tokens" if match.kind == "code" else "words"
