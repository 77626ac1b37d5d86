from __future__ import annotations

import pickle
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from twinnet.core.errors import ConfigError, DataError, TooFewIdentities
from twinnet.core.types import Pairs, Triplets
from twinnet.data import (
    Dataset,
    from_arrays,
    hold_out,
    open_dataset,
    split_components,
    split_identities,
)

Tree = Callable[..., Path]


def many(n_identities: int, each: int = 3, seed: int = 0) -> Dataset:
    labels = np.repeat(np.arange(n_identities), each)
    images = np.random.default_rng(seed).integers(0, 256, (len(labels), 4, 4), dtype=np.uint8)
    return from_arrays(images, [f"p{i}" for i in labels], groups=[f"g{i % 3}" for i in labels])


def explicit(n: int, pairs: list[tuple[int, int]]) -> Dataset:
    edges = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    items = tuple(np.full((2, 2), i, np.uint8) for i in range(n))
    same = np.arange(len(edges)) % 2 == 0
    return Dataset(items, tuple(map(str, range(n))), None, pairs=Pairs(edges[:, 0], edges[:, 1], same), source="csv")


@given(st.data())
def test_subset_keeps_exactly_the_pairs_and_triplets_whose_members_stay(data: st.DataObject) -> None:
    n = data.draw(st.integers(1, 8))
    rows = np.array(data.draw(st.lists(st.tuples(*[st.integers(0, n - 1)] * 3))), dtype=np.int64).reshape(-1, 3)
    chosen = data.draw(st.lists(st.integers(0, n - 1), unique=True))
    whole = explicit(n, [(a, b) for a, b, _ in rows])
    whole = Dataset(whole.items, whole.keys, None, pairs=whole.pairs, triplets=Triplets(*rows.T))
    part = whole.subset(chosen)
    assert part.pairs is not None
    assert part.triplets is not None
    name = [part.keys[i] for i in range(len(part))]
    left = [(name[a], name[b]) for a, b in zip(part.pairs.first, part.pairs.second, strict=True)]
    assert left == [(str(a), str(b)) for a, b, _ in rows if a in chosen and b in chosen]
    t = part.triplets
    three = [(name[a], name[p], name[q]) for a, p, q in zip(t.anchor, t.positive, t.negative, strict=True)]
    assert three == [tuple(map(str, row)) for row in rows if set(row) <= set(chosen)]


def test_subset_keeps_names_numbers_and_order() -> None:
    part = many(5).subset([14, 3])
    assert part.keys == ("row 14", "row 3")
    assert part.labels().tolist() == [4, 1]
    assert part.identity_names == many(5).identity_names
    assert np.array_equal(part.read(1), many(5).read(3))


@pytest.mark.parametrize(
    ("indices", "told"), [([0, 0], "names an item twice"), ([99], "must lie in 0 … 14"), ([-1], "0 … 14")]
)
def test_subset_refuses_doubles_and_strangers(indices: list[int], told: str) -> None:
    with pytest.raises(DataError, match=told):
        many(5).subset(indices)


def test_by_identity_lists_each_item_once_under_its_own() -> None:
    dataset = many(5).subset([14, 0, 13, 2])
    assert {k: v.tolist() for k, v in dataset.by_identity().items()} == {0: [1, 3], 4: [0, 2]}
    assert many(2).subset([]).by_identity() == {}


def test_lengths_and_numbers_that_do_not_fit_are_refused() -> None:
    item = np.zeros((2, 2), np.uint8)
    with pytest.raises(DataError, match="2 identities for 1 items"):
        Dataset((item,), ("a",), np.array([0, 0]), ("x",))
    with pytest.raises(DataError, match="identities must lie in 0 … 0; found 3"):
        Dataset((item,), ("a",), np.array([3]), ("x",))


def test_summary_is_one_line_with_the_counts() -> None:
    assert many(5).summary() == "arrays: 15 items, 5 identities, 3 groups"
    assert explicit(3, [(0, 1), (1, 2)]).summary() == "csv: 3 items, 2 pairs (1 genuine)"


