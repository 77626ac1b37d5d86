"""A camera by its number, read with OpenCV."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from twinnet.apps.track.video.reading import SameSize, Video
from twinnet.core.errors import DataError
from twinnet.core.extras import require
from twinnet.core.types import Image


@final
@dataclass
class Camera(Video):
    """Frames as they come, until it stops or the run is interrupted."""

    capture: Any = None

    @classmethod
    def open(cls, number: int) -> Camera:
        """Raises DataError where there is no such camera."""
        cv2 = require("cv2", "video")
        logging = cv2.utils.logging
        before = logging.setLogLevel(logging.LOG_LEVEL_SILENT)  # what it would say, the error below says
        try:
            capture = cv2.VideoCapture(number)
        finally:
            logging.setLogLevel(before)
        if not capture.isOpened():
            raise DataError(
                f"{number}: there is no camera of this number, or another program has it. Next: try another one."
            )
        return cls(f"camera {number}", capture.get(cv2.CAP_PROP_FPS) or 25.0, None, capture=capture)

    def frames(self) -> Iterator[Image | None]:
        """BGR turned to RGB."""
        same = SameSize()
        try:
            while True:
                got, frame = self.capture.read()
                if not got:
                    return
                yield same.checked(np.ascontiguousarray(frame[:, :, ::-1]), self.name)
        finally:
            self.capture.release()
