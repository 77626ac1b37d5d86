"""Whatever removes a template, its bytes are in no file of the folder once the gallery is closed."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from contract import BOUND, people, vectors

from twinnet.gallery import Entry, LocalStore
from twinnet.gallery.local.vault import Vault

KINDS = {"exact": {}, "graph": {"exact_limit": 4}, "sealed": {"key": "a secret key", "exact_limit": 4}}
kinds = pytest.mark.parametrize("kind", KINDS)


def on_disk(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.iterdir())


def embeddings_on_disk(folder: Path, kind: str) -> list[bytes]:
    """The stored values themselves, so that an encrypted gallery is searched too."""
    with LocalStore.open(folder, **KINDS[kind]) as store:
        found = [row[0] for row in store.vault.read("SELECT embedding FROM template ORDER BY id")]
        store.shortlist(vectors(1), 1)
    content = on_disk(folder)
    assert all(blob in content for blob in found)  # or else these tests could not fail
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "g"


def enrolled(folder: Path, kind: str) -> list[bytes]:
    with LocalStore.create(folder, BOUND, **KINDS[kind]) as store:
        store.add([*people(vectors(40)), Entry("Ada", vectors(3, 7), "all")])
        store.shortlist(vectors(1), 1)
    return embeddings_on_disk(folder, kind)


@kinds
def test_a_prototype_leaves_no_byte_of_the_templates_it_replaced(folder: Path, kind: str) -> None:
    before = enrolled(folder, kind)
    with LocalStore.open(folder, **KINDS[kind]) as store:
        store.shortlist(vectors(1), 1)
        store.add([Entry("Ada", vectors(1, 8)), Entry("p5", vectors(1, 9))])
    content = on_disk(folder)
    assert [blob in content for blob in before] == [i not in {5, 40, 41, 42} for i in range(43)]
    with LocalStore.open(folder, **KINDS[kind]) as store:
        mean = (vectors(3, 7).sum(0) + vectors(1, 8)[0]) / 4
        assert np.allclose(store.templates(store.keys_of("Ada")), mean, atol=1e-6)
        assert store.problems() == []
        assert store.notes == []


@kinds
def test_a_writer_that_died_after_a_prototype_leaves_the_erasing_to_the_next(folder: Path, kind: str) -> None:
    before = enrolled(folder, kind)
    store = LocalStore.open(folder, **KINDS[kind])
    store.shortlist(vectors(1), 1)
    store.add([Entry("Ada", vectors(1, 8))])
    left = Path(shutil.copytree(folder, folder.with_name("left")))  # as a killed process leaves it
    store.vault.connection.close()
    assert before[41] in on_disk(left)
    LocalStore.open(left, **KINDS[kind]).close()
    content = on_disk(left)
    assert not any(blob in content for blob in before[40:])
    assert before[39] in content


@kinds
def test_a_migration_leaves_no_byte_of_the_old_models_embeddings(folder: Path, kind: str) -> None:
    before = enrolled(folder, kind)
    with LocalStore.open(folder, **KINDS[kind]) as store:
        store.shortlist(vectors(1), 1)
        store.replace(replace(BOUND, fingerprint="0" * 16), vectors(43, 5), store.changes)
        while_open = on_disk(folder)
        assert np.array_equal(store.templates(store.keys_of("p0")), vectors(43, 5)[:1])
    for content in (while_open, on_disk(folder)):
        assert not any(blob in content for blob in before)


@kinds
def test_who_is_enrolled_again_after_being_forgotten_has_only_the_new_bytes(folder: Path, kind: str) -> None:
    before = enrolled(folder, kind)
    with LocalStore.open(folder, **KINDS[kind]) as store:
        store.forget(["Ada"])
        store.add([Entry("Ada", vectors(1, 8))])
        store.add([Entry("Ada", vectors(1, 9))])  # and once more, onto the new one
    after = embeddings_on_disk(folder, kind)
    assert after[:40] == before[:40]
    content = on_disk(folder)
    assert not any(blob in content for blob in before[40:])
    if kind != "sealed":
        assert vectors(1, 8).tobytes() not in content


def test_who_still_reads_is_named_and_the_next_to_open_erases(folder: Path) -> None:
    before = enrolled(folder, "exact")
    with LocalStore.open(folder) as held:
        held.vault.connection.execute("BEGIN")
        held.vault.read("SELECT count(*) FROM template")
        store = LocalStore.open(folder)
        store.add([Entry("Ada", vectors(1, 8))])
        store.close()
        assert "another process still reads" in store.notes[-1]
        assert before[41] in on_disk(folder)
        held.vault.connection.execute("COMMIT")
    LocalStore.open(folder).close()
    assert before[41] not in on_disk(folder)


def test_what_another_process_removed_meanwhile_is_still_owed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = enrolled(folder, "exact")
    other, whole = LocalStore.open(folder), Vault.checkpointed

    def late(self: Vault) -> bool:
        done = whole(self)
        if not other.vault.owes_erasing:
            other.add([Entry("p5", vectors(1, 9))])
        return done

    with LocalStore.open(folder) as store:
        store.add([Entry("Ada", vectors(1, 8))])
        monkeypatch.setattr(Vault, "checkpointed", late)
    monkeypatch.undo()
    assert other.vault.read("SELECT erasing FROM state") == [(1,)]  # should the other one be killed
    other.close()
    with LocalStore.open(folder) as store:
        assert store.vault.read("SELECT erasing FROM state") == [(0,)]
    assert before[5] not in on_disk(folder)
