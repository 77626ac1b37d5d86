"""Copies are found after recompressing, resizing and brightening; other drawings of one character are no copies."""

import importlib
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow
from PIL import ImageEnhance
from scipy.ndimage import gaussian_filter

from twinnet.data import Dataset, from_arrays, hold_out, omniglot, open_dataset
from twinnet.data.doctor import Duplicates, duplicates, look

module = importlib.import_module("twinnet.data.doctor.duplicates")  # the package has a function of that name
PICTURES = [gaussian_filter(np.random.default_rng(i).normal(size=(80, 60)), 2.5) for i in range(12)]
PICTURES = [np.rint(255 * (p - p.min()) / np.ptp(p)).astype(np.uint8) for p in PICTURES]


def found(data: Dataset) -> Duplicates:
    return duplicates(look(data))


def pairs(data: Dataset) -> list[tuple[int, int, bool]]:
    dup = found(data)
    return list(zip(dup.first.tolist(), dup.second.tolist(), dup.exact.tolist(), strict=True))


def jpeg(image: Pillow.Image) -> Pillow.Image:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=40)
    return Pillow.open(buffer)


CHANGES: dict[str, Callable[[Pillow.Image], Pillow.Image]] = {
    "recompressed": jpeg,
    "halved": lambda image: image.resize((image.width // 2, image.height // 2), Pillow.Resampling.BICUBIC),
    "enlarged": lambda image: image.resize((image.width * 2, image.height * 2), Pillow.Resampling.NEAREST),
    "darkened": lambda image: ImageEnhance.Brightness(image).enhance(0.85),
    "smaller and recompressed": lambda image: jpeg(image.resize((36, 48))),
    "coloured by a scanner": lambda image: Pillow.merge("RGB", [image, image.point(lambda v: min(255, v + 3)), image]),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_copy_is_found_and_nothing_else(change: str) -> None:
    changed = np.asarray(CHANGES[change](Pillow.fromarray(PICTURES[3])))
    data = from_arrays([*PICTURES, changed], range(13))
    assert pairs(data) == [(3, 12, False)]


def test_exact_copies_are_paired_with_the_first_and_grey_stored_as_colour_is_grey() -> None:
    colour = np.repeat(PICTURES[0][:, :, None], 3, axis=2)
    data = from_arrays([PICTURES[1], PICTURES[0], PICTURES[0].copy(), colour], range(4))
    assert pairs(data) == [(1, 2, True), (1, 3, True)]


def test_a_mirrored_or_inverted_picture_or_one_of_another_shape_is_no_copy() -> None:
    one = PICTURES[0]
    wide = np.asarray(Pillow.fromarray(one).resize((120, 80)))
    assert pairs(from_arrays([one, one[:, ::-1], 255 - one, wide], range(4))) == []


def test_blank_pictures_are_only_exact_copies() -> None:
    blank = [np.full((40, 40), grey, np.uint8) for grey in (255, 255, 250)]
    assert pairs(from_arrays(blank, range(3))) == [(0, 1, True)]


def test_blocks_find_what_all_correlations_at_once_find(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    near = [
        np.clip(PICTURES[i % 5] + rng.normal(0, 2 + 6 * (i % 4), (80, 60)), 0, 255).astype(np.uint8) for i in range(30)
    ]
    seen = look(from_arrays(near, range(30)))
    monkeypatch.setattr(module, "_BLOCK", 7)
    dup = duplicates(seen)
    from scipy.ndimage import uniform_filter

    pixels = seen.small.astype(np.float64)
    detail = np.array([p - uniform_filter(p, 11, mode="nearest") for p in pixels]).reshape(30, -1)
    first, second = np.nonzero(np.triu(np.corrcoef(detail) >= module.LIKE, 1))
    assert set(zip(dup.first, dup.second, strict=True)) == set(zip(first, second, strict=True))
    assert len(dup) > 10


def test_too_many_pairs_are_cut_and_said_to_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_PAIRS", 5)
    rng = np.random.default_rng(0)
    data = from_arrays(
        [np.clip(PICTURES[0] + rng.normal(0, 1, (80, 60)), 0, 255).astype(np.uint8) for _ in range(8)], range(8)
    )
    dup = found(data)
    assert (len(dup), dup.complete) == (5, False)


def test_other_drawings_of_one_character_are_no_copies(shared_data: Path) -> None:
    everything = omniglot(shared_data / "omniglot" / "images_background.zip")
    data = hold_out(everything, ["Latin", "Greek", "Hebrew", "Tagalog"])[1]
    assert len(data) == 1780
    assert len(found(data)) == 0


def test_near_copies_of_tiles_are_exposures_of_one_tile(shared_data: Path, tmp_path: Path) -> None:
    folder = shared_data / "anomaly" / "magnetic_tile"
    rows = [line.split(",") for line in (folder / "tiles.csv").read_text().splitlines()[1:]]
    table = tmp_path / "tiles.csv"
    table.write_text("path,label\n" + "".join(f"{row[0]},{row[1]}\n" for row in rows))
    data = open_dataset(table, root=folder)
    dup = found(data)
    same = data.labels()[dup.first] == data.labels()[dup.second]
    assert same.sum() > 300
    assert same.mean() > 0.98
