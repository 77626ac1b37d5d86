"""How every picture is brought to one size and scale: a value that is stored with the weights it was used for."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Literal, final, get_args

import numpy as np
import numpy.typing as npt

from twinnet.core.errors import ConfigError
from twinnet.core.types import Image
from twinnet.data.geometry import Fit, border_median, fit, grey, middle, trim
from twinnet.data.ink import Ink, levelled, strokes

Polarity = Literal["keep", "bright_ink"]


@final
@dataclass(frozen=True, slots=True)
class Preprocess:
    """Geometry, then scale. `apply` is the first and gives uint8; `normalise` is the second and gives float32.

    `fit`: 'stretch' ignores the aspect; 'pad' keeps it and fills with the median colour of the border; 'crop' keeps
    it and cuts the longer side, centred; 'moments' puts the ink's centre of mass in the middle and gives its spread the
    same size along both axes; 'adaptive' pads, too, but makes long shapes less long (see `geometry`).
    `polarity='bright_ink'` inverts a picture whose border is brighter than
    half, so that ink is bright on dark. `trim` first cuts to the box of the ink (see `INK` and `MARGIN` in geometry).
    `ink` other than 'as_is' takes the paper away (see `data.ink`), for one channel of bright ink on 0, trimmed to it.
    `centre` below 1 first keeps only that share of both sides, in the middle: of a head, the face.
    `mean` and `std` have one number per channel, in units where white is 1; left empty they are 0 and 1. Raises
    `ConfigError`.
    """

    height: int
    width: int
    channels: int = 1
    fit: Fit = "pad"
    polarity: Polarity = "keep"
    trim: bool = False
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    ink: Ink = "as_is"
    centre: float = 1.0

    def __post_init__(self) -> None:
        for field in ("height", "width"):
            value = getattr(self, field)
            if type(value) is not int or not 1 <= value <= 4096:
                raise ConfigError(f"preprocess: {field} must be a whole number in 1 … 4096, not {value!r}")
        if type(self.channels) is not int or self.channels not in (1, 3):
            raise ConfigError(f"preprocess: channels must be 1 (grey) or 3 (colour), not {self.channels!r}")
        for field, known in (("fit", get_args(Fit)), ("polarity", get_args(Polarity)), ("ink", get_args(Ink))):
            if getattr(self, field) not in known:
                raise ConfigError(
                    f"preprocess: {field} must be one of {', '.join(known)}, not {getattr(self, field)!r}"
                )
        if type(self.trim) is not bool:
            raise ConfigError(f"preprocess: trim must be true or false, not {self.trim!r}")
        if self.ink != "as_is" and self.channels != 1:
            raise ConfigError(f"preprocess: ink {self.ink} is read in grey: channels must be 1, not {self.channels}")
        if isinstance(self.centre, bool) or not isinstance(self.centre, int | float) or not 0.1 <= self.centre <= 1:
            raise ConfigError(f"preprocess: centre must be a share in 0.1 … 1, not {self.centre!r}")
        object.__setattr__(self, "mean", self._per_channel("mean", 0.0))
        object.__setattr__(self, "std", self._per_channel("std", 1.0))
        if min(self.std) <= 0:
            raise ConfigError(f"preprocess: std must be above 0, not {self.std}")

    def _per_channel(self, field: str, default: float) -> tuple[float, ...]:
        given = getattr(self, field)
        try:
            values = tuple(float(v) for v in given) or (default,) * self.channels
        except (TypeError, ValueError):
            raise ConfigError(f"preprocess: {field} must be a list of numbers, not {given!r}") from None
        if len(values) != self.channels or not all(map(math.isfinite, values)):
            raise ConfigError(f"preprocess: {field} must be {self.channels} finite number(s), not {given!r}")
        return values

    @property
    def shape(self) -> tuple[int, int, int]:
        """`(height, width, channels)` of what `apply` returns."""
        return self.height, self.width, self.channels

    def apply(self, image: Image) -> Image:
        """Geometry: `(H, W, 1 or 3)` uint8 to `(height, width, channels)` uint8."""
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] not in (1, 3) or image.size == 0:
            raise ValueError(f"expected a uint8 (H, W, 1) or (H, W, 3) image, got {image.dtype} {image.shape}")
        if self.centre < 1:
            image = middle(image, self.centre)
        if self.channels == 1:
            image = grey(image)
        if self.ink != "as_is":
            return self._ink(image)
        plain = self.fit in ("stretch", "crop") and self.polarity == "keep" and not self.trim
        border = np.zeros(image.shape[2], np.uint8) if plain else border_median(image)  # (C,)
        if self.trim:
            image = trim(image, border)
        if self.polarity == "bright_ink" and border.mean() > 127.5:
            image, border = 255 - image, 255 - border
        fitted = fit(image, self.height, self.width, self.fit, border)  # (height, width, C)
        return fitted if fitted.shape[2] == self.channels else np.repeat(fitted, self.channels, axis=2)

    def _ink(self, image: Image) -> Image:
        if border_median(image)[0] < 127.5:
            image = 255 - image
        paper = np.zeros(1, np.uint8)
        fitted = fit(strokes(image, self.ink), self.height, self.width, self.fit, paper)
        # Again at the final size: shrinking makes thin strokes fainter than thick ones.
        return levelled(fitted) if self.ink == "level" else fitted

    def normalise(self, images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """Scale: `(B, height, width, channels)` uint8 to `(B, channels, height, width)` float32, (x/255 − mean)/std."""
        if images.dtype != np.uint8 or images.ndim != 4 or images.shape[3] != self.channels:
            raise ValueError(f"expected uint8 (B, H, W, {self.channels}) images, got {images.dtype} {images.shape}")
        mean, std = np.array(self.mean), np.array(self.std)
        scale = (1 / (255 * std)).astype(np.float32)[:, None, None]  # (C, 1, 1)
        out = np.empty((len(images), self.channels, *images.shape[1:3]), np.float32)
        np.multiply(images.transpose(0, 3, 1, 2), scale, out=out)  # (B, H, W, C) -> (B, C, H, W)
        out -= (mean / std).astype(np.float32)[:, None, None]
        return out

    def measured(self, images: npt.NDArray[np.uint8]) -> Preprocess:
        """The same geometry with the mean and std of `images (N, height, width, channels)`, as `apply` returns them."""
        mean, std = measure(images)
        return replace(self, mean=mean, std=std)

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, words and lists, for JSON; `from_dict` reads it back to an equal value."""
        values = {**asdict(self), "mean": list(self.mean), "std": list(self.std)}
        for name, usual in (("ink", "as_is"), ("centre", 1.0)):
            if values[name] == usual:  # absent rather than said, so that the fingerprints of older models stay
                del values[name]
        return values

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Preprocess:
        """Read what `to_dict` wrote. Raises `ConfigError` for an unknown or missing key, or a value out of range."""
        known = [field.name for field in fields(cls)]
        if unknown := sorted(set(values) - set(known)):
            raise ConfigError(f"preprocess: unknown {', '.join(unknown)}. Known: {', '.join(known)}")
        if missing := [name for name in ("height", "width") if name not in values]:
            raise ConfigError(f"preprocess: {' and '.join(missing)} must be given")
        return cls(**values)


def measure(images: npt.NDArray[np.uint8]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and std per channel of `(N, H, W, C)` uint8, in units where white is 1; a constant channel has std 1/255."""
    if images.dtype != np.uint8 or images.ndim != 4 or images.size == 0:
        raise ValueError(f"expected uint8 (N, H, W, C) images, got {images.dtype} {images.shape}")
    levels = np.arange(256) / 255
    means, stds = [], []
    for c in range(images.shape[3]):
        # By histogram: exact, and no float copy of the whole set.
        counts = sum((np.bincount(image[:, :, c].ravel(), minlength=256) for image in images), np.zeros(256, np.int64))
        share = counts / counts.sum()
        mean = float(share @ levels)
        means.append(mean)
        stds.append(max(math.sqrt(float(share @ (levels - mean) ** 2)), 1 / 255))
    return tuple(means), tuple(stds)
