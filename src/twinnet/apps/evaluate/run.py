"""One door to all protocols."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from twinnet.apps.evaluate import protocols
from twinnet.apps.evaluate.data import open_for
from twinnet.apps.evaluate.judged import Judged, seen_note
from twinnet.apps.robustness import robustness
from twinnet.core.errors import ConfigError
from twinnet.core.progress import SILENT, Progress
from twinnet.data import Dataset, ImageStore, load
from twinnet.evaluation import Result
from twinnet.model import Model

PROTOCOLS: dict[str, Callable[..., Result]] = {
    "koch": protocols.koch,
    "lake20": protocols.lake20,
    "lake20-assignment": protocols.lake20_assignment,
    "lfw": protocols.lfw,
    "nway": protocols.nway,
    "openset": protocols.openset,
    "retrieval": protocols.retrieval,
    "robustness": robustness,
    "verification": protocols.verification,
}


def evaluate(
    model: Model,
    data: Dataset | str | Path | ImageStore,
    *,
    protocol: str = "verification",
    seed: int = 0,
    progress: Progress = SILENT,
    **options: Any,
) -> Result:
    """Evaluate by `protocol`, one of `PROTOCOLS`; identities that the model was trained on are noted in the result.

    `options` are those of the protocol: verification `max_pairs`, `all_pairs`, `max_memory`; lfw `pairs` (the file);
    nway `ways`, `shots`, `episodes`, `within_groups`, `across_sessions`; koch `koch_pairs`, `drawers`; openset
    `shots`; retrieval `at`, `across_groups`, `max_memory`; robustness `max_items`, `max_pairs`, `replicates`.
    docs/evaluation.md has a section for each. Raises ConfigError for a protocol or an option that there is not, and
    what the protocol raises.
    """
    judge = check(protocol, options)
    if not isinstance(data, ImageStore):
        known = data if isinstance(data, Dataset) else open_for(protocol, data, pairs=options.get("pairs"))
        if judge is robustness:
            return _finished(robustness(model, known, seed=seed, progress=progress, **options), model, known)
        data = load(known, model.preprocess, progress=progress)
    elif judge is robustness:
        return _finished(robustness(model, data, seed=seed, progress=progress, **options), model, data.dataset)
    result = judge(Judged(model, data, model.embed(data, progress=progress), seed, progress), **options)
    result = replace(result, counts={**result.counts, "items": len(data), "skipped": len(data.skipped)}, seed=seed)
    notes = result.notes
    if data.skipped:
        first = data.skipped[0]
        notes += (f"{len(data.skipped)} items were skipped, the first: {first.item} ({first.reason})",)
    return _finished(replace(result, notes=notes), model, data.dataset)


def check(protocol: str, options: dict[str, Any]) -> Callable[..., Result]:
    """The protocol's function, before any work. Raises ConfigError for what is unknown, or belongs to another one."""
    if protocol not in PROTOCOLS:
        raise ConfigError(f"protocol {protocol!r} is unknown. Known: {', '.join(sorted(PROTOCOLS))}.")
    judge = PROTOCOLS[protocol]
    known = {p.name for p in inspect.signature(judge).parameters.values() if p.kind is p.KEYWORD_ONLY}
    known -= {"seed", "progress"}
    if odd := sorted(set(options) - known):
        takes = ", ".join(sorted(known)) or "no options"
        raise ConfigError(f"{odd[0]} does not belong to protocol {protocol}, which takes {takes}.")
    return judge


def _finished(result: Result, model: Model, data: Dataset) -> Result:
    notes = (*result.notes, *seen_note(model, data))
    return replace(result, data=data.source, model=model.fingerprint, notes=notes)
