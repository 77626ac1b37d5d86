"""Protocol `lake20`: Omniglot's one-shot runs (Lake et al. 2015). Each test image goes to its nearest training image.

Each test image is read by itself. Reading all twenty together, each training image used once, knows that there is one
of each: that is another task, `lake20-assignment`, and its figures belong in no table with these.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment

from twinnet.core.errors import DataError
from twinnet.core.types import FloatArray
from twinnet.evaluation.nearest import checked_distances, mean_interval, right
from twinnet.evaluation.result import Result


def lake20(distances: Sequence[npt.ArrayLike], targets: Sequence[npt.ArrayLike]) -> Result:
    """Error over runs: `distances` of each run `(Q, N)`, test by training image; `targets` its right column, `(Q,)`.

    The protocol is named `lake20` where it has the official shape, 20 runs of 20 test images and 20 training images,
    and by its shape where not. The interval is Student's t over runs.
    Raises DataError for no runs, unequal lengths, shapes that do not fit, targets out of range, or NaN.
    """
    return _runs("", right, distances, targets)


def lake20_assignment(distances: Sequence[npt.ArrayLike], targets: Sequence[npt.ArrayLike]) -> Result:
    """As `lake20`, but each run's test images are matched one to one to the training images, at the least total.

    It looks at all test images of a run before it reads one (SciPy's `linear_sum_assignment`), which plain nearest
    neighbour does not. Raises DataError also where a run has more test images than training images, or two of a class.
    """
    return _runs("-assignment", _assigned, distances, targets)


def _runs(
    name: str,
    judge: Callable[[FloatArray, npt.ArrayLike], FloatArray],
    distances: Sequence[npt.ArrayLike],
    targets: Sequence[npt.ArrayLike],
) -> Result:
    if not len(distances) or len(distances) != len(targets):
        raise DataError(f"{len(distances)} runs of distances and {len(targets)} of targets: one each, one at least.")
    shares, shapes = [], set()
    for number, (given, target) in enumerate(zip(distances, targets, strict=True), 1):
        t = np.asarray(target)
        d = checked_distances(given, len(t))
        if t.ndim != 1 or not len(t) or t.min() < 0 or t.max() >= d.shape[1]:
            raise DataError(f"run {number}: the targets must be columns 0 … {d.shape[1] - 1}, one for each test image.")
        shares.append(float(judge(d, t).mean()))
        shapes.add(d.shape)
    accuracy, probes = np.array(shares), sum(len(np.asarray(t)) for t in targets)
    official = len(shares) == 20 and shapes == {(20, 20)}
    shape = " and ".join(f"{q} in {n}" for q, n in sorted(shapes))
    protocol = f"lake20{name}" if official else f"lake{name} {len(shares)} runs of {shape}"
    metrics = {
        "error": mean_interval(1 - accuracy, probes, "runs"),
        "accuracy": mean_interval(accuracy, probes, "runs"),
    }
    counts = {"runs": len(shares), "test_images": probes}
    return Result(protocol, metrics, counts, arrays={"accuracy": accuracy})


def _assigned(distances: FloatArray, target: npt.ArrayLike) -> FloatArray:
    if len(distances) > distances.shape[1] or len(np.unique(target)) < len(distances):
        raise DataError("an assignment gives each training image to one test image: a run has too many of a class.")
    if not np.isfinite(distances).all():
        raise DataError("an assignment needs finite distances.")
    return np.asarray(linear_sum_assignment(distances)[1] == np.asarray(target), np.float64)  # (Q,) rows in order
