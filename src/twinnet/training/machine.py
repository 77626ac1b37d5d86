"""What this machine is good at: device, number format, memory format."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor

from twinnet.core.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Machine:
    """Where and in which precision the network runs."""

    device: torch.device
    dtype: torch.dtype

    def autocast(self) -> torch.autocast:
        """The context in which the encoder runs; losses and distances stay in float32 outside of it."""
        return torch.autocast(self.device.type, self.dtype, enabled=self.dtype is not torch.float32)

    @contextmanager
    def seeded(self, seed: int) -> Iterator[None]:
        """Dropout and the like draw from `seed` inside; afterwards torch's random state is as it was."""
        if self.device.type != "cpu":
            with torch.random.fork_rng(devices=[self.device]):
                torch.manual_seed(seed)
                yield
            return
        # What fork_rng does, without asking about devices that are not used: 0.5 % of a step.
        state = torch.default_generator.get_state()
        torch.default_generator.manual_seed(seed)
        try:
            yield
        finally:
            torch.default_generator.set_state(state)

    def put(self, images: Tensor) -> Tensor:
        """`(B, C, H, W)` on the device, channels last, which convolutions prefer on both CPU and GPU."""
        return images.to(self.device, non_blocking=True).contiguous(memory_format=torch.channels_last)


def choose(device: str = "auto", precision: str = "auto") -> Machine:
    """Resolve `auto`: a GPU if there is one; bfloat16 where the hardware multiplies in it."""
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    elif device.startswith("cuda") and not torch.cuda.is_available():
        raise ConfigError(f"device {device} was asked for, but torch sees no GPU. Next: --device cpu.")
    if precision == "auto":
        precision = "bfloat16" if _gains_from_bfloat16(device) else "float32"
    return Machine(torch.device(device), torch.bfloat16 if precision == "bfloat16" else torch.float32)


def _gains_from_bfloat16(device: str) -> bool:
    if device != "cpu":
        return bool(torch.cuda.is_bf16_supported())
    # Without such an instruction bfloat16 is emulated, and slower than float32.
    capabilities = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))
