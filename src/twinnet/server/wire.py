"""What goes over the wire, as the OpenAPI describes it. Lower distances are more alike; same means < threshold."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from twinnet.core.types import Decision
from twinnet.core.types import Interval as CoreInterval
from twinnet.gallery import Match as CoreMatch


class Wire(BaseModel):
    """Base: what comes in has no unknown fields."""

    model_config = ConfigDict(extra="forbid")


class Rate(Wire):
    """An error rate with its interval."""

    value: float
    low: float
    high: float
    level: float = 0.95
    method: str = ""

    @classmethod
    def of(cls, interval: CoreInterval | None) -> Rate | None:
        """From the library's."""
        if interval is None:
            return None
        return cls(
            value=interval.point, low=interval.low, high=interval.high, level=interval.level, method=interval.method
        )


class Part(Wire):
    """One of two explained pictures: as the network sees it, and with what drives the verdict laid over."""

    picture: str = Field(description="A data URI", examples=["data:image/png;base64,iVBORw0KGgo="])
    overlay: str = Field(
        description="Blue: makes the two alike; orange: sets them apart", examples=["data:image/png;…"]
    )


class Explanation(Wire):
    """Which regions drive the verdict."""

    first: Part
    second: Part


class Verdict(Wire):
    """Same or different? `probability` supposes that half of the comparisons are of the same."""

    same: bool = Field(examples=[True])
    abstained: bool = Field(description="Too close to call", examples=[False])
    distance: float = Field(description="Lower is more alike", examples=[0.213])
    threshold: float = Field(description="Same means distance < threshold", examples=[0.481])
    probability: float | None = Field(description="Of being the same", examples=[0.97])
    far: Rate | None = Field(description="How often such a verdict accepts a wrong pair")
    nearer_genuine: float | None = Field(default=None, description="Genuine pairs that are nearer", examples=[0.41])
    nearer_impostor: float | None = Field(default=None, description="Impostor pairs that are nearer", examples=[0.001])
    explanation: Explanation | None = None
    model: str = Field(description="The model's fingerprint", examples=["a1b2c3d4e5f60718"])


class Embedded(Wire):
    """One image of a batch: its embedding, or why there is none."""

    index: int = Field(examples=[0])
    embedding: list[float] | None = Field(examples=[[0.12, -0.4, 0.9]])
    problem: str | None = Field(default=None, examples=[None])


class Embeddings(Wire):
    """A batch. One bad image does not stop the others."""

    dim: int = Field(examples=[64])
    model: str = Field(examples=["a1b2c3d4e5f60718"])
    items: list[Embedded]


class Match(Wire):
    """One template near a probe. `far_in_gallery`: the chance that a stranger is accepted as anybody here."""

    identity: str = Field(examples=["Ada"])
    distance: float = Field(examples=[0.213])
    threshold: float | None = Field(examples=[0.481])
    same: bool = Field(examples=[True])
    abstained: bool = Field(examples=[False])
    probability: float | None = Field(examples=[0.97])
    far: Rate | None
    far_in_gallery: float | None = Field(examples=[0.02])
    metadata: dict[str, Any] = Field(examples=[{"town": "Ulm"}])

    @classmethod
    def of(cls, match: CoreMatch) -> Match:
        """From the library's. Its `source` is a path on the machine that enrolled, and stays here."""
        return cls(
            identity=match.identity, distance=match.distance,
            threshold=match.threshold if math.isfinite(match.threshold) else None, same=match.same,
            abstained=match.abstained, probability=match.probability, far=Rate.of(match.far),
            far_in_gallery=match.far_in_gallery, metadata=dict(match.metadata),
        )  # fmt: skip


class Matches(Wire):
    """Nearest first. Of `identify`, an empty list is nobody."""

    matches: list[Match]
    identities: int = Field(description="In the gallery", examples=[120])
    model: str = Field(examples=["a1b2c3d4e5f60718"])


class Receipt(Wire):
    """What is on disk now, whatever happens next."""

    identity: str = Field(examples=["Ada"])
    items: int = Field(description="Images that this enrolment added", examples=[2])
    templates: int = Field(description="Templates that it made", examples=[1])


class Identity(Wire):
    """Somebody who is enrolled."""

    identity: str = Field(examples=["Ada"])
    templates: int = Field(examples=[1])
    items: int = Field(examples=[2])


class IdentityDetail(Identity):
    """The same, with metadata and the time of the first template."""

    metadata: dict[str, Any] = Field(examples=[{"town": "Ulm"}])
    created: float = Field(description="Seconds since 1970", examples=[1793000000.0])
    picture: bool = Field(description="Whether a picture is kept", examples=[False])


class Identities(Wire):
    """A page of the list, in the order of enrolment."""

    total: int = Field(examples=[120])
    offset: int = Field(examples=[0])
    identities: list[Identity]


class Forgotten(Wire):
    """`erased`: the bytes have left the disk; else they do when the gallery is opened next."""

    identity: str = Field(examples=["Ada"])
    templates: int = Field(examples=[1])
    erased: bool = Field(examples=[True])


class Guess(Wire):
    """One character that it may be."""

    name: str = Field(examples=["ka"])
    distance: float = Field(examples=[0.2])
    probability: float | None = Field(examples=[0.93])


