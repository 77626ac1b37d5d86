"""How answers look: one JSON object on stdout, or a table for people."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterable, Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

from twinnet.core.types import Interval

_RATES = (
    "eer", "auc", "accuracy", "far", "frr", "error", "tar_at", "probability", "one_shot", "rank_", "dir_", "fpir_",
    "recall", "precision", "r_precision", "map_at",
)  # fmt: skip


def print_json(value: Mapping[str, Any]) -> None:
    """Exactly one object; JSON has no NaN or infinity, so they are null."""
    sys.stdout.write(json.dumps(_finite(value), indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _finite(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(part) for part in value]
    if value is None or isinstance(value, str | int):  # bool is an int
        return value
    return float(value) if math.isfinite(value) else None


def figures(title: str, metrics: Mapping[str, Interval]) -> None:
    """A table of figures with their 95 % intervals."""
    table = Table(title=title, title_justify="left")
    table.add_column("figure")
    table.add_column("value", justify="right")
    table.add_column("95 % interval", justify="right")
    table.add_column("how sure it is made")
    for name, interval in metrics.items():
        table.add_row(name, number(name, interval.point), span(name, interval), interval.method)
    Console().print(table)


def number(name: str, value: float) -> str:
    """Rates as per cent, everything else as it is."""
    return f"{value:.2%}" if name.startswith(_RATES) else f"{value:.4g}"


def span(name: str, interval: Interval) -> str:
    """`low … high`, or a dash where nobody measured it."""
    return f"{number(name, interval.low)} … {number(name, interval.high)}" if interval.method else "–"


def notes(lines: Iterable[str]) -> None:
    """Remarks, on stderr so that they never mix with an answer."""
    for line in lines:
        Console(stderr=True, highlight=False).print(f"note: {line}", markup=False, soft_wrap=True)


def say(text: str) -> None:
    """A plain line for people."""
    Console(highlight=False).print(text, markup=False, soft_wrap=True)
