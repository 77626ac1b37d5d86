"""Randomness is handed over, never global: one seed, and a named stream for each use of it."""

from __future__ import annotations

import zlib

import numpy as np

from twinnet.core.errors import ConfigError


def stream(seed: int, *names: str | int) -> np.random.Generator:
    """A generator that depends on the seed and on every name, so that adding a use changes no other use.

    >>> stream(7, "split").integers(100) == stream(7, "split").integers(100)
    True
    """
    if seed < 0:
        raise ConfigError(f"a seed must be 0 or more, not {seed}.")
    return np.random.default_rng(np.random.SeedSequence([seed, *map(_number, names)]))


def derive(seed: int, *names: str | int) -> int:
    """A 63-bit seed for libraries that take a number, such as `torch.Generator.manual_seed`."""
    return int(stream(seed, *names).integers(2**63 - 1))


def _number(name: str | int) -> int:
    return name if isinstance(name, int) else zlib.crc32(name.encode())
