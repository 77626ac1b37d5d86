"""A miner of the user's own in a whole training run."""

from pathlib import Path

import numpy as np
from torch import Tensor

import twinnet
from twinnet.losses import PairIndex
from twinnet.pairs.miners import kinds


def near_ones(distances: Tensor, labels: Tensor) -> PairIndex:
    same, different = kinds(labels)
    first, second = (same | different & (distances < 0.5)).nonzero(as_tuple=True)
    return PairIndex(first, second, same[first, second])


def test_a_miner_of_ones_own_is_passed_in_called_at_every_step_and_named_in_the_model(tmp_path: Path) -> None:
    called = []

    def watched(distances: Tensor, labels: Tensor) -> PairIndex:
        called.append(distances.requires_grad)
        return near_ones(distances, labels)

    config = twinnet.TrainConfig(
        encoder="compact", width=8, size_px=16, loss="contrastive", loss_settings={"miner": watched}, steps=3,
        identities_per_batch=4,
    )  # fmt: skip
    model = twinnet.train(twinnet.digits().subset(np.arange(200)), config)
    assert called == [False] * 3
    model.save(tmp_path / "mined.twin")
    found = twinnet.load(tmp_path / "mined.twin").facts["config"]["loss_settings"]["miner"]
    assert found.endswith("watched")
