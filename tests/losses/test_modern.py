"""Softmax, similarity and proxy losses against pytorch-metric-learning, in value and gradient."""

from collections.abc import Callable

import pytest
import torch
from pytorch_metric_learning import distances as pml_distances
from pytorch_metric_learning import losses as pml
from pytorch_metric_learning import reducers
from torch import Tensor, nn

from twinnet import compare
from twinnet.core.errors import ConfigError
from twinnet.losses import (
    BCE,
    NCA,
    ArcFace,
    Circle,
    Contrastive,
    CosFace,
    CrossBatchMemory,
    CrossEntropy,
    EpisodeIndex,
    MultiSimilarity,
    NPairs,
    NTXent,
    PairIndex,
    Prototypical,
    ProxyAnchor,
    SupCon,
    Triplet,
    WeightedSum,
    build,
    class_balanced,
    supcon,
)

SIZES = {"equal": [4] * 6, "one giant": [20, 1, 1, 2], "unequal": [1, 2, 3, 5, 8], "two classes": [12, 12]}
LP = pml_distances.LpDistance(normalize_embeddings=False)
COSINE = pml_distances.CosineSimilarity()


def batch(sizes: list[int], seed: int = 0, dim: int = 6) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    labels = torch.repeat_interleave(torch.arange(len(sizes)), torch.tensor(sizes))
    labels = labels[torch.randperm(len(labels), generator=generator)]
    return torch.randn(len(labels), dim, generator=generator, dtype=torch.float64), labels


def agree(ours: nn.Module, theirs: Callable[..., Tensor], embeddings: Tensor, labels: Tensor, times: float = 1) -> None:
    a, b = embeddings.clone().requires_grad_(), embeddings.clone().requires_grad_()
    value, expected = times * ours(a, labels).value, theirs(b, labels)
    assert value.item() == pytest.approx(expected.item(), rel=1e-6)
    value.backward()
    expected.backward()
    assert torch.allclose(a.grad, b.grad, rtol=1e-5, atol=1e-7)


PAIRS: dict[str, tuple[nn.Module, nn.Module, float]] = {
    "contrastive": (
        Contrastive(compare.Euclidean(), 2.0, 0.3, power=1, mean="active"),
        pml.ContrastiveLoss(pos_margin=0.3, neg_margin=2.0, distance=LP),
        2,
    ),
    "supcon": (SupCon(compare.Cosine(), 0.2), pml.SupConLoss(temperature=0.2), 1),
    "nt_xent": (NTXent(compare.Cosine(), 0.2), pml.NTXentLoss(temperature=0.2), 1),
    "nt_xent euclidean": (NTXent(compare.Euclidean(), 0.9), pml.NTXentLoss(temperature=0.9, distance=LP), 1),
    "n_pairs": (NPairs(compare.Cosine(), 1.0), pml.NPairsLoss(distance=COSINE), 1),
    "multi_similarity": (MultiSimilarity(compare.Cosine()), pml.MultiSimilarityLoss(), 1),
    "multi_similarity euclidean": (
        MultiSimilarity(compare.Euclidean(), 2.0, 5.0, 1.5),
        pml.MultiSimilarityLoss(2, 5, 1.5, distance=LP),
        1,
    ),
    "circle": (
        Circle(compare.Cosine(), 0.25, 16.0),
        pml.CircleLoss(0.25, 16, reducer=reducers.AvgNonZeroReducer()),
        1,
    ),
    "nca": (
        NCA(compare.Euclidean(), 0.5),
        pml.NCALoss(0.5, distance=pml_distances.LpDistance(normalize_embeddings=False, power=2)),
        1,
    ),
}


@pytest.mark.parametrize("sizes", SIZES.values(), ids=SIZES.keys())
@pytest.mark.parametrize("name", PAIRS)
def test_value_and_gradient_agree_with_pytorch_metric_learning(name: str, sizes: list[int]) -> None:
    ours, theirs, times = PAIRS[name]
    embeddings, labels = batch(sizes)
    agree(ours, theirs, embeddings, labels, times)


@pytest.mark.parametrize("sizes", SIZES.values(), ids=SIZES.keys())
@pytest.mark.parametrize("name", ["arcface", "cosface", "proxy_anchor"])
def test_proxy_losses_agree_with_pytorch_metric_learning(name: str, sizes: list[int]) -> None:
    embeddings, labels = batch(sizes)
    if name == "proxy_anchor":
        ours, theirs = ProxyAnchor(6, 10).double(), pml.ProxyAnchorLoss(10, 6)
        theirs.proxies.data = ours.proxies.data.clone()
    else:
        ours = (ArcFace if name == "arcface" else CosFace)(6, 10).double()
        theirs = (pml.ArcFaceLoss if name == "arcface" else pml.CosFaceLoss)(10, 6)
        if name == "arcface":
            ours.margin = theirs.margin  # theirs is 28.6 degrees, ours the paper's 0.5
        theirs.W.data = ours.proxies.data.T.clone()
    agree(ours, theirs, embeddings, labels)


