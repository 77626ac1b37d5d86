"""Who is compared with whom."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from twinnet.core.errors import TooFewIdentities
from twinnet.core.types import Pairs, Triplets
from twinnet.pairs import PKSampler, TupleSampler


@given(n=st.integers(2, 30), each=st.integers(2, 6), p=st.integers(2, 12), k=st.integers(2, 5), step=st.integers(0, 99))
def test_a_batch_has_p_identities_of_k_items_each(n: int, each: int, p: int, k: int, step: int) -> None:
    identities = np.repeat(np.arange(n) * 3 + 5, each)
    batch = PKSampler(identities, p, k, seed=1).batch(step)
    chosen, counts = np.unique(batch.labels, return_counts=True)
    assert len(chosen) == min(p, n)
    assert set(counts) == {k}
    np.testing.assert_array_equal(identities[batch.items], batch.labels * 3 + 5)
    if k <= each:
        assert len(set(batch.items)) == len(batch.items)


def test_the_same_seed_and_step_give_the_same_batch_and_others_do_not() -> None:
    identities = np.repeat(np.arange(50), 10)
    a, b = PKSampler(identities, 8, 4, seed=1), PKSampler(identities, 8, 4, seed=1)
    a.batch(0)
    np.testing.assert_array_equal(a.batch(3).items, b.batch(3).items)
    assert not np.array_equal(a.batch(3).items, a.batch(4).items)
    assert not np.array_equal(a.batch(3).items, PKSampler(identities, 8, 4, seed=2).batch(3).items)


def test_a_batch_of_one_block_comes_from_one_group() -> None:
    identities = np.repeat(np.arange(60), 5)
    groups = identities // 20
    for step in range(20):
        batch = PKSampler(identities, 16, 2, seed=0, groups=groups, blocks=1).batch(step)
        assert len(np.unique(groups[batch.items])) == 1


def test_two_blocks_share_the_batch_evenly_and_name_their_items() -> None:
    identities = np.repeat(np.arange(60), 5)
    groups = identities // 20
    batch = PKSampler(identities, 16, 2, seed=0, groups=groups, blocks=2).batch(7)
    for block in (0, 1):
        assert len(np.unique(batch.labels[batch.block == block])) == 8
        assert len(np.unique(groups[batch.items[batch.block == block]])) == 1


def test_a_small_group_gives_all_it_has_and_the_next_fills_up() -> None:
    identities = np.repeat(np.arange(12), 3)
    groups = np.where(identities < 2, 0, np.where(identities < 4, 1, 2))
    for step in range(10):
        batch = PKSampler(identities, 8, 2, seed=0, groups=groups, blocks=2).batch(step)
        assert len(np.unique(batch.labels)) == 8


def test_one_identity_or_no_second_item_is_refused_with_the_reason() -> None:
    with pytest.raises(TooFewIdentities, match="at least 2 identities"):
        PKSampler(np.zeros(5, np.int64), 2, 2, seed=0)
    with pytest.raises(TooFewIdentities, match="no genuine pair"):
        PKSampler(np.arange(5), 2, 2, seed=0)


def pairs(n: int) -> Pairs:
    first = np.arange(n)
    return Pairs(first, first + n, first % 10 == 0)


def test_an_epoch_gives_every_pair_once() -> None:
    sampler = TupleSampler(pairs(40), 10, seed=0)
    seen = []
    for step in range(4):
        items, local = sampler.batch(step)
        assert isinstance(local, Pairs)
        seen += [(items[a], items[b], s) for a, b, s in zip(local.first, local.second, local.same, strict=True)]
    expected = pairs(40)
    assert sorted(seen) == sorted(zip(expected.first, expected.second, expected.same, strict=True))


@pytest.mark.parametrize("share", [0.25, 0.5])
def test_the_share_of_genuine_pairs_is_what_was_asked(share: float) -> None:
    _, local = TupleSampler(pairs(400), 40, seed=0, genuine_share=share).batch(3)
    assert isinstance(local, Pairs)
    assert local.same.mean() == share


def test_triplets_are_renumbered_to_rows_of_distinct_items() -> None:
    triplets = Triplets(np.array([7, 7, 3]), np.array([8, 9, 4]), np.array([3, 4, 7]))
    items, local = TupleSampler(triplets, 3, seed=0).batch(0)
    assert isinstance(local, Triplets)
    assert len(items) == len(set(items)) == 5
    back = sorted(zip(items[local.anchor], items[local.positive], items[local.negative], strict=True))
    assert back == sorted(zip(triplets.anchor, triplets.positive, triplets.negative, strict=True))


def test_no_tuples_is_refused() -> None:
    with pytest.raises(TooFewIdentities, match="no pairs"):
        TupleSampler(Pairs(np.array([], int), np.array([], int), np.array([], bool)), 8, seed=0)
