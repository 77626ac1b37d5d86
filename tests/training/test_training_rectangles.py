"""Pictures that are wider than high: the network, its grid, and what augmentation does to angles."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

import twinnet
from twinnet import TrainConfig
from twinnet.core.errors import ConfigError
from twinnet.data.augment import Augment

WIDE = TrainConfig(
    encoder="compact", width=4, dim=8, grid=3, size_px=12, width_px=24, channels=1, steps=2, class_turns=False,
    identities_per_batch=4, items_per_identity=2, validation_share=0, calibration_share=0,
)  # fmt: skip


def test_a_wide_canvas_and_its_grid_are_trained_saved_and_loaded(tmp_path: object) -> None:
    images = np.random.default_rng(0).integers(0, 255, (16, 10, 30), np.uint8)
    data = twinnet.from_arrays(images, np.arange(16) // 4)
    path = f"{tmp_path}/wide.twin"
    model = twinnet.train(data, WIDE, out=path)
    assert model.preprocess.shape == (12, 24, 1)
    assert model.spec.grid == 3
    assert np.array_equal(twinnet.load(path).embed([images[0]]), model.embed([images[0]]))


def test_quarter_turns_of_a_wide_canvas_are_refused() -> None:
    data = twinnet.from_arrays(np.zeros((8, 10, 30), np.uint8), np.arange(8) // 4)
    with pytest.raises(ConfigError, match="quarter turns need square pictures"):
        twinnet.train(data, replace(WIDE, class_turns=True))


def test_a_turn_is_by_the_asked_angle_whatever_the_shape_of_the_canvas() -> None:
    bar = torch.zeros(64, 1, 60, 120)
    bar[:, :, 29:31, 20:100] = 1
    turned = Augment(rotation_deg=15)(bar, torch.Generator().manual_seed(0))
    y, x = torch.meshgrid(torch.arange(60.0) - 29.5, torch.arange(120.0) - 59.5, indexing="ij")
    angles = []
    for picture in turned[:, 0]:
        w = picture / picture.sum()
        spread = torch.stack([(w * x * x).sum(), (w * y * y).sum(), (w * x * y).sum()])
        angles.append(0.5 * torch.atan2(2 * spread[2], spread[0] - spread[1]))
        assert picture.sum() == pytest.approx(160, rel=0.05)  # neither longer nor shorter
    degrees = torch.rad2deg(torch.stack(angles).abs())
    assert degrees.max() < 15.2
    assert degrees.max() > 13


def test_strokes_are_made_thicker_or_thinner_and_paper_stays() -> None:
    line = torch.zeros(32, 1, 21, 21)
    line[:, :, 9:12] = 1
    drawn = Augment(stroke=1.0)(line, torch.Generator().manual_seed(0))
    ink = drawn.sum((1, 2, 3)) / 63
    assert ink.min() < 0.5
    assert ink.max() > 1.5
    assert drawn[:, :, :7].abs().max() < 1e-6
