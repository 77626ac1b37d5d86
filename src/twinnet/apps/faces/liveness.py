"""The place for a liveness check. twinnet has none: a photograph of a face is a face to it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np

from twinnet.core.errors import ConfigError
from twinnet.core.types import Image

Liveness = Literal["passed", "failed", "not checked"]
LivenessCheck = Callable[[Image], bool]
"""The whole picture of the probe `(H, W, 1 or 3)` uint8 → was a living person before the camera?"""


def liveness_of(image: Image, check: LivenessCheck | None) -> Liveness:
    """What the check says of this picture. An error of the check is raised: it must never look like a pass."""
    if check is None:
        return "not checked"
    answer = check(image)
    if not isinstance(answer, bool | np.bool_):
        raise ConfigError(f"the liveness check answered {answer!r}; it must answer True or False.")
    return "passed" if answer else "failed"
