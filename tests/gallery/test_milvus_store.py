"""The contract of stores on a real server over gRPC, and what a network adds: half writes, absence, other clients."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count
from typing import Any

import milvus_server
import numpy as np
import pytest
from contract import BOUND, DIM, StoreContract, people, vectors

from twinnet.core.errors import ConfigError, GalleryAway, GalleryError, NotEnrolled
from twinnet.gallery import Entry
from twinnet.gallery.milvus import Address, MilvusStore, is_address
from twinnet.gallery.milvus.entries import made
from twinnet.gallery.milvus.ledger import Intent

_NAMES = count()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[milvus_server.Server]:
    started = milvus_server.start(tmp_path_factory.mktemp("milvus"))
    yield started
    started.kill()


@pytest.fixture
def place(server: milvus_server.Server) -> str:
    return f"{server.uri}/people{next(_NAMES)}"


class TestMilvus(StoreContract):
    erases = False  # the server drops the bytes when it compacts

    @pytest.fixture
    def make(self, place: str) -> Callable[..., MilvusStore]:
        return lambda binding: MilvusStore.create(place, binding)


@pytest.fixture
def store(place: str) -> Iterator[MilvusStore]:
    made = MilvusStore.create(place, BOUND)
    yield made
    made.close()


class Broken(Exception):
    """Not one of the errors that are waited out."""


class Fails:
    """A client whose nth call fails: before it is made, or after it was made and its answer is lost."""

    def __init__(self, client: Any, nth: int, *, made: bool) -> None:
        self._client, self._left, self._made = client, nth, made

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._client, name)
        if name not in ("upsert", "delete", "query", "search", "flush", "compact"):
            return real

        def call(*args: Any, **kwargs: Any) -> Any:
            self._left -= 1
            if self._left:
                return real(*args, **kwargs)
            if self._made:
                real(*args, **kwargs)
            raise Broken(name)

        return call


def state(place: str, mark: str = "") -> dict[str, tuple[int, int]]:
    """What a client who comes now sees of the identities with this mark, which is left out."""
    with MilvusStore.open(place) as fresh:
        found = fresh.shortlist(vectors(6), 400)
        named = {row.name for row in fresh.rows(sorted({int(k) for k in found.keys.ravel() if k >= 0})).values()}
        people = fresh.enrolled()
        assert named == {one.name for one in people}, "search and list see the same identities"
        assert fresh.n_templates == sum(one.templates for one in people)
        return {one.name.removesuffix(mark): (one.templates, one.items) for one in people if one.name.endswith(mark)}


BEFORE = {"Ada": (1, 2), "Bob": (2, 2), "Cy": (1, 1)}


def some_people(store: MilvusStore, mark: str = "") -> None:
    store.add(
        [
            Entry("Ada" + mark, vectors(2)),
            Entry("Bob" + mark, vectors(2, 1), "all"),
            Entry("Cy" + mark, vectors(1, 2)),
        ]
    )


def broken_at(store: MilvusStore, nth: int, lost: bool, do: Callable[[], object]) -> bool:
    whole, store._link.client = store._link.client, Fails(store._link.client, nth, made=lost)
    try:
        do()
    except Broken:
        return True
    finally:
        store._link.client = whole
    return False


@pytest.mark.parametrize("lost", [False, True], ids=["the request is lost", "the answer is lost"])
def test_an_enrolment_that_fails_at_any_call_is_wholly_there_or_not_at_all(
    store: MilvusStore, place: str, lost: bool
) -> None:
    """Ada's prototype is replaced, Bob gets a template more, Dee is new: all three or none."""
    after = {"Ada": (1, 3), "Bob": (3, 3), "Cy": (1, 1), "Dee": (1, 3)}
    seen = set()
    for nth in range(1, 14):
        mark = f"#{nth}"
        some_people(store, mark)
        new = [
            Entry("Ada" + mark, vectors(1, 3)),
            Entry("Bob" + mark, vectors(1, 4), "all"),
            Entry("Dee" + mark, vectors(3, 5)),
        ]
        failed = broken_at(store, nth, lost, lambda new=new: store.add(new))
        found = state(place, mark)
        assert found in (BEFORE, after), f"call {nth}"
        assert failed or found == after, "what was acknowledged is there"
        seen.add(tuple(sorted(found.items())))
        store.sweep(older_s=0)
        assert state(place, mark) == found, "cleaning up changes nothing that is seen"
    assert len(seen) == 2, "failures fell on both sides of the moment of truth"
    store.rebuild()
    assert store.problems() == []


