"""Pairs of texts with what somebody said of them."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from twinnet.core.errors import DataError
from twinnet.core.types import FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class TextPairs:
    """`same` `(P,)` from 0 (nothing in common) to 1 (the same)."""

    first: tuple[str, ...]
    second: tuple[str, ...]
    same: FloatArray

    def __len__(self) -> int:
        return len(self.first)

    def subset(self, rows: IntArray) -> TextPairs:
        """Only these rows."""
        return TextPairs(
            tuple(self.first[i] for i in rows), tuple(self.second[i] for i in rows), self.same[np.asarray(rows)]
        )


def read_pairs(path: str | Path) -> TextPairs:
    """A CSV or TSV with the columns first, second, same. Raises DataError naming the line that is wrong."""
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read as UTF-8 text ({error}).") from error
    lines = text.splitlines()
    reader = csv.DictReader(lines, delimiter="\t" if "\t" in (lines or [""])[0] else ",")
    if missing := {"first", "second", "same"} - set(reader.fieldnames or ()):
        raise DataError(
            f"{path}: its header lacks {', '.join(sorted(missing))}. Next: name the columns first,second,same."
        )
    first, second, same = [], [], []
    for row in reader:
        try:
            value = float(row["same"])
        except (TypeError, ValueError):
            value = float("nan")
        if not 0 <= value <= 1 or row["second"] is None:
            raise DataError(f"{path}, line {reader.line_num}: same must be a number from 0 to 1, got {row['same']!r}.")
        first.append(row["first"])
        second.append(row["second"])
        same.append(value)
    return TextPairs(tuple(first), tuple(second), np.array(same))
