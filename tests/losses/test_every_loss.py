"""What holds for every loss: invariances, zero distance, half floats, settings that would overflow, oracles of both."""

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pytorch_metric_learning import distances as pml_distances
from pytorch_metric_learning import losses as pml
from pytorch_metric_learning import miners as pml_miners
from pytorch_metric_learning import reducers
from pytorch_metric_learning.utils import loss_and_miner_utils as pml_tuples
from torch import Tensor, nn
from torch.nn import functional

from twinnet import compare, losses

LP = pml_distances.LpDistance(normalize_embeddings=False)
DIM = 6
SETTINGS: dict[str, tuple[str, dict[str, Any]]] = {
    "contrastive": ("contrastive", {}),
    "contrastive, both margins": ("contrastive", {"positive_margin": 0.3, "margin": 1.2}),
    "contrastive, plain hinge": ("contrastive", {"power": 1, "mean": "active"}),
    "bce": ("bce", {}),
    "bce, hardest 3": ("bce", {"hardest": 3}),
    "triplet": ("triplet", {}),
    "triplet, all": ("triplet", {"mean": "all"}),
    "triplet, batch-hard": ("triplet", {"miner": "batch_hard"}),
    "triplet, semi-hard": ("triplet", {"miner": "semi_hard"}),
    "triplet, soft": ("triplet", {"soft": True, "margin": 0.0}),
    "triplet, swap": ("triplet", {"swap": True}),
    "triplet, batch-hard, soft, swap": ("triplet", {"miner": "batch_hard", "soft": True, "swap": True}),
    "supcon": ("supcon", {}),
    "nt_xent": ("nt_xent", {}),
    "n_pairs": ("n_pairs", {}),
    "multi_similarity": ("multi_similarity", {}),
    "circle": ("circle", {}),
    "nca": ("nca", {}),
    "prototypical": ("prototypical", {}),
}
COMPARISONS = {
    "cosine": compare.Cosine, "euclidean": compare.Euclidean, "learned": lambda: compare.Learned(DIM)
}  # fmt: skip
# These take the first items of a class, so the order of a batch is part of their definition.
ORDERED = {"n_pairs", "prototypical"}


def made(setting: str, comparison: str) -> nn.Module:
    name, given_settings = SETTINGS[setting]
    return losses.build(name, COMPARISONS[comparison](), **given_settings)


def batch(seed: int, sizes: list[int]) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    labels = torch.repeat_interleave(torch.arange(len(sizes)), torch.tensor(sizes))
    return torch.randn(len(labels), DIM, generator=generator, dtype=torch.float64), labels


