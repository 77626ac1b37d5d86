"""The nouns of this room."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from twinnet.core.types import IntArray

Suspicion = Literal["zero_width", "direction", "look_alikes", "styled_letters", "mixed_encoding", "no_text_layer"]


@dataclass(frozen=True, slots=True)
class Finding:
    """Something in a document that hides copies from a plain comparison; it was undone before comparing."""

    kind: Suspicion
    count: int
    example: str


@dataclass(frozen=True, slots=True)
class Document:
    """A text as it is compared and shown. `language` is a programming language's short name, empty for prose."""

    name: str
    text: str
    language: str = ""
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class Words:
    """What is compared: `keys`, and where each stands in its document's text, `start` and `end (W,)`."""

    keys: tuple[str, ...]
    start: IntArray
    end: IntArray

    def __len__(self) -> int:
        return len(self.keys)
