"""A pre-trained network as the twin's eyes, frozen; only a small judge of each place is taught, on invented defects."""

from __future__ import annotations

import time
from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from twinnet.core.progress import SILENT, Progress
from twinnet.encoders.adapters.lite0_package import shipped
from twinnet.encoders.lite0 import Lite0

STRIDE = 8
"""Pixels from one place to the next."""
SIDE = 192
"""Pixels of the crops it is taught on: what a place sees is wider than for the twin of our own."""
BATCHES = 40
"""Of crops, at most, unless told otherwise: a judge of 20,000 weights learns no more from others."""

_BLOCKS = (2, 4, 10)  # strides 4, 8, 16; the last of each but the fourth, which knows things rather than surfaces
_CHANNELS = (24, 40, 112)
_HIDDEN, _PLACES, _ROUNDS, _RATE = 64, 4096, 4, 3e-3
_CONTRAST = 0.9  # standardised pixels come as bright as ImageNet's were

Crops = Callable[[int], tuple[Tensor, Tensor]]  # step → crops (B, S, S) and where they are spoiled


class FrozenTwin(nn.Module):
    """`(B, 1, H, W)` standardised grey → log odds of *defect* on a grid of 8 pixels, patch embeddings on one of 16."""

    centre: Tensor
    spread: Tensor
    halved = False
    """Whether large images are to be seen at half their size as well: its last feature map sees some 200 pixels."""

    def __init__(self, trunk: Lite0) -> None:
        super().__init__()
        self.trunk = trunk.eval().requires_grad_(False)
        self.shrink: Callable[..., Tensor] = functional.adaptive_avg_pool2d  # ONNX knows no such layer: see `export`
        self.register_buffer("centre", torch.zeros(sum(_CHANNELS)))
        self.register_buffer("spread", torch.ones(sum(_CHANNELS)))
        self.judge = nn.Sequential(
            nn.Linear(sum(_CHANNELS), _HIDDEN), nn.ReLU(), nn.Linear(_HIDDEN, _HIDDEN), nn.ReLU(), nn.Linear(_HIDDEN, 1)
        )

    def seen(self, images: Float[Tensor, "b 1 h w"]) -> tuple[Tensor, Tensor]:
        """Log odds `(B, I, J)` and patch embeddings `(B, D, K, L)`."""
        levels = self.trunk.levels((images * _CONTRAST).expand(-1, 3, -1, -1), _BLOCKS)
        places = (_beside(levels, self.shrink) - self.centre) / self.spread
        return self.judge(places)[..., 0], levels[-1]

    def teach(self, crops: Crops, *, batches: int, seconds: float, seed: int, progress: Progress = SILENT) -> None:
        """Look at `batches` of crops, or as many as fit into `seconds`, once; then teach the judge."""
        seen, asked = self._look(crops, batches, seconds, progress)
        self.centre.copy_(seen.mean(0))
        self.spread.copy_(seen.std(0) + 1e-6)
        seen = (seen - self.centre) / self.spread
        optimiser = torch.optim.AdamW(self.judge.parameters(), lr=_RATE, weight_decay=0.01)
        steps = max(1, _ROUNDS * len(seen) // _PLACES)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
        order = torch.Generator().manual_seed(seed)
        for _ in range(steps):
            some = torch.randint(0, len(seen), (_PLACES,), generator=order)
            loss = functional.binary_cross_entropy_with_logits(self.judge(seen[some])[:, 0], asked[some])
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            schedule.step()
        self.eval()

    def _look(self, crops: Crops, batches: int, seconds: float, progress: Progress) -> tuple[Tensor, Tensor]:
        """Places `(N, D)`, and whether a defect touches each; those that it barely touches are left out."""
        seen: list[Tensor] = []
        asked: list[Tensor] = []
        begun = time.monotonic()
        with progress.task("learning what is good", batches) as bar, torch.no_grad():
            for step in range(batches):
                if seen and seconds and time.monotonic() - begun > seconds:
                    break
                images, where = crops(step)
                levels = self.trunk.levels((images[:, None] * _CONTRAST).expand(-1, 3, -1, -1), _BLOCKS)
                places = _beside(levels, self.shrink)
                touched, share = (
                    pool(where[:, None], (places.shape[1], places.shape[2]))[:, 0]
                    for pool in (functional.adaptive_max_pool2d, functional.adaptive_avg_pool2d)
                )
                clear = (share > 0.05) | (touched == 0)
                seen.append(places[clear])
                asked.append(touched[clear])
                bar.advance(1)
        return torch.cat(seen), torch.cat(asked)


def _beside(levels: list[Tensor], shrink: Callable[..., Tensor]) -> Tensor:
    """Feature maps of strides 4, 8 and 16 → one of stride 8, `(B, I, J, D)`."""
    fine, middle, coarse = levels
    size = (middle.shape[-2], middle.shape[-1])
    fine = shrink(fine, size)
    coarse = functional.interpolate(coarse, size=size, mode="bilinear")
    return torch.cat([fine, middle, coarse], 1).permute(0, 2, 3, 1)


def build(seed: int) -> FrozenTwin:
    """With the weights of ImageNet, and a judge that depends on the seed alone. Raises MissingExtra without them."""
    trunk = shipped()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return FrozenTwin(trunk)
