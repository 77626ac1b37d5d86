"""Parts of a picture, so that a crop finds the picture it was cut from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from twinnet.core.errors import ConfigError
from twinnet.core.types import Image

_SCALES = ((2 / 3, 2), (1 / 2, 3))  # share of the side, and how many stand side by side: each overlaps its neighbour
_LEAST_PX = 16  # a shorter side has nothing to show


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in pixels, from the top left corner."""

    x: int
    y: int
    width: int
    height: int

    def __str__(self) -> str:
        return f"{self.x},{self.y},{self.width},{self.height}"

    @classmethod
    def read(cls, text: str) -> Box:
        """From `x,y,width,height`. Raises ConfigError for anything else."""
        try:
            x, y, width, height = (int(part) for part in text.split(","))
        except ValueError:
            raise ConfigError(f"a crop is x,y,width,height in pixels, such as 10,20,200,100; got {text!r}.") from None
        if x < 0 or y < 0 or width < 1 or height < 1:
            raise ConfigError(f"a crop begins inside the picture and has a width and a height; got {text!r}.")
        return cls(x, y, width, height)

    def cut(self, image: Image) -> Image:
        """This part of `(H, W, C)`. Raises ConfigError where it lies outside."""
        height, width = image.shape[:2]
        if self.x + self.width > width or self.y + self.height > height:
            raise ConfigError(f"the crop {self} reaches beyond the picture of {width} × {height} pixels.")
        return image[self.y : self.y + self.height, self.x : self.x + self.width]


def boxes(image: Image, *, parts: bool) -> Iterator[Box]:
    """The whole of `(H, W, C)`; with `parts` also 4 boxes of two thirds of its sides and 9 of half of them."""
    height, width = image.shape[:2]
    yield Box(0, 0, width, height)
    for share, n in _SCALES if parts else ():
        w, h = round(share * width), round(share * height)
        if min(w, h) < _LEAST_PX:
            return
        for row in range(n):
            for column in range(n):
                yield Box((width - w) * column // (n - 1), (height - h) * row // (n - 1), w, h)
