"""Embeddings in, answers out: enrolment, 1:1, 1:N and ranked search over any store."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, final

import numpy as np

from twinnet.core.errors import ConfigError, NotCalibrated, WrongModel
from twinnet.core.progress import SILENT, Progress
from twinnet.core.types import Decision, FloatArray
from twinnet.decide import DecisionRule, far_in_gallery
from twinnet.gallery.store import Store
from twinnet.gallery.types import Embeddings, Match, Near

Cross = Callable[[Embeddings, Embeddings], FloatArray]
_ALL = 50_000  # up to here the learned comparison looks at every template
_WIDE = 20  # above it, at this many times as many candidates as are asked for, and at 200 at least


@final
class Templates:
    """A store, a comparison and a rule. `cross (N, D), (M, D) → (N, M)` is the distance that the rule was learned on.

    Raises WrongModel where `fingerprint` is not that of the model whose embeddings are stored.
    """

    def __init__(self, store: Store, fingerprint: str, cross: Cross, rule: DecisionRule | None) -> None:
        if fingerprint != store.binding.fingerprint:
            raise WrongModel(
                f"this gallery holds embeddings of model {store.binding.fingerprint}, and this is model {fingerprint}: "
                "distances between the two mean nothing. Next: give the gallery's own model"
                + (f" ({store.binding.model_path})" if store.binding.model_path else "")
                + ", or twinnet gallery migrate."
            )
        self.store, self._cross, self._rule = store, cross, rule

    @property
    def rule(self) -> DecisionRule:
        """How distances are decided; NotCalibrated without it."""
        if self._rule is None:
            raise NotCalibrated(
                "the gallery's model has no threshold yet, so it can rank but not decide. "
                "Next: twinnet calibrate MODEL DATA; the gallery stays as it is."
            )
        return self._rule

    def verify(self, name: str, probe: Embeddings) -> Decision:
        """Is `probe (D,)` this identity? By its nearest template. Raises NotEnrolled."""
        templates = self.store.templates(self.store.keys_of(name))
        return self.rule.decide(float(self._cross(_row(probe), templates).min()))

    def identify(self, probe: Embeddings, k: int = 1) -> list[Match]:
        """The identities that `probe (D,)` is the same as, nearest first, at most k; [] is nobody.

        Each stands once, by its nearest template.
        """
        wanted, _ = k, self.rule  # NotCalibrated before any work
        while True:
            ranked = self.search(probe, wanted)
            same = [match for match in ranked if match.same]
            nearest = list({match.identity: match for match in reversed(same)}.values())[::-1]
            if len(nearest) >= k or len(same) < len(ranked) or len(ranked) < wanted:
                return sorted(nearest, key=lambda match: match.distance)[:k]
            wanted *= 4  # one identity's many templates stood in the way of the next identity

    def search(self, probe: Embeddings, k: int = 10, where: Mapping[str, Any] | None = None) -> list[Match]:
        """The k templates nearest to `probe (D,)`, ascending, decided or not; `where` asks their metadata."""
        return self.search_all(_row(probe), k, where)[0]

    def search_all(self, probes: Embeddings, k: int = 10, where: Mapping[str, Any] | None = None) -> list[list[Match]]:
        """`search` for each of `probes (Q, D)`."""
        if k < 1:
            raise ConfigError(f"k must be 1 or more, not {k}.")
        among = self.store.keys_where(where) if where else None
        n = self.store.n_templates
        learned = self.store.binding.comparison == "learned"
        wide = k if not learned else n if n <= _ALL else max(200, _WIDE * k)
        keys = self.store.shortlist(probes, max(1, min(wide, n)), among).keys
        keys, distances = self._ranked(probes, keys, k)
        rows = self.store.rows(np.unique(keys).tolist())
        size, answers = self.store.n_identities, []
        for q in range(len(probes)):
            found = [
                (rows[key], d) for key, d in zip(keys[q].tolist(), distances[q].tolist(), strict=True) if key in rows
            ]
            answers.append([self._match(row, d, size) for row, d in found])
        return answers

    def near(self, *, progress: Progress = SILENT) -> list[Near]:
        """Pairs of identities with templates nearer than the threshold, nearest first: one person enrolled twice?"""
        threshold, found = self.rule.threshold, dict[tuple[str, str], float]()
        with progress.task("comparing", self.store.n_templates) as task:
            for batch in self.store.scan(256):
                probes = self.store.templates([row.key for row in batch.rows])
                for row, matches in zip(batch.rows, self.search_all(probes, 10), strict=True):
                    for match in matches:
                        if match.identity != row.name and match.distance < threshold:
                            pair = (min(row.name, match.identity), max(row.name, match.identity))
                            found[pair] = min(found.get(pair, np.inf), match.distance)
                task.advance(len(batch.rows))
        ranked = sorted(found.items(), key=lambda item: item[1])
        return [Near(first, second, distance, threshold) for (first, second), distance in ranked]

    def _ranked(self, probes: Embeddings, keys: Any, k: int) -> tuple[Any, FloatArray]:
        """The shortlist `(Q, K)` by the model's own distance: `(Q, k)` keys and distances."""
        best_keys = np.full((len(keys), k), -1, np.int64)
        best: FloatArray = np.full((len(keys), k), np.inf)
        for q, some in enumerate(keys):
            some = some[some >= 0]
            if not len(some):
                continue
            d = np.asarray(self._cross(probes[q : q + 1], self.store.templates(some)))[0]
            order = np.argsort(d, kind="stable")[:k]
            best_keys[q, : len(order)], best[q, : len(order)] = some[order], d[order]
        return best_keys, best

    def _match(self, row: Any, distance: float, size: int) -> Match:
        said = self._rule.decide(distance) if self._rule else None
        far = said.far if said else None
        return Match(
            identity=row.name,
            distance=distance,
            threshold=said.threshold if said else float("nan"),
            same=said.same if said else False,
            abstained=said.abstained if said else False,
            probability=said.probability if said else None,
            far=far,
            far_in_gallery=far_in_gallery(far.point, size) if far else None,
            source=row.source,
            metadata=row.metadata,
        )


def _row(probe: Embeddings) -> Embeddings:
    return np.asarray(probe, np.float32).reshape(1, -1)
