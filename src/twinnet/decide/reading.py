"""From distances to a reading: probabilities over the characters that were learned, and from where on it is none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import softmax

from twinnet.core.errors import NotCalibrated
from twinnet.core.types import FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class ReadingRule:
    """`temperature`: probabilities are softmax(−distance / temperature). `unknown_from`: a nearest distance from here
    on is none of the characters; a twentieth of known ones lay beyond it. `ece` is the expected calibration error on
    groups that the temperature was not fitted on, None where there was one group only. `refused`, `taken`: shares of
    known probes called unknown, and of unknown ones read as some character, on the groups that set the limit.
    """

    temperature: float
    unknown_from: float
    ece: float | None
    refused: float
    taken: float
    probes: int
    learned_on: str

    def probabilities(self, distances: npt.ArrayLike) -> FloatArray:
        """Distances `(…, N)` to N characters → probabilities `(…, N)`, supposing that it is one of them."""
        return np.asarray(softmax(-np.asarray(distances, np.float64) / self.temperature, axis=-1))

    def to_dict(self) -> dict[str, Any]:
        """As JSON-able values."""
        return asdict(self)

    @classmethod
    def from_facts(cls, facts: Mapping[str, Any]) -> ReadingRule:
        """What `handwriting train` kept in a model's facts. Raises NotCalibrated where there is none."""
        if "reading" not in facts:
            raise NotCalibrated(
                "this model was not trained to read: it has no temperature for probabilities. "
                "Next: twinnet handwriting train FOLDER -o MODEL, or give a ReadingRule from fit_reading."
            )
        return cls(**facts["reading"])


def by_character(distances: npt.ArrayLike, of: IntArray) -> FloatArray:
    """Distances `(Q, E)` of probes to examples → `(Q, N)` to characters: the mean over each one's; `of (E,)` is whose.

    A mean of distances has the same scale for one example as for many, so the temperature and the limit hold for both.
    """
    every, counts = np.asarray(distances, np.float64), np.bincount(of)
    sums = np.zeros((len(counts), len(every)))
    np.add.at(sums, of, every.T)
    return np.asarray((sums / counts[:, None]).T)
