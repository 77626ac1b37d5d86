"""A model and its embeddings of the data to judge it by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from twinnet.core.errors import ConfigError
from twinnet.core.progress import Progress
from twinnet.core.types import FloatArray, IntArray
from twinnet.data import Dataset, ImageStore
from twinnet.evaluation import templates
from twinnet.model import Embeddings, Model
from twinnet.training.calibration import seen_identities


@dataclass(frozen=True, slots=True)
class Judged:
    """What every protocol starts from. `embeddings (N, D)` are of the store's items."""

    model: Model
    store: ImageStore
    embeddings: Embeddings
    seed: int
    progress: Progress

    @property
    def data(self) -> Dataset:
        """The readable items."""
        return self.store.dataset

    def pairs(self, first: IntArray, second: IntArray) -> FloatArray:
        """Distances `(P,)` of listed pairs of items."""
        return self.model.pair_distances(self.embeddings, first, second)

    def templates(self, support: IntArray, probe: IntArray) -> FloatArray:
        """Distances `(Q, N)` of probes to classes."""
        return template_distances(self.model, self.embeddings, support, probe)

    def groups(self, asked: str) -> IntArray:
        """The groups `(N,)`, or ConfigError: `asked` for them."""
        return _needed(self.data.groups, asked, "groups")

    def sessions(self, asked: str) -> IntArray:
        """The sessions `(N,)`, or ConfigError: `asked` for them."""
        return _needed(self.data.sessions, asked, "sessions (drawers)")


def template_distances(model: Model, embeddings: Embeddings, support: IntArray, probe: IntArray) -> FloatArray:
    """Distances `(Q, N)` of probes to classes: one stored embedding per class, the mean of its K support items."""
    return templates(embeddings, model.cross, normalise=model.spec.normalise)(support, probe)


def seen_note(model: Model, data: Dataset) -> Sequence[str]:
    """A warning when the data has identities from the training set: figures on them say little about new ones."""
    seen = seen_identities(model, data)
    if not seen:
        return []
    return [
        f"{len(seen)} of {data.n_identities} identities were trained on (such as {seen[0]}): these figures flatter."
    ]


def _needed(values: IntArray | None, asked: str, what: str) -> IntArray:
    if values is None:
        raise ConfigError(f"{asked} was asked for, but the data has no {what}. Next: --kind omniglot, if it is that.")
    return values