class Reading(Wire):
    """All characters, the likeliest first; `unknown`: even the nearest is too far."""

    unknown: bool = Field(examples=[False])
    ranking: list[Guess]
    model: str = Field(examples=["a1b2c3d4e5f60718"])


class Anomaly(Wire):
    """`p`: how likely a good sample is at least as strange; `alarm`: p ≤ `rate`, the promised rate of false alarms."""

    alarm: bool = Field(examples=[False])
    p: float = Field(examples=[0.4])
    rate: float = Field(examples=[0.05])
    distance: float = Field(examples=[1.7])
    threshold: float | None = Field(examples=[3.2])
    heat: str | None = Field(default=None, description="A data URI: red where it is strange")


class TwoTexts(Wire):
    """Two texts, or two pieces of source code."""

    first: str = Field(min_length=1, examples=["The cat sat on the mat, and the dog lay by the door all day."])
    second: str = Field(min_length=1, examples=["On the mat the cat sat; the dog lay by the door all day long."])
    language: str = Field("", max_length=20, description="Source code: a file's ending, such as py", examples=[""])


class Piece(Wire):
    """A stretch of a text; `passage` above 0 is a shared one, with the same number in the other text."""

    text: str
    passage: int
    omitted: bool = False


class Copied(Wire):
    """Whether one seems to be copied from the other, by the passages that they share."""

    same: bool = Field(description="A copy", examples=[True])
    distance: float = Field(examples=[0.1])
    threshold: float = Field(examples=[0.7])
    probability: float | None = Field(examples=[0.9])
    share_first: float = Field(description="Share of the first text in shared passages", examples=[0.8])
    share_second: float = Field(examples=[0.7])
    verbatim: int = Field(description="Words in the longest run that is the same", examples=[9])
    first: list[Piece]
    second: list[Piece]


class Meaning(Wire):
    """Whether they say the same, by text twins."""

    same: bool | None = Field(examples=[True])
    distance: float = Field(examples=[0.3])
    threshold: float | None = Field(examples=[0.6])
    probability: float | None = Field(examples=[0.8])

    @classmethod
    def of(cls, decision: Decision) -> Meaning:
        """From the library's."""
        return cls(
            same=decision.same, distance=decision.distance, threshold=decision.threshold,
            probability=decision.probability,
        )  # fmt: skip


class TextsCompared(Wire):
    """`meaning` is there where the server was given text twins."""

    copied: Copied
    meaning: Meaning | None = None


class ProblemBody(BaseModel):
    """RFC 9457, with a stable code and a next step."""

    type: str = Field(examples=["urn:twinnet:problem:unreadable_image"])
    title: str = Field(examples=["The image cannot be read"])
    status: int = Field(examples=[422])
    code: str = Field(examples=["unreadable_image"])
    detail: str = Field(examples=["first: the file is truncated"])
    next: str = Field(examples=["Save it anew, or send another."])
    request_id: str = Field(examples=["5f3c0c6e8f0e4d0e9a3b2c1d0e9f8a7b"])


class State(BaseModel):
    """Whether it lives, or is ready."""

    status: str = Field(examples=["ok"])


class ModelCard(BaseModel):
    """What is served, how it decides, and what this server offers."""

    fingerprint: str = Field(examples=["a1b2c3d4e5f60718"])
    kind: str = Field(examples=["float32"])
    encoder: str = Field(examples=["resnet"])
    dim: int = Field(examples=[64])
    comparison: str = Field(examples=["cosine"])
    input: dict[str, int] = Field(examples=[{"height": 56, "width": 56, "channels": 1}])
    rule: dict[str, Any] | None = Field(examples=[{"threshold": 0.48, "method": "equal error rate"}])
    spread: dict[str, list[float]] | None = Field(
        description="Distances at the shares 0, 0.01 … 1 of both kinds of pair"
    )
    curve: list[list[float]] | None = Field(description="Pairs: a distance, and the probability of being the same")
    parity: dict[str, Any] | None = Field(description="The export's certificate")
    card: str = Field(description="Markdown")
    offers: dict[str, bool] = Field(examples=[{"gallery": True, "detector": False, "meaning": False, "reading": True}])
    limits: dict[str, int | float]
    formats: list[str] = Field(examples=[["PNG", "JPEG", "WEBP"]])
    scopes: list[str] = Field(description="What the caller may do", examples=[["read"]])
    version: str = Field(examples=["0.1.0"])


def metadata_of(text: str) -> Mapping[str, Any]:
    """A JSON object of short values. Raises ValueError."""
    import json

    found = json.loads(text) if text.strip() else {}
    if not isinstance(found, dict) or len(found) > 50:
        raise ValueError("metadata must be a JSON object of at most 50 entries")
    for name, value in found.items():
        if not isinstance(value, str | int | float | bool) or (isinstance(value, float) and not math.isfinite(value)):
            raise ValueError(f"metadata {name[:50]!r} must be a text, a finite number, true or false")
        if len(name) > 100 or (isinstance(value, str) and len(value) > 1000):
            raise ValueError("metadata: a name has at most 100 characters, a text 1,000")
    return found
