"""Train on a folder of signatures: a forger's line, how to combine what is measured, and where to decide."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from twinnet.apps.signatures.fit import Measured, fit, measure
from twinnet.apps.signatures.layout import Signatures, signatures
from twinnet.apps.signatures.measure import DARKNESS, INPUTS, PREPROCESS, look, pictures_of
from twinnet.apps.signatures.model import SignatureModel
from twinnet.apps.signatures.quality import LineQuality, crossed, learn_quality, nothing
from twinnet.apps.signatures.rules import Forgeries
from twinnet.apps.signatures.synthetic import with_forgeries
from twinnet.core.errors import TooFewIdentities
from twinnet.core.progress import SILENT, Progress
from twinnet.core.seeds import stream
from twinnet.core.types import BoolArray, FloatArray, IntArray
from twinnet.data import Dataset
from twinnet.training.facts import versions

FEWEST = 6
"""Writers that it takes: with each left out in turn, five are left to learn from."""


def learn(
    source: Signatures | Dataset | str | Path,
    *,
    out: str | Path | None = None,
    keep_darkness: bool = False,
    draws: int = 10,
    seed: int = 0,
    progress: Progress = SILENT,
) -> SignatureModel:
    """A model with rules for 1 … 5 references. With `out` it is saved, and an interrupted measurement goes on.

    `keep_darkness` lets the pen's darkness count. Where the folder has no forgeries, genuine signatures bent by the
    program stand in for them, and the model says so. Raises TooFewIdentities for fewer than six writers.
    """
    known = source if isinstance(source, Signatures) else signatures(source)
    if len(known.names) < FEWEST:
        raise TooFewIdentities(
            f"{known.data.source} has {len(known.names)} writers; it takes {FEWEST}. Next: collect more writers: a "
            "dozen of each's signatures is enough"
        )
    forgeries: Forgeries = "skilled" if known.has_forgeries else "synthetic"
    if not known.has_forgeries:
        known = with_forgeries(known, seed=seed)
    preprocess, names = PREPROCESS, INPUTS
    if keep_darkness:
        preprocess, names = replace(PREPROCESS, ink="clean"), (*INPUTS, DARKNESS)
    shown, data = pictures_of(known.data, preprocess, progress)
    known = known.among(data)
    seen = look(shown, progress)
    kept = Path(f"{out}.measured") if out else None
    pairs = measure(known, seen, names, draws=draws, seed=seed, kept=kept, progress=progress)
    taught, quality = line_quality(seen.fine, known.genuine, known.writers, forgeries, seed)
    rules = fit(known, Measured(pairs, quality), names, forgeries=forgeries, draws=draws, seed=seed)
    facts = {
        "data": data.source, "writers": known.names, "signatures": len(data), "forged": int((~known.genuine).sum()),
        "seed": seed, "versions": versions(),
    }  # fmt: skip
    model = SignatureModel(preprocess, taught, rules, facts)
    if out and kept:
        model.save(out)
        kept.unlink(missing_ok=True)
    return model


def line_quality(
    fine: FloatArray, genuine: BoolArray, writer: IntArray, forgeries: Forgeries, seed: int
) -> tuple[LineQuality, FloatArray]:
    """What all writers teach of a forger's line; and each signature `(N,)` judged by what other writers taught."""
    if forgeries == "synthetic":
        # A bent picture has the line of the writer: there is nothing to learn from it, but the traces of the bending.
        return nothing(fine.shape[1]), np.zeros(len(fine))
    order = stream(seed, "quality").permutation(np.unique(writer))
    return learn_quality(fine, genuine, writer), crossed(fine, genuine, writer, order)
