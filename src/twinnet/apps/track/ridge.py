"""The template a tracker searches with: a ridge regression from views of the target to a bump at its centre.

minimise Σⱼ aⱼ ‖w ⋆ xⱼ − y‖² + λ‖w‖² over filters w that are no larger than the target and its rim. Correlations are
products of spectra, the limit on w is a projection, and conjugate gradients go on from the last w (Galoogahi et al.
2017; Danelljan et al. 2019). Around the target lie hundreds of places that it must not answer at: that is what the
embedding alone, SiamFC's template, does not know.
"""

from __future__ import annotations

import torch
from torch import Tensor


class Ridge:
    """A filter over windows `(D, N, N)`; remembers at most `memory` of them."""

    def __init__(
        self,
        first: Tensor,
        support: tuple[int, int],
        *,
        ridge: float,
        bump: float,
        rate: float,
        keep: float,
        memory: int,
    ) -> None:
        """`first (K, D, N, N)`: views of the target in its first frame, in the middle of each.

        `support`: rows and columns of the filter, odd. `bump`: width of the asked answer, in cells. `rate`: weight of a
        new view; `keep`: what the first ones weigh at least, together.
        """
        self._side = first.shape[-1]
        self._support, self._ridge, self._rate, self._keep = support, ridge, rate, keep
        self._mean = first.mean((0, 2, 3))[:, None, None]
        self._n_first, self._memory = len(first), memory + len(first)
        self._views = _by_frequency(torch.fft.rfft2(first - self._mean))  # (N·(N/2+1), M, D)
        self._weights = torch.full((len(first),), 1 / len(first), dtype=first.dtype)
        at = torch.arange(self._side, dtype=first.dtype) - self._side // 2
        line = torch.exp(-0.5 * (at / bump) ** 2)
        self._asked = torch.fft.rfft2(line[:, None] * line[None, :])
        self._filter = first.new_zeros(first.shape[1], self._side, self._side)
        self._inside = first.new_zeros(self._side, self._side)
        rows, columns = self._range()
        self._inside[rows, columns] = 1
        self.solve(25)

    @property
    def filter(self) -> Tensor:
        """`(D, rows, columns)`, for a plain correlation."""
        rows, columns = self._range()
        return self._filter[:, rows, columns]

    @property
    def mean(self) -> Tensor:
        """What is subtracted from every embedding, `(D, 1, 1)`."""
        return self._mean

    def remember(self, view: Tensor) -> None:
        """One more view `(D, N, N)`; the one that weighs least is forgotten for it, never a first one."""
        new = _by_frequency(torch.fft.rfft2(view - self._mean)[None])  # (F, 1, D)
        if len(self._weights) < self._memory:
            self._views = torch.cat([self._views, new], 1)
            self._weights = torch.cat([self._weights * (1 - self._rate), self._weights.new_tensor([self._rate])])
        else:
            i = self._n_first + int(self._weights[self._n_first :].argmin())
            self._weights = self._weights * (1 - self._rate)
            self._views[:, i], self._weights[i] = new[:, 0], self._rate
        first = self._weights[: self._n_first].sum()
        if first < self._keep:
            self._weights[: self._n_first] *= self._keep / first
        self._weights /= self._weights.sum()

    def solve(self, steps: int) -> None:
        """Some steps of conjugate gradients from where the filter is."""
        w = self._filter
        r = self._project(self._asked.flatten()[:, None, None].expand(-1, len(self._weights), 1)) - self._applied(w)
        p, rr = r, (r * r).sum()
        for _ in range(steps):
            if rr < 1e-12:
                break
            ap = self._applied(p)
            alpha = rr / (p * ap).sum()
            w, r = w + alpha * p, r - alpha * ap
            new = (r * r).sum()
            p, rr = r + new / rr * p, new
        self._filter = w

    def _applied(self, w: Tensor) -> Tensor:
        """(Σ aⱼ XⱼᴴXⱼ + λ) w, within the support."""
        s = torch.fft.rfft2(torch.fft.ifftshift(w, dim=(-2, -1))).flatten(1).T[:, None]  # (F, 1, D)
        # A product and a sum: PyTorch multiplies a complex matrix with one column three times slower than that.
        return self._project((self._views * s.conj()).sum(-1, keepdim=True)) + self._ridge * w

    def _project(self, answers: Tensor) -> Tensor:
        """Σ aⱼ corr(answerⱼ, xⱼ) of answers `(F, M, 1)`: what of them a filter within the support could have made."""
        weighted = answers.conj().resolve_conj() * self._weights[:, None]
        # A row times the views: a column times them turned would be the same, and take seven times longer.
        spectrum = (weighted.mT @ self._views)[:, 0].T.reshape(-1, *self._asked.shape)  # (D, N, N/2+1)
        w = torch.fft.irfft2(spectrum, s=(self._side, self._side))
        shifted: Tensor = torch.fft.fftshift(w, dim=(-2, -1)) * self._inside
        return shifted

    def _range(self) -> tuple[slice, slice]:
        c = self._side // 2
        rows, columns = self._support
        return slice(c - rows // 2, c + rows // 2 + 1), slice(c - columns // 2, c + columns // 2 + 1)


def _by_frequency(spectra: Tensor) -> Tensor:
    """`(M, D, N, N/2+1)` → `(F, M, D)`: what is multiplied together lies together, which is four times quicker."""
    return spectra.flatten(2).permute(2, 0, 1).contiguous()
