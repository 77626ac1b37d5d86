"""Where the figures come from: data, split, seed, versions, command, date."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from twinnet.evaluation import Result
from twinnet.model import Model
from twinnet.training.facts import versions


def provenance_rows(model: Model, result: Result, command: str, date: str | None) -> list[list[str]]:
    """What a reader needs to make the figures again; what is not known is left out."""
    facts = model.facts
    rows = [
        ["protocol", result.protocol],
        ["data judged", result.data],
        ["counts", ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in result.counts.items())],
        ["model", f"{model.spec.name}, {model.spec.dim} dimensions, fingerprint {result.model or model.fingerprint}"],
        ["trained on", str(facts.get("summary", ""))],
        ["split at training", _split(facts)],
        ["threshold learned on", model.rule.learned_on if model.rule else "no threshold yet"],
        ["seed", "" if result.seed is None else str(result.seed)],
        ["versions", ", ".join(f"{name} {version}" for name, version in versions().items())],
        ["trained with", ", ".join(f"{name} {version}" for name, version in facts.get("versions", {}).items())],
        ["command", command],
        ["date", datetime.now(UTC).strftime("%Y-%m-%d") if date is None else date],
    ]
    return [row for row in rows if row[1]]


def _split(facts: dict[str, Any]) -> str:
    parts = {"training": facts.get("train", {}), **facts.get("held_out", {})}
    return "; ".join(
        f"{name}: {part['identities']:,} identities, {part['items']:,} items" for name, part in parts.items() if part
    )
