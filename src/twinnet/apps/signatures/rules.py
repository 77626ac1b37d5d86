"""What a signature model knows of references: how to combine so many of them, and where to decide."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, final

from twinnet.apps.signatures.combine import MOST, Combination, n_features
from twinnet.apps.signatures.measure import DARKNESS, INPUTS
from twinnet.core.errors import ConfigError, ModelFileError, TwinnetError
from twinnet.core.types import Interval
from twinnet.decide import DecisionRule

Forgeries = Literal["skilled", "synthetic"]


@final
@dataclass(frozen=True, slots=True)
class NumberRule:
    """The rule for one number of references; `rule.far` is against forgeries, `far_random` against strangers."""

    combination: Combination
    rule: DecisionRule
    far_random: Interval


@final
@dataclass(frozen=True, slots=True)
class Rules:
    """By number of references. `forgeries` says what taught them: people's, or genuine ones bent by the program.

    `inputs` are the names of what is measured of a pair: `INPUTS`, and perhaps `DARKNESS`.
    """

    inputs: tuple[str, ...]
    forgeries: Forgeries
    writers: int
    by_number: Mapping[int, NumberRule]

    def of(self, n_references: int) -> NumberRule:
        """The rule for so many references. Raises ConfigError where none was learned."""
        if n_references not in self.by_number:
            known = ", ".join(map(str, sorted(self.by_number)))
            raise ConfigError(f"this model decides from {known} references, not from {n_references}.")
        return self.by_number[n_references]

    def to_dict(self) -> dict[str, Any]:
        """As JSON-able values, for the model's file."""
        numbers = {
            str(n): {
                "combination": r.combination.to_dict(), "rule": r.rule.to_dict(), "far_random": asdict(r.far_random)
            }
            for n, r in self.by_number.items()
        }  # fmt: skip
        return {"inputs": list(self.inputs), "forgeries": self.forgeries, "writers": self.writers, "by_number": numbers}

    @classmethod
    def from_dict(cls, values: Any) -> Rules:
        """Back from `to_dict`. Raises ModelFileError for an unknown key, a missing one, or a value out of range."""
        try:
            if set(values) != {"inputs", "forgeries", "writers", "by_number"}:
                raise ValueError(f"its keys are {', '.join(sorted(values))}")
            inputs = tuple(values["inputs"])
            if inputs not in (INPUTS, (*INPUTS, DARKNESS)):
                raise ValueError(f"it combines {', '.join(inputs)}, and this twinnet {', '.join(INPUTS)}")
            if values["forgeries"] not in ("skilled", "synthetic"):
                raise ValueError(f"it learned from {values['forgeries']} forgeries")
            found = {}
            for name, parts in values["by_number"].items():
                n = int(name)
                if not 1 <= n <= MOST or set(parts) != {"combination", "rule", "far_random"}:
                    raise ValueError(f"its rule for {name} references is none")
                combination = Combination.from_dict(parts["combination"], n_features(len(inputs), n))
                found[n] = NumberRule(
                    combination, DecisionRule.from_dict(parts["rule"]), Interval(**parts["far_random"])
                )
            return cls(inputs, values["forgeries"], int(values["writers"]), found)
        except (TypeError, ValueError, KeyError, AttributeError, TwinnetError) as error:
            raise ModelFileError(f"the rules for signatures cannot be read: {error}. Next: train again.") from error
