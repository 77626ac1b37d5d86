"""Do the intervals keep their word? Simulated studies with dependent pairs, whose truth is known.

    from twinnet.decide.coverage import coverage
    coverage(identities=20, items=4, studies=1000)   # share of the 95 % intervals that hold the truth

Each identity is a point in a Gaussian cloud with a spread of its own; its items scatter around it. So every pair of one
identity shares its luck: some are hard to recognise, some lie in the middle of the cloud and resemble everybody
(the goats and wolves of Doddington et al. 1998).
"""

from __future__ import annotations

import numpy as np

from twinnet.core.progress import SILENT, Progress
from twinnet.core.seeds import stream
from twinnet.core.types import BoolArray, FloatArray, IntArray
from twinnet.decide.intervals import over_identities
from twinnet.decide.weighted import WeightedRates

DIM = 6
NAMES = ("eer", "auc", "accuracy", "far", "frr")


def coverage(
    *,
    identities: int = 20,
    items: int = 4,
    studies: int = 1000,
    spread: float = 0.4,
    unlike: float = 0.2,
    threshold: float = 1.8,
    unequal: bool = False,
    replicates: int = 200,
    level: float = 0.95,
    seed: int = 0,
    progress: Progress = SILENT,
) -> dict[str, float]:
    """The share of `studies` whose interval holds the truth, for each figure of a verification.

    `items` of each identity (with `unequal`, 2 to 2 · items − 2 of them); they scatter by `spread`, which differs
    between identities by a factor of about e^±unlike.
    """
    true = _truth(spread, unlike, threshold)
    held = np.zeros(len(NAMES))
    with progress.task("simulated studies", studies) as task:
        for number in range(studies):
            rng = stream(seed, "study", number)
            counts = rng.integers(2, 2 * items - 1, identities) if unequal else np.full(identities, items)
            d, same, first, second = _study(rng, counts, spread, unlike)
            rates = WeightedRates(d, same, threshold)
            found = over_identities(
                rates, first, second, pairs=rates.pairs, skewed=rates.skewed, replicates=replicates, level=level,
                seed=number,
            )  # fmt: skip
            share = same.mean()  # set by the study's design; the true accuracy depends on it
            accuracy = 1 - share * true["frr"] - (1 - share) * true["far"]
            held += [
                i.low <= {**true, "accuracy": accuracy}[name] <= i.high for name, i in zip(NAMES, found, strict=True)
            ]
            task.advance()
    return dict(zip(NAMES, map(float, held / studies), strict=True))


def _study(
    rng: np.random.Generator, counts: IntArray, spread: float, unlike: float
) -> tuple[FloatArray, BoolArray, IntArray, IntArray]:
    n = len(counts)
    who = np.repeat(np.arange(n), counts)  # (N,)
    centre, width = rng.normal(size=(n, DIM)), spread * np.exp(unlike * rng.normal(size=n))
    x = centre[who] + width[who, None] * rng.normal(size=(len(who), DIM))  # (N, DIM)
    first, second = np.triu_indices(len(who), 1)
    return np.linalg.norm(x[first] - x[second], axis=1), who[first] == who[second], who[first], who[second]


def _truth(spread: float, unlike: float, threshold: float, n: int = 400_000) -> dict[str, float]:
    """The figures of endlessly many identities: n genuine and n impostor pairs, no two of which share anybody."""
    rng = np.random.default_rng(20_011)
    width = spread * np.exp(unlike * rng.normal(size=(2, n, 1)))
    noise = rng.normal(size=(4, n, DIM))
    genuine = np.linalg.norm(width[0] * (noise[0] - noise[1]), axis=1)
    apart = rng.normal(size=(n, DIM)) - rng.normal(size=(n, DIM))
    impostor = np.linalg.norm(apart + width[0] * noise[2] + width[1] * noise[3], axis=1)
    rates = WeightedRates(np.concatenate([genuine, impostor]), np.arange(2 * n) < n, threshold)
    return dict(zip(rates.names, map(float, rates(np.ones(2 * n))), strict=True))
