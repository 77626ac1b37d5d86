"""How a target is followed: one frozen value, saved beside the weights that it was chosen with."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any

from twinnet.core.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Settings:
    """Cells are places of the embedding: 4 pixels of the resized frame."""

    cells: int = 49  # of a search window's side; odd, so that one is in the middle
    size_px: float = 40.0  # square root of a target's area in the resized frame
    most_enlarged: float = 4.0
    rim: float = 1.3  # the filter's side, in sides of the target
    ridge: float = 10.0
    bump: float = 1.0  # cells
    memory: int = 14  # views remembered beside the first ones
    view_rate: float = 0.02  # weight of a new view
    first_keeps: float = 0.2  # weight of the first views, at least
    every: int = 5  # frames between two solutions of the ridge regression
    cg_steps: int = 3
    window: float = 0.3  # how strongly far places are damped: 0 not at all, 1 down to nothing
    centre_weight: float = 0.6  # how far from the middle, in half sides, places of the template count
    damping: float = 1.0  # of changes of size
    stiffness: float = 2.0  # of changes of aspect, beside that
    align_steps: int = 5
    template_rate: float = 0.03
    patience: int = 3  # frames of doubt before a target is lost

    def __post_init__(self) -> None:
        if self.cells < 9 or self.cells % 2 == 0:
            raise ConfigError(f"cells must be odd and at least 9, not {self.cells}.")

    def to_dict(self) -> dict[str, Any]:
        """As JSON-able values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Settings:
        """Raises ConfigError for unknown names."""
        known = {field.name for field in fields(cls)}
        if odd := sorted(set(values) - known):
            raise ConfigError(f"unknown settings of a tracker: {', '.join(odd)}.")
        return cls(**values)
