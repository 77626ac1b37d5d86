"""LFW's `pairs.txt`: which two images of a folder of people are compared, in which fold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np

from twinnet.core.errors import DataError
from twinnet.core.types import IntArray, Pairs, Skipped

Image = tuple[str, int]  # a person and the number of the image


@dataclass(frozen=True, slots=True)
class LfwPairs:
    """The lines of the file: who with whom, whether they are the same, and the fold, counted from 0, `(P,)` each."""

    first: tuple[Image, ...]
    second: tuple[Image, ...]
    fold: IntArray
    source: str = ""

    def __len__(self) -> int:
        return len(self.first)

    def find(self, keys: Sequence[str]) -> tuple[Pairs, IntArray, list[Skipped]]:
        """The pairs among items called `keys` (`…/<name>/<name>_0001.jpg`, any suffix), their folds, and what lacks.

        A pair with an image that is not there is left out and listed once for each such image.
        """
        place = {PurePosixPath(key).parent.name + "/" + PurePosixPath(key).stem: i for i, key in enumerate(keys)}
        rows, folds = [], []
        missing: dict[str, int] = {}
        for one, other, fold in zip(self.first, self.second, self.fold, strict=True):
            names = [f"{name}/{name}_{n:04d}" for name, n in (one, other)]
            if gone := [name for name in names if name not in place]:
                for name in gone:
                    missing[name] = missing.get(name, 0) + 1
                continue
            rows.append((place[names[0]], place[names[1]], one[0] == other[0]))
            folds.append(fold)
        first, second, same = np.array(rows, np.int64).reshape(-1, 3).T
        skipped = [
            Skipped(name, f"{count} of the pairs need it, and it is not there") for name, count in missing.items()
        ]
        return Pairs(first, second, same == 1), np.array(folds, np.int64), skipped


def lfw_pairs(path: str | Path) -> LfwPairs:
    """Read `folds<TAB>pairs per fold and kind`, then per fold `name n1 n2` lines and `name1 n1 name2 n2` lines.

    A first line of one number is LFW's development view: one fold. Raises DataError, naming the line, for what does
    not fit, and for another number of pairs than the first line says.
    """
    path = Path(path)
    try:
        lines = [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read ({error})") from error
    head = [cell.strip() for cell in lines[0]] if lines else []
    if len(head) not in (1, 2) or not all(cell.isdigit() and int(cell) for cell in head):
        raise DataError(f"{path}, line 1: expected `folds<TAB>pairs per fold and kind`, such as 10<TAB>300")
    folds, per = (int(head[0]), int(head[1])) if len(head) == 2 else (1, int(head[0]))
    if len(lines) - 1 != folds * per * 2:
        raise DataError(
            f"{path} has {len(lines) - 1:,} pairs; its first line says {folds} × 2 × {per:,} = {folds * per * 2:,}"
        )
    first, second = [], []
    for number, cells in enumerate(lines[1:], 2):
        one, other = _pair([cell.strip() for cell in cells], path, number)
        genuine = (number - 2) // per % 2 == 0
        if (one[0] == other[0]) != genuine:
            raise DataError(f"{path}, line {number}: expected {'one person' if genuine else 'two people'} here")
        first.append(one)
        second.append(other)
    return LfwPairs(tuple(first), tuple(second), np.arange(len(first)) // (2 * per), str(path))


def _pair(cells: list[str], path: Path, number: int) -> tuple[Image, Image]:
    try:
        if len(cells) == 3:
            return (cells[0], int(cells[1])), (cells[0], int(cells[2]))
        if len(cells) == 4:
            return (cells[0], int(cells[1])), (cells[2], int(cells[3]))
    except ValueError:
        pass
    raise DataError(f"{path}, line {number}: expected name<TAB>n1<TAB>n2 or name1<TAB>n1<TAB>name2<TAB>n2")
