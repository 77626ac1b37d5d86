"""What the twin is taught by: find the exemplar again in the search view, among all places of all search views.

Two templates are made of each exemplar's embedding and correlated with the search views': the embedding itself (SiamFC,
Bertinetto et al. 2016) and the filter of a ridge regression on it (CFNet, Valmadre et al. 2017; DCFNet, Wang et al.
2017), which is what a tracker refines as it goes. Both are differentiated through, down to the one encoder.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from twinnet.encoders.places import STRIDE

Maps = Float[Tensor, "b d i j"]
_SHARPNESS = 0.8  # cells: how wide the right place is
_RIDGE = 0.01  # of the number of places


class Lesson(nn.Module):
    """Embeddings of B exemplars and searches `(B, D, N, N)`, boxes `(B, 4)` in pixels → one value to minimise.

    The temperatures are learned beside the encoder.
    """

    def __init__(self) -> None:
        super().__init__()
        self.twin_scale = nn.Parameter(torch.tensor(2.5))
        self.ridge_scale = nn.Parameter(torch.tensor(2.5))

    def forward(self, exemplar: Maps, search: Maps, box: Tensor, found: Tensor) -> tuple[Tensor, dict[str, float]]:
        side = exemplar.shape[-1]
        shift = (found[:, :2] + found[:, 2:] / 2 - box[:, :2] - box[:, 2:] / 2) / STRIDE  # (B, 2) in cells
        right = wrapped_bump(shift, side)  # (B, N, N): where each template should answer
        spectra = torch.fft.rfft2(search.float())
        alike = _twin(exemplar.float(), spectra, box, side)  # (B, B, N, N) cosine
        logits = alike * self.twin_scale.exp()
        n = len(logits)
        others = torch.logsumexp(logits.flatten(1), 1)
        own = logits[torch.arange(n), torch.arange(n)]
        twin = (others - (own * right).sum((1, 2))).mean()
        answer = _ridge(exemplar.float(), spectra, side) * self.ridge_scale.exp()  # (B, N, N)
        ridge = (torch.logsumexp(answer.flatten(1), 1) - (answer * right).sum((1, 2))).mean()
        with torch.no_grad():
            facts = {
                "twin": float(twin), "ridge": float(ridge), "hit": hits(own, shift), "hit_ridge": hits(answer, shift),
                "alike": float((own / self.twin_scale.exp() * right).sum((1, 2)).mean()),
            }  # fmt: skip
        return twin + ridge, facts


def wrapped_bump(shift: Tensor, side: int, wide: float = _SHARPNESS) -> Tensor:
    """Bumps of sum 1 at `shift (B, 2)` x, y cells, on a torus: `(B, N, N)`, shift 0 at the corner."""
    at = torch.arange(side, dtype=torch.float32)
    parts = []
    for axis in (1, 0):
        d = (at[None] - shift[:, axis : axis + 1] + side / 2) % side - side / 2
        parts.append(torch.exp(-0.5 * (d / wide) ** 2))
    bump = parts[0][:, :, None] * parts[1][:, None, :]
    return bump / bump.sum((1, 2), keepdim=True)


def hits(answers: Tensor, shift: Tensor) -> float:
    """Share of answers `(B, N, N)` whose peak lies within 1.5 cells of `shift (B, 2)`."""
    side = answers.shape[-1]
    peak = answers.flatten(1).argmax(1)
    at = torch.stack([peak % side, peak // side], 1).float()
    off = (at - shift + side / 2) % side - side / 2
    return float((off.abs().amax(1) <= 1.5).float().mean())


def _twin(exemplar: Tensor, spectra: Tensor, box: Tensor, side: int) -> Tensor:
    """Mean cosine of each exemplar's places inside its box with those of every search view, at every shift."""
    at = (torch.arange(side, dtype=torch.float32) + 0.5) * STRIDE
    x = (at[None] > box[:, :1]) & (at[None] < box[:, :1] + box[:, 2:3])  # (B, N)
    y = (at[None] > box[:, 1:2]) & (at[None] < box[:, 1:2] + box[:, 3:4])
    inside = (y[:, :, None] & x[:, None, :]).float()
    template = exemplar * (inside / inside.sum((1, 2), keepdim=True).clamp_min(1))[:, None]
    product = torch.einsum("adij,bdij->abij", torch.fft.rfft2(template).conj(), spectra)
    alike: Tensor = torch.fft.irfft2(product, s=(side, side))
    return alike


def _ridge(exemplar: Tensor, spectra: Tensor, side: int) -> Tensor:
    """What the ridge regression from the exemplar to a bump in its middle answers on its own search view."""
    fade = torch.hann_window(side, periodic=False)
    z = torch.fft.rfft2(exemplar * (fade[:, None] * fade[None, :]))  # (B, D, N, N/2+1)
    asked = torch.fft.rfft2(wrapped_bump(torch.zeros(1, 2), side, 2 * _SHARPNESS))
    energy = (z.abs() ** 2).sum(1) + _RIDGE * side * side
    product = (z.conj() * spectra).sum(1) * asked / energy
    answers: Tensor = torch.fft.irfft2(product, s=(side, side)) * (side * side / 10)
    return answers