@pytest.mark.parametrize("lost", [False, True], ids=["the request is lost", "the answer is lost"])
def test_forgetting_that_fails_at_any_call_forgets_all_or_none(store: MilvusStore, place: str, lost: bool) -> None:
    seen = set()
    for nth in range(1, 10):
        mark = f"#{nth}"
        some_people(store, mark)
        failed = broken_at(store, nth, lost, lambda mark=mark: store.forget(["Ada" + mark, "Bob" + mark]))
        found = state(place, mark)
        assert found in (BEFORE, {"Cy": (1, 1)}), f"call {nth}"
        assert failed or found == {"Cy": (1, 1)}
        seen.add(len(found))
        store.sweep(older_s=0)
        assert state(place, mark) == found
    assert seen == {1, 3}


def test_rows_of_an_enrolment_under_way_are_seen_by_nobody(store: MilvusStore, place: str) -> None:
    some_people(store)
    batch = store._keys.take(10)
    store._ledger.open(batch, [])
    store._table.send(made([Entry("Eve", vectors(1, 9))], [], batch, BOUND).rows)
    assert state(place) == BEFORE
    assert not store.problems(), "a writer may be at work"
    store.sweep()
    assert any(not intent.done for intent in store._ledger.intents()), "a young intent may be a writer's at work"
    store.sweep(older_s=0)
    assert all(intent.closed or intent.aborted for intent in store._ledger.intents())
    assert store._link.call("query", store.address.name, filter=f"batch == {batch}", output_fields=["key"]) == []


def test_closed_intents_are_kept_as_long_as_a_read_may_last(
    store: MilvusStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    some_people(store)
    store.sweep()
    assert len(store._ledger.intents()) == 1
    later = time.time() + 301
    monkeypatch.setattr(time, "time", lambda: later)
    store.sweep()
    assert store._ledger.intents() == ()


def test_a_read_that_lasts_while_a_write_is_made_is_repeated(store: MilvusStore, place: str) -> None:
    """The write begins and ends inside one question: its rows are seen all or none."""
    some_people(store)
    link = store._link
    whole, asked = link.client, []

    class Slow:
        def __getattr__(self, name: str) -> Any:
            real = getattr(whole, name)
            if name != "search":
                return real

            def search(*args: Any, **kwargs: Any) -> Any:
                answer = real(*args, **kwargs)
                asked.append(len(answer))
                if len(asked) == 1:
                    with MilvusStore.open(place) as other:
                        other.forget(["Ada", "Cy"])
                        other.add([Entry("Dee", vectors(2, 5), "all")])
                return answer

            return search

    link.client = Slow()
    keys = store.shortlist(vectors(1), 10).keys
    link.client = whole
    assert len(asked) == 2
    assert sorted(row.name for row in store.rows(keys[0].tolist()).values()) == ["Bob", "Bob", "Dee", "Dee"]


def test_two_writers_of_one_identity_lose_nothing(store: MilvusStore, place: str) -> None:
    """Both read the same prototype before either writes: both sets of new items stay."""
    store.add([Entry("Ada", vectors(1))])
    with MilvusStore.open(place) as other:
        real = other._table.send

        def late(rows: Any) -> None:
            store.add([Entry("Ada", vectors(1, 1)), Entry("Ada all", vectors(2, 2), "all")])
            real(rows)

        other._table.send = late  # type: ignore[method-assign]
        other.add([Entry("Ada", vectors(1, 3))])
    people = {one.name: (one.templates, one.items) for one in store.enrolled()}
    assert people == {"Ada": (2, 4), "Ada all": (2, 2)}, "two prototypes, each with the first item and its own"
    store.add([Entry("Ada", vectors(1, 4))])
    assert {one.name: one.templates for one in store.enrolled()} == {"Ada": 1, "Ada all": 2}


def test_a_request_that_arrives_after_it_was_given_up_is_seen_by_nobody(store: MilvusStore, place: str) -> None:
    some_people(store)
    batch = store._keys.take(10)
    store._ledger.open(batch, [])
    store._writes._undo(batch)
    store._table.send(made([Entry("Eve", vectors(1, 9))], [], batch, BOUND).rows)
    assert state(place) == BEFORE


def test_a_writer_that_was_taken_for_dead_says_so_and_leaves_nothing(store: MilvusStore, place: str) -> None:
    real = store._table.send

    def slow(rows: Any) -> None:
        real(rows)
        with MilvusStore.open(place) as other:
            other.sweep(older_s=0)

    store._table.send = slow  # type: ignore[method-assign]
    with pytest.raises(GalleryError, match="took it for dead"):
        store.add([Entry("Eve", vectors(1))])
    assert state(place) == {}


def test_names_of_ours_and_foreign_collections_are_refused(store: MilvusStore, place: str) -> None:
    with pytest.raises(ConfigError, match="ours"):
        MilvusStore.create(place + "_ledger", BOUND)
    store._link.client.create_collection(store.address.name + "_foreign", dimension=4)
    with pytest.raises(GalleryError, match="another collection"):
        MilvusStore.create(place + "_foreign", BOUND)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 2**70, None])