def test_a_memory_agrees_with_pytorch_metric_learning_over_many_batches() -> None:
    ours = CrossBatchMemory(Contrastive(compare.Euclidean(), 2.0, power=1, mean="active"), 40, dim=6).double()
    theirs = pml.CrossBatchMemory(pml.ContrastiveLoss(0, 2.0, distance=LP), 6, memory_size=40 + 12)
    for seed in range(8):
        embeddings, labels = batch([3] * 4, seed)
        # Theirs puts the batch into the queue first, so ours of 40 sees what theirs of 52 sees.
        expected = theirs(embeddings, labels).item()
        assert 2 * ours(embeddings, labels).value.item() == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("name", ["triplet", "supcon", "bce", "contrastive", "circle"])
def test_an_empty_memory_changes_nothing_and_a_full_one_is_the_loss_against_both(name: str) -> None:
    plain = build(name, compare.Cosine()).double()
    memory = build(name, compare.Cosine(), dim=6, memory=30).double()
    (one, first), (two, second) = batch([3] * 5, 1), batch([3] * 5, 2)
    assert memory(one, first).value.item() == pytest.approx(plain(one, first).value.item())
    alone, after = plain(two, second), memory(two, second)
    assert after.n_tuples >= alone.n_tuples
    assert after.value.item() != pytest.approx(alone.value.item())
    memory.eval()
    assert int(memory.seen) == 30
    memory(one, first)
    assert int(memory.seen) == 30


def test_a_memory_refuses_what_it_cannot_surround() -> None:
    with pytest.raises(ConfigError, match="CrossEntropy does not"):
        CrossBatchMemory(CrossEntropy(), dim=3)
    with pytest.raises(ConfigError, match="miner"):
        CrossBatchMemory(Triplet(compare.Cosine(), miner="batch_hard"), dim=3)
    with pytest.raises(ConfigError, match="give dim"):
        build("triplet", compare.Cosine(), memory=8)


def test_prototypical_is_softmax_over_squared_distances_to_the_means_of_the_support() -> None:
    embeddings, labels = batch([4, 3, 2, 1], 3)
    output = Prototypical(compare.Euclidean(), shots=2)(embeddings, labels)
    rows = {c: torch.nonzero(labels == c)[:, 0] for c in range(4)}
    shots = {0: 2, 1: 2, 2: 1, 3: 1}
    centres = torch.stack([embeddings[rows[c][: shots[c]]].mean(0) for c in range(4)])
    losses = [
        torch.nn.functional.cross_entropy(-(embeddings[r] - centres).square().sum(1), torch.tensor(c)).item()
        for c in range(4)
        for r in rows[c][shots[c] :]
    ]
    assert output.n_tuples == len(losses) == 2 + 1 + 1
    assert output.value.item() == pytest.approx(sum(losses) / len(losses))


def test_an_episode_given_row_by_row_equals_the_one_found_by_labels() -> None:
    embeddings = torch.randn(6, 3, generator=torch.Generator().manual_seed(0))
    episode = EpisodeIndex(torch.tensor([[0, 1], [3, 4]]), torch.tensor([2, 5]), torch.tensor([0, 1]))
    loss = Prototypical(compare.Euclidean(), shots=2)
    by_labels = loss(embeddings, torch.tensor([4, 4, 4, 9, 9, 9]))
    assert loss(embeddings, episode).value.item() == pytest.approx(by_labels.value.item())


def test_info_nce_of_given_pairs_equals_n_pairs_of_labels_and_is_symmetric_on_request() -> None:
    embeddings = torch.randn(8, 3, generator=torch.Generator().manual_seed(0))
    pairs = PairIndex(torch.tensor([0, 2, 4, 6]), torch.tensor([1, 3, 5, 7]), torch.ones(4, dtype=torch.bool))
    labels = torch.arange(8) // 2
    loss = NPairs(compare.Cosine(), 0.2)
    assert loss(embeddings, pairs).value.item() == pytest.approx(loss(embeddings, labels).value.item())
    both = NPairs(compare.Cosine(), 0.2, symmetric=True)
    turned = PairIndex(pairs.second, pairs.first, pairs.same)
    expected = (loss(embeddings, pairs).value + loss(embeddings, turned).value) / 2
    assert both(embeddings, pairs).value.item() == pytest.approx(expected.item())


