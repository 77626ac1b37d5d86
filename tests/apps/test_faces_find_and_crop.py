from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as Pillow

from twinnet import ConfigError, DataError
from twinnet.apps.faces import Box, Face, crop, crop_folder, find, read_note
from twinnet.apps.faces.crop import TEMPLATE, _by_landmarks
from twinnet.data import decode


def bright_square(image: np.ndarray) -> list[Face]:
    """Takes the box of bright pixels for a face."""
    rows, columns = np.nonzero(image.max(2) > 200)
    if not len(rows):
        return []
    box = Box(columns.min(), rows.min(), np.ptp(columns) + 1, np.ptp(rows) + 1)
    return [Face(box)]


def spots(points: np.ndarray, size: tuple[int, int], radius: int = 4) -> np.ndarray:
    """A grey picture, dark but for a disc at each point."""
    y, x = np.mgrid[: size[0], : size[1]]
    near = [(x + 0.5 - px) ** 2 + (y + 0.5 - py) ** 2 < radius**2 for px, py in points]
    return (np.any(near, axis=0) * 255).astype(np.uint8)[:, :, None]


def test_the_largest_of_several_faces_is_used_and_it_is_said() -> None:
    faces = [Face(Box(0, 0, 5, 5), confidence=0.99), Face(Box(20, 0, 9, 9)), Face(Box(40, 0, 8, 8))]
    found = find(np.zeros((50, 50, 1), np.uint8), lambda image: faces)
    assert found.face is faces[1]
    assert (found.n, found.says) == (3, "3 faces, the largest is used")


def test_no_face_is_an_answer_and_no_error() -> None:
    found = find(np.zeros((50, 50, 1), np.uint8), lambda image: [])
    assert (found.face, found.n, found.says) == (None, 0, "no face found")


@given(
    scale=st.floats(0.1, 20), angle=st.floats(-np.pi, np.pi), x=st.floats(-500, 500), y=st.floats(-500, 500)
)  # fmt: skip
def test_landmarks_moved_by_any_similarity_are_brought_back_onto_the_template(
    scale: float, angle: float, x: float, y: float
) -> None:
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    a, b = _by_landmarks(TEMPLATE @ turn.T + [x, y], 112)
    moved = TEMPLATE @ turn.T + [x, y]
    back = a * (moved[:, 0] + 1j * moved[:, 1]) + b
    np.testing.assert_allclose(np.stack([back.real, back.imag], 1), TEMPLATE, atol=1e-6)


def test_the_similarity_has_the_least_squared_error_of_all_near_it() -> None:
    rng = np.random.default_rng(0)
    points = TEMPLATE * 2 + rng.normal(0, 5, TEMPLATE.shape)
    z, w = (p[:, 0] + 1j * p[:, 1] for p in (points, TEMPLATE))
    a, b = _by_landmarks(points, 112)
    least = (np.abs(a * z + b - w) ** 2).sum()
    for da, db in rng.normal(0, 1e-3, (50, 2, 2)) @ [1, 1j]:
        assert (np.abs((a + da) * z + b + db - w) ** 2).sum() >= least


@pytest.mark.parametrize(("scale", "angle"), [(1.0, 0.0), (0.5, 0.6), (3.0, -0.5), (9.0, 1.5)])
def test_a_crop_shows_the_landmarks_where_the_template_has_them(scale: float, angle: float) -> None:
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    points = (TEMPLATE - 56) @ turn.T + 70 * max(scale, 1)
    side = int(140 * max(scale, 1))
    image = spots(points, (side, side), radius=max(2, round(4 * scale)))
    cropped = crop(image, Face(Box(0, 0, 1, 1), points))
    assert cropped.shape == (112, 112, 1)
    expected = spots(TEMPLATE, (112, 112))
    overlap = ((cropped > 127) & (expected > 127)).sum() / ((cropped > 127) | (expected > 127)).sum()
    assert overlap > 0.6  # of discs of four pixels: half a pixel of shift costs a tenth


