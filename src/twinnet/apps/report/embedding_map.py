"""The embedding on paper: t-SNE of some items, by the model's own distances.

t-SNE (van der Maaten & Hinton 2008), not PCA: what matters here is who lies next to whom, and the first two principal
components of dozens of dimensions mix neighbours that the network keeps apart. The price is that gaps between far
clusters, and their sizes, mean nothing; the page says so, and says how many neighbours the map kept.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from twinnet.apps.report.mistakes import name_of
from twinnet.core.seeds import derive, stream
from twinnet.core.types import FloatArray, IntArray
from twinnet.data import Dataset, ImageStore
from twinnet.model import Model
from twinnet.page import ItemMap

MOST_ITEMS = 400
EACH = 10  # of one identity
COLOURED = 10  # identities or groups: more colours than this nobody tells apart
FEWEST = 8  # items: below this there is no neighbourhood to keep


def embedding_map(model: Model, store: ImageStore, *, seed: int = 0, most: int = MOST_ITEMS) -> ItemMap | None:
    """Up to `most` items of drawn identities; None where the data has no identities, or hardly any items."""
    data = store.dataset
    if data.identities is None:
        return None
    rows = chosen(data, most, seed)
    if len(rows) < FEWEST:
        return None
    parts = [model.embed_images(store.images(rows[at : at + 128])) for at in range(0, len(rows), 128)]
    embeddings = np.concatenate(parts)
    distances = model.cross(embeddings, embeddings)
    distances = np.maximum((distances + distances.T) / 2, 0)
    np.fill_diagonal(distances, 0)
    places = projected(distances, embeddings, seed)
    who = data.identities[rows]
    names = [name_of(data, int(i)) for i in rows]
    colour, legend, by = _colours(data, rows)
    kept, true = own_neighbour(_euclidean(places), who), own_neighbour(distances, who)
    caption = (
        f"t-SNE of {len(rows)} items of {len(np.unique(who))} identities, by the model's distances. Near is alike; how "
        f"far apart clusters lie, and how large they are, means nothing. The nearest neighbour is of the same identity "
        f"for {true:.0%} of these items in the embedding, for {kept:.0%} on the map."
        + (f" Colour: {by}." if by else "")
    )
    alt = f"Map of {len(rows)} items; the nearest neighbour of {true:.0%} of them is of their own identity"
    images = [data.read(int(i)) for i in rows]
    return ItemMap(places, images, names, who.tolist(), colour, legend, alt, caption)


def chosen(data: Dataset, most: int, seed: int) -> IntArray:
    """At most `EACH` items of each of as many drawn identities as fit into `most`."""
    rng = stream(seed, "map")
    groups = list(data.by_identity().values())
    rows: list[int] = []
    for at in rng.permutation(len(groups)):
        some = rng.permutation(groups[at])[:EACH]
        if len(rows) + len(some) > most:
            break
        rows += map(int, some)
    return np.array(rows, dtype=np.int64)


def projected(distances: FloatArray, embeddings: npt.NDArray[np.floating], seed: int) -> FloatArray:
    """Places `(N, 2)`; started from the first two principal components, so that a seed gives one map."""
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE

    start = PCA(2, svd_solver="full").fit_transform(embeddings)
    start = start / max(float(start[:, 0].std()), 1e-12) * 1e-4
    perplexity = min(30.0, (len(distances) - 1) / 3)
    tsne = TSNE(
        2, perplexity=perplexity, metric="precomputed", init=start.astype(np.float32), method="exact", max_iter=500,
        random_state=derive(seed, "map", "tsne") % 2**32,
    )  # fmt: skip
    # A copy: scikit-learn squares a precomputed matrix where it stands.
    return np.asarray(tsne.fit_transform(distances.copy()), np.float64)


def own_neighbour(distances: FloatArray, who: IntArray) -> float:
    """The share of items, of identities with more than one, whose nearest other item is of their own identity."""
    d = distances.copy()
    np.fill_diagonal(d, np.inf)
    names, counts = np.unique(who, return_counts=True)
    several = np.isin(who, names[counts > 1])
    if not several.any():
        return float("nan")
    return float((who[d.argmin(1)] == who)[several].mean())


def _euclidean(places: FloatArray) -> FloatArray:
    return np.asarray(np.linalg.norm(places[:, None] - places[None], axis=-1), np.float64)


def _colours(data: Dataset, rows: IntArray) -> tuple[list[int], list[str], str]:
    assert data.identities is not None  # noqa: S101  (its caller has looked)
    kinds = [(data.identities, data.identity_names, "identity")]
    if data.groups is not None:
        kinds.append((data.groups, data.group_names, "group"))
    for numbers, names, by in kinds:
        present, colour = np.unique(numbers[rows], return_inverse=True)
        if 1 < len(present) <= COLOURED:
            return colour.tolist(), [names[i] for i in present], by
    return [-1] * len(rows), [], ""
