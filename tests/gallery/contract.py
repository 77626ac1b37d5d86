"""What every store must do; a store's own test file subclasses this and gives the fixture `make`."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import faiss
import numpy as np
import pytest

from twinnet.core.errors import ConfigError, NotEnrolled
from twinnet.gallery import Binding, Entry, Store

DIM = 16
BOUND = Binding("f" * 16, "euclidean", DIM, False)


def vectors(n: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, DIM)).astype(np.float32)


def people(stored: np.ndarray) -> list[Entry]:
    return [Entry(f"p{i}", row[None], metadata={"even": i % 2 == 0, "n": i}) for i, row in enumerate(stored)]


class StoreContract:
    erases = True  # whether the bytes of the forgotten are gone on return, and not only out of every answer

    @pytest.fixture
    def make(self) -> Callable[..., Store]:
        raise NotImplementedError

    @pytest.fixture
    def store(self, make: Callable[..., Store]) -> Iterator[Store]:
        made = make(BOUND)
        yield made
        made.close()

    def test_the_shortlist_agrees_with_faiss_exact(self, store: Store) -> None:
        stored, probes, oracle = vectors(200), vectors(30, 1), faiss.IndexFlatL2(DIM)
        keys = np.array([receipt.keys[0] for receipt in store.add(people(stored))])
        oracle.add(stored)
        squared, rows = oracle.search(probes, 7)
        found = store.shortlist(probes, 7)
        assert np.array_equal(found.keys, keys[rows])
        assert np.allclose(found.distances, np.sqrt(squared), atol=1e-4)

    def test_what_was_added_is_read_back(self, store: Store) -> None:
        receipt = store.add([Entry("Ada", vectors(2), "all", {"town": "Ulm"}, ("a.png", "b.png"))])[0]
        assert (receipt.name, receipt.items, len(receipt.keys)) == ("Ada", 2, 2)
        rows = store.rows(receipt.keys)
        assert [rows[key].source for key in receipt.keys] == ["a.png", "b.png"]
        assert all(row.metadata == {"town": "Ulm"} and row.name == "Ada" for row in rows.values())
        assert np.array_equal(store.templates(receipt.keys), vectors(2))
        assert [(one.name, one.templates, one.items) for one in store.enrolled()] == [("Ada", 2, 2)]

    def test_a_prototype_is_the_mean_in_however_many_parts_it_came(self, store: Store) -> None:
        items = vectors(5)
        for part in (items[:1], items[1:4], items[4:]):
            store.add([Entry("Ada", part)])
        assert np.allclose(store.templates(store.keys_of("Ada")), items.mean(0)[None], atol=1e-6)
        assert [(one.templates, one.items) for one in store.enrolled()] == [(1, 5)]

    def test_a_batch_is_added_whole_or_not_at_all(self, store: Store) -> None:
        bad = Entry("Bob", np.full((1, DIM), np.nan, np.float32))
        with pytest.raises(ConfigError, match="Bob"):
            store.add([Entry("Ada", vectors(1)), bad])
        with pytest.raises(ConfigError, match="metadata"):
            store.add([Entry("Ada", vectors(1)), Entry("Bob", vectors(1), metadata={"x": object()})])
        assert store.enrolled() == []

    def test_the_forgotten_never_come_back(self, store: Store) -> None:
        stored = vectors(50)
        old = {receipt.name: receipt.keys for receipt in store.add(people(stored))}
        done = store.forget(["p7", "p8"])
        assert (done.names, done.templates, done.erased) == (("p7", "p8"), 2, self.erases)
        gone = {*old["p7"], *old["p8"]}
        assert not gone & set(store.shortlist(stored, 10).keys.ravel().tolist())
        assert store.rows(list(gone)) == {}
        again = store.add([Entry("p7", stored[7:8])])[0]
        assert not gone & set(again.keys)
        assert store.shortlist(stored[7:8], 1).keys[0, 0] == again.keys[0]

    def test_forgetting_somebody_unknown_forgets_nobody(self, store: Store) -> None:
        store.add(people(vectors(3)))
        with pytest.raises(NotEnrolled, match="stranger"):
            store.forget(["p1", "stranger"])
        assert store.n_identities == 3

    def test_metadata_selects(self, store: Store) -> None:
        keys = [receipt.keys[0] for receipt in store.add(people(vectors(10)))]
        assert store.keys_where({"even": True}).tolist() == keys[::2]
        assert store.keys_where({"even": True, "n": 4}).tolist() == [keys[4]]
        assert store.keys_where({"absent": 1}).tolist() == []
        among = store.shortlist(vectors(1, 3), 10, store.keys_where({"even": False})).keys[0]
        assert set(among) == {*keys[1::2], -1}

    def test_all_is_scanned_once_in_order(self, store: Store) -> None:
        stored = vectors(25)
        store.add(people(stored))
        batches = list(store.scan(10))
        assert [row.name for batch in batches for row in batch.rows] == [f"p{i}" for i in range(25)]
        assert np.allclose(np.concatenate([batch.embeddings for batch in batches]), stored)
        assert store.problems() == []
