"""Is this his signature? A probe against one to five references."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from twinnet.apps.signatures.combine import MOST, summary
from twinnet.apps.signatures.measure import look, pictures
from twinnet.apps.signatures.model import SignatureModel
from twinnet.apps.signatures.rules import Forgeries
from twinnet.core.errors import ConfigError
from twinnet.core.types import Decision, Interval, Item


@dataclass(frozen=True, slots=True)
class Answer:
    """The decision for this number of references; `decision.far` is against forgeries, `far_random` against strangers.

    `forgeries` says of which kind those were. `measured` is the mean over the references of each input, as measured,
    and `line`, how much worse the probe's line is than the references', so that a person can see what drove it.
    """

    decision: Decision
    far_random: Interval
    forgeries: Forgeries
    n_references: int
    measured: dict[str, float]


def verify(model: SignatureModel, references: Sequence[Item], probe: Item) -> Answer:
    """Compare one probe with 1 … 5 references of the same writer.

    Raises ConfigError for another number, UnreadableItem for a picture without ink.
    """
    n, rules = len(references), model.rules
    if not 1 <= n <= MOST:
        raise ConfigError(f"a signature is judged by 1 to {MOST} references; got {n}. Next: give the latest {MOST}.")
    own = rules.of(n)
    seen = look(pictures([*references, probe], model.preprocess))
    first, second = np.triu_indices(n + 1, 1)
    table = np.zeros((n + 1, n + 1, len(rules.inputs)))
    table[first, second] = table[second, first] = seen.inputs(first, second, rules.inputs)
    among = table[np.triu_indices(n, 1)]
    between = table[:n, n:]  # (R, 1, K)
    quality = model.quality(seen.fine)
    worse = quality[n:] - quality[:n].mean()
    distance = float(own.combination(summary(between, among, worse))[0])
    measured = dict(zip(rules.inputs, np.exp(between).mean(axis=(0, 1)).tolist(), strict=True))
    return Answer(own.rule.decide(distance), own.far_random, rules.forgeries, n, {**measured, "line": float(worse[0])})
