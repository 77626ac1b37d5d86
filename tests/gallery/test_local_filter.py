"""Search among those whose metadata match finds what looking at all of them finds, few or many."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import pytest
from contract import BOUND, DIM, vectors

from twinnet.gallery import Entry, LocalStore
from twinnet.gallery.local import live

N = 3000
SHARES = {"few": 0.02, "some": 0.3, "most": 0.68}


@pytest.fixture(scope="module")
def stored() -> np.ndarray:
    return vectors(N)


@pytest.fixture(scope="module")
def kinds() -> np.ndarray:
    return np.random.default_rng(5).choice(list(SHARES), N, p=list(SHARES.values()))


@pytest.fixture(scope="module")
def store(stored: np.ndarray, kinds: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStore]:
    with LocalStore.create(tmp_path_factory.mktemp("filter") / "g", BOUND, exact_limit=100) as made:
        made.add([Entry(f"p{i}", row[None], metadata={"kind": str(kinds[i])}) for i, row in enumerate(stored)])
        yield made


@pytest.mark.parametrize("kind", SHARES)
def test_filtered_search_agrees_with_the_exact_oracle(
    store: LocalStore, stored: np.ndarray, kinds: np.ndarray, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    probes, own = vectors(40, 1), np.flatnonzero(kinds == kind)
    squared, rows = faiss.knn(probes, stored[own], 10)
    monkeypatch.setattr(live, "_MANY", 200)
    keys = store.keys_where({"kind": kind})
    assert np.array_equal(keys, own + 1)
    found = store.shortlist(probes, 10, keys)
    assert (found.distances[:, 1:] >= found.distances[:, :-1]).all()
    assert np.isin(found.keys, keys).all()
    same = np.mean([len(np.intersect1d(a, own[b] + 1)) / 10 for a, b in zip(found.keys, rows, strict=True)])
    assert same == 1 if kind == "few" else same >= 0.99
    if kind == "few":
        assert np.allclose(found.distances, np.sqrt(squared), atol=1e-4)


def test_a_filter_that_lets_nobody_near_pass_looks_at_all_that_pass(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(live, "_MANY", 50)
    near, far = vectors(400), vectors(400, 1) + 100
    with LocalStore.create(tmp_path / "g", BOUND, exact_limit=100) as store:
        store.add([Entry(f"n{i}", row[None], metadata={"far": False}) for i, row in enumerate(near)])
        store.add([Entry(f"f{i}", row[None], metadata={"far": True}) for i, row in enumerate(far)])
        probe = np.zeros((1, DIM), np.float32)
        found = store.shortlist(probe, 5, store.keys_where({"far": True}))
        assert np.array_equal(found.keys[0] - 401, faiss.knn(probe, far, 5)[1][0])


def test_a_filters_answer_is_not_remembered_beyond_the_next_write(tmp_path: Path) -> None:
    with LocalStore.create(tmp_path / "g", BOUND) as store, LocalStore.open(tmp_path / "g") as other:
        store.add([Entry("a", vectors(1), metadata={"town": "Ulm"})])
        assert other.keys_where({"town": "Ulm"}).tolist() == [1]
        store.add([Entry("b", vectors(1, 2), metadata={"town": "Ulm", "n": 1})])
        assert other.keys_where({"town": "Ulm"}).tolist() == [1, 2]
        store.forget(["a"])
        assert other.keys_where({"town": "Ulm"}).tolist() == [2]
        assert other.keys_where({"n": 1, "town": "Ulm"}).tolist() == [2]
        assert other.keys_where({"n": "1"}).tolist() == []
