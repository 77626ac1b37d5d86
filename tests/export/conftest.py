from __future__ import annotations

import numpy as np
import pytest

import twinnet

CONFIG = twinnet.TrainConfig(
    encoder="compact", width=8, dim=16, size_px=20, steps=40, identities_per_batch=5, items_per_identity=6,
    validation_share=0, calibration_share=0, precision="float32", device="cpu", class_turns=False,
)  # fmt: skip


@pytest.fixture(scope="session")
def digits() -> tuple[twinnet.Dataset, twinnet.Dataset, twinnet.Dataset]:
    """Digits to train on, to calibrate on, and others to replay: no digit is in two of them."""
    data = twinnet.digits()
    parts = [
        data.subset(np.flatnonzero(np.isin(data.labels(), own))[:300]) for own in ([0, 1, 2, 3, 4], [5, 6, 7], [8, 9])
    ]
    return parts[0], parts[1], parts[2]


@pytest.fixture(scope="session")
def config() -> twinnet.TrainConfig:
    return CONFIG


@pytest.fixture(scope="session")
def model(digits: tuple[twinnet.Dataset, ...]) -> twinnet.Model:
    return twinnet.calibrate(twinnet.train(digits[0], CONFIG), digits[1])
