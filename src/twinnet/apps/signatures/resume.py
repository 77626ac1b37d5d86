"""Measuring thousands of pairs, so that an interruption costs a minute at most."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from twinnet.apps.signatures.measure import Seen
from twinnet.core.progress import SILENT, Progress
from twinnet.core.types import FloatArray, IntArray
from twinnet.core.whole import whole

EVERY_S = 30.0
"""How often what is measured is written down."""

_BLOCK = 256


def resumed(
    seen: Seen, first: IntArray, second: IntArray, names: Sequence[str], kept: Path | None = None,
    progress: Progress = SILENT,
) -> FloatArray:  # fmt: skip
    """`Seen.inputs` of pairs of rows, `(P,), (P,)` → `(P, K)`, in blocks, those in the file `kept` not again.

    The file is of these pairs of these signatures, or it is not used; it is left for the caller to remove.
    """
    mark = _mark(seen, first, second, names)
    out = np.empty((len(first), len(names)))
    done = _read(kept, mark, out) if kept else 0
    saved_at = time.monotonic()
    with progress.task("comparing", len(first)) as task:
        task.advance(done)
        for start in range(done, len(first), _BLOCK):
            rows = slice(start, start + _BLOCK)
            out[rows] = seen.inputs(first[rows], second[rows], names)
            task.advance(len(first[rows]))
            if kept and (time.monotonic() - saved_at >= EVERY_S or rows.stop >= len(first)):
                _write(kept, mark, out[: rows.stop])
                saved_at = time.monotonic()
    return out


def _mark(seen: Seen, first: IntArray, second: IntArray, names: Sequence[str]) -> str:
    digest = hashlib.sha256(" ".join(names).encode())
    for array in (seen.placed, seen.fine, seen.dark, first, second):
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def _read(kept: Path, mark: str, out: FloatArray) -> int:
    try:
        with kept.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            values = file["values"]
            if str(file["mark"]) != mark or values.shape[1:] != out.shape[1:] or len(values) > len(out):
                return 0
    except (OSError, ValueError, KeyError, BadZipFile):  # not there, or cut off while it was written
        return 0
    out[: len(values)] = values
    return len(values)


def _write(kept: Path, mark: str, values: FloatArray) -> None:
    with whole(kept) as partial, partial.open("wb") as file:
        np.savez(file, mark=np.array(mark), values=values)
