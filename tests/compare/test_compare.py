"""Distances: SciPy is the oracle; lower is more alike."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from twinnet import compare
from twinnet.core.errors import ConfigError


def embeddings(seed: int, n: int, dim: int = 6) -> torch.Tensor:
    return torch.randn(n, dim, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("name", ["euclidean", "cosine"])
def test_cross_agrees_with_scipy(name: str) -> None:
    a, b = embeddings(1, 9), embeddings(2, 5)
    ours = compare.build(name, 6).cross(a, b).numpy()
    np.testing.assert_allclose(ours, cdist(a.numpy(), b.numpy(), name), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", sorted(compare.COMPARISONS))
@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 1000), n=st.integers(1, 8))
def test_every_comparison_is_symmetric_never_negative_and_pairs_agree_with_cross(name: str, seed: int, n: int) -> None:
    comparison = compare.build(name, 6)
    a, b = embeddings(seed, n), embeddings(seed + 1, n)
    with torch.no_grad():
        paired, swapped, cross = comparison.paired(a, b), comparison.paired(b, a), comparison.cross(a, b)
    assert torch.equal(paired, swapped)
    assert bool((paired >= 0).all())
    assert torch.allclose(cross.diagonal(), paired, atol=1e-5)


def test_nearly_equal_vectors_keep_their_small_distance() -> None:
    a = torch.full((1, 64), 3.0)
    b = a.clone()
    b[0, 0] += 1e-3
    assert float(compare.Euclidean().cross(a, b)) == pytest.approx(1e-3, rel=1e-2)


def test_euclidean_gradient_is_zero_not_nan_at_zero_distance() -> None:
    a = torch.ones(2, 3, requires_grad=True)
    (compare.Euclidean().paired(a, torch.ones(2, 3)).sum() + compare.Euclidean().cross(a, a).sum()).backward()
    assert a.grad is not None
    assert a.grad.abs().max() == 0


def test_probability_comes_back_from_the_learned_distance() -> None:
    comparison = compare.Learned(6)
    a, b = embeddings(3, 7), embeddings(4, 7)
    with torch.no_grad():
        probability = torch.sigmoid(comparison.logit(a, b))
        assert torch.allclose(torch.exp(-comparison.paired(a, b)), probability, atol=1e-6)


def test_the_learned_distance_keeps_its_order_where_the_probability_has_saturated() -> None:
    comparison = compare.Learned(1)
    with torch.no_grad():
        comparison.weight.fill_(1.0)
        comparison.bias.fill_(40.0)
        near, far = comparison.paired(torch.zeros(2, 1), torch.tensor([[1.0], [2.0]]))
        assert torch.sigmoid(torch.tensor(39.0)) == torch.sigmoid(torch.tensor(38.0)) == 1
    assert 0 < near < far


def test_learned_cross_is_the_same_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    comparison = compare.Learned(6)
    a, b = embeddings(5, 11), embeddings(6, 7)
    with torch.no_grad():
        whole = comparison.cross(a, b)
        monkeypatch.setattr("twinnet.compare.learned._BLOCK", 1)
        torch.testing.assert_close(comparison.cross(a, b), whole)
        assert comparison.cross(a[:0], b).shape == (0, 7)


def test_an_unknown_comparison_lists_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="Known: cosine, euclidean, learned"):
        compare.build("manhattan", 4)
