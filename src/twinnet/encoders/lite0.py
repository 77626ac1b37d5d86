"""EfficientNet-Lite0: inverted residuals without attention, cheap on a CPU (Tan & Le 2019; the Lite variant, 2020).

Its parameters have the names of the published PyTorch weights, so that they load as they are.
"""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

# Repeats, kernel, stride of the first, expansion, channels: one row for each stage.
_STAGES = ((1, 3, 1, 1, 16), (2, 3, 2, 6, 24), (2, 5, 2, 6, 40), (3, 3, 2, 6, 80), (3, 5, 1, 6, 112), (4, 5, 2, 6, 192),
           (1, 3, 1, 6, 320))  # fmt: skip
_STEM, FEATURES = 32, 1280


class Lite0(nn.Module):
    """`(B, 3, H, W)` → `(B, 1280, H/32, W/32)`."""

    def __init__(self) -> None:
        super().__init__()
        self._conv_stem, self._bn0 = _Same(3, _STEM, 3, 2), _norm(_STEM)
        blocks, channels = [], _STEM
        for repeats, kernel, stride, expansion, out in _STAGES:
            for i in range(repeats):
                blocks.append(_Block(channels, out, kernel, stride if i == 0 else 1, expansion))
                channels = out
        self._blocks = nn.ModuleList(blocks)
        self._conv_head, self._bn1 = _Same(channels, FEATURES, 1, 1), _norm(FEATURES)

    def forward(self, images: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b f i j"]:
        """The last feature maps."""
        return functional.relu6(self._bn1(self._conv_head(self.levels(images, (len(self._blocks) - 1,))[0])))

    def levels(self, images: Float[Tensor, "b 3 h w"], blocks: tuple[int, ...]) -> list[Tensor]:
        """Feature maps behind some of the 16 blocks, ascending; later ones are not computed."""
        x, found = functional.relu6(self._bn0(self._conv_stem(images))), []
        for i, block in enumerate(self._blocks[: max(blocks) + 1]):
            x = block(x)
            if i in blocks:
                found.append(x)
        return found


class _Block(nn.Module):
    """Widen, filter each channel by itself, narrow."""

    def __init__(self, channels: int, out: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        wide = channels * expansion
        self.wider, self.skips = expansion > 1, stride == 1 and channels == out
        if self.wider:
            self._expand_conv, self._bn0 = _Same(channels, wide, 1, 1), _norm(wide)
        self._depthwise_conv, self._bn1 = _Same(wide, wide, kernel, stride, wide), _norm(wide)
        self._project_conv, self._bn2 = _Same(wide, out, 1, 1), _norm(out)

    def forward(self, x: Tensor) -> Tensor:
        wide = functional.relu6(self._bn0(self._expand_conv(x))) if self.wider else x
        wide = functional.relu6(self._bn1(self._depthwise_conv(wide)))
        narrow: Tensor = self._bn2(self._project_conv(wide))
        return x + narrow if self.skips else narrow


class _Same(nn.Conv2d):
    """A convolution padded as TensorFlow pads even sizes: with stride 2, more at the right and below."""

    def __init__(self, channels: int, out: int, kernel: int, stride: int, groups: int = 1) -> None:
        super().__init__(channels, out, kernel, stride, groups=groups, bias=False)
        before, after = (kernel - stride) // 2, (kernel - stride + 1) // 2
        self._pad = (before, after, before, after)

    def forward(self, input: Tensor) -> Tensor:
        return super().forward(functional.pad(input, self._pad))


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=1e-3)
