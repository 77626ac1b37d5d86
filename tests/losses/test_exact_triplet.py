"""All triplets without listing one: against the O(n³) formula, against pytorch-metric-learning, against gradcheck."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pytorch_metric_learning import distances as pml_distances
from pytorch_metric_learning import losses as pml
from torch import Tensor

from twinnet import compare
from twinnet.losses import Triplet, exact_triplet, hinge_sum, violation_sum


def masks(labels: Tensor) -> tuple[Tensor, Tensor]:
    same = labels[:, None] == labels[None]
    return same & ~torch.eye(len(labels), dtype=torch.bool), ~same


def brute(d: Tensor, labels: Tensor, margin: float, *, soft: bool = False, swap: bool = False) -> tuple[Tensor, int]:
    same, different = masks(labels)
    nearest = torch.minimum(d[:, None], d[None]) if swap else d[:, None].expand(-1, len(d), -1)  # (A, P, N)
    x = (d[:, :, None] - nearest + margin)[same[:, :, None] & different[:, None, :]]
    values = torch.nn.functional.softplus(x) if soft else x.relu()
    return values.sum(), int((values > 0).sum())


def batch(seed: int, n: int, classes: int, dim: int = 4) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return (
        torch.randn(n, dim, generator=generator, dtype=torch.float64),
        torch.randint(classes, (n,), generator=generator),
    )


def agree(ours: tuple[Tensor, int], theirs: tuple[Tensor, int], d: Tensor) -> None:
    assert ours[1] == theirs[1]
    assert ours[0].item() == pytest.approx(theirs[0].item(), rel=1e-10, abs=1e-12)
    gradient = torch.autograd.grad(ours[0], d)[0]
    expected = torch.autograd.grad(theirs[0], d)[0]
    assert torch.allclose(gradient, expected, atol=1e-10)


@settings(max_examples=60)
@given(seed=st.integers(0, 10**6), n=st.integers(1, 40), classes=st.integers(1, 12), margin=st.floats(0, 3))
def test_the_hinge_sum_is_that_of_all_triplets_for_classes_of_any_sizes(
    seed: int, n: int, classes: int, margin: float
) -> None:
    embeddings, labels = batch(seed, n, classes)
    d = torch.cdist(embeddings, embeddings).requires_grad_()
    agree(hinge_sum(d, *masks(labels), margin), brute(d, labels, margin), d)


@pytest.mark.parametrize("few", [0, 1000], ids=["by search", "by comparing"])
@pytest.mark.parametrize("block", [1, 64, 1 << 20])
def test_both_ways_of_counting_and_every_block_size_agree(
    few: int, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exact_triplet, "_FEW", few)
    monkeypatch.setattr(exact_triplet, "_BLOCK", {"cpu": block})
    monkeypatch.setattr(exact_triplet, "_LARGE_BLOCK", block)
    embeddings, labels = batch(3, 50, 5)
    d = torch.cdist(embeddings, embeddings).requires_grad_()
    agree(hinge_sum(d, *masks(labels), 0.3), brute(d, labels, 0.3), d)


@pytest.mark.parametrize("few", [0, 1000], ids=["by search", "by comparing"])
def test_ties_and_copies_count_as_in_the_formula(few: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exact_triplet, "_FEW", few)
    generator = torch.Generator().manual_seed(0)
    # Distances and margin are multiples of 1/4, so that d_ap + margin = d_an often and exactly.
    d = torch.randint(0, 6, (30, 30), generator=generator).double() / 4
    d = ((d + d.T) / 2).requires_grad_()
    labels = torch.randint(4, (30,), generator=generator)
    same, different = masks(labels)
    value, n_active = hinge_sum(d, same, different, 0.25)
    expected, expected_active = brute(d, labels, 0.25)
    assert (value.item(), n_active) == (pytest.approx(expected.item()), expected_active)


@settings(max_examples=40)
@given(seed=st.integers(0, 10**6), n=st.integers(1, 24), classes=st.integers(1, 8), soft=st.booleans())
def test_soft_margin_and_anchor_swap_are_those_of_all_triplets(seed: int, n: int, classes: int, soft: bool) -> None:
    embeddings, labels = batch(seed, n, classes)
    for swap in (False, True):
        d = torch.cdist(embeddings, embeddings).requires_grad_()
        agree(
            violation_sum(d, *masks(labels), 0.2, soft=soft, swap=swap),
            brute(d, labels, 0.2, soft=soft, swap=swap),
            d,
        )


@pytest.mark.parametrize("form", [{}, {"soft": True}, {"swap": True}, {"mean": "all"}], ids=str)
@pytest.mark.parametrize("distance", [compare.Euclidean(), compare.Cosine()], ids=["euclidean", "cosine"])
def test_gradients_of_every_form_agree_with_finite_differences(form: dict, distance: torch.nn.Module) -> None:
    embeddings, labels = batch(5, 9, 3)
    loss = Triplet(distance, 0.3, **form)
    assert torch.autograd.gradcheck(lambda e: loss(e, labels).value, embeddings.requires_grad_(), atol=1e-5)


SIZES = {
    "equal": [4] * 8,
    "one giant": [25] + [1] * 5 + [2] * 4,
    "unequal": [1, 2, 3, 5, 8, 13],
    "two classes": [16, 16],
}


@pytest.mark.parametrize("form", [{}, {"smooth_loss": True}, {"swap": True}], ids=str)
@pytest.mark.parametrize("sizes", SIZES.values(), ids=SIZES.keys())
@pytest.mark.parametrize("spread", [1.0, 1e-3, 100.0])
def test_every_form_agrees_with_pytorch_metric_learning(form: dict, sizes: list[int], spread: float) -> None:
    labels = torch.repeat_interleave(torch.arange(len(sizes)), torch.tensor(sizes))
    ours_in = (batch(1, len(labels), 2)[0] * spread).requires_grad_()
    theirs_in = ours_in.detach().clone().requires_grad_()
    ours = Triplet(compare.Euclidean(), 0.2, soft="smooth_loss" in form, swap="swap" in form)(ours_in, labels).value
    distance = pml_distances.LpDistance(normalize_embeddings=False)
    theirs = pml.TripletMarginLoss(margin=0.2, distance=distance, **form)(theirs_in, labels)
    assert ours.item() == pytest.approx(theirs.item(), rel=1e-8)
    ours.backward()
    theirs.backward()
    assert torch.allclose(ours_in.grad, theirs_in.grad, atol=1e-8)


def test_collapsed_embeddings_cost_the_margin_and_have_no_gradient() -> None:
    embeddings = torch.ones(12, 3, dtype=torch.float64, requires_grad=True)
    output = Triplet(compare.Euclidean(), 0.2)(embeddings, torch.arange(12) // 3)
    output.value.backward()
    assert output.value.item() == pytest.approx(0.2)
    assert output.active == 1.0
    assert embeddings.grad is not None
    assert not embeddings.grad.any()


@given(seed=st.integers(0, 10**6), scale=st.floats(0.01, 100))
def test_scaling_embeddings_and_margin_scales_the_loss(seed: int, scale: float) -> None:
    embeddings, labels = batch(seed, 20, 5)
    one = Triplet(compare.Euclidean(), 0.2)(embeddings, labels).value.item()
    scaled = Triplet(compare.Euclidean(), 0.2 * scale)(embeddings * scale, labels).value.item()
    assert scaled == pytest.approx(one * scale, rel=1e-6)


def test_nothing_is_active_and_no_gradient_is_left_once_the_margin_is_kept() -> None:
    embeddings = (torch.eye(4).repeat_interleave(3, 0) * 10).requires_grad_()
    output = Triplet(compare.Euclidean(), 0.2)(embeddings, torch.arange(12) // 3)
    output.value.backward()
    assert (output.value.item(), output.active, output.n_tuples) == (0.0, 0.0, 12 * 2 * 9)
    assert not embeddings.grad.any()


@pytest.mark.parametrize("labels", [[0] * 5, [0, 1, 2, 3, 4], []], ids=["one class", "single items", "nothing"])
def test_a_batch_without_a_triplet_says_so_and_still_goes_backward(labels: list[int]) -> None:
    embeddings = torch.randn(len(labels), 3, generator=torch.Generator().manual_seed(0)).requires_grad_()
    for form in ({}, {"soft": True}, {"swap": True}, {"miner": "batch_hard"}, {"miner": "semi_hard"}):
        output = Triplet(compare.Euclidean(), 0.2, **form)(embeddings, torch.tensor(labels, dtype=torch.long))
        output.value.backward()
        assert (output.n_tuples, output.value.item()) == (0, 0.0)


def test_float32_keeps_six_digits_over_many_triplets() -> None:
    embeddings, labels = batch(7, 256, 32, dim=16)
    exact = Triplet(compare.Euclidean(), 0.2)(embeddings, labels).value.item()
    assert Triplet(compare.Euclidean(), 0.2)(embeddings.float(), labels).value.item() == pytest.approx(exact, rel=2e-6)
