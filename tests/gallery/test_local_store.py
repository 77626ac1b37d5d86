from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from contract import BOUND, DIM, StoreContract, people, vectors

from twinnet.core.errors import GalleryBusy, GalleryDamaged, GalleryError, NotEnrolled, WrongKey, WrongModel
from twinnet.gallery import Binding, Entry, LocalStore
from twinnet.gallery.local.vault import Vault

KINDS = {"exact": {}, "graph": {"exact_limit": 4}, "sealed": {"key": "a secret key", "exact_limit": 4}}


def on_disk(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.iterdir())


class TestLocal(StoreContract):
    @pytest.fixture(params=KINDS)
    def make(self, request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[Binding], LocalStore]:
        return lambda binding: LocalStore.create(tmp_path / "g", binding, **KINDS[request.param])


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_forgotten_is_in_no_byte_of_the_folder(tmp_path: Path, kind: str) -> None:
    stored, folder = vectors(60), tmp_path / "g"
    entries = [Entry(f"person-{i}", row[None], sources=(f"src-{i}.png",)) for i, row in enumerate(stored)]
    with LocalStore.create(folder, BOUND, **KINDS[kind]) as store:
        store.add(entries)
    with LocalStore.open(folder, **KINDS[kind]) as store:
        store.shortlist(stored[:1], 1)
        before = on_disk(folder)
        assert (stored[33].tobytes() in before) == (kind != "sealed")  # or else this test could not fail
        assert (b"person-33" in before) == (kind != "sealed")
        store.forget(["person-33"])
        for content in (on_disk(folder), (store.close(), on_disk(folder))[1]):
            assert stored[33].tobytes() not in content
            assert b"person-33" not in content
            assert b"src-33.png" not in content
            assert (stored[34].tobytes() in content) == (kind != "sealed")


