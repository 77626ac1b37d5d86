"""Distances by way of the matrix product have the digits of those by differences."""

import pytest
import torch
from torch import Tensor

from twinnet import compare
from twinnet.compare.cross import euclidean_cross, squared_euclidean_cross


def batch(near: float, n: int = 96, dtype: torch.dtype = torch.float32) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    embeddings = torch.randn(n, 16, generator=generator, dtype=torch.float64)
    noise = torch.randn(n // 8, 16, generator=generator, dtype=torch.float64)
    embeddings[1::8] = embeddings[::8] + near * noise
    return embeddings.to(dtype)


@pytest.mark.parametrize("near", [0.0, 1e-6, 1e-3, 0.1])
@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
def test_values_and_gradients_have_six_digits_even_of_nearly_equal_items(near: float, scale: float) -> None:
    single = (batch(near) * scale).requires_grad_()
    exact = single.detach().double().requires_grad_()
    found = euclidean_cross(single, single)
    expected = torch.cdist(exact, exact, compute_mode="donot_use_mm_for_euclid_dist")
    assert found.grad_fn is not None
    assert "Distances" in found.grad_fn.name()  # the product, not the way back to differences
    assert torch.allclose(found.double(), expected, rtol=1e-6, atol=0)
    outer = torch.randn(found.shape, generator=torch.Generator().manual_seed(1))
    (ours,) = torch.autograd.grad(found, single, outer)
    (theirs,) = torch.autograd.grad(expected, exact, outer.double())
    assert (ours - theirs).norm() < 2e-6 * theirs.norm()


@pytest.mark.parametrize("embeddings", [batch(0.0, 8), torch.ones(40, 3), torch.zeros(40, 3), torch.zeros(0, 3)])
def test_a_batch_of_few_or_nearly_equal_items_takes_the_differences(embeddings: Tensor) -> None:
    leaf = embeddings.clone().requires_grad_()
    found = euclidean_cross(leaf, leaf)
    assert torch.equal(found, torch.cdist(leaf, leaf, compute_mode="donot_use_mm_for_euclid_dist"))
    found.sum().backward()
    assert torch.isfinite(leaf.grad).all()


def test_the_gradient_agrees_with_finite_differences() -> None:
    embeddings = batch(1e-2, 32, torch.float64).requires_grad_()
    others = batch(0.3, 40, torch.float64).requires_grad_()
    assert torch.autograd.gradcheck(lambda a, b: euclidean_cross(a, b), (embeddings, others), atol=1e-5)


def test_where_a_product_has_not_all_digits_the_differences_are_taken() -> None:
    embeddings = batch(1e-3)
    expected = torch.cdist(embeddings, embeddings, compute_mode="donot_use_mm_for_euclid_dist")
    euclidean = compare.Euclidean()
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(euclidean.cross(embeddings, embeddings), expected)
        assert torch.equal(squared_euclidean_cross(embeddings, embeddings), expected.square())
    torch.set_float32_matmul_precision("high")
    try:
        assert torch.equal(euclidean.cross(embeddings, embeddings), expected)
    finally:
        torch.set_float32_matmul_precision("highest")
