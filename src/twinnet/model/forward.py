"""Images → embeddings, on whatever machine there is."""

from __future__ import annotations

import copy
from contextlib import nullcontext

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from twinnet.data.preprocess import Preprocess

Embeddings = npt.NDArray[np.float32]
_MANY = 2048  # items from which carrying the weights to a GPU pays


def forward(encoder: nn.Module, preprocess: Preprocess, images: npt.NDArray[np.uint8]) -> Embeddings:
    """Preprocessed images `(B, H, W, C)` uint8 → `(B, D)` float32 on the CPU, wherever the encoder is."""
    encoder.eval()
    device = next(encoder.parameters()).device
    inputs = torch.from_numpy(preprocess.normalise(images)).to(device)
    # TensorFloat-32 would move distances by 1e-3, and with them verdicts, between a machine with a GPU and one without.
    exact = torch.backends.cudnn.flags(enabled=True, deterministic=True, allow_tf32=False)
    with torch.inference_mode(), exact if device.type == "cuda" else nullcontext():
        embedded: Embeddings = encoder(inputs.contiguous(memory_format=torch.channels_last)).cpu().numpy()
    return embedded


def placed(encoder: nn.Module, n: int) -> nn.Module:
    """The encoder where `n` items pass it soonest: a copy on a GPU if there are many and there is one."""
    at_home = next(encoder.parameters()).device
    if n < _MANY or at_home.type != "cpu" or not torch.cuda.is_available():
        return encoder
    return copy.deepcopy(encoder).to("cuda")


def geometry(preprocess: Preprocess) -> str:
    """What decides the pixels of a loaded image; mean and std come after loading."""
    p = preprocess
    more = [" trim"] * p.trim + [f" ink {p.ink}"] * (p.ink != "as_is") + [f" centre {p.centre:g}"] * (p.centre < 1)
    return f"{p.height}×{p.width}×{p.channels} {p.fit} {p.polarity}" + "".join(more)
