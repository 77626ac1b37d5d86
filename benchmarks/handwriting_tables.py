"""What both parts of the handwriting benchmark share: distances of plain features, and tables. Not run by itself."""

from __future__ import annotations

import sys

import numpy as np
from rich.console import Console
from rich.table import Table

from twinnet.core.types import Interval


def unit(features: np.ndarray) -> np.ndarray:
    return features / np.maximum(np.linalg.norm(features, axis=-1, keepdims=True), 1e-12)


def cosine(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return 1 - a @ b.T


def bare(value: float) -> Interval:
    return Interval(float(value), float(value), float(value))


def span(i: Interval, name: str = "") -> str:
    if name.startswith("ms"):
        return f"{i.point:.1f} [{i.low:.1f}, {i.high:.1f}]"
    if name.startswith("ECE"):
        return f"{i.point:.3f}"
    return f"{i.point:.1%} [{i.low:.1%}, {i.high:.1%}]" if i.method else f"{i.point:.1%}"


def list3(i: Interval) -> list[float]:
    return [i.point, i.low, i.high]


def plain(rows: dict[str, dict[str, Interval]]) -> dict[str, dict[str, list[float]]]:
    return {name: {what: list3(i) for what, i in row.items()} for name, row in rows.items()}


def note(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def show(title: str, rows: dict[str, dict[str, Interval]]) -> None:
    table = Table(title=title)
    columns = list(next(iter(rows.values())))
    for column in ["judged by", *columns]:
        table.add_column(column)
    for name, row in rows.items():
        table.add_row(name, *(span(row[c]) if c in row else "–" for c in columns))
    Console(width=190).print(table)
