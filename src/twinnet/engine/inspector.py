"""A detector of anomalies without torch: one ONNX file with its good samples' distances."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import numpy as np

from twinnet.core.errors import ModelFileError, TwinnetError
from twinnet.core.types import Image
from twinnet.data.plane import LEAST_PX, MOST_PX, Map, enlarged, plane, scales, shrunk
from twinnet.data.preprocess import Preprocess
from twinnet.decide.conformal import alarm_threshold, cross_p_values, p_values
from twinnet.engine.places import Bank, Usual, averaged, strange, strangest
from twinnet.engine.session import opened


@dataclass(frozen=True, slots=True)
class Seen:
    """One picture. `p`: how likely a good one is at least as far; `alarm`: p ≤ the promised rate; `heat (I, J)`."""

    distance: float
    p: float
    alarm: bool
    heat: Map


@final
class Inspector:
    """Reads an exported detector; threads may share it. Raises ModelFileError.

    Of taught scorers the network gives what it sees at each place and the good patches that it keeps; of compared ones
    the maps of distances from good `(K, I, J)`.
    """

    def __init__(self, content: str | Path | bytes, *, threads: int = 0) -> None:
        name = str(content) if not isinstance(content, bytes) else "detector"
        self._session, self.card = opened(content, name, threads)
        try:
            self._read(self.card)
        except (KeyError, TypeError, ValueError, TwinnetError) as error:
            raise ModelFileError(
                f"{name}: this is no exported detector ({error}). Next: twinnet export FILE.detector -o FILE.onnx."
            ) from error

    @property
    def threshold(self) -> float | None:
        """Above it is an alarm; None where several scorers are compared one at a time."""
        return None if self.scorers > 1 else alarm_threshold(self.good, self.rate)

    def inspect(self, image: Image) -> Seen:
        """`(H, W, C)` uint8 → distance, p, verdict and map."""
        maps = self._compared(image) if self._preprocess is not None else self._taught(image)  # K of (I, J)
        d = np.array([float(at.max()) if self._preprocess is not None else strangest(at) for at in maps])
        found = cross_p_values(self.good, d[None, self.held_by]) if len(maps) > 1 else p_values(self.good, d[:1])
        p = float(found[0])
        heat = np.mean([enlarged(at, maps[0].shape) for at in maps], 0)
        return Seen(float(d.mean()), p, p <= self.rate + 1e-9, np.asarray(heat, np.float32))

    def _read(self, card: dict[str, Any]) -> None:
        if card["kind"] != "detector":
            raise ValueError(f"kind {card['kind']!r}")
        self.good, self.held_by = np.array(card["good"], np.float64), np.array(card["held_by"], np.int64)
        self.rate, self.scorers = float(card["rate"]), int(card["scorers"])
        self._preprocess = Preprocess.from_dict(card["preprocess"]) if card["preprocess"] else None
        odd = self.held_by.min() < 0 or self.held_by.max() >= self.scorers or not 0 < self.rate < 1
        if self.good.ndim != 1 or self.good.shape != self.held_by.shape or not np.isfinite(self.good).all() or odd:
            raise ValueError("its good samples make no sense")
        if self._preprocess is not None:
            return
        taught = card["taught"]
        self._size_px, self._halved, self._shrinks = int(taught["size_px"]), taught["halved"], taught["shrinks"]
        if not LEAST_PX <= self._size_px <= MOST_PX or len(taught["usual"]) != self.scorers:
            raise ValueError(f"size_px {self._size_px}, {len(taught['usual'])} scorers")
        self._usual: list[Usual] = [(float(a), float(b), float(c), float(d)) for a, b, c, d in taught["usual"]]
        names = [f"{part}{k}" for k in range(self.scorers) for part in ("bank", "spread")]
        kept = self._run(names, np.zeros((LEAST_PX, LEAST_PX), np.float32))
        self._banks = [Bank(kept[2 * k], kept[2 * k + 1]) for k in range(self.scorers)]

    def _compared(self, image: Image) -> list[Map]:
        assert self._preprocess is not None  # noqa: S101
        pixels = self._preprocess.normalise(self._preprocess.apply(image)[None])
        return list(self._session.run(["maps"], {"images": pixels})[0])

    def _taught(self, image: Image) -> list[Map]:
        full = plane(image, self._size_px)
        names = [f"{part}{k}" for k in range(self.scorers) for part in ("distances", "patches")]
        seen = [self._run(names, shrunk(full, scale)) for scale in (scales(full) if self._halved else (1.0,))]
        return [
            strange(averaged([found[2 * k] for found in seen]), self._banks[k].distances(seen[0][2 * k + 1]), usual)
            for k, usual in enumerate(self._usual)
        ]

    def _run(self, names: Sequence[str], image: Map) -> list[Any]:
        given = {"images": image[None, None]}
        if self._shrinks:
            given |= {name: _areas(n) for name, n in zip(("rows", "columns"), image.shape, strict=True)}
        return list(self._session.run(list(names), given))


def _areas(side: int) -> Map:
    """`(i, n)`: from a map of stride 4 to one of stride 8, each place the mean of those it covers."""
    n, small = side // 4, side // 8
    weights = np.zeros((small, n), np.float32)
    for i in range(small):
        first, last = i * n // small, -(-(i + 1) * n // small)
        weights[i, first:last] = 1 / (last - first)
    return weights
