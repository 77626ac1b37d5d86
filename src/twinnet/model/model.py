"""The thing a user holds: preprocessing, encoder, comparison and decision rule in one."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from twinnet import compare, encoders
from twinnet.core.errors import ConfigError, ModelFileError, NotCalibrated, TwinnetError
from twinnet.core.progress import SILENT, Progress
from twinnet.core.types import Decision, FloatArray, IntArray, Item
from twinnet.data.decode import decode
from twinnet.data.load import ImageStore
from twinnet.data.preprocess import Preprocess
from twinnet.decide import DecisionRule
from twinnet.encoders import EncoderSpec
from twinnet.model import file

Embeddings = npt.NDArray[np.float32]
_BATCH = 256


@final
@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """A trained twin and how it decides. `rule` is None until calibrated; `facts` say how it was made."""

    encoder: nn.Module
    comparison: nn.Module
    preprocess: Preprocess
    rule: DecisionRule | None
    facts: dict[str, Any]
    spec: EncoderSpec

    def embed(self, items: Sequence[Item] | ImageStore, *, progress: Progress = SILENT) -> Embeddings:
        """`N` paths, encoded bytes or arrays, or a loaded store → embeddings `(N, D)` float32.

        Raises UnreadableItem for the first item that cannot be decoded; load a data set to skip and list such items.
        """
        parts = []
        with progress.task("embedding", len(items)) as task:
            for start in range(0, len(items), _BATCH):
                if isinstance(items, ImageStore):
                    images = items.images(np.arange(start, min(start + _BATCH, len(items))))
                else:
                    images = np.stack([self.preprocess.apply(decode(item)) for item in items[start : start + _BATCH]])
                parts.append(self.embed_images(images))
                task.advance(len(images))
        return np.concatenate(parts) if parts else np.zeros((0, self.spec.dim), np.float32)

    def embed_images(self, images: npt.NDArray[np.uint8]) -> Embeddings:
        """Preprocessed images `(B, H, W, C)` uint8 → `(B, D)`."""
        self.encoder.eval()
        device = next(self.encoder.parameters()).device
        inputs = torch.from_numpy(self.preprocess.normalise(images)).to(device)
        with torch.inference_mode():
            embedded: Embeddings = self.encoder(inputs.contiguous(memory_format=torch.channels_last)).cpu().numpy()
        return embedded

    def paired(self, a: Embeddings, b: Embeddings) -> FloatArray:
        """Distances row by row, `(P, D), (P, D)` → `(P,)`."""
        with torch.inference_mode():
            return _numpy(self._compare().paired(torch.from_numpy(a), torch.from_numpy(b)))

    def cross(self, a: Embeddings, b: Embeddings) -> FloatArray:
        """Distances of all against all, `(N, D), (M, D)` → `(N, M)`."""
        with torch.inference_mode():
            return _numpy(self._compare().cross(torch.from_numpy(a), torch.from_numpy(b)))

    def pair_distances(self, embeddings: Embeddings, first: IntArray, second: IntArray) -> FloatArray:
        """Distances of given pairs of rows `(P,)`, in blocks, so that memory stays bounded."""
        block = max(1, (1 << 22) // max(1, embeddings.shape[1]))
        starts = range(0, len(first), block)
        parts = [self.paired(embeddings[first[i : i + block]], embeddings[second[i : i + block]]) for i in starts]
        return np.concatenate(parts) if parts else np.zeros(0)

    def distance(self, a: Item, b: Item) -> float:
        """How far apart two items are; lower is more alike."""
        # One by one, not in one batch: the order of the two must not matter, not even in the last bit.
        return float(self.paired(self.embed([a]), self.embed([b]))[0])

    def verify(self, a: Item, b: Item) -> Decision:
        """Same or different? Raises NotCalibrated when the model has no threshold yet."""
        return self.known_rule.decide(self.distance(a, b))

    @property
    def known_rule(self) -> DecisionRule:
        """The decision rule, or NotCalibrated."""
        if self.rule is None:
            raise NotCalibrated(
                "this model has no threshold yet, so it can measure distances but not decide. "
                "Next: twinnet calibrate MODEL DATA, with identities that training never saw."
            )
        return self.rule

    def with_rule(self, rule: DecisionRule | None) -> Model:
        """The same twins with another decision rule; embeddings and fingerprint stay as they are."""
        return replace(self, rule=rule)

    @property
    def fingerprint(self) -> str:
        """What decides the embeddings and distances: weights, preprocessing, comparison. 16 hex digits."""
        manifest = {k: v for k, v in self._manifest().items() if k in ("encoder", "preprocess", "comparison")}
        return hashlib.sha256(file.content_hash(manifest, self._tensors()).encode()).hexdigest()[:16]

    def save(self, path: str | Path) -> None:
        """Write the one file."""
        file.write(Path(path), self._manifest(), self._tensors())

    def _compare(self) -> Any:
        return self.comparison

    def _manifest(self) -> dict[str, Any]:
        return {
            "encoder": self.spec.to_dict(),
            "preprocess": self.preprocess.to_dict(),
            "comparison": comparison_name(self.comparison),
            "rule": self.rule.to_dict() if self.rule else None,
            "facts": self.facts,
        }

    def _tensors(self) -> dict[str, Tensor]:
        tensors = {f"encoder.{name}": value for name, value in self.encoder.state_dict().items()}
        return tensors | {f"comparison.{name}": value for name, value in self.comparison.state_dict().items()}


def comparison_name(comparison: nn.Module) -> str:
    """The name under which a comparison is registered."""
    return type(comparison).__name__.lower()


def load(path: str | Path) -> Model:
    """Read a model file; raises ModelFileError for anything that is not a whole model of a known format."""
    path = Path(path)
    manifest, tensors = file.read(path)
    try:
        spec = EncoderSpec(**manifest["encoder"])
        preprocess = Preprocess.from_dict(manifest["preprocess"])
        rule = DecisionRule.from_dict(manifest["rule"]) if manifest["rule"] else None
        with torch.random.fork_rng(devices=[]):  # the random weights made here are thrown away at once
            encoder, comparison = encoders.build(spec), compare.build(manifest["comparison"], spec.dim)
        for part, name in ((encoder, "encoder."), (comparison, "comparison.")):
            part.load_state_dict({k.removeprefix(name): v for k, v in tensors.items() if k.startswith(name)})
    except (TwinnetError, RuntimeError, TypeError, KeyError, ConfigError) as error:
        raise ModelFileError(f"{path}: the manifest and the weights do not fit together: {error}") from error
    encoder.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return Model(encoder.eval(), comparison.eval(), preprocess, rule, manifest["facts"], spec)


def _numpy(tensor: Tensor) -> FloatArray:
    return np.asarray(tensor.cpu().numpy(), np.float64)