def test_an_erasure_that_was_interrupted_is_finished_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, stored = tmp_path / "g", vectors(30)
    store = LocalStore.create(folder, BOUND, exact_limit=4)
    store.add(people(stored))
    with monkeypatch.context() as patch:
        patch.setattr(Vault, "vacuum", lambda self: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            store.forget(["p3"])
    assert stored[3].tobytes() in on_disk(folder)
    LocalStore.open(folder).close()
    assert stored[3].tobytes() not in on_disk(folder)
    store.close()


def test_an_erasure_that_a_reader_holds_up_is_said_so_and_finished_later(tmp_path: Path) -> None:
    folder, stored = tmp_path / "g", vectors(30)
    store = LocalStore.create(folder, BOUND)
    store.add(people(stored))
    with LocalStore.open(folder) as held:
        held.vault.connection.execute("BEGIN")
        held.vault.read("SELECT count(*) FROM template")
        assert not store.forget(["p3"]).erased
        assert stored[3].tobytes() in on_disk(folder)
        held.vault.connection.execute("COMMIT")
    LocalStore.open(folder).close()
    assert stored[3].tobytes() not in on_disk(folder)
    store.close()


@pytest.mark.parametrize("harm", ["missing", "cut", "bit", "forged", "empty"])
def test_a_bad_index_is_rebuilt_and_said_so(tmp_path: Path, harm: str) -> None:
    folder, stored = tmp_path / "g", vectors(40)
    with LocalStore.create(folder, BOUND, exact_limit=4) as store:
        store.add(people(stored))
        store.shortlist(stored, 1)
    index = folder / "index.graph"
    content = index.read_bytes()
    index.write_bytes(
        {"missing": b"", "empty": b"", "cut": content[:-9], "forged": b"twinidx1" + content[9:] + b"x",
         "bit": content[:200] + bytes([content[200] ^ 1]) + content[201:]}[harm]
    )  # fmt: skip
    if harm == "missing":
        index.unlink()
    with LocalStore.open(folder, exact_limit=4) as store:
        assert np.array_equal(store.shortlist(stored, 1).keys[:, 0], np.arange(1, 41))
        assert len(store.notes) == 1
        assert "rebuilt from the record" in store.notes[0]
    with LocalStore.open(folder, exact_limit=4) as store:
        store.shortlist(stored, 1)
        assert store.notes == []


def test_an_index_that_is_behind_is_brought_level(tmp_path: Path) -> None:
    folder, stored = tmp_path / "g", vectors(60)
    with LocalStore.create(folder, BOUND, exact_limit=4) as store:
        store.add(people(stored[:50]))
        store.shortlist(stored, 1)
    old = (folder / "index.graph").read_bytes()
    store = LocalStore.open(folder, exact_limit=4)
    store.add([Entry("new", stored[55:56])])
    store.vault.connection.close()  # as a killed process leaves it
    assert (folder / "index.graph").read_bytes() == old
    with LocalStore.open(folder, exact_limit=4) as store:
        assert store.rows([int(store.shortlist(stored[55:56], 1).keys[0, 0])]).popitem()[1].name == "new"
        assert store.notes == []


@pytest.mark.parametrize("harm", ["cut", "header", "text", "page"])
def test_a_damaged_record_is_named(tmp_path: Path, harm: str) -> None:
    folder = tmp_path / "g"
    with LocalStore.create(folder, BOUND) as store:
        store.add(people(vectors(200)))
    record = folder / "record.sqlite"
    content = bytearray(record.read_bytes())
    if harm == "cut":
        del content[len(content) // 2 :]
    elif harm == "text":
        content[:] = b"hello"
    elif harm == "header":
        content[:16] = bytes(16)
    else:
        at = content.index(vectors(200)[77].tobytes())
        content[at] ^= 1
    record.write_bytes(content)
    if harm == "page":
        with LocalStore.open(folder) as store:
            assert [text for text in store.problems() if text == "template 78: its bytes have changed"]
        return
    with pytest.raises(GalleryDamaged, match="Next: restore it from a backup or an export"):
        LocalStore.open(folder)


def test_no_gallery_and_a_folder_that_is_taken_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(GalleryError, match="there is no gallery here"):
        LocalStore.open(tmp_path / "none")
    (tmp_path / "letter.txt").write_text("x")
    with pytest.raises(GalleryError, match="not empty"):
        LocalStore.create(tmp_path, BOUND)
    LocalStore.create(tmp_path / "g", BOUND).close()
    with pytest.raises(GalleryError, match="there is a gallery already"):
        LocalStore.create(tmp_path / "g", BOUND)


def test_a_second_writer_waits_and_says_so_or_gives_up_with_a_clear_error(tmp_path: Path) -> None:
    first = LocalStore.create(tmp_path / "g", BOUND)
    second, hasty = LocalStore.open(tmp_path / "g", wait_s=60), LocalStore.open(tmp_path / "g", wait_s=0)
    with first.vault.writing():
        with pytest.raises(GalleryBusy, match="another process has been writing .* nothing was changed"):
            hasty.add(people(vectors(1)))
        waiting = threading.Thread(target=second.add, args=(people(vectors(1)),))
        waiting.start()
        while not second.notes:
            time.sleep(0.01)
    waiting.join()
    assert "another process is writing; waiting up to 60 s" in second.notes[0]
    assert first.n_identities == 1
    for store in (first, second, hasty):
        store.close()


def test_one_process_sees_what_another_enrolled_and_forgot(tmp_path: Path) -> None:
    stored = vectors(20)
    writer = LocalStore.create(tmp_path / "g", BOUND)
    reader = LocalStore.open(tmp_path / "g")
    for i in range(20):
        writer.add([Entry(f"p{i}", stored[i : i + 1])])
        assert reader.shortlist(stored[i : i + 1], 1).distances[0, 0] == 0
    writer.forget(["p4"])
    assert reader.shortlist(stored[4:5], 1).distances[0, 0] > 0
    with pytest.raises(NotEnrolled):
        reader.keys_of("p4")
    reader.close()
    writer.close()


def test_200_threads_read_while_one_writes(tmp_path: Path) -> None:
    stored = vectors(100)
    store = LocalStore.create(tmp_path / "g", BOUND, exact_limit=30)
    store.add(people(stored[:20]))
    wrong: list[object] = []

    def read(i: int) -> None:
        try:
            for _ in range(5):
                found = store.shortlist(stored[i % 20][None], 3).keys[0, 0]
                assert found == i % 20 + 1
        except Exception as error:
            wrong.append(error)

    threads = [threading.Thread(target=read, args=(i,)) for i in range(200)]
    for thread in threads:
        thread.start()
    for i in range(20, 60):  # past the limit, so that the index changes its kind meanwhile
        store.add([Entry(f"p{i}", stored[i : i + 1] + 50)])
    for thread in threads:
        thread.join()
    assert wrong == []
    assert store.n_templates == 60
    store.close()


def test_a_clock_set_back_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = LocalStore.create(tmp_path / "g", BOUND)
    for i, now in enumerate((2e9, 1e9, 0.0, -5.0)):
        monkeypatch.setattr("time.time", lambda now=now: now)
        store.add([Entry(f"p{i}", vectors(4)[i : i + 1])])
    assert [one.name for one in store.enrolled()] == ["p0", "p1", "p2", "p3"]
    assert store.problems() == []
    store.close()


@pytest.mark.parametrize(("dtype", "size", "worst"), [("float32", 64, 0), ("float16", 32, 2e-3), ("int8", 20, 2e-2)])
def test_storage_costs_what_it_says(tmp_path: Path, dtype: str, size: int, worst: float) -> None:
    binding = Binding("f" * 16, "euclidean", DIM, False, dtype)  # type: ignore[arg-type]
    with LocalStore.create(tmp_path / "g", binding) as store:
        keys = [receipt.keys[0] for receipt in store.add(people(vectors(50)))]
        assert np.abs(store.templates(keys) - vectors(50)).max() <= worst
        assert store.vault.read("SELECT max(length(embedding)) FROM template")[0][0] == size


def test_a_wrong_key_no_key_and_an_altered_value_are_refused(tmp_path: Path) -> None:
    store = LocalStore.create(tmp_path / "g", BOUND, key="correct horse")
    store.add(people(vectors(2)))
    with pytest.raises(WrongKey, match="TWINNET_GALLERY_KEY"):
        LocalStore.open(tmp_path / "g")
    with pytest.raises(WrongKey, match="does not open"):
        LocalStore.open(tmp_path / "g", key="battery staple")
    store.vault.connection.execute(
        "UPDATE template SET embedding = (SELECT embedding FROM template WHERE id = 2) WHERE id = 1"
    )
    with pytest.raises(WrongKey, match="altered"):  # one person's embedding under another's name
        store.templates([1])
    store.vault.connection.close()


def test_a_gallery_that_was_migrated_elsewhere_answers_nothing_until_it_is_opened_anew(tmp_path: Path) -> None:
    with LocalStore.create(tmp_path / "g", BOUND) as store:
        store.add([Entry("Ada", vectors(1))])
        with LocalStore.open(tmp_path / "g") as other:
            other.replace(replace(BOUND, fingerprint="another"), vectors(1), other.changes)
        for _ in range(3):  # not only once
            with pytest.raises(WrongModel, match="migrated to another model"):
                store.shortlist(vectors(1), 1)


def test_an_original_is_found_by_its_name(tmp_path: Path) -> None:
    for key in (None, "passphrase"):
        if key:
            pytest.importorskip("cryptography")
        with LocalStore.create(tmp_path / f"g{key}", replace(BOUND, keep_originals=True), key=key) as store:
            store.add([Entry("Ada", vectors(2), originals=(b"one", b"two")), Entry("Bo", vectors(1))])
            assert store.original_of("Ada") == b"one"
            assert store.original_of("Bo") is None
            with pytest.raises(NotEnrolled):
                store.original_of("Cy")
