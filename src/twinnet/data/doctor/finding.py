"""What the doctor says: one finding, in plain words, with the items that show it and the next step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

Severity = Literal["stop", "warn", "note"]
ORDER: tuple[Severity, ...] = ("stop", "warn", "note")

_SHOWN = 20  # items kept in a finding: enough to begin with, few enough to read


@dataclass(frozen=True, slots=True)
class Finding:
    """`kind` is a fixed word for programs, `words` a sentence for people; `items` are the first of `count`."""

    kind: str
    severity: Severity
    words: str
    count: int = 0
    items: tuple[str, ...] = ()
    next: str = ""

    def to_dict(self) -> dict[str, Any]:
        """As JSON-able values."""
        return {**asdict(self), "items": list(self.items)}

    def line(self, shown: int = 3) -> str:
        """Words, first items and next step in one line."""
        named = ", ".join(self.items[:shown]) + (", …" if len(self.items) > shown else "")
        return f"{self.words}{': ' + named if named else ''}.{' Next: ' + self.next if self.next else ''}"


def many(n: int, noun: str) -> str:
    """`1 pair`, `1,200 pairs`."""
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"


def first(items: Sequence[str]) -> tuple[str, ...]:
    """The items that a finding keeps."""
    return tuple(items[:_SHOWN])


def by_severity(findings: Sequence[Finding]) -> list[Finding]:
    """What stops first, then warnings, then notes; otherwise in the order found."""
    return sorted(findings, key=lambda finding: ORDER.index(finding.severity))
