"""Before a minute is spent: is the same picture on both sides of the split, and what else should be known?"""

from __future__ import annotations

from collections.abc import Mapping

from twinnet.core.errors import LeakError
from twinnet.core.progress import SILENT, Progress
from twinnet.data.dataset import Dataset
from twinnet.data.doctor import Finding, by_severity, content, copies, duplicates, look, side_of
from twinnet.evaluation.shortcut import shortcut_findings, shortcuts

_QUICK = 50  # replicates: the doctor makes better intervals


def check(
    data: Dataset,
    parts: Mapping[str, Dataset | None],
    *,
    accept_leaks: bool = False,
    seed: int = 0,
    progress: Progress = SILENT,
) -> list[Finding]:
    """What `twinnet doctor` finds within seconds, for this split; mislabelled suspects are left to it.

    Raises LeakError, naming the first items, where equal or nearly equal pictures stand on two sides.
    """
    seen = look(data, progress)
    sides, names = side_of(data, parts)
    found = copies(
        duplicates(seen, progress), data.keys,
        identities=data.identities, pairs=data.pairs, sides=sides, side_names=names,
    )  # fmt: skip
    for finding in found:
        if finding.severity == "stop" and not accept_leaks:
            raise LeakError(
                f"{data.source}: {finding.line()}; or train anyway, with results that flatter (--accept-leaks)"
            )
    found += content(data, seen)
    return by_severity([*found, *shortcut_findings(shortcuts(data, seen, seed=seed, replicates=_QUICK))])


def as_notes(findings: list[Finding], source: str, most: int = 3) -> list[str]:
    """What a person should know before training, in at most `most` lines."""
    grave = [finding.line() for finding in findings if finding.severity != "note"]
    if len(grave) <= most:
        return grave
    return [*grave[: most - 1], f"{len(grave) - most + 1} more warnings. Next: twinnet doctor {source}"]