def gradient(loss: nn.Module, embeddings: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    leaf = embeddings.clone().requires_grad_()
    value = loss(leaf, labels).value
    value.backward()
    assert leaf.grad is not None
    return value.detach(), leaf.grad


@pytest.mark.parametrize("comparison", COMPARISONS)
@pytest.mark.parametrize("setting", SETTINGS)
def test_at_zero_distance_between_all_or_some_items_the_gradient_is_finite(setting: str, comparison: str) -> None:
    loss = made(setting, comparison).double()
    embeddings, labels = batch(0, [4, 4, 4])
    value, slope = gradient(loss, torch.ones_like(embeddings), labels)
    assert torch.isfinite(value)
    assert torch.isfinite(slope).all()
    if comparison != "cosine":  # all directions are alike there; a cosine's rounding is not exactly zero
        assert slope.abs().max() < 1e-12
    twins = embeddings.clone()
    twins[1], twins[5] = twins[0], twins[0]  # a copy with the same label, and one with another
    value, slope = gradient(loss, twins, labels)
    assert torch.isfinite(value)
    assert torch.isfinite(slope).all()


def test_an_embedding_of_zeros_has_a_finite_gradient_under_every_comparison() -> None:
    for comparison in COMPARISONS:
        for setting in SETTINGS:
            value, slope = gradient(made(setting, comparison), torch.zeros(6, DIM), torch.arange(6) // 2)
            assert torch.isfinite(value), (comparison, setting)
            assert torch.isfinite(slope).all(), (comparison, setting)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
@pytest.mark.parametrize("comparison", COMPARISONS)
@pytest.mark.parametrize("setting", SETTINGS)
def test_under_autocast_value_and_gradient_are_those_of_float32(
    setting: str, comparison: str, dtype: torch.dtype
) -> None:
    loss = made(setting, comparison)
    embeddings, labels = batch(1, [3, 3, 3, 1])
    half = embeddings.to(dtype)
    leaf = half.clone().requires_grad_()
    with torch.autocast("cpu", dtype=dtype):
        value = loss(leaf, labels).value
    slope = torch.autograd.grad(value, leaf)[0]  # as torch advises, outside of autocast
    expected, exact = gradient(loss, half.float(), labels)
    assert value.dtype == torch.float32
    assert value.item() == pytest.approx(expected.item(), rel=1e-6)
    # The gradient itself comes back in the dtype of the embeddings: one rounding, and no more.
    assert torch.equal(slope, exact.to(dtype))


@pytest.mark.parametrize("setting", ["contrastive", "triplet", "nca"])
def test_a_backward_pass_inside_autocast_works_too(setting: str) -> None:
    loss = made(setting, "euclidean")
    embeddings, labels = batch(1, [30, 30])
    with torch.autocast("cpu", dtype=torch.bfloat16):
        _, slope = gradient(loss, embeddings.float(), labels)
    _, exact = gradient(loss, embeddings.float(), labels)
    assert torch.allclose(slope, exact, rtol=1e-5, atol=1e-7)


HARSH: list[tuple[str, dict[str, Any]]] = [
    ("supcon", {"temperature": 1e-4}), ("nt_xent", {"temperature": 1e-4}), ("n_pairs", {"temperature": 1e-4}),
    ("multi_similarity", {"alpha": 1e4, "beta": 1e4}), ("circle", {"scale": 1e5}), ("nca", {"scale": 1e5}),
    ("bce", {"scale": 1e5}), ("triplet", {"soft": True, "margin": 1e4}), ("prototypical", {}),
    ("contrastive", {"margin": 1e4}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "harsh"), HARSH, ids=[name for name, _ in HARSH])
def test_no_scale_temperature_or_margin_overflows(name: str, harsh: dict[str, Any]) -> None:
    embeddings, labels = batch(2, [3, 3, 3, 1])
    for comparison in (compare.Cosine(), compare.Euclidean()):
        for size in (1e-6, 1.0, 100.0):
            loss = losses.build(name, comparison, **harsh)
            value, slope = gradient(loss, (embeddings * size).float(), labels)
            assert torch.isfinite(value)
            assert torch.isfinite(slope).all()


@pytest.mark.parametrize("name", ["arcface", "cosface", "proxy_anchor"])
def test_no_scale_of_a_proxy_loss_overflows(name: str) -> None:
    embeddings, labels = batch(2, [3, 3, 3, 1])
    loss = losses.build(
        name, compare.Cosine(), dim=DIM, n_classes=5, **{"alpha" if name == "proxy_anchor" else "scale": 1e4}
    )
    for size in (1e-6, 1.0, 1e4):
        value, slope = gradient(loss, (embeddings * size).float(), labels)
        assert torch.isfinite(value)
        assert torch.isfinite(slope).all()


@pytest.mark.parametrize("comparison", ["cosine", "euclidean"])
@pytest.mark.parametrize("setting", [name for name in SETTINGS if name not in ORDERED])
@settings(max_examples=15)
@given(data=st.data())
def test_order_and_names_of_labels_do_not_matter(setting: str, comparison: str, data: st.DataObject) -> None:
    sizes = data.draw(st.lists(st.integers(1, 5), min_size=1, max_size=5))
    embeddings, labels = batch(data.draw(st.integers(0, 10**6)), sizes)
    order = torch.tensor(data.draw(st.permutations(range(len(labels)))))
    names = torch.tensor(data.draw(st.lists(st.integers(0, 99), min_size=5, max_size=5, unique=True)))
    loss = made(setting, comparison).double()
    expected, slope = gradient(loss, embeddings, labels)
    value, turned = gradient(loss, embeddings[order], names[labels][order])
    assert value.item() == pytest.approx(expected.item(), rel=1e-9, abs=1e-12)
    assert torch.allclose(turned, slope[order], rtol=1e-7, atol=1e-10)


@pytest.mark.parametrize("setting", SETTINGS)
@settings(max_examples=10)
@given(seed=st.integers(0, 10**6), scale=st.floats(1e-3, 1e3))
def test_with_the_cosine_the_length_of_embeddings_does_not_matter(setting: str, seed: int, scale: float) -> None:
    if setting == "prototypical":
        pytest.skip("the mean of a class's support depends on the lengths")
    embeddings, labels = batch(seed, [3, 3, 2, 1])
    loss = made(setting, "cosine").double()
    one, two = (loss(embeddings * s, labels).value.item() for s in (1.0, scale))
    assert two == pytest.approx(one, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize(
    "setting", [s for s in SETTINGS if s.startswith(("contrastive", "triplet")) and "soft" not in s]
)
@given(seed=st.integers(0, 10**6), apart=st.floats(5, 100))
@settings(max_examples=10)
def test_the_loss_is_zero_once_the_margins_are_kept(setting: str, seed: int, apart: float) -> None:
    centres = torch.eye(DIM, dtype=torch.float64)[:4] * apart
    jitter = torch.randn(12, DIM, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) * 1e-4
    drawn = setting in ("contrastive", "contrastive, plain hinge")  # no margin for genuine pairs: they must coincide
    embeddings = centres.repeat_interleave(3, 0) + (0 if drawn else jitter)
    output = made(setting, "euclidean").double()(embeddings.requires_grad_(), torch.arange(12) // 3)
    output.value.backward()
    assert (output.value.item(), output.active) == (0.0, 0.0)
    assert output.n_tuples > 0 or "semi-hard" in setting
    assert embeddings.grad is None or not embeddings.grad.any()


def adversarial(kind: str) -> tuple[Tensor, Tensor]:
    embeddings, labels = batch(3, [4, 4, 4, 1])
    if kind == "nearly collapsed":
        embeddings = 1 + embeddings * 1e-4
    elif kind == "one far away":
        embeddings[0] *= 1e3
    elif kind == "classes inside each other":
        embeddings[4:8] = embeddings[:4] + 1e-3 * embeddings[8:12]
    elif kind == "classes upside down":  # members opposite, others alike
        embeddings[1::2] = -embeddings[0] + 1e-2 * embeddings[1::2]
        embeddings[::2] = embeddings[0] + 1e-2 * embeddings[::2]
    return embeddings, labels


COSINE_LP = compare.Cosine(), pml_distances.CosineSimilarity()
ORACLES: dict[str, tuple[nn.Module, nn.Module, float]] = {
    "contrastive": (
        losses.Contrastive(compare.Euclidean(), 1.5, power=1, mean="active"),
        pml.ContrastiveLoss(0, 1.5, distance=LP), 2,
    ),
    "triplet": (losses.Triplet(compare.Euclidean(), 0.2), pml.TripletMarginLoss(0.2, distance=LP), 1),
    "triplet, swap": (
        losses.Triplet(compare.Euclidean(), 0.2, swap=True), pml.TripletMarginLoss(0.2, swap=True, distance=LP), 1
    ),
    "supcon": (losses.SupCon(compare.Cosine(), 0.1), pml.SupConLoss(0.1), 1),
    "nt_xent": (losses.NTXent(compare.Cosine(), 0.1), pml.NTXentLoss(0.1), 1),
    "multi_similarity": (losses.MultiSimilarity(compare.Cosine()), pml.MultiSimilarityLoss(), 1),
    "circle": (losses.Circle(compare.Cosine()), pml.CircleLoss(reducer=reducers.AvgNonZeroReducer()), 1),
    "nca": (
        losses.NCA(compare.Euclidean(), 0.5),
        pml.NCALoss(0.5, distance=pml_distances.LpDistance(normalize_embeddings=False, power=2)), 1,
    ),
}  # fmt: skip


@pytest.mark.parametrize(
    "kind", ["nearly collapsed", "one far away", "classes inside each other", "classes upside down"]
)
@pytest.mark.parametrize("name", ORACLES)
def test_adversarial_batches_agree_with_pytorch_metric_learning(name: str, kind: str) -> None:
    if name == "nca" and kind == "one far away":
        pytest.skip("theirs leaves out anchors whose share of positives is 0 in floats; ours has their value")
    ours, theirs, times = ORACLES[name]
    embeddings, labels = adversarial(kind)
    value, slope = gradient(ours, embeddings, labels)
    leaf = embeddings.clone().requires_grad_()
    expected = theirs(leaf, labels)
    expected.backward()
    assert times * value.item() == pytest.approx(expected.item(), rel=1e-6)
    assert leaf.grad is not None
    assert (times * slope - leaf.grad).norm().item() <= 1e-6 * leaf.grad.norm().item() + 1e-9


def test_the_gradient_of_all_triplets_of_512_items_equals_the_listed_ones_to_nine_digits() -> None:
    embeddings = functional.normalize(
        torch.randn(512, 16, generator=torch.Generator().manual_seed(512), dtype=torch.float64)
    )
    labels = torch.arange(512) // 4
    value, slope = gradient(losses.Triplet(compare.Euclidean(), 0.2), embeddings, labels)
    leaf = embeddings.clone().requires_grad_()
    expected = pml.TripletMarginLoss(0.2, distance=LP)(leaf, labels)
    expected.backward()
    assert leaf.grad is not None
    assert value.item() == pytest.approx(expected.item(), rel=1e-12)
    assert (slope - leaf.grad).norm() <= 1e-9 * leaf.grad.norm()


def test_a_memory_has_the_gradient_of_both_ends_of_a_pair_inside_the_batch() -> None:
    memory = losses.CrossBatchMemory(losses.SupCon(compare.Cosine(), 0.2), 12, dim=DIM).double()
    past, old = batch(5, [3, 3, 3, 3])
    memory(past, old)
    embeddings, labels = batch(6, [3, 3, 3])
    value, slope = gradient(memory, embeddings, labels)

    def theirs(ends: Tensor, reference: Tensor) -> Tensor:
        a1, p, a2, n = pml_tuples.get_all_pairs_indices(labels, torch.cat([labels, old]))
        a1, p = a1[a1 != p], p[a1 != p]
        return pml.SupConLoss(0.2)(
            ends, labels, (a1, p, a2, n), torch.cat([reference, past]), torch.cat([labels, old])
        )  # fmt: skip

    leaf = embeddings.clone().requires_grad_()
    expected = theirs(leaf, leaf)
    assert value.item() == pytest.approx(expected.item(), rel=1e-9)
    assert torch.allclose(slope, torch.autograd.grad(expected, leaf)[0], atol=1e-9)
    # Holding the batch's candidates fixed, as their memory does, is another gradient than that of the value.
    held = torch.autograd.grad(theirs(leaf, leaf.detach()), leaf)[0]
    assert (slope - held).norm() > 0.1 * slope.norm()
    step = 1e-6 * embeddings.flip(0)
    memory.eval()
    memory.seen.fill_(12)
    memory.embeddings.copy_(past)
    memory.labels.copy_(old)
    change = memory(embeddings + step, labels).value - memory(embeddings - step, labels).value
    assert change.item() == pytest.approx(2 * (slope * step).sum().item(), rel=1e-5)


@pytest.mark.parametrize("comparison", ["euclidean", "learned"])
def test_bce_over_all_pairs_is_torchs_over_the_listed_pairs(comparison: str) -> None:
    embeddings, labels = batch(7, [4, 3, 1])
    embeddings /= 3
    first, second = torch.triu_indices(len(labels), len(labels), 1)
    target = (labels[first] == labels[second]).double()

    def listed(loss: losses.BCE, e: Tensor) -> Tensor:
        compared = loss.comparison
        if isinstance(compared, compare.Learned):
            return compared.logit(e[first], e[second])
        return loss.log_scale.exp() * (loss.offset - compared.paired(e[first], e[second]))

    for mean in ("all", "balanced"):
        loss = losses.BCE(COMPARISONS[comparison](), mean=mean).double()
        value, slope = gradient(loss, embeddings, labels)
        leaf = embeddings.clone().requires_grad_()
        terms = functional.binary_cross_entropy_with_logits(listed(loss, leaf), target, reduction="none")
        expected = terms.mean() if mean == "all" else (terms[target == 1].mean() + terms[target == 0].mean()) / 2
        assert value.item() == pytest.approx(expected.item(), rel=1e-6)
        assert torch.allclose(slope, torch.autograd.grad(expected, leaf)[0], atol=1e-7)


def test_bce_keeps_the_hardest_negatives_of_the_learned_comparison_by_its_own_distance() -> None:
    embeddings, labels = batch(8, [3, 3, 3])
    learned = compare.Learned(DIM).double()
    loss = losses.BCE(learned, hardest=2, mean="all")
    logit = learned.cross_logit(embeddings, embeddings)
    different = labels[:, None] != labels[None]
    nearest = torch.where(different, logit, -torch.inf).topk(2, 1).values  # (B, 2): likeliest to be called the same
    genuine = logit[~different & ~torch.eye(9, dtype=torch.bool)]
    expected = torch.cat([functional.softplus(-genuine), functional.softplus(nearest.flatten())]).mean()
    assert loss(embeddings, labels).value.item() == pytest.approx(expected.item(), rel=1e-9)


def test_a_batch_of_one_class_only_draws_and_one_of_single_items_only_pushes() -> None:
    embeddings, _ = batch(9, [6])
    for name in ("contrastive", "bce", "multi_similarity"):
        loss = losses.build(name, compare.Euclidean()).double()
        for labels, drawn in ((torch.zeros(6, dtype=torch.long), True), (torch.arange(6), False)):
            value, slope = gradient(loss, embeddings / 4, labels)
            moved = embeddings / 4 - 1e-3 * slope
            assert value > 0
            mean_distance = [compare.Euclidean().cross(e, e).mean() for e in (embeddings / 4, moved)]
            assert (mean_distance[1] < mean_distance[0]) == drawn


def test_batch_hard_with_the_soft_margin_agrees_with_pytorch_metric_learning() -> None:
    embeddings, labels = batch(10, [4, 4, 4, 1])
    value, slope = gradient(
        losses.Triplet(compare.Euclidean(), 0.0, soft=True, miner="batch_hard"), embeddings, labels
    )  # fmt: skip
    leaf = embeddings.clone().requires_grad_()
    hard = pml_miners.BatchHardMiner(distance=LP)
    mean = reducers.MeanReducer()  # no term of a soft margin is 0
    expected = pml.TripletMarginLoss(0.0, smooth_loss=True, distance=LP, reducer=mean)(leaf, labels, hard(leaf, labels))
    expected.backward()
    assert leaf.grad is not None
    assert value.item() == pytest.approx(expected.item(), rel=1e-9)
    assert torch.allclose(slope, leaf.grad, atol=1e-9)
