"""From measures to a verdict: a learned combination, a threshold and a probability for prose, and for code."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np

from twinnet.apps.plagiarism.measures import MEASURES
from twinnet.apps.plagiarism.prepared import Kind
from twinnet.core.errors import CalibrationError, ModelFileError
from twinnet.core.types import Decision, FloatArray
from twinnet.decide import DecisionRule

FORMAT = 1


@dataclass(frozen=True, slots=True)
class Combination:
    """distance = softplus(−logit) = −log p, logit = weights · (measures − centre) / scale + offset."""

    centre: tuple[float, ...]
    scale: tuple[float, ...]
    weights: tuple[float, ...]
    offset: float

    def __call__(self, measures: FloatArray) -> FloatArray:
        """`(P, M)` → distances `(P,)`, at least 0, lower is more alike."""
        x = (np.atleast_2d(measures) - np.array(self.centre)) / np.array(self.scale)
        return np.asarray(np.logaddexp(0, -(x @ np.array(self.weights) + self.offset)))


@dataclass(frozen=True, slots=True)
class Verdicts:
    """How pairs of one kind are judged."""

    combination: Combination
    rule: DecisionRule

    def decide(self, measures: FloatArray) -> Decision:
        """The answer for one row of measures."""
        return self.rule.decide(float(self.combination(measures)[0]))


@dataclass(frozen=True, slots=True)
class Judge:
    """Verdicts for each kind of document it knows."""

    of: Mapping[Kind, Verdicts]

    def decide(self, kind: Kind, measures: FloatArray) -> Decision:
        """Raises CalibrationError for a kind it never learned."""
        if kind not in self.of:
            raise CalibrationError(
                f"this judge has learned nothing about {kind}. Next: leave --judge out, or learn from pairs of {kind}"
            )
        return self.of[kind].decide(measures)

    def save(self, path: Path) -> None:
        """As JSON, for people and for `read_judge`."""
        text = json.dumps(self.to_dict(), indent=1)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text + "\n", encoding="utf-8")
        except OSError as error:
            raise ModelFileError(f"{path}: the judge cannot be written ({error.strerror or error}).") from error

    def to_dict(self) -> dict[str, Any]:
        """As JSON-able values."""
        kinds = {}
        for kind, verdicts in self.of.items():
            c = verdicts.combination
            kinds[kind] = {
                "measures": list(MEASURES[kind]), "centre": list(c.centre), "scale": list(c.scale),
                "weights": list(c.weights), "offset": c.offset, "rule": verdicts.rule.to_dict(),
            }  # fmt: skip
        return {"format": FORMAT, "kinds": kinds}


def read_judge(path: Path) -> Judge:
    """A judge from its file. Raises ModelFileError for anything else."""
    try:
        return _judge(json.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise ModelFileError(f"{path}: there is no readable judge ({error.strerror or error}).") from error
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError, CalibrationError) as error:
        raise ModelFileError(f"{path}: this is no judge ({error}). Next: make one with --learn.") from error


@lru_cache(maxsize=1)
def default_judge() -> Judge:
    """What ships with the package: learned on invented texts and programs, see docs/plagiarism.md."""
    text = resources.files("twinnet.apps.plagiarism").joinpath("defaults.json").read_text(encoding="utf-8")
    return _judge(json.loads(text))


def _judge(values: Mapping[str, Any]) -> Judge:
    if values["format"] != FORMAT:
        raise ValueError(f"format {values['format']!r}; this program reads {FORMAT}")
    found: dict[Kind, Verdicts] = {}
    kind: Kind
    for kind in ("prose", "code"):
        if kind not in values["kinds"]:
            continue
        part, n = values["kinds"][kind], len(MEASURES[kind])
        if tuple(part["measures"]) != MEASURES[kind]:
            raise ValueError(f"its measures of {kind} are not those of this version")
        columns = {name: tuple(float(v) for v in part[name]) for name in ("centre", "scale", "weights")}
        numbers = np.array([*columns["centre"], *columns["scale"], *columns["weights"], part["offset"]], np.float64)
        if any(len(c) != n for c in columns.values()) or not np.isfinite(numbers).all() or min(columns["scale"]) <= 0:
            raise ValueError(f"{kind} needs {n} finite numbers of each sort, and scales above 0")
        combination = Combination(**columns, offset=float(part["offset"]))
        found[kind] = Verdicts(combination, DecisionRule.from_dict(part["rule"]))
    if not found:
        raise ValueError("it judges nothing")
    return Judge(found)