def all_losses() -> list[nn.Module]:
    torch.manual_seed(0)
    cosine, learned = compare.Cosine(), compare.Learned(6)
    losses = [
        Contrastive(cosine), Triplet(cosine), Triplet(cosine, miner="batch_hard"), Triplet(cosine, miner="semi_hard"),
        Triplet(cosine, 0.0, soft=True, miner="batch_hard"), Triplet(cosine, swap=True), BCE(cosine), BCE(learned),
        BCE(cosine, hardest=3), SupCon(cosine), NTXent(cosine), NPairs(cosine), MultiSimilarity(cosine),
        Circle(cosine, 0.4, 10.0), NCA(cosine), Prototypical(cosine), ArcFace(6, 8, scale=8.0),
        CosFace(6, 8, scale=8.0), ProxyAnchor(6, 8), CrossEntropy(),
    ]  # fmt: skip
    return [loss.double() for loss in losses]


ALL = {f"{i} {getattr(loss, 'name', type(loss).__name__)}": loss for i, loss in enumerate(all_losses())}


# Circle's weights are constants by definition, which finite differences cannot know.
SMOOTH = {name: loss for name, loss in ALL.items() if not name.endswith("circle")}


@pytest.mark.parametrize("loss", SMOOTH.values(), ids=SMOOTH.keys())
def test_gradients_of_every_loss_agree_with_finite_differences(loss: nn.Module) -> None:
    embeddings, labels = batch([3, 2, 2, 1], 4)
    assert torch.autograd.gradcheck(lambda e: loss(e, labels).value, embeddings.requires_grad_(), atol=1e-5)


BATCHES = {
    "one class": [0] * 6,
    "single items": [0, 1, 2, 3, 4, 5],
    "one single item": [0, 0, 1, 1, 2, 2, 3],
    "one item": [0],
}


@pytest.mark.parametrize("labels", BATCHES.values(), ids=BATCHES.keys())
@pytest.mark.parametrize("alike", [False, True], ids=["apart", "collapsed"])
@pytest.mark.parametrize("loss", ALL.values(), ids=ALL.keys())
def test_degenerate_batches_give_finite_values_and_gradients(loss: nn.Module, alike: bool, labels: list[int]) -> None:
    embeddings = torch.randn(len(labels), 6, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    embeddings = (torch.ones_like(embeddings) if alike else embeddings).requires_grad_()
    output = loss(embeddings, torch.tensor(labels))
    output.value.backward()
    assert torch.isfinite(output.value)
    assert torch.isfinite(embeddings.grad).all()
    assert output.n_tuples > 0 or output.value.item() == 0


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
@pytest.mark.parametrize("loss", [x.float() for x in all_losses()], ids=ALL.keys())
def test_half_precision_inputs_under_autocast_are_computed_in_float32(loss: nn.Module, dtype: torch.dtype) -> None:
    embeddings, labels = batch([3, 3, 3, 1], 5)
    half = (embeddings * 3).to(dtype).requires_grad_()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        output = loss(half, labels)
    output.value.backward()
    assert output.value.dtype == torch.float32
    assert torch.isfinite(half.grad).all()
    exact = loss(half.detach().float(), labels).value
    assert output.value.item() == pytest.approx(exact.item(), rel=1e-6)


@pytest.mark.parametrize("loss", [x.float() for x in all_losses()], ids=ALL.keys())
def test_huge_and_tiny_embeddings_do_not_overflow(loss: nn.Module) -> None:
    embeddings, labels = batch([3, 3, 3, 1], 6)
    for scale in (1e-8, 1e4):
        scaled = (embeddings * scale).float().requires_grad_()
        output = loss(scaled, labels)
        output.value.backward()
        assert torch.isfinite(output.value)
        assert torch.isfinite(scaled.grad).all()


@pytest.mark.parametrize(
    "loss", [x for x in ALL.values() if not isinstance(x, NPairs | Prototypical | CrossEntropy)
             and not hasattr(x, "proxies")], ids=lambda x: type(x).__name__)  # fmt: skip
def test_neither_order_nor_names_of_labels_matter(loss: nn.Module) -> None:
    embeddings, labels = batch([4, 3, 2, 1, 5], 7)
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(1))
    renamed = torch.tensor([40, 3, 21, 0, 9])[labels]
    expected = loss(embeddings, labels)
    found = loss(embeddings[order], renamed[order])
    assert found.value.item() == pytest.approx(expected.value.item(), rel=1e-9)
    assert found.n_tuples == expected.n_tuples