def test_a_face_beyond_the_border_is_cropped_and_the_rest_is_black() -> None:
    image = np.full((40, 40, 3), 200, np.uint8)
    cropped = crop(image, Face(Box(-20, -20, 30, 30)), size_px=32)
    assert cropped.shape == (32, 32, 3)
    assert (cropped[0, 0], cropped[-1, -1]) == (pytest.approx(0), pytest.approx(200))


def test_without_landmarks_the_box_stands_in_the_middle_with_its_margin() -> None:
    image = np.zeros((100, 100, 1), np.uint8)
    image[40:60, 30:50] = 255
    bright = np.argwhere(crop(image, Face(Box(30, 40, 20, 20)), size_px=60)[:, :, 0] > 127)
    # 20 pixels of a side of 30: two thirds of 60, in the middle
    assert abs(bright.min(0) - 10).max() <= 1
    assert abs(bright.max(0) - 49).max() <= 1


def test_landmarks_all_at_one_place_still_give_a_crop() -> None:
    assert crop(np.zeros((9, 9, 3), np.uint8), Face(Box(0, 0, 9, 9), np.full((5, 2), 4.0))).shape == (112, 112, 3)


def test_a_crop_of_no_size_is_refused() -> None:
    with pytest.raises(ConfigError, match="16 to 1024"):
        crop(np.zeros((9, 9, 1), np.uint8), Face(Box(0, 0, 9, 9)), size_px=4)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Two people: good pictures, grey, alpha, one turned by EXIF, one of noise, one broken."""
    rng, root = np.random.default_rng(0), tmp_path / "photos"
    for name in ("Ada", "Bob"):
        (root / name).mkdir(parents=True)
    image = rng.integers(0, 99, (60, 90, 3)).astype(np.uint8)
    image[10:30, 50:70] = 255
    Pillow.fromarray(image).save(root / "Ada" / "a.jpg", quality=95)
    Pillow.fromarray(image).convert("L").save(root / "Ada" / "a.png")
    turned = Pillow.fromarray(np.rot90(image))
    exif = turned.getexif()
    exif[0x0112] = 6
    turned.save(root / "Bob" / "turned.jpg", exif=exif, quality=95)
    Pillow.fromarray(np.dstack([image, np.full((60, 90), 255, np.uint8)])).save(root / "Bob" / "alpha.png")
    Pillow.fromarray(np.zeros((50, 50), np.uint8)).save(root / "Bob" / "dark.png")
    (root / "Bob" / "broken.png").write_bytes(b"no picture")
    return root


def test_a_folder_is_cropped_and_what_cannot_be_is_listed(photos: Path, tmp_path: Path) -> None:
    done = crop_folder(photos, tmp_path / "crops", bright_square, size_px=48)
    written = sorted(str(p.relative_to(tmp_path / "crops")) for p in (tmp_path / "crops").rglob("*.png"))
    assert written == ["Ada/a.png", "Ada/a.png.png", "Bob/alpha.png", "Bob/turned.png"]  # of a.jpg and of a.png
    assert done.written == 4
    assert {skip.item: skip.reason.split(" ")[0] for skip in done.skipped} == {
        "Bob/dark.png": "no",
        "Bob/broken.png": "is",
    }
    note = read_note(tmp_path / "crops")
    assert note is not None
    assert (note.detected, note.size_px) == (True, 48)
    for path in (tmp_path / "crops").rglob("*.png"):  # all of one face, whatever the file
        pixels = decode(path).mean(2)
        assert pixels.shape == (48, 48)
        assert pixels[24, 24] > 200


def test_crops_are_not_mixed_with_other_files(photos: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    with pytest.raises(ConfigError, match="holds no crops"):
        crop_folder(photos, tmp_path / "mine", bright_square)
    assert [p.name for p in (tmp_path / "mine").iterdir()] == ["letter.txt"]


def test_a_folder_without_any_face_says_what_to_do(photos: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no face was found in any of 6 pictures.*Next:"):
        crop_folder(photos, tmp_path / "crops", lambda image: [])


@pytest.mark.parametrize("text", ["", "[]", "{}", json.dumps({"detected": True, "size_px": "x"})])
def test_a_damaged_note_is_no_note(tmp_path: Path, text: str) -> None:
    (tmp_path / "faces.json").write_text(text)
    assert read_note(tmp_path) is None
