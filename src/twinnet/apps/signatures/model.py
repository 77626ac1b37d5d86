"""The model for signatures: how a picture is cleaned, what a forger's line looks like, the rules. One file on disk."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import numpy as np
import torch

from twinnet.apps.signatures.quality import LineQuality
from twinnet.apps.signatures.rules import Rules
from twinnet.apps.signatures.turning import FINE
from twinnet.core.errors import ConfigError, ModelFileError
from twinnet.data import Preprocess
from twinnet.model.file import content_hash, plain, write_sealed
from twinnet.model.sealed import read_sealed

KIND = "twinnet.signatures"
FORMAT = 1
_PARTS = ("centre", "scale", "weights")
_KEYS = {"format", "preprocess", "rules", "facts", "hash"}
_AGAIN = "Next: twinnet signatures train FOLDER -o MODEL."


@final
@dataclass(frozen=True, slots=True, eq=False)
class SignatureModel:
    """What `signatures train` learned. `facts` say how it was made."""

    preprocess: Preprocess
    quality: LineQuality
    rules: Rules
    facts: dict[str, Any]

    @property
    def fingerprint(self) -> str:
        """What decides distances and answers: preprocessing, line quality, rules. 16 hex digits."""
        manifest = {k: v for k, v in self._manifest().items() if k != "facts"}
        return hashlib.sha256(content_hash(manifest, self._tensors()).encode()).hexdigest()[:16]

    def save(self, path: str | Path) -> None:
        """Write the one file, atomically. Raises ModelFileError where it cannot be written."""
        write_sealed(Path(path), KIND, self._manifest(), self._tensors())

    def _manifest(self) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "preprocess": self.preprocess.to_dict(),
            "rules": self.rules.to_dict(),
            "facts": plain(self.facts),
        }

    def _tensors(self) -> dict[str, torch.Tensor]:
        return {f"quality.{part}": torch.from_numpy(getattr(self.quality, part).copy()) for part in _PARTS}


def load(path: str | Path) -> SignatureModel:
    """Read what `save` wrote. Raises ModelFileError for a missing, damaged, older or foreign file."""
    path = Path(path)
    manifest, tensors = read_sealed(path, KIND, FORMAT, _KEYS, _AGAIN)
    try:
        arrays = {part: tensors.pop(f"quality.{part}").numpy() for part in _PARTS}
        if tensors or any(a.shape != (int(np.prod(FINE)),) or a.dtype != np.float64 for a in arrays.values()):
            raise ValueError("its numbers are not those of a line's quality")
        if not all(np.isfinite(a).all() for a in arrays.values()) or (arrays["scale"] <= 0).any():
            raise ValueError("its numbers are out of range")
        preprocess = Preprocess.from_dict(manifest["preprocess"])
    except (KeyError, TypeError, ValueError, ConfigError) as error:
        raise ModelFileError(f"{path}: the model is not as it was written: {error}. {_AGAIN}") from error
    return SignatureModel(preprocess, LineQuality(**arrays), Rules.from_dict(manifest["rules"]), manifest["facts"])
