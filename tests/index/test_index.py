from __future__ import annotations

from collections.abc import Callable

import faiss
import numpy as np
import pytest

from twinnet.core.errors import ConfigError, DataError
from twinnet.index import Exact, Graph, VectorIndex

Make = Callable[[int], VectorIndex]
both = pytest.mark.parametrize("make", [Exact, Graph])


def vectors(n: int, dim: int = 16, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, dim)).astype(np.float32)


@both
def test_search_agrees_with_faiss_exact(make: Make) -> None:
    stored, probes = vectors(600), vectors(20, seed=1)
    index, oracle = make(16), faiss.IndexFlatL2(16)
    index.add(np.arange(600) * 3, stored)
    oracle.add(stored)
    squared, rows = oracle.search(probes, 5)
    found = index.search(probes, 5)
    assert np.array_equal(found.keys, rows * 3)
    assert np.allclose(found.distances, np.sqrt(squared), atol=1e-4)


@both
def test_removed_keys_never_come_back_and_their_numbers_are_gone(make: Make) -> None:
    stored = vectors(300)
    index = make(16)
    index.add(np.arange(300), stored)
    index.remove(np.arange(0, 300, 2))
    assert len(index) == 150
    assert np.array_equal(index.keys, np.arange(1, 300, 2))
    found = index.search(stored, 5).keys
    assert (found % 2 == 1).all()
    assert np.array_equal(index.vectors(np.array([7])), stored[7:8])
    if isinstance(index, Graph):
        content = index.to_bytes()
        assert stored[7].tobytes() in content
        assert not any(stored[i].tobytes() in content for i in range(0, 300, 2))
        assert index.worn


@both
def test_among_searches_only_the_given_keys(make: Make) -> None:
    stored = vectors(100)
    index = make(16)
    index.add(np.arange(100), stored)
    index.remove(np.array([5]))
    found = index.search(stored[5:6], 3, np.array([9, 5, 3, 1000]))
    assert set(found.keys[0]) == {9, 3, -1}
    assert found.distances[0, 2] == np.inf


@both
def test_fewer_than_k_are_padded_and_nobody_is_found_in_an_empty_index(make: Make) -> None:
    index = make(4)
    assert index.search(vectors(2, 4), 3).keys.tolist() == [[-1] * 3] * 2
    index.add(np.array([8]), vectors(1, 4))
    assert index.search(vectors(2, 4), 3).keys.tolist() == [[8, -1, -1]] * 2


@both
def test_a_key_is_never_used_twice(make: Make) -> None:
    index = make(4)
    index.add(np.array([1, 5]), vectors(2, 4))
    for keys in ([5], [3], [7, 6]):
        with pytest.raises(ConfigError, match="never used twice"):
            index.add(np.array(keys), vectors(len(keys), 4))


@both
def test_vectors_of_another_shape_or_not_finite_are_refused(make: Make) -> None:
    with pytest.raises(ConfigError, match="expected vectors"):
        make(4).search(vectors(1, 5), 1)
    with pytest.raises(ConfigError, match="finite"):
        make(4).add(np.array([1]), np.full((1, 4), np.nan, np.float32))


def test_a_graph_comes_back_from_its_bytes() -> None:
    stored = vectors(200)
    graph = Graph(16)
    graph.add(np.arange(200), stored)
    graph.remove(np.array([3, 4]))
    again = Graph.from_bytes(graph.to_bytes(), 16)
    assert np.array_equal(again.search(stored, 4).keys, graph.search(stored, 4).keys)
    again.add(np.array([500]), stored[3:4])
    assert again.search(stored[3:4], 1).keys == 500
    with pytest.raises(DataError, match="another shape"):
        Graph.from_bytes(graph.to_bytes(), 8)