def test_values_that_no_filter_can_hold_are_refused(store: MilvusStore, value: object) -> None:
    with pytest.raises(ConfigError, match="metadata"):
        store.keys_where({"n": value})


def test_a_name_that_is_no_text_is_refused(store: MilvusStore) -> None:
    with pytest.raises(ConfigError, match="no valid text"):
        store.add([Entry("\udc80", vectors(1))])


def test_what_one_client_acknowledged_the_other_sees_at_once(store: MilvusStore, place: str) -> None:
    with MilvusStore.open(place) as other:
        for i in range(5):
            key = store.add([Entry(f"p{i}", vectors(1, i))])[0].keys[0]
            assert other.shortlist(vectors(1, i), 1).keys[0, 0] == key
        store.forget(["p3"])
        assert other.n_identities == 4
        with pytest.raises(NotEnrolled):
            other.keys_of("p3")


def test_a_server_that_was_killed_has_everything_when_it_is_back(tmp_path_factory: pytest.TempPathFactory) -> None:
    server = milvus_server.start(tmp_path_factory.mktemp("killed"))
    try:
        store = MilvusStore.create(f"{server.uri}/staff", BOUND, patience_s=30)
        told: list[str] = []
        store.tell = told.append
        keys = [receipt.keys[0] for receipt in store.add(people(vectors(20)))]
        server.kill()

        def restart(seconds: float) -> None:
            if server.process is not None and server.process.poll() is not None:
                server.start()

        store._link._sleep = restart  # the server comes back while the client waits
        found = store.shortlist(vectors(20), 1).keys[:, 0]
        assert found.tolist() == keys
        assert any("away" in text for text in told)
        store.close()
    finally:
        server.kill()


def test_an_address_where_nobody_answers_is_said_so_soon() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, not listening: nobody else gets this port meanwhile
        place = f"milvus://127.0.0.1:{taken.getsockname()[1]}/staff"
        with pytest.raises(GalleryAway, match="no Milvus server answers"):
            MilvusStore.open(place, patience_s=1.0)


def test_waiting_doubles_up_to_a_limit(store: MilvusStore) -> None:
    waits: list[float] = []
    store._link._sleep = waits.append

    def away(*args: Any, **kwargs: Any) -> Any:
        if len(waits) < 9:
            raise ConnectionError("gone")
        return [{"count(*)": 7}]

    store._link.patience_s = 1e9
    assert store._link._repeated(away) == [{"count(*)": 7}]
    assert all(0.5 * 0.05 * 2**i <= wait <= 0.05 * 2**i for i, wait in enumerate(waits[:5]))
    assert max(waits) <= 2.0


