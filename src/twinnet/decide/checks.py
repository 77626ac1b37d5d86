"""One gate for distances and labels: what cannot be judged is refused with the reason."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from twinnet.core.errors import CalibrationError
from twinnet.core.types import BoolArray, FloatArray


def checked(distances: npt.ArrayLike, same: npt.ArrayLike, *, both: bool = True) -> tuple[FloatArray, BoolArray]:
    """Distances and labels `(P,)`, `(P,)` as float64 and bool. Raises CalibrationError naming what is wrong."""
    d = np.asarray(distances, np.float64)
    s = np.asarray(same)
    if d.ndim != 1 or s.ndim != 1 or len(d) != len(s):
        raise CalibrationError(f"distances and labels must be two lists of equal length; got {d.shape} and {s.shape}.")
    if s.dtype != np.bool_:
        if not np.isin(s, (0, 1)).all():
            raise CalibrationError("labels must be true/false or 1/0, where 1 means the same.")
        s = s.astype(np.bool_)
    bad = ~np.isfinite(d)
    if bad.any():
        raise CalibrationError(
            f"{bad.sum():,} of {len(d):,} distances are NaN or infinite, the first at position {int(bad.argmax())}. "
            "Next: find the items whose embedding is not finite."
        )
    if both and (s.all() or not s.any()):
        missing = "impostor" if len(s) and s.all() else "genuine"
        raise CalibrationError(
            f"there are {int(s.sum()):,} genuine and {int((~s).sum()):,} impostor pairs; error rates need both kinds. "
            f"Next: add {missing} pairs."
        )
    return d, s
