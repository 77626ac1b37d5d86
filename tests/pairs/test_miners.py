"""Miners against loops over the batch and against pytorch-metric-learning."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pytorch_metric_learning import distances as pml_distances
from pytorch_metric_learning import miners as pml
from torch import Tensor

from twinnet.pairs.index import PairIndex, TripletIndex
from twinnet.pairs.miners import (
    batch_hard,
    easy_positive,
    hardest,
    kinds,
    multi_similarity,
    near,
    semi_hard,
    violating,
)

LP = pml_distances.LpDistance(normalize_embeddings=False)


def batch(seed: int, n: int = 20, classes: int = 5) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    embeddings = torch.randn(n, 3, generator=generator, dtype=torch.float64)
    return embeddings, torch.cdist(embeddings, embeddings), torch.randint(classes, (n,), generator=generator)


def rows(*columns: Tensor) -> set[tuple[int, ...]]:
    return set(zip(*(column.tolist() for column in columns), strict=True))


def triplets(found: TripletIndex) -> set[tuple[int, ...]]:
    return rows(found.anchor, found.positive, found.negative)


@given(seed=st.integers(0, 10**6), classes=st.integers(1, 20))
def test_batch_hard_and_easy_positive_agree_with_pytorch_metric_learning(seed: int, classes: int) -> None:
    embeddings, d, labels = batch(seed, classes=classes)
    assert triplets(batch_hard(d, labels)) == rows(*pml.BatchHardMiner(distance=LP)(embeddings, labels))
    a, p, _, n = pml.BatchEasyHardMiner(pos_strategy="easy", neg_strategy="hard", distance=LP)(embeddings, labels)
    assert triplets(easy_positive(d, labels)) == rows(a, p, n)


@given(seed=st.integers(0, 10**6), margin=st.floats(0.01, 2))
def test_violating_triplets_agree_with_pytorch_metric_learning(seed: int, margin: float) -> None:
    embeddings, d, labels = batch(seed)
    theirs = pml.TripletMarginMiner(margin, "all", distance=LP)(embeddings, labels)
    assert triplets(violating(margin)(d, labels)) == rows(*theirs)


@given(seed=st.integers(0, 10**6), classes=st.integers(1, 20))
def test_semi_hard_is_the_nearest_negative_beyond_each_positive(seed: int, classes: int) -> None:
    _, d, labels = batch(seed, classes=classes)
    same, different = kinds(labels)
    expected = set()
    for a, p in same.nonzero().tolist():
        beyond = [n for n in different[a].nonzero()[:, 0].tolist() if d[a, n] > d[a, p]]
        if beyond:
            expected.add((a, p, min(beyond, key=lambda n: float(d[a, n]))))
    assert triplets(semi_hard(d, labels)) == expected


@given(seed=st.integers(0, 10**6), epsilon=st.floats(0.0, 1.0))
def test_multi_similarity_agrees_with_pytorch_metric_learning(seed: int, epsilon: float) -> None:
    embeddings, d, labels = batch(seed)
    found = multi_similarity(epsilon)(d, labels)
    assert isinstance(found, PairIndex)
    a, p, b, n = pml.MultiSimilarityMiner(epsilon, distance=LP)(embeddings, labels)
    assert rows(found.first[found.same], found.second[found.same]) == rows(a, p)
    assert rows(found.first[~found.same], found.second[~found.same]) == rows(b, n)


@pytest.mark.parametrize("k", [1, 3, 100])
def test_hardest_gives_all_positives_and_the_k_nearest_negatives(k: int) -> None:
    _, d, labels = batch(1)
    found = hardest(k)(d, labels)
    assert isinstance(found, PairIndex)
    same, different = kinds(labels)
    assert rows(found.first[found.same], found.second[found.same]) == rows(*same.nonzero(as_tuple=True))
    for a in range(len(labels)):
        chosen = set(found.second[~found.same & (found.first == a)].tolist())
        others = different[a].nonzero()[:, 0].tolist()
        assert chosen == set(sorted(others, key=lambda n: float(d[a, n]))[:k])


def test_weights_by_nearness_have_mean_one_over_each_anchors_negatives() -> None:
    _, d, labels = batch(2)
    weights = near(0.5)(d, labels)
    assert isinstance(weights, Tensor)
    same, different = kinds(labels)
    assert torch.allclose((weights * different).sum(1), different.sum(1).double())
    assert (weights[same] == 1).all()


@pytest.mark.parametrize(
    "miner", [batch_hard, easy_positive, semi_hard, violating(0.2), hardest(2), multi_similarity()]
)
def test_a_batch_of_one_class_has_no_negatives_to_mine(miner) -> None:  # type: ignore[no-untyped-def]
    found = miner(torch.rand(4, 4), torch.zeros(4, dtype=torch.long))
    assert not len(found.anchor) if isinstance(found, TripletIndex) else bool(found.same.all())
