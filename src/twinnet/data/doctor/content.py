"""What is there, and what is odd about it: unreadable and blank files, lonely and crowded identities, mixtures."""

from __future__ import annotations

import numpy as np

from twinnet.core.types import FloatArray, IntArray
from twinnet.data.dataset import Dataset
from twinnet.data.doctor.finding import Finding, first, many
from twinnet.data.doctor.look import Look

_CROWDED = 10.0  # times the median number of items
_UNEVEN = 0.5  # Gini coefficient: that of one half owning everything, shared equally
_MIXED = 0.05  # a smaller share of odd pictures is no mixture


def content(data: Dataset, seen: Look) -> list[Finding]:
    """Findings about single items and identities, then one about the pictures as a whole."""
    found = [_unreadable(data, seen), _blank(data, seen)]
    if data.identities is not None:
        counts = np.bincount(data.identities, minlength=len(data.identity_names))  # (identities,)
        found += [_lonely(data, counts), _crowded(data, counts)]
    if len(seen):
        found += [_mixed(seen), _pictures(data, seen)]
    return [finding for finding in found if finding is not None]


def gini(counts: IntArray) -> float:
    """0 where all have as many, towards 1 where one has all (Gini 1912): mean |a − b| over twice the mean."""
    ascending = np.sort(counts).astype(np.float64)  # (n,)
    n, total = len(ascending), ascending.sum()
    if n == 0 or total == 0:
        return 0.0
    return float((2 * np.arange(1, n + 1) - n - 1) @ ascending / (n * total))


def _unreadable(data: Dataset, seen: Look) -> Finding | None:
    bad = [f"{skip.item}: {skip.reason}" for skip in (*data.skipped, *seen.unreadable)]
    if not bad:
        return None
    words = f"{many(len(bad), 'item')} cannot be read, so training goes on without"
    return Finding("unreadable", "warn", words, len(bad), first(bad), "replace or remove them")


def _blank(data: Dataset, seen: Look) -> Finding | None:
    rows = seen.rows[seen.blank]
    if not len(rows):
        return None
    words = f"{many(len(rows), 'blank picture')}, all of one grey"
    return Finding("blank", "warn", words, len(rows), first([data.keys[i] for i in rows]), "remove them")


def _lonely(data: Dataset, counts: IntArray) -> Finding | None:
    lonely = np.flatnonzero(counts == 1)
    if not len(lonely):
        return None
    words = f"{len(lonely):,} of {int((counts > 0).sum()):,} identities with one item only: nothing to pair it with"
    names = [data.identity_names[i] for i in lonely]
    return Finding("single", "warn", words, len(lonely), first(names), "add a second item of each, or leave them out")


def _crowded(data: Dataset, counts: IntArray) -> Finding | None:
    present = counts[counts > 0]
    median, uneven = float(np.median(present)), gini(present)
    if present.max() < _CROWDED * median and uneven < _UNEVEN:
        return None
    order = [i for i in np.argsort(-counts, kind="stable") if counts[i] > 2 * median]
    words = (
        f"items are unevenly spread: {present.min():,} to {present.max():,} per identity, {median:g} in the middle "
        f"(Gini {uneven:.2f})"
    )
    names = [f"{data.identity_names[i]} ({counts[i]:,})" for i in order]
    step = "batches take as many items of each identity, so training copes; evaluate per identity, not per pair"
    return Finding("imbalance", "warn", words, len(order), first(names), step)


def _mixed(seen: Look) -> Finding | None:
    bright, coloured = float(seen.bright_ground.mean()), float(seen.coloured.mean())
    if _MIXED < bright < 1 - _MIXED and float(np.median(seen.ink)) < 0.4:
        count = int(min(bright, 1 - bright) * len(seen))
        words = f"{bright:.0%} are dark on bright and {1 - bright:.0%} bright on dark"
        return Finding("polarity", "note", words, count, (), "train with --bright-ink, if they are drawings")
    if _MIXED < coloured < 1 - _MIXED:
        count = int(min(coloured, 1 - coloured) * len(seen))
        words = f"{coloured:.0%} are coloured and {1 - coloured:.0%} grey: colour may tell where a picture comes from"
        return Finding("colour", "note", words, count, (), "make all grey, if one identity is always of one kind")
    return None


def _pictures(data: Dataset, seen: Look) -> Finding:
    colour = "coloured" if seen.coloured.mean() > 0.5 else "grey"
    ground = "on a bright ground" if seen.bright_ground.mean() > 0.5 else "on a dark ground"
    words = (
        f"{len(seen):,} pictures, {_range(seen.width_px)} × {_range(seen.height_px)} pixels, {colour}, {ground}, "
        f"ink on {_typical(seen.ink):.0%} of each"
    )
    options = []
    if data.identities is not None:
        counts = np.unique(data.identities, return_counts=True)[1]
        if np.median(counts) < 4:
            options.append(f"-K {max(2, int(np.median(counts)))}")
        if len(counts) < 40:
            options.append(f"-P {max(2, int(0.8 * len(counts)))}")
    return Finding("pictures", "note", words, len(seen), (), f"train with {' '.join(options)}" if options else "")


def _range(values: IntArray) -> str:
    low, high = int(values.min()), int(values.max())
    return f"{low:,}" if low == high else f"{low:,}–{high:,}"


def _typical(values: FloatArray) -> float:
    return float(np.median(values))
