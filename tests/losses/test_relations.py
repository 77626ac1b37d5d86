"""What may be known of a batch beside labels: a matrix of pairs, soft targets, several labels, copies, a miner."""

import pytest
import torch
from torch import Tensor, nn

from twinnet import compare
from twinnet.core.errors import ConfigError
from twinnet.losses import (
    BCE,
    NCA,
    Circle,
    Contrastive,
    Labels,
    MultiSimilarity,
    NTXent,
    PairIndex,
    PairMatrix,
    SupCon,
    Triplet,
    TripletIndex,
    contrastive,
    shares_any,
)
from twinnet.pairs.miners import batch_hard, hardest, near

MATRIX_LOSSES: list[nn.Module] = [
    Contrastive(compare.Euclidean()),
    Triplet(compare.Euclidean()),
    BCE(compare.Euclidean()),
    BCE(compare.Learned(4)),
    SupCon(compare.Cosine()),
    NTXent(compare.Cosine()),
    MultiSimilarity(compare.Cosine()),
    Circle(compare.Cosine()),
    NCA(compare.Euclidean()),
]
every_loss = pytest.mark.parametrize(
    "loss", MATRIX_LOSSES, ids=lambda x: type(x).__name__ + type(x.comparison).__name__
)


def batch(n: int = 14, classes: int = 4, seed: int = 0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(n, 4, generator=generator), torch.randint(classes, (n,), generator=generator)


@every_loss
@pytest.mark.parametrize("dtype", [torch.bool, torch.float32, torch.long])
def test_a_matrix_of_what_labels_say_gives_the_loss_of_the_labels(loss: nn.Module, dtype: torch.dtype) -> None:
    embeddings, labels = batch()
    matrix = PairMatrix((labels[:, None] == labels[None]).to(dtype))
    expected = loss(embeddings, labels)
    found = loss(embeddings, matrix)
    assert found.value.item() == pytest.approx(expected.value.item(), rel=1e-5)
    assert found.active == pytest.approx(expected.active)


@every_loss
def test_unknown_pairs_have_no_influence(loss: nn.Module) -> None:
    embeddings, labels = batch()
    known = (labels[:, None] == labels[None]).float()
    known[0, 1:], known[1:, 0] = -1, -1  # nothing is known of item 0
    value = loss(embeddings, PairMatrix(known)).value.item()
    without = loss(embeddings[1:], labels[1:]).value.item()
    assert value == pytest.approx(without, rel=1e-5)


@every_loss
def test_copies_of_an_item_are_neither_positives_nor_negatives_of_each_other(loss: nn.Module) -> None:
    embeddings, labels = batch()
    items = torch.arange(14)
    items[5] = items[2]
    labels[5] = labels[2]
    known = (labels[:, None] == labels[None]).float()
    known[2, 5] = known[5, 2] = -1
    found = loss(embeddings, Labels(labels, items))
    assert found.value.item() == pytest.approx(loss(embeddings, PairMatrix(known)).value.item(), rel=1e-5)


@every_loss
def test_items_of_several_labels_are_the_same_if_they_share_any(loss: nn.Module) -> None:
    embeddings, _ = batch(4)
    relation = shares_any(torch.tensor([[1, 1, 0], [0, 1, 0], [0, 0, 1], [1, 0, 1]]))
    expected = torch.tensor([[1, 1, 0, 1], [1, 1, 0, 0], [0, 0, 1, 1], [1, 0, 1, 1]], dtype=torch.bool)
    assert torch.equal(relation.same, expected)
    assert loss(embeddings, relation).n_tuples > 0


def test_soft_targets_weigh_both_terms() -> None:
    embeddings = torch.tensor([[0.0], [0.4], [0.9]])
    target = torch.tensor([[0, 0.25, -1], [0.25, 0, 1], [-1, 1, 0]])
    found = Contrastive(compare.Euclidean(), mean="all")(embeddings, PairMatrix(target))
    soft, sure = torch.tensor([0.4]), torch.tensor([0.5])
    yes, no = torch.tensor([True]), torch.tensor([False])
    expected = 0.25 * contrastive(soft, yes, 1.0) + 0.75 * contrastive(soft, no, 1.0) + contrastive(sure, yes, 1.0)
    assert found.value.item() == pytest.approx(expected.item() / 2)
    pairs = PairIndex(torch.tensor([0, 1]), torch.tensor([1, 2]), torch.tensor([0.25, 1.0]))
    given = Contrastive(compare.Euclidean(), mean="all")(embeddings, pairs)
    assert given.value.item() == pytest.approx(expected.item() / 2)
    assert given.n_tuples == 2


@pytest.mark.parametrize("mean", ["balanced", "active", "all"])
@pytest.mark.parametrize("kind", [Contrastive, BCE])
def test_soft_targets_of_zero_and_one_are_the_hard_ones(kind: type[nn.Module], mean: str) -> None:
    embeddings, labels = batch()
    first, second = torch.triu_indices(14, 14, offset=1)
    same = labels[first] == labels[second]
    loss = kind(compare.Euclidean(), mean=mean)
    hard, soft = (loss(embeddings, PairIndex(first, second, x)) for x in (same, same.float()))
    assert soft.value.item() == pytest.approx(hard.value.item(), rel=1e-5)
    assert (soft.n_tuples, soft.active) == (hard.n_tuples, hard.active)
    assert loss(embeddings, labels).value.item() == pytest.approx(hard.value.item(), rel=1e-5)
    assert loss(embeddings, labels).n_tuples == hard.n_tuples


def test_losses_that_cannot_weigh_pairs_say_so() -> None:
    embeddings, _ = batch(3)
    for loss in (Triplet(compare.Cosine()), SupCon(compare.Cosine()), Circle(compare.Cosine())):
        with pytest.raises(ConfigError, match="the same or different"):
            loss(embeddings, PairMatrix(torch.full((3, 3), 0.5)))
    with pytest.raises(ConfigError, match="at most 1"):
        Contrastive(compare.Cosine())(embeddings, PairMatrix(torch.full((3, 3), 1.5)))
    with pytest.raises(ConfigError, match="labels"):
        SupCon(compare.Cosine(), miner=hardest(2))(embeddings, PairMatrix(torch.eye(3)))
    with pytest.raises(ConfigError, match="Known: batch_hard"):
        Triplet(compare.Cosine(), miner="hard")


def test_batch_hard_is_the_mean_over_anchors_of_the_worst_triplet() -> None:
    embeddings, labels = batch()
    d = torch.cdist(embeddings, embeddings)
    same = labels[:, None] == labels[None]
    worst = [
        (d[a][same[a]].max() - d[a][~same[a]].min() + 0.2).relu().item() for a in range(14) if int(same[a].sum()) > 1
    ]
    found = Triplet(compare.Euclidean(), 0.2, miner=batch_hard, mean="all")(embeddings, labels)
    assert found.n_tuples == len(worst)
    assert found.value.item() == pytest.approx(sum(worst) / len(worst), rel=1e-5)


def test_a_miner_of_pairs_gives_all_triplets_of_its_pairs() -> None:
    embeddings, labels = batch()
    loss = Triplet(compare.Euclidean(), 0.2, miner=hardest(2), mean="all")
    d = torch.cdist(embeddings, embeddings)
    same = labels[:, None] == labels[None]
    values = []
    for a in range(14):
        nearest = d[a][~same[a]].sort().values[:2]
        values += [
            (d[a, p] - n + 0.2).relu().item() for p in range(14) if same[a, p] and p != a for n in nearest
        ]  # fmt: skip
    found = loss(embeddings, labels)
    assert found.n_tuples == len(values)
    assert found.value.item() == pytest.approx(sum(values) / len(values), rel=1e-5)


def test_the_hardest_k_negatives_of_bce_are_those_of_the_miner() -> None:
    embeddings, labels = batch()
    for comparison in (compare.Cosine(), compare.Learned(4)):
        one = BCE(comparison, hardest=2)(embeddings, labels)
        two = BCE(comparison, miner=hardest(2))(embeddings, labels)
        assert one.value.item() == two.value.item()
        assert one.value.item() > BCE(comparison)(embeddings, labels).value.item()


def test_a_miners_weights_weigh_pairs() -> None:
    embeddings, labels = batch()
    plain = Contrastive(compare.Euclidean(), 3.0)(embeddings, labels).value.item()
    even = Contrastive(compare.Euclidean(), 3.0, miner=lambda d, y: torch.ones_like(d))(embeddings, labels)
    assert even.value.item() == pytest.approx(plain, rel=1e-5)
    assert Contrastive(compare.Euclidean(), 3.0, miner=near(0.1))(embeddings, labels).value.item() > plain


def test_mined_triplets_of_copies_are_left_out() -> None:
    embeddings, _ = batch(4)
    relation = Labels(torch.tensor([0, 0, 1, 1]), torch.tensor([0, 0, 2, 3]))
    output = Triplet(compare.Euclidean(), miner="batch_hard")(embeddings, relation)
    assert output.n_tuples == 2  # of anchors 2 and 3; the positive of 0 is its copy


def test_a_given_triplet_takes_the_nearer_negative_with_swap() -> None:
    embeddings = torch.tensor([[0.0], [0.3], [0.4]])
    triplets = TripletIndex(torch.tensor([0]), torch.tensor([1]), torch.tensor([2]))
    assert Triplet(compare.Euclidean(), 0.2, swap=True)(embeddings, triplets).value.item() == pytest.approx(0.4)
