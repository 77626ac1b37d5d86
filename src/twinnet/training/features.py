"""What a frozen backbone makes of every picture, computed once and kept: in memory, and in a folder where one is given.

The folder holds safetensors files of rows and their keys. A key is the hash of a picture's pixels as the backbone gets
them and of the view; the folder's name is the hash of the backbone's weights and of the preprocessing. So a changed
picture, another split or a run that was killed computes only what is missing.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from twinnet.core.errors import DataError
from twinnet.core.progress import SILENT, Progress
from twinnet.core.seeds import derive
from twinnet.core.whole import whole
from twinnet.data.augment import Augment
from twinnet.data.load import ImageStore
from twinnet.data.preprocess import Preprocess
from twinnet.encoders.adapters import Adapted
from twinnet.training.machine import Machine

Features = npt.NDArray[np.float32]
_AT_ONCE = 32  # pictures through the backbone together
_SAVE_S = 20.0  # so much work at most is lost when a run is killed


def fingerprint(encoder: Adapted, preprocess: Preprocess) -> str:
    """What decides features: the backbone's recipe and weights, and the preprocessing. 16 hex digits."""
    recipe = {k: v for k, v in encoder.recipe.to_dict().items() if k not in ("frozen", "name")}
    digest = hashlib.sha256(json.dumps([recipe, preprocess.to_dict()], sort_keys=True).encode())
    for name, value in sorted(encoder.trunk.state_dict().items()):
        digest.update(f"{name}{value.dtype}{tuple(value.shape)}".encode())
        digest.update(value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()[:16]


class FeatureFolder:
    """Rows that are known already, by key; new ones are kept too, and written by `save`."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._known: dict[bytes, Features] = {}
        self._new: dict[bytes, Features] = {}
        for path in sorted(folder.glob("*.safetensors")) if folder and folder.is_dir() else ():
            try:
                parts = load_file(path)
                self._known |= {key.tobytes(): row for key, row in zip(parts["keys"], parts["rows"], strict=True)}
            except (OSError, SafetensorError, KeyError, ValueError):
                continue  # a damaged file costs time, not the run: what it held is computed again

    def __contains__(self, key: bytes) -> bool:
        return key in self._known

    def __getitem__(self, key: bytes) -> Features:
        return self._known[key]

    def add(self, key: bytes, row: Features) -> None:
        """Keep one row `(F,)`."""
        self._known[key] = self._new[key] = row

    def save(self) -> None:
        """Write what is new, as one file, atomically. Raises DataError where the folder cannot be written."""
        if self._folder is None or not self._new:
            return
        keys = np.stack([np.frombuffer(key, np.uint8) for key in self._new])
        rows = np.stack(list(self._new.values()))
        path = self._folder / f"{hashlib.blake2b(keys.tobytes(), digest_size=8).hexdigest()}.safetensors"
        try:
            with whole(path) as partial:
                save_file({"keys": keys, "rows": rows}, partial)
        except (OSError, SafetensorError) as error:
            raise DataError(
                f"{self._folder}: features cannot be written ({error}). Next: --features FOLDER elsewhere."
            ) from error
        self._new.clear()


def features_of(
    store: ImageStore,
    encoder: Adapted,
    preprocess: Preprocess,
    *,
    views: int,
    augment: Augment,
    machine: Machine,
    folder: FeatureFolder,
    progress: Progress = SILENT,
) -> Features:
    """`(N, 1 + views, F)`: of each picture as it is, then of `views` changed ones.

    A view depends on the picture and its own number alone, not on the seed of a run: other seeds train on the same
    features, and which of them a step sees is still drawn by the seed.
    """
    out = np.empty((len(store), 1 + views, encoder.recipe.features), np.float32)
    changed = json.dumps(augment.to_dict(), sort_keys=True).encode()
    saved_at, computed = time.monotonic(), 0
    with progress.task("features of the backbone", out.shape[0] * out.shape[1]) as task:
        for start in range(0, len(store), _AT_ONCE):
            images = store.images(np.arange(start, min(start + _AT_ONCE, len(store))))
            keys = [[_key(image, view, changed) for view in range(1 + views)] for image in images]
            missing = [(i, v) for i, row in enumerate(keys) for v, key in enumerate(row) if key not in folder]
            for i, v, row in _compute(images, missing, encoder, preprocess, augment, machine):
                folder.add(keys[i][v], row)
            computed += len(missing)
            for i, row_keys in enumerate(keys):
                out[start + i] = [folder[key] for key in row_keys]
            task.advance(len(images) * (1 + views))
            task.note(f"{computed:,} computed")
            if time.monotonic() - saved_at > _SAVE_S:
                folder.save()
                saved_at = time.monotonic()
    folder.save()
    return out


def _compute(
    images: npt.NDArray[np.uint8],
    missing: list[tuple[int, int]],
    encoder: Adapted,
    preprocess: Preprocess,
    augment: Augment,
    machine: Machine,
) -> Iterator[tuple[int, int, Features]]:
    if not missing:
        return
    inputs = torch.from_numpy(preprocess.normalise(images))  # (B, C, H, W)
    seeds = {i: int.from_bytes(_key(images[i], 0, b"")[:7], "big") for i, _ in missing}
    for start in range(0, len(missing), _AT_ONCE):
        some = missing[start : start + _AT_ONCE]
        pictures = [
            # One by one: a view must not depend on which other pictures are missing.
            augment(inputs[i : i + 1], torch.Generator().manual_seed(derive(seeds[i], "view", v))) if v else
            inputs[i : i + 1]
            for i, v in some
        ]  # fmt: skip
        with torch.inference_mode():
            rows = encoder.features(machine.put(torch.cat(pictures))).cpu().numpy()
        yield from ((i, v, row) for (i, v), row in zip(some, rows, strict=True))


def _key(image: npt.NDArray[np.uint8], view: int, augment: bytes) -> bytes:
    digest = hashlib.blake2b(image.tobytes(), digest_size=16)
    digest.update(f"{image.shape}{view}".encode() + (augment if view else b""))
    return digest.digest()
