"""What comes over the wire, as types: the library's where it has them."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from twinnet.core.types import Decision, Interval
from twinnet.gallery import Match


@dataclass(frozen=True, slots=True)
class Explanation:
    """A decision with both pictures as the network sees them, and with what drives it laid over; PNG or JPEG bytes."""

    decision: Decision
    pictures: tuple[bytes, bytes]
    overlays: tuple[bytes, bytes]


@dataclass(frozen=True, slots=True)
class Reading:
    """`ranking`: name, distance, probability of all characters, the likeliest first."""

    unknown: bool
    ranking: tuple[tuple[str, float, float | None], ...]


@dataclass(frozen=True, slots=True)
class Anomaly:
    """See the server's route: an alarm is p ≤ rate. `heat` is a picture's bytes where it was asked for."""

    alarm: bool
    p: float
    rate: float
    distance: float
    threshold: float | None
    heat: bytes | None


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a text; `passage` above 0 has its counterpart, of the same number, in the other text."""

    text: str
    passage: int
    omitted: bool


@dataclass(frozen=True, slots=True)
class Compared:
    """Two texts: whether one was copied, what they share, and where the server has text twins, what they mean."""

    copied: Decision
    share_first: float
    share_second: float
    verbatim: int
    first: tuple[Piece, ...]
    second: tuple[Piece, ...]
    meaning: Decision | None


@dataclass(frozen=True, slots=True)
class ServedModel:
    """The model behind a server. `everything` is the whole answer of GET /v1/model."""

    fingerprint: str
    kind: str
    dim: int
    comparison: str
    threshold: float | None
    scopes: tuple[str, ...]
    offers: Mapping[str, bool]
    card: str
    everything: Mapping[str, Any]


def interval(values: Mapping[str, Any] | None) -> Interval | None:
    """An error rate."""
    if values is None:
        return None
    return Interval(values["low"], values["value"], values["high"], values["level"], values["method"])


def decision(values: Mapping[str, Any]) -> Decision:
    """A verdict."""
    return Decision(
        values["same"], values.get("abstained", False), values["distance"], values["threshold"], values["probability"],
        interval(values.get("far")),
    )  # fmt: skip


def match(values: Mapping[str, Any]) -> Match:
    """One near template; its source stays on the server."""
    threshold = values["threshold"]
    return Match(
        values["identity"], values["distance"], float("nan") if threshold is None else threshold, values["same"],
        values["abstained"], values["probability"], interval(values["far"]), values["far_in_gallery"], "",
        values["metadata"],
    )  # fmt: skip


def pieces(values: Sequence[Mapping[str, Any]]) -> tuple[Piece, ...]:
    """One text."""
    return tuple(Piece(one["text"], one["passage"], one["omitted"]) for one in values)


def picture(uri: str) -> bytes:
    """The bytes of a data URI."""
    return base64.b64decode(uri.partition(",")[2])
