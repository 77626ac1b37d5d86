"""Augmentation and the invented characters."""

import numpy as np
import pytest
import torch

from twinnet.core.errors import ConfigError
from twinnet.core.seeds import stream
from twinnet.data.augment import AUGMENTS, Augment
from twinnet.data.invented import InventedCharacters


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_no_augmentation_leaves_the_images_as_they_are() -> None:
    images = torch.rand(3, 2, 9, 11, generator=generator())
    torch.testing.assert_close(Augment()(images, generator()), images, atol=1e-5, rtol=0)


@pytest.mark.parametrize("name", sorted(set(AUGMENTS) - {"none"}))
def test_the_same_generator_gives_the_same_images_and_each_item_its_own_change(name: str) -> None:
    one = torch.rand(1, 1, 24, 24, generator=generator()).expand(4, 1, 24, 24)
    first, second = AUGMENTS[name](one, generator(5)), AUGMENTS[name](one, generator(5))
    assert torch.equal(first, second)
    assert not torch.allclose(first[0], first[1])
    assert not torch.allclose(first, AUGMENTS[name](one, generator(6)))


@pytest.mark.parametrize("shape", [(6, 1, 28, 28), (5, 3, 20, 33)])
def test_one_product_gives_the_grid_that_torch_builds_from_an_affine_map_and_enlarged_noise(
    shape: tuple[int, ...],
) -> None:
    images, n = torch.rand(shape, generator=generator()), shape[0]
    bent = Augment(rotation_deg=30, shift=0.1, elastic=0.03)(images, generator(7))
    again = generator(7)
    angle, _, _, _, x, y = (torch.rand(n, generator=again) * 2 - 1 for _ in range(6))
    cos, sin = torch.cos(angle * torch.pi / 6), torch.sin(angle * torch.pi / 6)
    long = shape[3] / shape[2]  # torch's coordinates run over ±1 on both axes, so a turn is not a turn in them
    rows = [torch.stack([cos, -sin / long, 0.2 * x], 1), torch.stack([sin * long, cos, 0.2 * y], 1)]
    coarse = torch.randn(n, 2, 5, 5, generator=again) * 0.06
    noise = torch.nn.functional.interpolate(coarse, size=shape[2:], mode="bicubic", align_corners=True)
    grid = torch.nn.functional.affine_grid(torch.stack(rows, 1), list(shape), align_corners=False)
    expected = torch.nn.functional.grid_sample(
        images, grid + noise.permute(0, 2, 3, 1), padding_mode="border", align_corners=False
    )
    torch.testing.assert_close(bent, expected, atol=1e-4, rtol=0)
    assert (bent - images).abs().mean() > 0.05


def test_items_of_an_identity_are_changed_alike_by_identity_and_others_otherwise() -> None:
    one = torch.rand(1, 1, 24, 24, generator=generator()).expand(4, 1, 24, 24)
    changed = Augment(identity=0.2)(one, generator(3), torch.tensor([7, 9, 7, 9]))
    assert torch.equal(changed[0], changed[2])
    assert not torch.allclose(changed[0], changed[1], atol=0.05)
    torch.testing.assert_close(Augment(identity=0.2)(one, generator(3)), one, atol=1e-5, rtol=0)


def test_a_quarter_turn_moves_the_top_to_a_side() -> None:
    image = torch.zeros(1, 1, 9, 9)
    image[0, 0, 0, :] = 1.0
    turned = Augment(rotation_deg=90)(image.expand(64, 1, 9, 9), generator(1))
    # Angles are even in ±90°, so both sides get some of the line and the centre, on which it never comes, none.
    assert turned[:, 0, 4, 0].max() > 0.5
    assert turned[:, 0, 4, 8].max() > 0.5
    assert turned[:, 0, 4, 4].max() == 0


def test_shifted_borders_repeat_instead_of_turning_black() -> None:
    white = torch.ones(8, 1, 12, 12)
    assert AUGMENTS["drawing"](white, generator()).min() == pytest.approx(1.0)


def test_contrast_and_brightness_keep_each_image_within_its_stated_range() -> None:
    flat = torch.full((200, 1, 4, 4), 0.5)
    changed = Augment(brightness=0.2, contrast=0.5)(flat, generator()).mean((1, 2, 3))
    assert 0.1 < changed.std() < 0.13  # even in ±0.2: 0.2/√3 = 0.115
    assert (changed - 0.5).abs().max() <= 0.2 + 1e-6


def test_an_amount_out_of_range_is_named() -> None:
    with pytest.raises(ConfigError, match="augmentation shear = 3"):
        Augment(shear=3)


CHARACTERS = InventedCharacters(seed=3)


def test_an_identity_is_a_function_of_the_seed_alone() -> None:
    identities = np.array([4, 9, 4])
    first = CHARACTERS.draw(identities, stream(1, "pen"))
    assert np.array_equal(first, InventedCharacters(seed=3).draw(identities, stream(1, "pen")))
    assert not np.array_equal(first, InventedCharacters(seed=4).draw(identities, stream(1, "pen")))


def test_two_drawings_of_one_character_differ_but_less_than_two_characters() -> None:
    identities = np.arange(40)
    drawings = [CHARACTERS.draw(identities, stream(i, "pen")).reshape(40, -1).astype(float) for i in range(2)]
    distance = np.linalg.norm(drawings[0][:, None] - drawings[1][None], axis=2)  # (40, 40)
    own, others = distance.diagonal(), distance[~np.eye(40, dtype=bool)]
    assert own.min() > 0
    assert own.mean() < 0.8 * others.mean()


@pytest.mark.parametrize("resolution", [8, 20, 32])
def test_drawings_are_bright_ink_on_black_at_the_asked_resolution(resolution: int) -> None:
    images = InventedCharacters(resolution=resolution).draw(np.arange(50), stream(0, "pen"))
    assert images.shape == (50, resolution, resolution, 1)
    assert images.dtype == np.uint8
    share = (images > 127).mean((1, 2, 3))
    assert share.min() > 0.02
    assert share.max() < 0.75
    assert images.max((1, 2, 3)).min() > 150


def test_a_marker_makes_lines_thick_and_soft_in_its_share_of_the_items_and_leaves_the_others() -> None:
    images = torch.zeros(400, 1, 21, 21)
    images[:, :, 10, :] = 1.0
    marked = Augment(marker=0.25)(images, generator(2))
    changed = (marked - images).abs().amax((1, 2, 3)) > 1e-4
    assert 0.2 < changed.float().mean() < 0.3
    across = marked[changed][:, 0, :, 10]  # (items, 21), over the line
    assert (across.sum(1) > 1.001).all()
    assert (across[:, 5] < 1e-6).all()  # 2 pixels thicker and 2 softer on each side at most
    assert torch.equal(Augment(marker=0.0)(images, generator(2)), Augment()(images, generator(2)))
