from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from twinnet import ConfigError, DataError, MissingExtra
from twinnet.apps.faces import yunet
from twinnet.data.decode import decode


@pytest.fixture(scope="module")
def detector() -> object:
    pytest.importorskip("cv2")
    try:
        return yunet()
    except MissingExtra as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def face(shared_data: Path) -> np.ndarray:
    """A real face, grey, 112 × 92; tests with it are skipped where the data is not."""
    return decode(shared_data / "faces" / "orl" / "s1" / "1.pgm")


@pytest.mark.parametrize("size", [(1, 1), (3, 200), (40, 40), (700, 300)])
def test_a_picture_without_a_face_gives_no_face_at_any_size(detector, size: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    for channels in (1, 3):
        assert detector(rng.integers(0, 256, (*size, channels)).astype(np.uint8)) == []


@pytest.mark.parametrize("scale", [1, 4, 30])
def test_a_face_is_found_where_it_is_whatever_the_size_of_the_picture(detector, face: np.ndarray, scale: int) -> None:
    canvas = np.full((224 * scale, 276 * scale, 1), 90, np.uint8)
    top, left = 50 * scale, 100 * scale
    canvas[top : top + 112 * scale, left : left + 92 * scale] = face.repeat(scale, 0).repeat(scale, 1)
    found = detector(canvas)
    assert len(found) == 1
    box, points = found[0].box, found[0].landmarks
    assert left <= box.left + box.width / 2 <= left + 92 * scale
    assert top <= box.top + box.height / 2 <= top + 112 * scale
    eyes, mouth = points[:2].mean(0), points[3:].mean(0)
    assert eyes[1] < points[2][1] < mouth[1]  # eyes above the nose, the nose above the mouth
    assert points[0][0] < points[1][0]
    assert points[3][0] < points[4][0]


def test_a_face_that_fills_the_picture_is_found(detector, face: np.ndarray) -> None:
    assert len(detector(face)) == 1
    assert len(detector(face[10:100, 8:84])) == 1


def test_every_face_of_several_is_found(detector, face: np.ndarray) -> None:
    both = np.full((150, 300, 1), 90, np.uint8)
    both[20:132, 20:112], both[20:132, 180:272] = face, face
    assert len(detector(both)) == 2


def test_a_file_that_is_no_detector_is_refused_in_words(detector, tmp_path: Path) -> None:
    other = tmp_path / "other.onnx"
    other.write_bytes(b"not a network")
    with pytest.raises(ConfigError, match=r"cannot use this file as a YuNet face detector.*Next:"):
        yunet(other)
    with pytest.raises(DataError, match="no such detector file"):
        yunet(tmp_path / "none.onnx")
    with pytest.raises(ConfigError, match="between 0 and 1"):
        yunet(confidence=1.5)


def test_without_the_package_the_line_to_install_is_given(detector, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match=r"pip install 'twinnet\[faces\]'"):
        yunet()
