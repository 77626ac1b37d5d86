"""A detector of anomalies as one ONNX file: its networks, with the comparison to what is good inside."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn
from torch.nn import functional

from twinnet.apps.anomalies import Detector
from twinnet.apps.anomalies.file import KEY
from twinnet.apps.anomalies.frozen import FrozenTwin
from twinnet.apps.anomalies.patches import stages
from twinnet.apps.anomalies.scorers import Compared, Taught
from twinnet.apps.export.graph import areas, exportable, traced, with_card, written
from twinnet.apps.export.parity import ParityError
from twinnet.core.errors import TwinnetError
from twinnet.core.seeds import stream
from twinnet.core.types import Image
from twinnet.engine import FORMAT, Inspector

TOLERANCE = 1e-3
"""By how much a distance may move, as a share of the largest distance of a good sample."""
_SIZES = ((96, 128), (300, 300), (64, 41), (150, 140))


def export_detector(detector: Detector, out: str | Path, *, tolerance: float = TOLERANCE, seed: int = 0) -> float:
    """Write the file; gives the largest move of a distance when noise is inspected by both.

    Raises ParityError where an alarm flips or a distance moves further than the tolerance: then nothing is written.
    """
    content = detector_bytes(detector)
    inspector = Inspector(content)
    unit = max(float(np.abs(detector.good).max()), 1e-9)
    moved, flipped = 0.0, 0
    for image in _pictures(seed):
        before, after = detector.inspect(image), inspector.inspect(image)
        moved = max(moved, abs(after.distance - before.distance) / max(unit, before.distance))
        flipped += before.alarm != after.alarm
    if flipped or moved > tolerance:
        raise ParityError(
            f"{out}: {flipped} alarms flip and a distance moves by {moved:.2g} (at most {tolerance:g} is allowed); "
            "nothing was written."
        )
    written(Path(out), content)
    return moved


def detector_bytes(detector: Detector) -> bytes:
    """The file, unproven. Raises TwinnetError for scorers that ONNX cannot hold together."""
    scorers = detector.scorers
    card: dict[str, Any] = {
        "format": FORMAT, "kind": "detector", "good": detector.good.tolist(), "held_by": detector.held_by.tolist(),
        "rate": detector.rate, "scorers": len(scorers), "taught": None, "preprocess": None,
    }  # fmt: skip
    taught = [scorer for scorer in scorers if isinstance(scorer, Taught)]
    compared = [scorer for scorer in scorers if isinstance(scorer, Compared)]
    if len(taught) == len(scorers) and len({(type(s.net), s.size_px) for s in taught}) == 1:
        net = taught[0].net
        frozen = isinstance(net, FrozenTwin)
        about = {"size_px": taught[0].size_px, "halved": net.halved, "usual": [list(s.usual) for s in taught]}
        return with_card(_taught(taught, frozen), {**card, "taught": {**about, "shrinks": frozen}})
    if len(compared) == len(scorers) and len({s.model.preprocess for s in compared}) == 1:
        p = compared[0].model.preprocess
        example = torch.zeros(1, p.channels, p.height, p.width)
        content = traced(_Many(nn.ModuleList(map(_Nearest, compared))), {"images": example}, ["maps"], {})
        return with_card(content, {**card, "preprocess": p.to_dict()})
    raise TwinnetError("this detector's scorers see pictures in different ways, which one file cannot hold.")


def _taught(scorers: Sequence[Taught], frozen: bool) -> bytes:
    examples = {"images": torch.zeros(1, 1, 64, 72)}
    open_axes = {"images": {2: "h", 3: "w"}}
    if frozen:
        examples |= {"rows": areas(16, 8), "columns": areas(18, 9)}
        open_axes |= {"rows": {0: "i", 1: "h4"}, "columns": {0: "j", 1: "w4"}}
    found = []
    for k in range(len(scorers)):
        open_axes |= {f"distances{k}": {0: "i", 1: "j"}, f"patches{k}": {0: "k", 1: "l"}}
        found += [f"distances{k}", f"patches{k}", f"bank{k}", f"spread{k}"]
    return traced(_Dense(scorers), examples, found, open_axes)


def is_detector(path: Path) -> bool:
    """Whether a file claims to be one; whether it is whole shows when it is read."""
    try:
        with safe_open(path, framework="np") as opened:
            return KEY in (opened.metadata() or {})
    except (SafetensorError, OSError, ValueError):
        return False


class _Dense(nn.Module):
    """`(1, 1, H, W)` → of each scorer −log p(good) `(I, J)`, patches `(K, L, D)`, and the good ones that it keeps."""

    def __init__(self, scorers: Sequence[Taught]) -> None:
        super().__init__()
        self.nets = nn.ModuleList([copy.deepcopy(scorer.net) for scorer in scorers])
        self.nets.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
        self.nets.eval()
        for k, scorer in enumerate(scorers):
            self.register_buffer(f"bank{k}", torch.from_numpy(scorer.bank.patches.copy()))
            self.register_buffer(f"spread{k}", torch.from_numpy(scorer.bank.spread.copy()))

    def forward(self, images: Tensor, rows: Tensor | None = None, columns: Tensor | None = None) -> list[Tensor]:
        found: list[Tensor] = []
        for k, net in enumerate(self.nets):
            if rows is not None and columns is not None:
                net.shrink = lambda fine, size: rows @ fine @ columns.T  # type: ignore[assignment]
            odds, patches = net.seen(images)  # type: ignore[operator]
            smooth = functional.avg_pool2d(odds[:, None], 3, 1, 1, count_include_pad=False)[0, 0]
            local = functional.avg_pool2d(patches, 3, 1, 1, count_include_pad=False)[0].permute(1, 2, 0)
            found += [functional.softplus(smooth), local, getattr(self, f"bank{k}"), getattr(self, f"spread{k}")]
        return found


class _Many(nn.Module):
    def __init__(self, parts: nn.ModuleList) -> None:
        super().__init__()
        self.parts = parts

    def forward(self, images: Tensor) -> Tensor:
        return torch.cat([part(images) for part in self.parts])


class _Nearest(nn.Module):
    """`(1, C, H, W)` → `(1, I, J)`: of each patch, or of the whole, the distance to the nearest good one."""

    def __init__(self, scorer: Compared) -> None:
        super().__init__()
        self.encoder, self.whole = exportable(scorer.model), scorer.whole
        self.comparison = copy.deepcopy(scorer.model.comparison)
        self.register_buffer("bank", torch.from_numpy(scorer.bank.copy()))

    def forward(self, images: Tensor) -> Tensor:
        bank: Tensor = self.bank  # type: ignore[assignment]
        if self.whole:
            found = self.encoder(images).repeat(len(bank), 1)
            return self.comparison.paired(found, bank).min().reshape(1, 1, 1)  # type: ignore[operator,no-any-return]
        maps = []
        for stage in stages(self.encoder):
            images = stage(images)
            if images.ndim == 4 and images.shape[-1] > 1:
                maps.append(images)
        size = [int(n) for n in maps[len(maps) // 2].shape[-2:]]
        local = [
            functional.interpolate(functional.avg_pool2d(m, 3, 1, 1), size=size, mode="bilinear")
            for m in (maps[len(maps) // 2], maps[-1])
        ]
        patches = torch.cat(local, 1)[0].flatten(1).T  # (I·J, D)
        squared = patches.square().sum(1, keepdim=True) + bank.square().sum(1) - 2 * patches @ bank.T
        return squared.min(1).values.clamp_min(0).sqrt().reshape(1, *size)


def _pictures(seed: int) -> list[Image]:
    rng = stream(seed, "golden")
    return [rng.integers(0, 256, (*size, 1 + 2 * (i % 2)), np.uint8) for i, size in enumerate(_SIZES)]
