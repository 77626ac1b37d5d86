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

from twinnet.core.errors import ConfigError, MissingExtra, ModelFileError, NotCalibrated, TwinnetError
from twinnet.core.progress import SILENT, Progress
from twinnet.core.types import Decision, FloatArray, IntArray, Item
from twinnet.data.decode import decode
from twinnet.data.load import ImageStore
from twinnet.data.preprocess import Preprocess
from twinnet.decide import DecisionRule
from twinnet.encoders import EncoderSpec
from twinnet.model import file
from twinnet.model.forward import Embeddings, forward, geometry, placed
from twinnet.model.network import filled, misfit, skeleton, tensors_of

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

    def __post_init__(self) -> None:
        # Convolutions round differently in another memory layout, and a model must give the same bits before it is
        # saved and after it is loaded. Training uses this layout too, for its speed.
        self.encoder.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def embed(self, items: Sequence[Item] | ImageStore, *, progress: Progress = SILENT) -> Embeddings:
        """`N` paths, encoded bytes or arrays, or a loaded store → embeddings `(N, D)` float32.

        An item's embedding does not depend on which others come with it, to the rounding of float32. Raises
        UnreadableItem for the first item that cannot be decoded; load a data set to skip and list such items.
        """
        if isinstance(items, str | bytes | Path):
            raise ConfigError("embed takes a list of items. Next: put the one item into a list, [item].")
        if isinstance(items, ImageStore) and geometry(items.preprocess) != geometry(self.preprocess):
            raise ConfigError(
                f"these images were loaded as {geometry(items.preprocess)}, and this model takes "
                f"{geometry(self.preprocess)}. Next: load(data, model.preprocess)."
            )
        encoder, parts = placed(self.encoder, len(items)), []
        with progress.task("embedding", len(items)) as task:
            for start in range(0, len(items), _BATCH):
                if isinstance(items, ImageStore):
                    images = items.images(np.arange(start, min(start + _BATCH, len(items))))
                else:
                    images = np.stack([self.preprocess.apply(decode(item)) for item in items[start : start + _BATCH]])
                parts.append(forward(encoder, self.preprocess, images))
                task.advance(len(images))
        return np.concatenate(parts) if parts else np.zeros((0, self.spec.dim), np.float32)

    def embed_images(self, images: npt.NDArray[np.uint8]) -> Embeddings:
        """Preprocessed images `(B, H, W, C)` uint8 → `(B, D)`."""
        return forward(self.encoder, self.preprocess, images)

    def paired(self, a: Embeddings, b: Embeddings) -> FloatArray:
        """Distances row by row, `(P, D), (P, D)` → `(P,)`."""
        with torch.inference_mode():
            return _numpy(self._compare().paired(self._tensor(a), self._tensor(b)))

    def cross(self, a: Embeddings, b: Embeddings) -> FloatArray:
        """Distances of all against all, `(N, D), (M, D)` → `(N, M)`."""
        with torch.inference_mode():
            return _numpy(self._compare().cross(self._tensor(a), self._tensor(b)))

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
        """Write the one file. Raises ConfigError for parts that `load` could not build again from their names."""
        try:
            odd = misfit(tensors_of(*skeleton(self.spec, comparison_name(self.comparison))), self._tensors())
        except ConfigError as error:
            raise ConfigError(f"this model cannot be saved: {error}") from error
        if odd:
            raise ConfigError(f"this model cannot be saved: its encoder is not what its spec says: {odd}.")
        file.write(Path(path), self._manifest(), self._tensors())

    def _compare(self) -> Any:
        return self.comparison

    def _tensor(self, embeddings: Embeddings) -> Tensor:
        if embeddings.ndim != 2 or embeddings.shape[1] != self.spec.dim:
            raise ConfigError(
                f"expected embeddings (N, {self.spec.dim}) of this model, got {embeddings.shape}. "
                "Next: embed the items with the same model."
            )
        own = torch.from_numpy(np.require(embeddings, np.float32, ["C", "W"]))
        weight = next(self.comparison.parameters(), None)
        return own if weight is None else own.to(weight.device)

    def _manifest(self) -> dict[str, Any]:
        return {
            "encoder": self.spec.to_dict(),
            "preprocess": self.preprocess.to_dict(),
            "comparison": comparison_name(self.comparison),
            "rule": self.rule.to_dict() if self.rule else None,
            "facts": file.plain(self.facts),
        }

    def _tensors(self) -> dict[str, Tensor]:
        return tensors_of(self.encoder, self.comparison)


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
        encoder, comparison = skeleton(spec, manifest["comparison"])
        if odd := misfit(tensors_of(encoder, comparison), tensors):
            raise ConfigError(odd)
        own = {
            part: {k.removeprefix(part): v for k, v in tensors.items() if k.startswith(part)}
            for part in ("encoder.", "comparison.")
        }
        encoder = filled(spec, encoder, own["encoder."])
        comparison.load_state_dict(own["comparison."], assign=True)
    except MissingExtra:
        raise  # the file may be sound: its backbone needs a library that is not here
    except (TwinnetError, RuntimeError, TypeError, AttributeError, LookupError, ValueError, ArithmeticError) as error:
        raise ModelFileError(
            f"{path}: the manifest and the weights do not fit together: {error}. Next: train the model again."
        ) from error
    return Model(encoder.eval(), comparison.eval(), preprocess, rule, manifest["facts"], spec)


def _numpy(tensor: Tensor) -> FloatArray:
    return np.asarray(tensor.cpu().numpy(), np.float64)
