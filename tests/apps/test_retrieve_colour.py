"""Turning colours, an augmentation made for retrieval."""

from __future__ import annotations

import torch

from twinnet.data.augment import AUGMENTS, Augment


def changed(images: torch.Tensor, augment: Augment) -> torch.Tensor:
    # Shift by nothing, so that only colours may change.
    return augment(images, torch.Generator().manual_seed(0))


def test_grey_pictures_keep_their_pixels_under_any_hue() -> None:
    grey = torch.rand(4, 1, 8, 8, generator=torch.Generator().manual_seed(1)).expand(4, 3, 8, 8)
    assert torch.allclose(changed(grey, Augment(hue=1, saturation=1)), changed(grey, Augment()), atol=1e-5)


def test_a_turn_keeps_the_mean_of_the_channels_and_the_distance_from_grey() -> None:
    images = torch.rand(4, 3, 8, 8, generator=torch.Generator().manual_seed(1))
    plain, turned = changed(images, Augment()), changed(images, Augment(hue=1))
    assert torch.allclose(plain.mean(1), turned.mean(1), atol=1e-5)
    away = [(x - x.mean(1, keepdim=True)).norm(dim=1) for x in (plain, turned)]
    assert torch.allclose(*away, atol=1e-5)
    assert not torch.allclose(plain, turned, atol=0.05)


def test_saturation_stretches_colours_by_at_most_its_share() -> None:
    images = torch.rand(64, 3, 4, 4, generator=torch.Generator().manual_seed(1))
    plain, other = changed(images, Augment()), changed(images, Augment(saturation=0.3))
    ratio = (other - other.mean(1, keepdim=True)).norm(dim=1) / (plain - plain.mean(1, keepdim=True)).norm(dim=1)
    assert 0.7 - 1e-3 <= float(ratio.min()) < 0.8
    assert 1.2 < float(ratio.max()) <= 1.3 + 1e-3
    assert AUGMENTS["retrieval"].saturation == 0.3
