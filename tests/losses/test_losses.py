"""Values against formulas done by hand and against pytorch-metric-learning; gradients against gradcheck."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pytorch_metric_learning import distances as pml_distances
from pytorch_metric_learning import losses as pml

from twinnet import compare
from twinnet.core.errors import ConfigError
from twinnet.losses import (
    BCE,
    Contrastive,
    CrossEntropy,
    PairIndex,
    SupCon,
    Triplet,
    TripletIndex,
    bce,
    build,
    contrastive,
    supcon,
    triplet,
)


def batch(seed: int, n: int = 24, classes: int = 6, dim: int = 5) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    embeddings = torch.randn(n, dim, generator=generator, dtype=torch.float64)
    return embeddings, torch.randint(classes, (n,), generator=generator)


def test_contrastive_is_half_the_square_of_distance_or_of_what_is_missing_to_the_margin() -> None:
    value = contrastive(torch.tensor([0.6, 0.6, 2.0]), torch.tensor([True, False, False]), 1.0)
    assert value.tolist() == pytest.approx([0.18, 0.08, 0.0])


def test_triplet_is_zero_once_the_margin_is_kept() -> None:
    assert triplet(torch.tensor([0.1, 0.5]), torch.tensor([0.4, 0.5]), 0.2).tolist() == pytest.approx([0.0, 0.2])


def test_bce_of_a_genuine_pair_is_the_learned_distance() -> None:
    logit = torch.tensor([-200.0, -3.0, 0.0, 30.0, 200.0], dtype=torch.float64)
    genuine = torch.ones(5, dtype=torch.bool)
    assert torch.equal(bce(logit, genuine), torch.nn.functional.softplus(-logit))


def test_bce_stays_finite_where_the_probability_saturates() -> None:
    logit = torch.tensor([-1e4, 1e4], requires_grad=True)
    bce(logit, torch.tensor([True, False])).sum().backward()
    assert logit.grad is not None
    assert logit.grad.tolist() == [-1.0, 1.0]


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 10_000), classes=st.integers(2, 12), margin=st.floats(0.05, 2.0))
def test_triplet_agrees_with_pytorch_metric_learning_in_value_and_gradient(
    seed: int, classes: int, margin: float
) -> None:
    embeddings, labels = batch(seed, classes=classes)
    ours_in, theirs_in = embeddings.clone().requires_grad_(), embeddings.clone().requires_grad_()
    ours = Triplet(compare.Euclidean(), margin)(ours_in, labels).value
    distance = pml_distances.LpDistance(normalize_embeddings=False)
    theirs = pml.TripletMarginLoss(margin=margin, distance=distance)(theirs_in, labels)
    assert ours.item() == pytest.approx(theirs.item(), abs=1e-9)
    ours.backward()
    if theirs.requires_grad and theirs.item() > 0:
        theirs.backward()
        assert torch.allclose(ours_in.grad, theirs_in.grad, atol=1e-8)


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 10_000), classes=st.integers(2, 8), temperature=st.floats(0.05, 2.0))
def test_supcon_agrees_with_pytorch_metric_learning(seed: int, classes: int, temperature: float) -> None:
    embeddings, labels = batch(seed, classes=classes)
    counts = torch.bincount(labels)[labels]
    ours = SupCon(compare.Cosine(), temperature)(embeddings, labels)
    theirs = pml.SupConLoss(temperature=temperature)(embeddings, labels)
    # Theirs is the mean over anchors that have a positive, as ours.
    assert ours.n_tuples == int((counts > 1).sum())
    assert float(ours.value) == pytest.approx(float(theirs), rel=1e-6)


def test_contrastive_weighs_genuine_and_impostor_pairs_alike() -> None:
    embeddings = torch.tensor([[0.0], [0.2], [0.5], [0.9]])
    labels = torch.tensor([0, 0, 1, 2])
    value = Contrastive(compare.Euclidean(), 1.0)(embeddings, labels).value
    genuine = 0.5 * 0.2**2
    impostor = sum(0.5 * (1 - d) ** 2 for d in (0.5, 0.9, 0.3, 0.7, 0.4)) / 5
    assert float(value) == pytest.approx((genuine + impostor) / 2)


LOSSES = [
    Contrastive(compare.Euclidean()),
    Contrastive(compare.Cosine(), 0.5),
    Triplet(compare.Euclidean()),
    Triplet(compare.Cosine()),
    BCE(compare.Cosine()).double(),
    BCE(compare.Learned(5)).double(),
    SupCon(compare.Cosine()),
    SupCon(compare.Euclidean()),
]


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: type(loss).__name__ + type(loss.comparison).__name__)
def test_gradients_agree_with_finite_differences(loss: torch.nn.Module) -> None:
    embeddings, labels = batch(3, n=7, classes=3)
    assert torch.autograd.gradcheck(lambda e: loss(e, labels).value, embeddings.requires_grad_(), atol=1e-5)


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: type(loss).__name__ + type(loss.comparison).__name__)
def test_the_order_of_the_batch_and_the_names_of_the_labels_do_not_matter(loss: torch.nn.Module) -> None:
    embeddings, labels = batch(4)
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(1))
    renamed = torch.tensor([7, 3, 11, 0, 5, 9])[labels]
    expected = loss(embeddings, labels).value.item()
    assert loss(embeddings[order], renamed[order]).value.item() == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: type(loss).__name__ + type(loss.comparison).__name__)
def test_identical_items_give_a_finite_gradient(loss: torch.nn.Module) -> None:
    embeddings = torch.ones(6, 5, dtype=torch.float64, requires_grad=True)
    loss(embeddings, torch.tensor([0, 0, 1, 1, 2, 2])).value.backward()
    assert embeddings.grad is not None
    assert torch.isfinite(embeddings.grad).all()


@pytest.mark.parametrize("name", ["contrastive", "bce"])
def test_given_pairs_equal_the_same_pairs_found_by_labels(name: str) -> None:
    embeddings, labels = batch(5, n=8, classes=3)
    first, second = torch.triu_indices(8, 8, offset=1)
    given_pairs = PairIndex(first, second, labels[first] == labels[second])
    loss = build(name, compare.Euclidean()).double()
    assert loss(embeddings, given_pairs).value.item() == pytest.approx(loss(embeddings, labels).value.item())


def test_given_triplets_count_only_those_that_are_still_active() -> None:
    embeddings = torch.tensor([[0.0], [0.1], [0.15], [5.0]])
    triplets = TripletIndex(torch.tensor([0, 0]), torch.tensor([1, 1]), torch.tensor([2, 3]))
    output = Triplet(compare.Euclidean(), 0.2)(embeddings, triplets)
    assert (output.n_tuples, output.active) == (2, 0.5)
    assert float(output.value) == pytest.approx(0.15)


def test_a_triplet_is_one_genuine_and_one_impostor_pair_for_pair_losses() -> None:
    embeddings = torch.tensor([[0.0], [0.3], [0.6]])
    triplets = TripletIndex(torch.tensor([0]), torch.tensor([1]), torch.tensor([2]))
    value = Contrastive(compare.Euclidean(), 1.0)(embeddings, triplets).value
    assert float(value) == pytest.approx((0.5 * 0.3**2 + 0.5 * 0.4**2) / 2)


def test_nothing_to_compare_is_zero_tuples_and_not_a_silent_zero() -> None:
    same = torch.zeros(4, dtype=torch.long)
    apart = torch.arange(4)
    embeddings = torch.randn(4, 3, generator=torch.Generator().manual_seed(0))
    assert Triplet(compare.Euclidean())(embeddings, same).n_tuples == 0
    assert Triplet(compare.Euclidean())(embeddings, apart).n_tuples == 0
    assert SupCon(compare.Cosine())(embeddings, apart).n_tuples == 0


def test_losses_that_need_identities_say_so_when_given_pairs() -> None:
    pairs = PairIndex(torch.tensor([0]), torch.tensor([1]), torch.tensor([True]))
    embeddings = torch.zeros(2, 3)
    with pytest.raises(ConfigError, match="supcon loss needs identities"):
        SupCon(compare.Cosine())(embeddings, pairs)
    with pytest.raises(ConfigError, match="needs identities or triplets"):
        Triplet(compare.Cosine())(embeddings, pairs)
    with pytest.raises(ConfigError, match="Known: arcface, bce"):
        build("tripplet", compare.Cosine())


def test_supcon_of_an_anchor_without_positives_is_zero() -> None:
    logits = torch.zeros(3, 3)
    same = torch.tensor([[1, 1, 0], [1, 1, 0], [0, 0, 1]], dtype=torch.bool)
    assert supcon(logits, same).tolist() == pytest.approx([0.6931472, 0.6931472, 0.0])


def test_cross_entropy_is_torchs_and_counts_wrong_answers() -> None:
    logits = torch.tensor([[2.0, 0.0], [0.0, 1.0], [3.0, 0.0]])
    output = CrossEntropy()(logits, torch.tensor([0, 1, 1]))
    expected = torch.nn.functional.cross_entropy(logits, torch.tensor([0, 1, 1]))
    assert float(output.value) == pytest.approx(float(expected))
    assert output.active == pytest.approx(1 / 3)