def test_class_weights_count_an_anchor_by_its_class() -> None:
    embeddings, labels = batch([6, 2, 2], 8)
    weights = torch.tensor([0.0, 1.0, 1.0])
    weighted = SupCon(compare.Cosine(), class_weights=weights)(embeddings, labels).value
    same = labels[:, None] == labels[None]
    values = supcon(-compare.Cosine().cross(embeddings, embeddings) / 0.1, same)
    assert weighted.item() == pytest.approx(values[labels > 0].mean().item())


def test_class_balanced_weights_are_those_of_the_paper_with_mean_one() -> None:
    weights = class_balanced(torch.tensor([10, 100, 0, 1]), beta=0.99)
    raw = torch.tensor([(1 - 0.99) / (1 - 0.99**n) for n in (10, 100, 1)])
    assert weights[[0, 1, 3]].tolist() == pytest.approx((raw * 3 / raw.sum()).tolist(), rel=1e-5)
    assert weights[2] == 0
    assert class_balanced(torch.tensor([5, 50]), beta=0.0).tolist() == [1.0, 1.0]


def test_a_weighted_sum_is_the_sum_and_leaves_out_what_found_nothing() -> None:
    embeddings, labels = batch([3, 3], 9)
    a, b = Triplet(compare.Cosine()), SupCon(compare.Cosine())
    both = WeightedSum([(0.3, a), (2.0, b)])(embeddings, labels)
    expected = 0.3 * a(embeddings, labels).value + 2.0 * b(embeddings, labels).value
    assert both.value.item() == pytest.approx(expected.item())
    assert both.n_tuples == a(embeddings, labels).n_tuples + b(embeddings, labels).n_tuples
    assert WeightedSum([(1.0, a)])(embeddings, torch.zeros(6, dtype=torch.long)).n_tuples == 0


def test_proxy_losses_need_their_sizes_and_labels_that_fit() -> None:
    with pytest.raises(ConfigError, match="give dim and n_classes"):
        build("arcface", compare.Cosine())
    with pytest.raises(ConfigError, match="do not fit a loss of 3 classes"):
        build("cosface", compare.Cosine(), dim=2, n_classes=3)(torch.zeros(2, 2), torch.tensor([0, 3]))


def test_nca_is_finite_where_the_positives_share_vanishes_and_its_gradient_is_the_softmax_difference() -> None:
    from twinnet.losses.logsumexp import log_share

    logits = torch.tensor([[0.0, -400.0, -1.0], [3.0, 1.0, 2.0]], requires_grad=True)
    part = torch.tensor([[False, True, False], [False, False, False]])
    whole = torch.tensor([[False, True, True], [True, True, True]])
    found = log_share(logits, part, whole)
    assert found[0].item() == pytest.approx(399.0)
    found.sum().backward()
    assert torch.equal(logits.grad, torch.tensor([[0.0, -1.0, 1.0], [0.0, 0.0, 0.0]]))


@pytest.mark.parametrize("sizes", SIZES.values(), ids=SIZES)
@pytest.mark.parametrize("hard", [0.5, 3.0])
def test_the_worst_recognised_positives_of_an_anchor_weigh_most(sizes: list[int], hard: float) -> None:
    embeddings, labels = batch(sizes)
    embeddings.requires_grad_()
    found = NTXent(compare.Cosine(), 0.2, hard=hard)(embeddings, labels).value
    logits = torch.nn.functional.normalize(embeddings) @ torch.nn.functional.normalize(embeddings).T / 0.2
    same = labels[:, None] == labels
    values, pairs = [], 0
    for a in range(len(labels)):
        others = [p for p in range(len(labels)) if same[a, p] and p != a]
        if not others or same[a].all():
            continue
        negatives = torch.logsumexp(logits[a][~same[a]], 0)
        terms = torch.stack([-torch.log(torch.sigmoid(logits[a, p] - negatives)) for p in others])
        values.append(len(others) * (torch.softmax(hard * terms.detach(), 0) * terms).sum())
        pairs += len(others)
    expected = torch.stack(values).sum() / pairs
    torch.testing.assert_close(found, expected)
    (gradient,) = torch.autograd.grad(found, embeddings, retain_graph=True)
    torch.testing.assert_close(gradient, torch.autograd.grad(expected, embeddings)[0])
    assert found >= NTXent(compare.Cosine(), 0.2)(embeddings, labels).value


def test_a_negative_weight_for_the_worst_is_refused() -> None:
    with pytest.raises(ConfigError, match="hard is 0 or more"):
        NTXent(compare.Cosine(), hard=-1.0)