def test_zip_members_are_read_from_many_threads_and_after_a_pickle(tree: Tree, zipped: Tree) -> None:
    root = tree(*[f"p{i % 7}/{i}.png" for i in range(70)])
    plain, packed = open_dataset(root), open_dataset(zipped(root))
    packed = pickle.loads(pickle.dumps(packed))
    with ThreadPoolExecutor(8) as pool:
        contents = list(pool.map(packed.raw, list(range(70)) * 5))
    assert contents == [plain.raw(i) for i in range(70)] * 5


@given(st.integers(4, 40), st.integers(0, 2**32))
def test_identities_are_on_one_side_only_and_none_is_lost(n: int, seed: int) -> None:
    left, right = split_identities(many(n), [0.5, 0.5], seed)
    assert not set(left.labels()) & set(right.labels())
    assert set(left.keys) | set(right.keys) == set(many(n).keys)
    assert abs(left.n_identities - right.n_identities) <= 1


def test_split_is_the_same_for_a_seed_and_another_for_another() -> None:
    one, again, other = (split_identities(many(40), [0.5], seed)[0].keys for seed in (1, 1, 2))
    assert one == again
    assert one != other


def test_split_by_counts_gives_the_counts() -> None:
    assert [part.n_identities for part in split_identities(many(20), [7, 3, 2], 0)] == [7, 3, 2]


def test_part_with_one_identity_is_refused() -> None:
    with pytest.raises(TooFewIdentities, match=r"5 identities split as 0.8, 0.2 leaves a part with 1"):
        split_identities(many(5), [0.8, 0.2], 0)


@pytest.mark.parametrize("parts", [[], [0.5, -0.1], [0.9, 0.2], [0.0, 1.0]])
def test_impossible_fractions_are_refused(parts: list[float]) -> None:
    with pytest.raises(ConfigError):
        split_identities(many(20), parts, 0)


def test_more_identities_than_there_are_is_refused() -> None:
    with pytest.raises(TooFewIdentities, match="15, 6 identities was asked of 20"):
        split_identities(many(20), [15, 6], 0)


def test_held_groups_are_on_one_side_only() -> None:
    rest, held = hold_out(many(9), ["g1"])
    assert rest.groups is not None
    assert held.groups is not None
    assert {held.group_names[g] for g in held.groups} == {"g1"}
    assert {rest.group_names[g] for g in rest.groups} == {"g0", "g2"}


def test_unknown_group_is_told_with_the_known_ones() -> None:
    with pytest.raises(DataError, match=r"no group 'g11'. Did you mean g1\? Known: g0, g1, g2"):
        hold_out(many(9), ["g11"])
    with pytest.raises(DataError, match="one side empty"):
        hold_out(many(9), ["g0", "g1", "g2"])
    with pytest.raises(DataError, match="has no groups"):
        hold_out(from_arrays(np.zeros((2, 2, 2)), [0, 1]), ["x"])


@given(st.lists(st.tuples(st.integers(0, 29), st.integers(0, 29)), max_size=20), st.integers(0, 99))
def test_components_share_no_item_and_no_pair_is_lost(pairs: list[tuple[int, int]], seed: int) -> None:
    dataset = explicit(30, pairs or [(0, 1)])
    left, right = split_components(dataset, [0.6, 0.4], seed)
    assert dataset.pairs is not None
    assert left.pairs is not None
    assert right.pairs is not None
    assert not set(left.keys) & set(right.keys)
    assert len(left.pairs) + len(right.pairs) == len(dataset.pairs)


def test_components_are_met_nearly_by_fraction_whatever_their_count_of_pairs() -> None:
    dataset = explicit(100, [(2 * i, 2 * i + 1) for i in range(50)] * 300)  # 300 copies: no counter may wrap
    assert [len(part) for part in split_identities(dataset, [0.8, 0.2], 3)] == [80, 20]


def test_pairs_that_all_hang_together_cannot_be_split() -> None:
    with pytest.raises(DataError, match="connect the 5 items into 1 component"):
        split_identities(explicit(5, [(i, i + 1) for i in range(4)]), [0.5, 0.5], 0)
