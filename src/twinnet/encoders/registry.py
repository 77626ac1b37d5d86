"""The one dict that knows the encoders' names, and the frozen recipe that is saved beside the weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

from torch import nn

from twinnet.core.errors import ConfigError
from twinnet.encoders.adapters import Adapted, Backbone, Head, is_adapter, rebuild
from twinnet.encoders.alexnet import alexnet
from twinnet.encoders.beside import Beside
from twinnet.encoders.compact import compact
from twinnet.encoders.described import Described
from twinnet.encoders.embed import Embedder
from twinnet.encoders.mapped import MapEmbedder
from twinnet.encoders.resnet import resnet
from twinnet.encoders.resnet8 import resnet8, resnet8_p4m
from twinnet.encoders.shallow import shallow
from twinnet.encoders.symmetric import WAYS, SymmetricConv
from twinnet.encoders.vgg import vgg

Network = TypeVar("Network", Embedder, MapEmbedder)

# name → (trunk, default width, default grid)
ENCODERS: dict[str, tuple[Callable[[int, int], tuple[nn.Module, int]], int, int]] = {
    "alexnet": (alexnet, 48, 3),
    "vgg": (vgg, 16, 2),
    "resnet": (resnet, 24, 2),
    "resnet8": (resnet8, 64, 4),
    "resnet8_p4m": (resnet8_p4m, 64, 4),
    "compact": (compact, 32, 2),
    "shallow": (shallow, 48, 4),
}
SYMMETRIC = {"resnet8_p4m"}  # their channels are fields of one number for each way of looking


@dataclass(frozen=True, slots=True)
class EncoderSpec:
    """Everything that rebuilds an encoder but its weights. `width` and `grid` of 0 mean the encoder's own default.

    With `described` > 0 pictures are described first (see `Beside`): so many of the `dim` numbers are a map of that,
    the others the network's; where there are no others, there is no network. `backbone` is the recipe of a pre-trained
    one (`Backbone.to_dict`), which has neither width nor grid nor a description, or None. `head` is what makes the
    embedding of the last feature map: one fully connected layer, or `map`, the map itself (see `MapEmbedder`).
    """

    name: str = "resnet"
    channels: int = 1
    dim: int = 64
    width: int = 0
    grid: int = 0
    dropout: float = 0.0
    normalise: bool = True
    backbone: dict[str, Any] | None = None
    described: int = 0
    head: str = "fc"

    def __post_init__(self) -> None:
        if self.backbone is None:
            check_name(self.name)
            if is_adapter(self.name):
                raise ConfigError(f"encoder {self.name!r} needs its backbone's recipe. Next: open_backbone(NAME).")
        else:
            Backbone.from_dict(self.backbone)
        if self.channels not in (1, 3):
            raise ConfigError(f"channels must be 1 (grey) or 3 (colour), not {self.channels}.")
        if self.dim < 1 or self.width < 0 or self.grid < 0:
            raise ConfigError(f"dim, width and grid must be positive; got {self.dim}, {self.width}, {self.grid}.")
        if not 0 <= self.dropout < 1:
            raise ConfigError(f"dropout must be in [0, 1), not {self.dropout}.")
        if not 0 <= self.described <= self.dim or (self.described and (self.backbone or not self.normalise)):
            raise ConfigError(
                f"{self.described} of {self.dim} numbers cannot be described, beside a pre-trained network or at any "
                "length."
            )
        if self.name in SYMMETRIC and self.width % len(WAYS):
            raise ConfigError(
                f"encoder {self.name!r} has {len(WAYS)} channels in a field: width {self.width} are not whole ones."
            )
        if self.head == "map":
            self._check_map()
        elif self.head != "fc":
            raise ConfigError(f"head {self.head!r} is unknown. Known: fc, map.")

    def _check_map(self) -> None:
        if self.backbone or self.described:
            raise ConfigError(
                "an embedding that is a map is of a network of ours, without a description. Next: head fc."
            )
        grid = self.grid or ENCODERS[self.name][2]
        if self.dim % grid**2:
            raise ConfigError(
                f"an embedding that is a map of {grid} × {grid} places has as many numbers at each: {self.dim} is no "
                f"multiple of {grid**2}. Next: dim {max(1, round(self.dim / grid**2)) * grid**2}."
            )
        if self.name in SYMMETRIC and self.dim // grid**2 % len(WAYS):
            raise ConfigError(
                f"encoder {self.name!r} has {len(WAYS)} numbers in a field; {self.dim // grid**2} at each place are no "
                f"whole fields. Next: dim {max(1, round(self.dim / grid**2 / len(WAYS))) * grid**2 * len(WAYS)}."
            )

    def to_dict(self) -> dict[str, Any]:
        """As JSON-able values; `backbone`, `described` and `head` only where they say something."""
        # Absent rather than said, so that the fingerprints of older models stay.
        usual = {"backbone": None, "described": 0, "head": "fc"}
        return {k: v for k, v in asdict(self).items() if k not in usual or v != usual[k]}


def check_name(name: str) -> None:
    """Raises ConfigError for a name that is neither one of ours nor asks for a backbone."""
    if name not in ENCODERS and not is_adapter(name):
        known = ", ".join(sorted(ENCODERS))
        raise ConfigError(f"encoder {name!r} is unknown. Known: {known}; or timm:NAME, hf:NAME, onnx:FILE.")


def adapt(spec: EncoderSpec, trunk: nn.Module) -> Adapted:
    """A pre-trained trunk under a fresh head."""
    recipe = Backbone.from_dict(spec.backbone or {})
    return Adapted(recipe, trunk, Head(recipe.features, spec.dim, spec.dropout, spec.normalise))


def build(spec: EncoderSpec) -> Embedder | MapEmbedder | Adapted | Beside:
    """A fresh encoder with random weights from torch's current random state: `(B, C, H, W)` → `(B, dim)`."""
    if spec.backbone is not None:
        return adapt(spec, rebuild(Backbone.from_dict(spec.backbone)))
    if spec.head == "map":
        trunk, features = _trunk(spec, spec.channels)
        grid = spec.grid or ENCODERS[spec.name][2]
        each = spec.dim // grid**2
        last = SymmetricConv(features, each, 1, bias=True) if spec.name in SYMMETRIC else nn.Conv2d(features, each, 1)
        return _initialise(MapEmbedder(trunk, last, spec.dim, grid, spec.dropout, spec.normalise))
    if not spec.described:
        return embedder(spec, spec.channels, spec.dim)
    description = Described(spec.channels)
    network = None
    if spec.dim > spec.described:
        network = embedder(spec, description.planes, spec.dim - spec.described)
    return Beside(network, description, spec.described)


def embedder(spec: EncoderSpec, channels: int, dim: int) -> Embedder:
    """The network of a recipe alone, for as many channels and numbers as given, with random weights."""
    trunk, features = _trunk(spec, channels)
    grid = spec.grid or ENCODERS[spec.name][2]
    return _initialise(Embedder(trunk, features, dim, grid, spec.dropout, spec.normalise))


def _trunk(spec: EncoderSpec, channels: int) -> tuple[nn.Module, int]:
    make, width, _ = ENCODERS[spec.name]
    return make(channels, spec.width or width)


def _initialise(encoder: Network) -> Network:
    # He et al. 2015: the signal keeps its size through the depth.
    for part in encoder.modules():
        if isinstance(part, nn.Conv2d):
            nn.init.kaiming_normal_(part.weight, mode="fan_out", nonlinearity="relu")
    return encoder
