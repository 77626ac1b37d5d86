"""Learn a judge from a table of pairs that somebody has looked at."""

from __future__ import annotations

import csv
from functools import lru_cache
from pathlib import Path

import numpy as np

from twinnet.apps.plagiarism.judge import Judge, Verdicts, default_judge
from twinnet.apps.plagiarism.learn import LEAST, learn
from twinnet.apps.plagiarism.measures import measure
from twinnet.apps.plagiarism.prepared import Kind, Prepared, prepare, split_words
from twinnet.apps.plagiarism.run import NOTHING_HIDDEN, Options
from twinnet.core.errors import DataError
from twinnet.core.progress import SILENT, Progress
from twinnet.core.types import FloatArray
from twinnet.data.documents import read_document

_YES = {"1", "yes", "true", "copied"}
_NO = {"0", "no", "false", "independent"}


def learn_judge(
    table: Path,
    place: Path,
    against: Path | None = None,
    *,
    options: Options = NOTHING_HIDDEN,
    progress: Progress = SILENT,
) -> Judge:
    """A CSV with the columns `first`, `second` (names below `place`; `second` below `against`, if given), `copied`
    (1 or 0), and perhaps `group`, such as the task: thresholds then come from groups that the weights never saw.

    A kind of document that the table has too few pairs of (five copies and five others) keeps the verdicts that ship.
    Raises DataError for a table that cannot be used, UnreadableItem for a document that it names.
    """
    rows = _rows(table)
    hidden = options.hides()

    @lru_cache(maxsize=512)
    def ready(path: Path, name: str) -> Prepared:
        split = split_words(read_document(path, name))
        return prepare(split, hidden.of(split))

    found: dict[Kind, list[tuple[FloatArray, bool, str]]] = {"prose": [], "code": []}
    with progress.task("learning", len(rows)) as task:
        for number, (first, second, copied, group) in enumerate(rows):
            a, b = ready(place / first, first), ready((against or place) / second, second)
            if a.kind != b.kind:
                raise DataError(f"{table}: {first} and {second} are of different kinds. Next: leave the row out")
            found[a.kind].append((measure(a, b).measures, copied, group or str(number)))
            task.advance()
    verdicts: dict[Kind, Verdicts] = dict(default_judge().of)
    learned = False
    for kind, pairs in found.items():
        same = np.array([p[1] for p in pairs], np.bool_)
        if not pairs or (min(same.sum(), (~same).sum()) < LEAST and learned):
            continue
        groups = np.unique([p[2] for p in pairs], return_inverse=True)[1]
        verdicts[kind] = learn(np.array([p[0] for p in pairs]), same, groups, str(table))
        learned = True
    return Judge(verdicts)


def _rows(table: Path) -> list[tuple[str, str, bool, str]]:
    try:
        with table.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            missing = {"first", "second", "copied"} - set(reader.fieldnames or ())
            if missing:
                raise DataError(f"{table}: has no column {', '.join(sorted(missing))}. Next: add first,second,copied")
            found = [
                (r["first"], r["second"], (r["copied"] or "").strip().lower(), r.get("group") or "") for r in reader
            ]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{table}: there is no readable table ({error}). Next: check the path") from error
    for line, row in enumerate(found, 2):
        if row[2] not in _YES | _NO or not row[0] or not row[1]:
            raise DataError(
                f"{table}, line {line}: needs two names and copied as 1 or 0; has {', '.join(map(str, row))}"
            )
    if not found:
        raise DataError(f"{table}: has no rows. Next: label some pairs")
    return [(first, second, copied in _YES, group) for first, second, copied, group in found]
