"""How good is a signature model on writers that it never saw?"""

from __future__ import annotations

from pathlib import Path

from twinnet.apps.signatures.fit import Measured, measure, tried
from twinnet.apps.signatures.layout import Signatures, signatures
from twinnet.apps.signatures.measure import look, pictures_of
from twinnet.apps.signatures.model import SignatureModel
from twinnet.apps.signatures.trials import GENUINE, RANDOM, SKILLED
from twinnet.core.errors import TooFewIdentities
from twinnet.core.progress import SILENT, Progress
from twinnet.core.types import BoolArray, FloatArray, IntArray, Interval
from twinnet.data import Dataset
from twinnet.decide import WeightedRates, over_identities
from twinnet.evaluation import Result

KINDS = {SKILLED: "skilled", RANDOM: "random"}


def rates(
    distance: FloatArray, kind: IntArray, writer: IntArray, threshold: float | None = None, *, seed: int = 0
) -> dict[str, Interval]:
    """EER, AUC, FAR and FRR against each kind of forgery, by name; whole writers are resampled for the intervals."""
    found: dict[str, Interval] = {}
    for other, name in KINDS.items():
        rows = (kind == GENUINE) | (kind == other)
        same: BoolArray = kind[rows] == GENUINE
        if same.all() or not same.any():
            continue
        weighted = WeightedRates(distance[rows], same, threshold)
        wanted = ("eer", "auc") if threshold is None else ("eer", "auc", "far", "frr")
        at = [weighted.names.index(figure) for figure in wanted]
        intervals = over_identities(
            lambda w, of=weighted, at=at: of(w)[at], writer[rows], writer[rows],  # type: ignore[misc]
            pairs=[weighted.pairs[i] for i in at], skewed=[1], replicates=200, seed=seed,
        )  # fmt: skip
        for figure, interval in zip(wanted, intervals, strict=True):
            found["frr" if figure == "frr" else f"{figure}_{name}"] = interval
    return found


def judge(
    model: SignatureModel,
    source: Signatures | Dataset | str | Path,
    *,
    draws: int = 10,
    seed: int = 0,
    progress: Progress = SILENT,
) -> Result:
    """For each number of references, EER, AUC, and FAR and FRR at the model's threshold, each with its interval.

    References are drawn by seed, and all other own signatures, all forgeries and eight strangers' are probes.
    Raises TooFewIdentities where no writer has enough signatures.
    """
    known = source if isinstance(source, Signatures) else signatures(source)
    shown, data = pictures_of(known.data, model.preprocess, progress)
    known = known.among(data)
    seen, rules = look(shown, progress), model.rules
    pairs = measure(known, seen, rules.inputs, draws=draws, seed=seed, progress=progress)
    measured = Measured(pairs, model.quality(seen.fine))
    metrics: dict[str, Interval] = {}
    counts = {"writers": len(known.names), "signatures": len(data), "forged": int((~known.genuine).sum())}
    for n, rule in rules.by_number.items():
        t = tried(known, measured, n, draws=draws, seed=seed)
        if not len(t.kind):
            continue
        distance = rule.combination(t.features)
        found = rates(distance, t.kind, t.writer, rule.rule.threshold, seed=seed)
        metrics |= {f"{name}_{n}": figure for name, figure in found.items()}
        counts[f"probes_{n}"] = len(t.kind)
    if not metrics:
        raise TooFewIdentities(
            f"{data.source}: no writer has two genuine signatures, one to refer to and one to try. Next: add signatures"
        )
    return Result(
        protocol="signatures", metrics=metrics, counts=counts, data=data.source, model=model.fingerprint, seed=seed
    )
