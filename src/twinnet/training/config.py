"""All settings of a training run: a frozen type, checked once, saved beside the weights."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal

from twinnet.core.errors import ConfigError
from twinnet.data.geometry import Fit
from twinnet.data.ink import Ink

Comparison = Literal["auto", "cosine", "euclidean", "learned"]
Loss = Literal[
    "auto", "supcon", "nt_xent", "n_pairs", "contrastive", "bce", "triplet", "multi_similarity", "circle", "nca",
    "prototypical", "arcface", "cosface", "proxy_anchor", "cross_entropy",
]  # fmt: skip
# What a loss is usually compared with; BCE is Koch's learned comparison. All others: cosine.
_USUAL: dict[str, Comparison] = {
    "contrastive": "euclidean", "bce": "learned", "nca": "euclidean", "prototypical": "euclidean",
}  # fmt: skip
# Their logits are distances or products as they come: on the unit sphere these would be too small to be sure of any.
_FREE_LENGTH = ("nca", "prototypical", "cross_entropy")


@dataclass(frozen=True, slots=True)
class TrainConfig:
    """What `train` is told; `auto`, 0 and None leave a choice to the data (see `plan`).

    One of `minutes`, `epochs`, `steps` says how long; the schedule fits itself to it. With `epochs` or `steps` the same
    seed gives the same weights on the same machine; `minutes` makes as many steps as the machine manages, and their
    number is written into the model.
    """

    encoder: str = "auto"  # or a pre-trained one: timm:NAME, hf:NAME, onnx:FILE (docs/backbones.md)
    fine_tune: bool = False  # a pre-trained one learns too, slowly; else it is frozen and only a head learns
    download: bool = False  # it may be fetched from its hub
    views: int = 3  # changed views of each picture that a frozen one sees, beside the picture itself
    comparison: Comparison = "auto"  # auto: what the loss is usually used with
    loss: Loss = "auto"  # auto: what suits the kind of data
    loss_settings: dict[str, Any] = field(default_factory=dict)  # its own, `memory` and `also`: see losses.build
    dim: int = 64
    width: int = 0
    dropout: float = 0.1
    head: Literal["fc", "map"] = "fc"  # the embedding is a layer over the last feature map, or that map itself
    grid: int = 0  # the last feature map is averaged onto grid × grid places; 0: the encoder's own
    size_px: int = 0  # 0: near the images' own, at most 56 (grey) or 64 (colour)
    width_px: int = 0  # 0: a square of size_px; otherwise size_px is the height
    channels: int = 0  # 0: 3 if any item has colour, else 1
    fit: Fit = "pad"
    polarity: Literal["keep", "bright_ink"] = "keep"
    trim: bool = False
    ink: Ink = "as_is"
    centre: float = 1.0  # only this share of both sides, in the middle, is looked at
    least_items: int = 1  # identities with fewer items teach nothing
    minutes: float = 0.0
    epochs: float = 0.0
    steps: int = 0
    identities_per_batch: int = 32  # P
    items_per_identity: int = 4  # K
    group_blocks: int | None = None  # > 0: the P identities of a batch come from this many groups only, the hard case
    class_turns: bool | None = None  # quarter turns of an identity are identities of their own; None: for drawings
    class_mirror: bool = False  # mirrored identities are identities of their own
    genuine_share: float = 0.5  # of given pairs in a batch
    augment: str = "auto"
    optimiser: Literal["auto", "adamw", "muon"] = "auto"  # auto: adamw for what is pre-trained, else muon
    learning_rate: float = 2e-3
    weight_decay: float = 0.05
    warm_up: float = 0.05  # share of the run
    clip_norm: float = 5.0
    validation_share: float = 0.1  # of the identities: they choose the checkpoint
    calibration_share: float = 0.1  # of the identities: they set the threshold
    patience: int = 0  # validations without a better EER before stopping; 0: never
    checkpoint_s: float = 30.0
    seed: int = 0
    device: str = "auto"
    precision: Literal["auto", "float32", "bfloat16"] = "auto"

    def __post_init__(self) -> None:
        budgets = [name for name in ("minutes", "epochs", "steps") if getattr(self, name) > 0]
        if len(budgets) > 1:
            raise ConfigError(f"give one of minutes, epochs and steps, not {' and '.join(budgets)}.")
        for name in (
            "minutes", "epochs", "steps", "weight_decay", "warm_up", "patience", "group_blocks", "grid", "width_px",
            "views",
        ):  # fmt: skip
            if (getattr(self, name) or 0) < 0:
                raise ConfigError(f"{name} must not be negative; got {getattr(self, name)}.")
        if self.least_items < 1:
            raise ConfigError(f"least_items starts at 1; got {self.least_items}.")
        if self.identities_per_batch < 2 or self.items_per_identity < 2:
            raise ConfigError(
                "a batch needs at least 2 identities of 2 items each, or there is nothing to compare; got "
                f"{self.identities_per_batch} × {self.items_per_identity}."
            )
        if not self.learning_rate > 0:
            raise ConfigError(f"learning_rate must be positive; got {self.learning_rate}.")
        if not 0 <= self.validation_share + self.calibration_share < 1:
            raise ConfigError("validation_share + calibration_share must be in [0, 1): training needs the rest.")

    @property
    def known_comparison(self) -> Comparison:
        """The comparison asked for, or what the loss is usually used with."""
        return self.comparison if self.comparison != "auto" else _USUAL.get(self.loss, "cosine")

    @property
    def on_sphere(self) -> bool:
        """Whether embeddings are scaled to length 1, which is steadier."""
        # Koch's comparison weighs single features, whose size must be free.
        return self.known_comparison != "learned" and self.loss not in _FREE_LENGTH

    def to_dict(self) -> dict[str, Any]:
        """As JSON-able values; a function among the loss's settings, such as a miner, is its name."""
        return {**asdict(self), "loss_settings": _named(self.loss_settings)}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> TrainConfig:
        """Back from `to_dict`; an unknown key is an error."""
        known = {f.name for f in fields(cls)}
        unknown = sorted(set(values) - known)
        if unknown:
            raise ConfigError(f"unknown training settings: {', '.join(unknown)}. Known: {', '.join(sorted(known))}.")
        return cls(**values)


def _named(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _named(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_named(inner) for inner in value]
    return getattr(value, "__qualname__", type(value).__qualname__) if callable(value) else value
