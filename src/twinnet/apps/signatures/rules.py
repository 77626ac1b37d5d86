"""What a signature model knows beside its weights: how to combine so many references, and where to decide."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, final

from twinnet.apps.signatures.combine import MOST, Combination
from twinnet.apps.signatures.measure import INPUTS
from twinnet.core.errors import ConfigError, ModelFileError, TwinnetError
from twinnet.core.types import Interval
from twinnet.decide import DecisionRule
from twinnet.model import Model

KEY = "signatures"
"""Where the rules are kept among a model's facts."""

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
    """By number of references. `forgeries` says what taught them: people's, or genuine ones bent by the program."""

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
        return {"inputs": list(INPUTS), "forgeries": self.forgeries, "writers": self.writers, "by_number": numbers}

    @classmethod
    def from_dict(cls, values: Any) -> Rules:
        """Back from `to_dict`. Raises ModelFileError for an unknown key, a missing one, or a value out of range."""
        try:
            if set(values) != {"inputs", "forgeries", "writers", "by_number"}:
                raise ValueError(f"its keys are {', '.join(sorted(values))}")
            if tuple(values["inputs"]) != INPUTS:
                raise ValueError(f"it combines {', '.join(values['inputs'])}, and this twinnet {', '.join(INPUTS)}")
            if values["forgeries"] not in ("skilled", "synthetic"):
                raise ValueError(f"it learned from {values['forgeries']} forgeries")
            found = {}
            for name, parts in values["by_number"].items():
                n = int(name)
                if not 1 <= n <= MOST or set(parts) != {"combination", "rule", "far_random"}:
                    raise ValueError(f"its rule for {name} references is none")
                features = len(INPUTS) * (1 if n == 1 else 3)
                combination = Combination.from_dict(parts["combination"], features)
                found[n] = NumberRule(
                    combination, DecisionRule.from_dict(parts["rule"]), Interval(**parts["far_random"])
                )
            return cls(values["forgeries"], int(values["writers"]), found)
        except (TypeError, ValueError, KeyError, AttributeError, TwinnetError) as error:
            raise ModelFileError(f"the rules for signatures cannot be read: {error}. Next: train again.") from error


def rules_of(model: Model) -> Rules:
    """The rules that `signatures train` left in the model. Raises ModelFileError where there are none."""
    if KEY not in model.facts:
        raise ModelFileError(
            "this model knows nothing of references and forgeries. Next: twinnet signatures train FOLDER -o MODEL."
        )
    return Rules.from_dict(model.facts[KEY])
