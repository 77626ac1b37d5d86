from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from contract import BOUND, DIM, people, vectors
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from scipy.spatial.distance import cdist

from twinnet.core.errors import GalleryError, NotCalibrated, NotEnrolled, WrongModel
from twinnet.core.types import Interval
from twinnet.decide import DecisionRule, far_in_gallery
from twinnet.gallery import Entry, LocalStore, Templates, export, import_

RULE = DecisionRule(1.0, "fixed", None, Interval(0.001, 0.002, 0.003, 0.95, "Clopper-Pearson"))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[LocalStore]:
    with LocalStore.create(tmp_path / "g", BOUND) as made:
        yield made


def templates(store: LocalStore, rule: DecisionRule | None = RULE) -> Templates:
    return Templates(store, BOUND.fingerprint, cdist, rule)


def test_search_agrees_with_scipy_on_all_against_all(store: LocalStore) -> None:
    stored, probes = vectors(80), vectors(10, 1)
    store.add(people(stored))
    truth = cdist(probes, stored)
    for probe, row in zip(probes, truth, strict=True):
        found = templates(store).search(probe, 6)
        assert [match.identity for match in found] == [f"p{i}" for i in np.argsort(row)[:6]]
        assert np.allclose([match.distance for match in found], np.sort(row)[:6], atol=1e-6)


def test_a_stranger_is_nobody_and_every_answer_says_how_sure_it_is(store: LocalStore) -> None:
    store.add(people(vectors(20)))
    known = templates(store)
    assert known.identify(vectors(1, 9)[0] + 30) == []
    match = known.identify(vectors(20)[4] + 0.01)[0]
    assert (match.identity, match.same, match.threshold, match.far) == ("p4", True, 1.0, RULE.far)
    assert match.far_in_gallery == pytest.approx(far_in_gallery(0.002, 20)) == pytest.approx(1 - 0.998**20)
    assert known.verify("p4", vectors(20)[4]).same
    assert not known.verify("p5", vectors(20)[4]).same
    with pytest.raises(NotEnrolled):
        known.verify("nobody", vectors(1)[0])


def test_identify_names_each_identity_once_also_behind_many_templates(store: LocalStore) -> None:
    near = np.zeros((40, DIM), np.float32)
    near[:, 0] = np.arange(40) / 1000
    store.add([Entry("crowd", near, "all"), Entry("single", near[:1] + 0.2, "all")])
    assert [match.identity for match in templates(store).identify(near[0], 2)] == ["crowd", "single"]
    assert [match.identity for match in templates(store).identify(near[0], 5)] == ["crowd", "single"]


