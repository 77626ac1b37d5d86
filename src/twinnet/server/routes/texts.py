"""Two texts: what they share, and whether they say the same."""

from __future__ import annotations

from fastapi import APIRouter

from twinnet.apps.plagiarism import compare_documents
from twinnet.apps.plagiarism.align import Passage
from twinnet.apps.plagiarism.passages import pieces
from twinnet.core.errors import TwinnetError
from twinnet.data.documents import Document, cleaned, language_of
from twinnet.server import wire
from twinnet.server.described import problems
from twinnet.server.holding import Holding
from twinnet.server.problems import Problem
from twinnet.server.service import Served

router = APIRouter(tags=["texts"])


@router.post("/v1/texts/compare", responses=problems())
async def compare(texts: wire.TwoTexts, served: Served) -> wire.TextsCompared:
    """Is one copied from the other? With the passages that they share; and whether they say the same."""
    most = served.settings.limits.text_chars
    if len(texts.first) + len(texts.second) > most:
        raise Problem("too_large", f"The texts have more than {most:,} characters together.")

    async def job(held: Holding) -> wire.TextsCompared:
        return await served.long(_compared, texts, held)

    return await served.serve(job)


def _compared(texts: wire.TwoTexts, held: Holding) -> wire.TextsCompared:
    language = language_of(f"text.{texts.language}") if texts.language else ""
    if texts.language and not language:
        raise Problem("invalid", "language: no known ending of a source file")
    one, two = (_document(name, getattr(texts, name), language) for name in ("first", "second"))
    try:
        found = compare_documents(one, two)
    except TwinnetError as error:
        raise Problem("invalid", "These texts cannot be compared.") from error
    match = found.matches[0]
    shown = [_pieces(found.texts[side], match.shared.passages, side) for side in (0, 1)]
    said = match.decision
    copied = wire.Copied(
        same=said.same, distance=said.distance, threshold=said.threshold, probability=said.probability,
        share_first=match.shared.share_a, share_second=match.shared.share_b, verbatim=match.shared.verbatim,
        first=shown[0], second=shown[1],
    )  # fmt: skip
    return wire.TextsCompared(copied=copied, meaning=_meaning(texts, held))


def _meaning(texts: wire.TwoTexts, held: Holding) -> wire.Meaning | None:
    if held.texts is None:
        return None
    if held.texts.rule is not None:
        return wire.Meaning.of(held.texts.verify(texts.first, texts.second))
    distance = float(held.texts.distances([texts.first], [texts.second])[0])
    return wire.Meaning(same=None, distance=distance, threshold=None, probability=None)


def _document(name: str, text: str, language: str) -> Document:
    clean, findings = cleaned(text)
    if not clean.strip():
        raise Problem("invalid", f"{name}: has no text")
    return Document(name, clean, language, findings)


def _pieces(document: Document, passages: tuple[Passage, ...], side: int) -> list[wire.Piece]:
    return [wire.Piece(text=p.text, passage=p.passage, omitted=p.omitted) for p in pieces(document, passages, side)]
