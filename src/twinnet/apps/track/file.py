"""A tracker's file: the twin's weights, how it follows, when a target is lost. Loading runs no code from it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any, final

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from twinnet.apps.track.judge import Rule
from twinnet.apps.track.settings import Settings
from twinnet.core.errors import ConfigError, ModelFileError
from twinnet.encoders.places import Places
from twinnet.model.file import content_hash, plain, write_sealed

FORMAT = 1
_KEY = "twinnet.track"
_MOST_WIDTH, _MOST_DIM = 256, 1024


@final
@dataclass(frozen=True)
class Tracker:
    """What follows: a twin that embeds every place, settings, and a rule for *same*."""

    net: Places
    settings: Settings = field(default_factory=Settings)
    rule: Rule = field(default_factory=Rule)
    facts: Mapping[str, Any] = field(default_factory=dict)

    def embed(self, pictures: Tensor) -> Tensor:
        """`(B, 3, H, W)` in [0, 1] → `(B, D, H/4, W/4)`."""
        found: Tensor = self.net(pictures)
        return found

    @property
    def fingerprint(self) -> str:
        """16 hex digits that change with the weights, the settings or the rule."""
        return content_hash(self._manifest(), _tensors(self.net))[:16]

    def save(self, path: str | Path) -> None:
        """Atomically. Raises ModelFileError where it cannot be written."""
        manifest = {**self._manifest(), "facts": plain(dict(self.facts))}
        write_sealed(Path(path), _KEY, manifest, _tensors(self.net), what="tracker")

    def _manifest(self) -> dict[str, Any]:
        return {
            "format": FORMAT, "width": self.net.width, "dim": self.net.dim, "share": self.net.share,
            "settings": self.settings.to_dict(), "rule": self.rule.to_dict(),
        }  # fmt: skip


def load_tracker(path: str | Path | None = None) -> Tracker:
    """From a file that `train` wrote; without one, the tracker that ships with twinnet.

    Raises ModelFileError for a missing, damaged or foreign file.
    """
    if path is not None:
        return _read(Path(path))
    with as_file(files("twinnet.apps.track") / "default.twin") as shipped:
        return _read(shipped)


def _read(path: Path) -> Tracker:
    try:
        with safe_open(path, framework="pt") as opened:
            text = (opened.metadata() or {}).get(_KEY)
            tensors = {name: opened.get_tensor(name).clone() for name in opened.keys()}  # noqa: SIM118  (not a dict)
    except (SafetensorError, OSError, ValueError) as error:
        raise ModelFileError(
            f"{path}: there is no readable tracker ({error}). Next: make one with twinnet track train, or give none."
        ) from error
    if text is None:
        raise ModelFileError(f"{path}: this is no tracker. Next: give the file that track train -o wrote, or none.")
    try:
        manifest = json.loads(text)
        if manifest["format"] > FORMAT:
            raise ModelFileError(f"{path}: made by a newer twinnet. Next: update twinnet.")
        if manifest["hash"] != content_hash(manifest, tensors):
            raise ModelFileError(f"{path}: the tracker is damaged. Next: copy it again, or train anew.")
        width, dim = int(manifest["width"]), int(manifest["dim"])
        if not (0 < width <= _MOST_WIDTH and 1 < dim <= _MOST_DIM):
            raise ModelFileError(f"{path}: asks for a network of {width} × {dim} channels, which is refused.")
        net = Places(width, dim, float(manifest["share"])).eval()
        net.load_state_dict(tensors)
        return Tracker(
            net, Settings.from_dict(manifest["settings"]), Rule.from_dict(manifest["rule"]), manifest["facts"]
        )
    except (KeyError, TypeError, ValueError, RuntimeError, ConfigError) as error:
        raise ModelFileError(
            f"{path}: the tracker is damaged ({error}). Next: copy it again, or train anew."
        ) from error


def _tensors(net: Places) -> dict[str, Tensor]:
    return {name: value.detach().contiguous().clone() for name, value in net.state_dict().items()}


def fresh(width: int, dim: int, seed: int) -> Places:
    """A twin with weights that depend on the seed alone (He et al. 2015)."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = Places(width, dim)
        for part in net.modules():
            if isinstance(part, torch.nn.Conv2d):
                torch.nn.init.kaiming_normal_(part.weight, mode="fan_out", nonlinearity="relu")
    return net
