"""Export: write the float file, and the int8 file beside it, once the golden set says that they decide as before."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from twinnet.apps.export.graph import network, quantised, with_card, written
from twinnet.apps.export.parity import TOLERANCE, Golden, Parity, ParityError, golden_set, moved
from twinnet.apps.export.relearn import relearned
from twinnet.compare import Learned
from twinnet.core.errors import CalibrationError
from twinnet.core.progress import SILENT, Progress
from twinnet.core.types import FloatArray
from twinnet.data import Dataset
from twinnet.decide import DecisionRule, eer, error_rates
from twinnet.engine import FORMAT, Engine
from twinnet.model import Model, card
from twinnet.model.model import comparison_name

INT8_FLIPS = 0.02
"""The share of the golden pairs on which an int8 file may decide otherwise, with its own threshold."""
_CALIBRATION = 256  # images that set the ranges of int8
_LEAST = 1e-2  # the unit of distance of a network that has no threshold


def export(
    model: Model,
    out: str | Path,
    golden: str | Path | Dataset | None = None,
    *,
    int8: bool = True,
    tolerance: float = TOLERANCE,
    int8_flips: float = INT8_FLIPS,
    accept_seen: bool = False,
    seed: int = 0,
    progress: Progress = SILENT,
) -> Parity:
    """Write `out` (.onnx) and, with a golden set and `int8`, the same with .int8.onnx; both carry card and certificate.

    The golden set is a folder with one subfolder per identity, none of which taught the network. Without it noise is
    replayed, and there is no int8 file: its ranges and its threshold are learned from the golden set. Raises
    ParityError where a verdict of the float file flips, a distance moves by more than the tolerance, or more than the
    share `int8_flips` of the int8 file's verdicts flip; then nothing is written.
    """
    out = Path(out)
    shown = golden_set(model, golden, accept_seen, seed, progress)
    content = network(model)
    before = shown.distances(model.embed_images, model.paired)
    after = shown.by(_engine(content, card_of(model, model.rule, None)))
    threshold = model.rule.threshold if model.rule else None
    # A network that sees all noise alike has distances of nothing but rounding, of which no share can be asked.
    unit = abs(threshold) if threshold else max(_LEAST, float(np.abs(before).mean()))
    parity = Parity(
        len(shown.images), len(before), tolerance, moved(before, after, unit),
        _flips(before, threshold, after, threshold), threshold,
    )  # fmt: skip
    if parity.flipped or parity.largest_move > tolerance:
        raise ParityError(
            f"{out}: {parity.flipped} of {parity.pairs:,} verdicts flip and a distance moves by "
            f"{parity.largest_move:.2g} of the threshold (at most {tolerance:g} is allowed); nothing was written."
        )
    files = {}
    if shown.known and int8:
        small, rule, parity = _int8(model, content, shown, before, unit, parity, int8_flips, out)
        files[out.with_suffix(".int8.onnx")] = with_card(small, card_of(model, rule, parity, kind="int8"))
    files[out] = with_card(content, card_of(model, model.rule, parity))
    for path, file in files.items():
        written(path, file)
    return parity


def exported_bytes(model: Model) -> bytes:
    """The float file without a certificate."""
    return with_card(network(model), card_of(model, model.rule, None))


def _int8(
    model: Model, content: bytes, shown: Golden, before: FloatArray, unit: float, parity: Parity, most: float, out: Path
) -> tuple[bytes, DecisionRule | None, Parity]:
    rows = np.linspace(0, len(shown.images) - 1, min(_CALIBRATION, len(shown.images))).astype(np.int64)
    small = quantised(content, model.preprocess.normalise(shown.images[rows]))
    after = shown.by(_engine(small, card_of(model, model.rule, None, kind="int8")))
    rule = None
    if model.rule is not None:
        rule = relearned(model.rule, before, after, shown.same)
    own = rule.threshold if rule else None
    rates = _eers(shown, before, after)
    parity = replace(
        parity, int8_largest_move=moved(before, after, unit), int8_threshold=own,
        int8_flipped=_flips(before, parity.threshold, after, own), eer=rates[0], int8_eer=rates[1],
    )  # fmt: skip
    if (parity.int8_flipped or 0) > most * parity.pairs:
        raise ParityError(
            f"{out}: int8 decides {parity.int8_flipped} of {parity.pairs:,} pairs otherwise (at most {most:.1%} are "
            "allowed); nothing was written. Next: --no-int8, or --int8-flips for what you can bear."
        )
    return small, rule, parity


def _eers(shown: Golden, *distances: FloatArray) -> list[float | None]:
    try:
        return [float(eer(error_rates(d, shown.same))[0]) for d in distances]
    except CalibrationError:  # all pairs are of one kind
        return [None for _ in distances]


def _flips(before: FloatArray, threshold: float | None, after: FloatArray, other: float | None) -> int:
    if threshold is None or other is None:
        return 0
    return int(((before < threshold) != (after < other)).sum())


def card_of(model: Model, rule: DecisionRule | None, parity: Parity | None, kind: str = "float32") -> dict[str, Any]:
    """Everything but the network that a verdict needs, and what a reader should know."""
    learned = None
    if isinstance(model.comparison, Learned):
        learned = {"weight": model.comparison.weight.tolist(), "bias": float(model.comparison.bias.detach())}
    return {
        "format": FORMAT, "kind": kind,
        "fingerprint": model.fingerprint if kind == "float32" else f"{model.fingerprint}-{kind}",
        "encoder": model.spec.name, "dim": model.spec.dim, "normalise": model.spec.normalise,
        "weights": sum(p.numel() for p in model.encoder.parameters()),
        "preprocess": model.preprocess.to_dict(), "comparison": comparison_name(model.comparison), "learned": learned,
        "rule": rule.to_dict() if rule else None, "reading": model.facts.get("reading"),
        "parity": asdict(parity) if parity else None, "card": card(model.with_rule(rule)),
    }  # fmt: skip


def _engine(content: bytes, card: dict[str, Any]) -> Engine:
    return Engine(with_card(content, card))
