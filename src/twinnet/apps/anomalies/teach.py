"""Teach a twin what is good: good images against the same images with invented defects."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from twinnet.apps.anomalies import dense, frozen
from twinnet.apps.anomalies.defects import spoiled
from twinnet.apps.anomalies.dense import DenseTwin, build
from twinnet.apps.anomalies.frozen import FrozenTwin
from twinnet.apps.anomalies.graded import spoiled_by_grades
from twinnet.core.progress import SILENT, Progress
from twinnet.core.seeds import derive, stream
from twinnet.data.plane import Plane, scales, shrunk
from twinnet.training.machine import choose

_BATCH, _RATE = 12, 3e-3


def teach(
    good: Sequence[Plane],
    *,
    seconds: float = 0.0,
    steps: int = 0,
    width: int = 12,
    turns: bool = False,
    seed: int = 0,
    progress: Progress = SILENT,
) -> DenseTwin:
    """A twin that knows `good` images `(H, W)`; `steps` of training, or as many as fit into `seconds`.

    `turns` is for things that may lie in any of four directions. With `steps` the same seed gives the same weights on
    the same machine.
    """
    machine = choose("cpu", "auto")
    net = build(width, derive(seed, "weights"))
    net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    side = _side(good, dense.SIDE, dense.STRIDE)
    good = [shrunk(image, scale) for image in good for scale in scales(image)]
    optimiser = torch.optim.AdamW(net.parameters(), lr=_RATE, weight_decay=0.02)
    begun, step, done = time.monotonic(), 0, 0.0
    net.train()
    with progress.task("learning what is good", total=1.0) as bar:
        while done < 1:
            for group in optimiser.param_groups:
                group["lr"] = _RATE * min(1.0, done / 0.1 + 0.02) * (0.5 + 0.5 * np.cos(np.pi * done))
            rng = stream(seed, "batch", step)
            images, where = spoiled(_crops(good, side, turns, rng, light=True), _crops(good, side, turns, rng), rng)
            with machine.autocast():
                logit, _ = net.seen(images[:, None].contiguous(memory_format=torch.channels_last))
            loss = _loss(logit.float(), where)
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            step += 1
            before, done = done, step / steps if steps else (time.monotonic() - begun) / max(seconds, 1e-9)
            bar.advance(min(done, 1.0) - before)
            if step % 10 == 0:
                bar.note(f"loss {float(loss.detach()):.3f}")
    net.eval()
    return net


def teach_frozen(
    good: Sequence[Plane],
    net: FrozenTwin,
    *,
    seconds: float = 0.0,
    steps: int = 0,
    turns: bool = False,
    seed: int = 0,
    progress: Progress = SILENT,
) -> FrozenTwin:
    """The same for the judge of a frozen network: `steps` batches of larger crops, or at most 40 that fit."""
    side = _side(good, frozen.SIDE, 2 * frozen.STRIDE)

    def crops(step: int) -> tuple[Tensor, Tensor]:
        rng = stream(seed, "batch", step)
        light = _crops(good, side, turns, rng, light=True)
        return spoiled_by_grades(light, _crops(good, side, turns, rng), rng)

    batches = steps or frozen.BATCHES
    net.teach(crops, batches=batches, seconds=0.0 if steps else seconds, seed=derive(seed, "judge"), progress=progress)
    return net


def _side(good: Sequence[Plane], wanted: int, multiple: int) -> int:
    return min(wanted, multiple * (int(max(min(image.shape) for image in good)) // multiple))


def _loss(logit: Tensor, where: Tensor) -> Tensor:
    """Binary cross-entropy at each place; those that a defect barely touches are not asked."""
    touched = functional.max_pool2d(where[:, None], dense.STRIDE)[:, 0]
    share = functional.avg_pool2d(where[:, None], dense.STRIDE)[:, 0]
    asked = ((share > 0.1) | (touched == 0)).float()
    each = functional.binary_cross_entropy_with_logits(logit, touched, reduction="none")
    return (each * asked).sum() / asked.sum()


def _crops(good: Sequence[Plane], side: int, turns: bool, rng: np.random.Generator, light: bool = False) -> Tensor:
    taken = np.stack([_crop(good[int(rng.integers(len(good)))], side, turns, rng) for _ in range(_BATCH)])
    crops = torch.from_numpy(taken)
    if light:
        contrast, shift = (rng.normal(0, 0.15, (_BATCH, 1, 1)).astype(np.float32) for _ in range(2))
        crops = crops * torch.from_numpy(np.exp(contrast)) + torch.from_numpy(shift)
    return crops


def _crop(image: Plane, side: int, turns: bool, rng: np.random.Generator) -> Plane:
    missing = [max(0, side - n) for n in image.shape]
    if any(missing):
        image = np.pad(image, [(0, n) for n in missing], mode="reflect" if min(image.shape) > max(missing) else "edge")
    # Places beyond the border are drawn, too, and moved in: otherwise corners would hardly ever be learned.
    at = [int(np.clip(rng.uniform(-side / 3, n - side + side / 3), 0, n - side)) for n in image.shape]
    crop = image[at[0] : at[0] + side, at[1] : at[1] + side]
    if rng.random() < 0.5:
        crop = crop[:, ::-1]
    if rng.random() < 0.5:
        crop = crop[::-1]
    return crop.T if turns and rng.random() < 0.5 else crop
