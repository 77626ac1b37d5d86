"""What a detector finds, and what every detector is: a function from a picture to faces."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from twinnet.core.types import FloatArray, Image


@dataclass(frozen=True, slots=True)
class Box:
    """Where a face is, in pixels of the picture; it may reach beyond the border."""

    left: float
    top: float
    width: float
    height: float

    @property
    def area(self) -> float:
        """In pixels."""
        return self.width * self.height


@dataclass(frozen=True, slots=True)
class Face:
    """One face. `landmarks (5, 2)` are x, y in pixels of the eyes, the tip of the nose and the corners of the mouth,
    of each pair the one further left in the picture first; None where the detector knows none.
    """

    box: Box
    landmarks: FloatArray | None = None
    confidence: float = 1.0


class Detector(Protocol):
    """`(H, W, 1 or 3)` uint8 → all faces in it, in any order; none is an empty list."""

    def __call__(self, image: Image, /) -> list[Face]: ...


@dataclass(frozen=True, slots=True)
class Found:
    """The face that is used, the largest of `n` found; None where there is none."""

    face: Face | None
    n: int

    @property
    def says(self) -> str:
        """In words: `one face`, `3 faces, the largest is used`, `no face found`."""
        if self.n > 1:
            return f"{self.n} faces, the largest is used"
        return "one face" if self.n else "no face found"


def find(image: Image, detector: Detector) -> Found:
    """The largest face by the area of its box; of equal ones the surer."""
    faces = detector(image)
    largest = max(faces, key=lambda face: (face.box.area, face.confidence), default=None)
    return Found(largest, len(faces))
