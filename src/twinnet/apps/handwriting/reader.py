"""Read characters of a script that nobody trained on, from one example of each: in memory, at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np

from twinnet.apps.handwriting.reading import mean_distances
from twinnet.core.errors import ConfigError, NotEnrolled
from twinnet.core.types import Item
from twinnet.decide import ReadingRule
from twinnet.model import Embeddings, Model


@dataclass(frozen=True, slots=True)
class Guess:
    """One character that it may be. `probability` supposes that it is one of those that were learned."""

    name: str
    distance: float
    probability: float


@dataclass(frozen=True, slots=True)
class Reading:
    """All characters, the likeliest first. `unknown`: even the nearest is as far as strange characters are."""

    ranking: tuple[Guess, ...]
    unknown: bool

    @property
    def best(self) -> Guess:
        """The likeliest."""
        return self.ranking[0]


@final
class Reader:
    """`learn` a character by an example or several, `read` new ones. Nothing is trained and nothing is written.

    Takes the rule that `handwriting train` kept in the model, or one from `fit_reading`. Raises NotCalibrated where
    there is neither.
    """

    def __init__(self, model: Model, rule: ReadingRule | None = None) -> None:
        self.model = model
        self.rule = rule or ReadingRule.from_facts(model.facts)
        self._examples: dict[str, list[Embeddings]] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """The characters learned so far, in the order in which they were first given."""
        return tuple(self._examples)

    def learn(self, name: str, *images: Item) -> None:
        """Add examples of a character. Raises UnreadableItem, and then has learned none of them."""
        if not images:
            raise ConfigError(f"no example of {name!r} was given. Next: give an image of it.")
        embedded = self.model.embed(images)
        self._examples.setdefault(name, []).extend(embedded)

    def forget(self, name: str) -> None:
        """Drop a character. Raises NotEnrolled where it was not learned."""
        if name not in self._examples:
            raise NotEnrolled(f"{name!r} was not learned, so it cannot be forgotten.")
        del self._examples[name]

    def read(self, image: Item) -> Reading:
        """What is it? Raises ConfigError before anything was learned, UnreadableItem."""
        return self.read_all([image])[0]

    def read_all(self, images: Sequence[Item]) -> list[Reading]:
        """As `read`, of several images at once."""
        return self.read_embeddings(self.model.embed(images))

    def read_embeddings(self, probes: Embeddings) -> list[Reading]:
        """As `read`, of embeddings `(Q, D)` that the same model made."""
        if not self._examples:
            raise ConfigError("nothing was learned yet. Next: learn(name, image) with an example of each character.")
        of = np.repeat(np.arange(len(self._examples)), [len(own) for own in self._examples.values()])
        examples = np.stack([one for own in self._examples.values() for one in own])
        distances = mean_distances(self.model, probes, examples, of)  # (Q, N)
        names = self.names
        readings = []
        for row, likely in zip(distances, self.rule.probabilities(distances), strict=True):
            order = np.argsort(row, kind="stable")
            ranking = tuple(Guess(names[i], float(row[i]), float(likely[i])) for i in order)
            readings.append(Reading(ranking, bool(row[order[0]] >= self.rule.unknown_from)))
        return readings