def test_the_learned_comparison_is_ranked_by_its_own_distance(tmp_path: Path) -> None:
    weights = np.linspace(-1, 3, DIM)  # no metric, and its order is not Euclid's

    def cross(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return np.logaddexp(0, (np.abs(a[:, None] - b[None]) @ weights) - 2)

    with LocalStore.create(tmp_path / "l", replace(BOUND, comparison="learned")) as store:
        stored, probe = vectors(60), vectors(1, 5)
        store.add(people(stored))
        found = Templates(store, BOUND.fingerprint, cross, RULE).search(probe[0], 8)
        assert [m.identity for m in found] == [f"p{i}" for i in np.argsort(cross(probe, stored)[0])[:8]]


def test_identities_nearer_than_the_threshold_are_pointed_out(store: LocalStore) -> None:
    stored = vectors(12) * 5
    stored[7] = stored[2] + 0.1
    store.add(people(stored))
    assert [(pair.first, pair.second) for pair in templates(store).near()] == [("p2", "p7")]


def test_another_model_and_no_threshold_are_clear_errors(store: LocalStore) -> None:
    with pytest.raises(WrongModel, match="Next: give the gallery's own model"):
        Templates(store, "0" * 16, cdist, RULE)
    with pytest.raises(NotCalibrated, match="can rank but not decide"):
        templates(store, None).identify(vectors(1)[0])


def test_an_export_comes_back_whole(store: LocalStore, tmp_path: Path) -> None:
    store.add(
        [Entry("Ada", vectors(3), metadata={"town": "Ulm"}, originals=(b"1", b"2", b"3")), *people(vectors(5, 2))]
    )
    assert export(store, tmp_path / "e.parquet") == 6
    with LocalStore.create(tmp_path / "sealed", BOUND, key="a secret key") as other:
        assert import_(other, tmp_path / "e.parquet") == 6
        for before, after in zip(store.scan(), other.scan(), strict=True):
            assert np.array_equal(before.embeddings, after.embeddings)
            assert before.originals == after.originals
            assert [(r.name, r.n_items, r.metadata) for r in before.rows] == [
                (r.name, r.n_items, r.metadata) for r in after.rows
            ]
        with pytest.raises(GalleryError, match="6 identities .* enrolled already"):
            import_(other, tmp_path / "e.parquet")
    with (
        LocalStore.create(tmp_path / "o", replace(BOUND, fingerprint="0" * 16)) as foreign,
        pytest.raises(WrongModel, match="enrol the items anew"),
    ):
        import_(foreign, tmp_path / "e.parquet")
    (tmp_path / "x.parquet").write_bytes(b"PAR1")
    with pytest.raises(GalleryError, match="no export of a gallery"):
        import_(store, tmp_path / "x.parquet")


class Life(RuleBasedStateMachine):
    """Enrolments, forgettings, reopenings and searches, against a dict."""

    names = st.sampled_from("abcdefgh")

    def __init__(self) -> None:
        super().__init__()
        self.home = tempfile.TemporaryDirectory()
        self.folder, self.truth, self.made = Path(self.home.name) / "g", dict[str, list[np.ndarray]](), 0
        self.store = LocalStore.create(self.folder, BOUND, exact_limit=5)

    @rule(name=names, n=st.integers(1, 3), keep=st.sampled_from(["all", "prototype"]))
    def enrol(self, name: str, n: int, keep: str) -> None:
        self.made += 1
        new = vectors(n, self.made)
        self.store.add([Entry(name, new, keep)])  # type: ignore[arg-type]
        if keep == "all" and all(len(rows) == 1 for rows in self.truth.get(name, [])):
            self.truth.setdefault(name, []).extend(new[:, None])
        else:
            items = [row for rows in self.truth.get(name, []) for row in rows] + list(new)
            groups = [[row] for row in items] if keep == "all" else [items]
            if keep == "all":
                groups = [list(rows) for rows in self.truth[name]] + [[row] for row in new]
            self.truth[name] = [np.array(group) for group in groups]

    @rule(name=names)
    def forget(self, name: str) -> None:
        if name in self.truth:
            self.store.forget([name])
            del self.truth[name]
        else:
            with pytest.raises(NotEnrolled):
                self.store.forget([name])

    @rule()
    def reopen(self) -> None:
        self.store.close()
        self.store = LocalStore.open(self.folder, exact_limit=5)

    @invariant()
    def search_finds_what_the_dict_has(self) -> None:
        rows = [(name, group.mean(0)) for name, groups in self.truth.items() for group in groups]
        assert self.store.n_templates == len(rows)
        assert {one.name for one in self.store.enrolled()} == set(self.truth)
        if rows:
            distances = cdist(vectors(1, 999), np.array([row for _, row in rows]))[0]
            found = templates(self.store).search(vectors(1, 999)[0], 3)
            assert np.allclose([match.distance for match in found], np.sort(distances)[:3], atol=1e-4)

    def teardown(self) -> None:
        assert self.store.problems() == []
        self.store.close()
        self.home.cleanup()


TestLife = Life.TestCase
TestLife.settings = settings(max_examples=25, stateful_step_count=12, deadline=None)
