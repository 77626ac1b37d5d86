"""Patch embeddings of a trained twin against a coreset of good ones (PatchCore; Roth et al. 2022)."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from twinnet.core.seeds import stream
from twinnet.core.types import Image
from twinnet.index import Exact
from twinnet.model import Model

Patches = npt.NDArray[np.float32]

_OF_EACH, _CANDIDATES, _KEPT = 1_000, 20_000, 2_000


def maps(model: Model, image: Image) -> Patches:
    """`(H, W, C)` → patch embeddings `(I, J, D)`: a middle and the last feature map, each averaged over 3 × 3."""
    images = torch.from_numpy(model.preprocess.normalise(model.preprocess.apply(image)[None]))
    found: list[Tensor] = []
    with torch.inference_mode():
        for stage in stages(model.encoder):
            images = stage(images)
            if images.ndim == 4 and images.shape[-1] > 1:
                found.append(images)
    size = found[len(found) // 2].shape[-2:]
    chosen = (found[len(found) // 2], found[-1])
    local = [functional.interpolate(functional.avg_pool2d(m, 3, 1, 1), size=size, mode="bilinear") for m in chosen]
    return np.ascontiguousarray(torch.cat(local, 1)[0].permute(1, 2, 0).float().numpy())


def coreset(patches: Patches, seed: int) -> Patches:
    """Of `(N, D)` those that cover the rest best, greedily: the next is always the one farthest from all chosen."""
    rng = stream(seed, "coreset")
    some = patches[np.sort(rng.permutation(len(patches))[:_CANDIDATES])]
    if len(some) <= _KEPT:
        return some
    chosen = [int(rng.integers(len(some)))]
    nearest = np.full(len(some), np.inf, np.float32)
    half = (some**2).sum(1) / 2
    for _ in range(_KEPT - 1):
        # Half the squared distance by one product of matrix and vector: the same order, a fifth of the time.
        nearest = np.minimum(nearest, half + half[chosen[-1]] - some @ some[chosen[-1]])
        chosen.append(int(nearest.argmax()))
    return some[chosen]


def bank_of(model: Model, good: Iterable[Image], seed: int) -> Patches:
    """The coreset of good images' patches. Of each image only some are candidates, so that all fit into memory."""
    kept = []
    for i, image in enumerate(good):
        found = maps(model, image)
        found = found.reshape(-1, found.shape[-1])
        kept.append(found[stream(seed, "patches", i).permutation(len(found))[:_OF_EACH]])
    return coreset(np.concatenate(kept), seed)


def distances(model: Model, bank: Patches, image: Image) -> Patches:
    """How far each patch is from its nearest good one, `(I, J)`."""
    found = maps(model, image)
    index = Exact(bank.shape[1])
    index.add(np.arange(len(bank)), bank)
    d = index.search(found.reshape(-1, found.shape[-1]), 1).distances[:, 0]
    return np.asarray(d.reshape(found.shape[:2]), np.float32)


def stages(encoder: nn.Module) -> list[nn.Module]:
    """What an image passes one after the other."""
    trunk = getattr(encoder, "trunk", None)
    return list(trunk) if isinstance(trunk, nn.Sequential) else [trunk or encoder]