def test_a_gallery_is_made_once_and_must_be_there_to_be_opened(store: MilvusStore, place: str) -> None:
    with pytest.raises(GalleryError, match="already"):
        MilvusStore.create(place, BOUND)
    with pytest.raises(GalleryError, match="no gallery of that name"):
        MilvusStore.open(place + "x")
    with MilvusStore.open(place) as again:
        assert again.binding == BOUND
        again.remember_model("m.twin")
    with MilvusStore.open(place) as again:
        assert again.binding == replace(BOUND, model_path="m.twin")


def test_what_a_server_does_not_do_is_refused(place: str) -> None:
    for binding, key in (
        (replace(BOUND, dtype="int8"), None),
        (replace(BOUND, keep_originals=True), None),
        (BOUND, "k"),
    ):
        with pytest.raises(ConfigError, match="Next"):
            MilvusStore.create(place, binding, key=key)


def test_cosine_distances_are_those_of_the_local_store(place: str) -> None:
    binding = replace(BOUND, comparison="cosine", normalise=True)
    stored, probes = vectors(30), vectors(4, 1)
    with MilvusStore.create(place, binding) as store:
        keys = np.array([receipt.keys[0] for receipt in store.add(people(stored))])
        found = store.shortlist(probes, 5)
        unit = stored / np.linalg.norm(stored, axis=1, keepdims=True)
        asked = probes / np.linalg.norm(probes, axis=1, keepdims=True)
        cosine = 1 - asked @ unit.T
        assert np.array_equal(found.keys, keys[np.argsort(cosine, 1)[:, :5]])
        assert np.allclose(found.distances, np.sort(cosine, 1)[:, :5], atol=1e-6)
        assert np.allclose(np.concatenate([b.embeddings for b in store.scan(7)]), stored, atol=1e-6)


def test_metadata_with_quotes_is_asked_for_as_it_is(store: MilvusStore) -> None:
    odd = "U\"l\\m' or 1 == 1"
    keys = [
        store.add([Entry(f"p{i}", vectors(1, i), metadata={"town": odd if i else "Ulm"})])[0].keys[0] for i in range(3)
    ]
    assert store.keys_where({"town": odd}).tolist() == keys[1:]
    assert store.keys_where({"town": "Ulm"}).tolist() == keys[:1]


def test_a_row_that_was_altered_is_found(store: MilvusStore) -> None:
    some_people(store)
    key = store.keys_of("Cy")[0]
    row = store._table.page(f"key == {key}", ["*"])[0]
    store._table.send([{**row, "embedding": np.zeros(DIM).tolist()}])
    assert store.problems() == [f"template {key}: its bytes have changed"]


@pytest.mark.parametrize(
    ("text", "uri", "name"),
    [
        ("milvus://host/staff", "http://host:19530", "staff"),
        ("milvus://[::1]:80/a_1", "http://[::1]:80", "a_1"),
        ("milvus+tls://db.example:443/x", "https://db.example:443", "x"),
    ],
)
def test_addresses(text: str, uri: str, name: str) -> None:
    assert is_address(text)
    assert Address.of(text) == Address(uri, name)


@pytest.mark.parametrize(
    "text", ["milvus://host", "milvus://host/a-b", "milvus://host/1a", "milvus:///x", "milvus://h:x/n"]
)
def test_bad_addresses_are_refused_in_words(text: str) -> None:
    with pytest.raises(ConfigError, match="Next"):
        Address.of(text)


def test_a_password_does_not_belong_into_an_address() -> None:
    with pytest.raises(ConfigError, match="TWINNET_MILVUS_TOKEN"):
        Address.of("milvus://me:secret@host/x")


def test_intents_hide_what_is_not_settled_and_what_was_replaced() -> None:
    row = {"key": 5, "batch": 4, "name": "Ada"}
    assert Intent(4, False, (), 0.0).hides(row)
    assert not Intent(4, True, (), 0.0).hides(row)
    assert Intent(9, True, ("Ada",), 0.0).hides(row)
    assert Intent(9, True, (), 0.0, (5,)).hides(row)
    assert Intent(4, False, (), 0.0, aborted=True).hides(row)
    assert not Intent(3, True, ("Ada",), 0.0).hides(row)
