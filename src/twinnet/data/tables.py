"""Data sets that are tables: CSVs that name images and their identities, or explicit pairs or triplets."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from twinnet.core.errors import DataError, EmptyDataset
from twinnet.core.types import Pairs, Skipped, Triplets
from twinnet.data.dataset import Dataset
from twinnet.data.folders import several_identities
from twinnet.data.listing import finder, must_exist, number
from twinnet.data.sources import Source

COLUMNS = {
    "labels": ("path", "label"),
    "pairs": ("left", "right", "label"),
    "triplets": ("anchor", "positive", "negative"),
    "signature-pairs": ("reference", "probe", "forged"),
}
"""What each kind of table must have; `labels` may also have `group`, and `signature-pairs` has no header."""

Row = tuple[int, dict[str, str]]  # the line number in the file, and the cells by column


def table(
    source: str | Path, *, kind: str | None = None, root: str | Path | None = None, least_identities: int = 2
) -> Dataset:
    """A CSV with a header, of one of the kinds in `COLUMNS`, found by its header unless `kind` says which.

    Separated by commas, semicolons or tabs; UTF-8, UTF-16 with a BOM, otherwise Latin-1. Paths are relative to
    `root`, a folder or a zip, by default the CSV's folder. In pairs, label 1 = same and 0 = different. Rows that name
    a missing file, or lack a cell, are skipped and listed. `signature-pairs` is the one kind that must be asked for:
    it has no header, its rows are reference,probe,label, and 1 means forged, so different. Raises `DataError` for
    columns or labels that do not fit, `EmptyDataset` where no row is left.
    """
    source = Path(source)
    must_exist(source)
    columns, rows = _rows(source, COLUMNS[kind] if kind == "signature-pairs" else None)
    kind = kind or next((kind for kind, needed in COLUMNS.items() if set(needed) <= set(columns)), None)
    if kind is None:
        known = "; ".join(",".join(needed) for name, needed in COLUMNS.items() if name != "signature-pairs")
        raise DataError(
            f"{source} has the columns {','.join(columns)}. Next: give it one of these headers: {known}; or, for "
            "signature pairs without a header where 1 means forged, say kind signature-pairs"
        )
    if missing := [name for name in COLUMNS[kind] if name not in columns]:
        raise DataError(f"{source} lacks the column {' and '.join(missing)} (it has {','.join(columns)})")
    members = _Members(finder(Path(root) if root else source.parent))
    reader = {"labels": _labels, "pairs": _pairs, "triplets": _triplets, "signature-pairs": _signatures}[kind]
    dataset = reader(str(source), rows, members)
    if not len(dataset):
        first = f"; first: {members.skipped[0].item}: {members.skipped[0].reason}" if members.skipped else ""
        raise EmptyDataset(f"{source}: none of its {len(rows):,} rows can be used{first}")
    return several_identities(dataset, least_identities)


@dataclass
class _Members:
    """The images that rows name: each becomes one item, numbered as it is first met."""

    find: Callable[[str], Source | None]
    items: dict[str, Source] = field(default_factory=dict)
    number: dict[str, int] = field(default_factory=dict)
    skipped: list[Skipped] = field(default_factory=list)

    def enter(self, line: int, paths: list[str]) -> list[int] | None:
        found = [self.items.get(path) or self.find(path) for path in paths]
        gone = [path or "(empty)" for path, item in zip(paths, found, strict=True) if item is None]
        if gone:
            self.skipped.append(Skipped(gone[0], f"line {line} names it, but there is no such file"))
            return None
        for path, item in zip(paths, found, strict=True):
            self.number.setdefault(path, len(self.number))
            self.items[path] = item  # type: ignore[assignment]  # none is None here
        return [self.number[path] for path in paths]


def _labels(source: str, rows: list[Row], members: _Members) -> Dataset:
    first: dict[str, Row] = {}
    for line, row in rows:
        path, label = row["path"], row["label"]
        if path in first:
            told = first[path][1]["label"]
            also = "again" if told == label else f"as {label!r}, but line {first[path][0]} says {told!r}"
            members.skipped.append(Skipped(path, f"line {line} names it {also}"))
        elif not label:
            members.skipped.append(Skipped(path, f"line {line} has no label"))
        elif members.enter(line, [path]):
            first[path] = line, row
    identities, identity_names = number(row["label"] for _, row in first.values())
    grouped = bool(first) and all("group" in row for _, row in first.values())
    groups, group_names = number(row.get("group", "") for _, row in first.values())
    return Dataset(
        items=tuple(members.items.values()),
        keys=tuple(members.items),
        identities=identities,
        identity_names=identity_names,
        groups=groups if grouped else None,
        group_names=group_names if grouped else (),
        source=source,
        skipped=tuple(members.skipped),
    )


def _pairs(source: str, rows: list[Row], members: _Members) -> Dataset:
    kept = []
    for line, row in rows:
        if row["label"] not in ("0", "1"):
            raise DataError(f"{source}, line {line}: label {row['label']!r} is neither 1 (same) nor 0 (different)")
        if place := members.enter(line, [row["left"], row["right"]]):
            kept.append((*place, int(row["label"])))
    first, second, same = np.array(kept, dtype=np.int64).reshape(-1, 3).T  # (P, 3) -> 3 of (P,)
    return _explicit(source, members, pairs=Pairs(first, second, same == 1))


def _signatures(source: str, rows: list[Row], members: _Members) -> Dataset:
    turned = {"0": "1", "1": "0"}  # 1 is forged there, and same here
    named = []
    for line, row in rows:
        if row["forged"] not in turned:
            raise DataError(f"{source}, line {line}: label {row['forged']!r} is neither 1 (forged) nor 0 (genuine)")
        named.append((line, {"left": row["reference"], "right": row["probe"], "label": turned[row["forged"]]}))
    return _pairs(source, named, members)


def _triplets(source: str, rows: list[Row], members: _Members) -> Dataset:
    places = [members.enter(line, [row[name] for name in COLUMNS["triplets"]]) for line, row in rows]
    kept = np.array([place for place in places if place], dtype=np.int64).reshape(-1, 3)
    return _explicit(source, members, triplets=Triplets(*kept.T))


def _explicit(source: str, members: _Members, pairs: Pairs | None = None, triplets: Triplets | None = None) -> Dataset:
    return Dataset(
        items=tuple(members.items.values()),
        keys=tuple(members.items),
        identities=None,
        pairs=pairs,
        triplets=triplets,
        source=source,
        skipped=tuple(members.skipped),
    )


def _rows(source: Path, header: tuple[str, ...] | None = None) -> tuple[list[str], list[Row]]:
    try:
        content = source.read_bytes()
        utf16 = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        text = content.decode("utf-16" if utf16 else "utf-8-sig")
    except OSError as error:
        raise DataError(f"{source} cannot be read ({error})") from error
    except UnicodeDecodeError:
        text = content.decode("latin-1")
    lines = list(io.StringIO(text, newline=""))
    if not lines:
        raise EmptyDataset(f"{source} is empty. Next: give it a header, such as path,label, and rows")
    separator = max(",;\t", key=lines[0].count)
    reader = csv.reader(lines, delimiter=separator)
    try:
        columns = list(header) if header else [name.strip().lower() for name in next(reader)]
        rows = [
            # A short row gets empty cells, which no file is called: it is skipped where its path is needed.
            (reader.line_num, dict(zip(columns, [cell.strip() for cell in cells] + [""] * len(columns), strict=False)))
            for cells in reader
            if any(cells)
        ]
    except csv.Error as error:
        raise DataError(f"{source}, line {reader.line_num}: is no CSV ({error})") from error
    return columns, rows
