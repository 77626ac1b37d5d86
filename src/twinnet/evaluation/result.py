"""What an evaluation answers, and where it came from; results of different protocols refuse to share a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from twinnet.core.errors import ConfigError
from twinnet.core.types import Interval


@dataclass(frozen=True, slots=True)
class Result:
    """Figures with their intervals, stamped with the protocol that made them. `arrays` is for plots, not for JSON."""

    protocol: str
    metrics: Mapping[str, Interval]
    counts: Mapping[str, int]
    data: str = ""
    model: str = ""
    seed: int | None = None
    notes: tuple[str, ...] = ()
    arrays: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def to_json(self, command: str, versions: Mapping[str, str]) -> dict[str, Any]:
        """The one object that `--json` prints."""
        return report_json(
            command, self.protocol, self.metrics, self.counts, self.data, self.model, self.seed, versions, self.notes
        )


def report_json(
    command: str,
    protocol: str | None,
    metrics: Mapping[str, Interval],
    counts: Mapping[str, int],
    data: str,
    model: str,
    seed: int | None,
    versions: Mapping[str, str],
    notes: Sequence[str] = (),
) -> dict[str, Any]:
    """`{"command", "protocol", "metrics": {name: {"value", "low", "high"}}, "counts", "data", "model", "seed", …}`."""
    return {
        "command": command,
        "protocol": protocol,
        "metrics": {name: _figure(interval) for name, interval in metrics.items()},
        "counts": dict(counts),
        "data": data,
        "model": model,
        "seed": seed,
        "versions": dict(versions),
        "notes": list(notes),
    }


def _figure(interval: Interval) -> dict[str, float | None]:
    # An interval without a method is a bare number, whose uncertainty nobody measured.
    known = bool(interval.method)
    return {
        "value": interval.point,
        "low": interval.low if known else None,
        "high": interval.high if known else None,
    }


def bare(value: float) -> Interval:
    """A figure without an interval."""
    return Interval(value, value, value)


def table(results: Sequence[Result]) -> list[dict[str, Interval]]:
    """One row per result; raises ConfigError when they were made under different rules."""
    protocols = sorted({result.protocol for result in results})
    if len(protocols) > 1:
        raise ConfigError(f"results of different protocols do not belong in one table: {', '.join(protocols)}.")
    return [dict(result.metrics) for result in results]
