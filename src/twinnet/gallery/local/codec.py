"""Embeddings as bytes: float32 and float16 little-endian; int8 with one float32 scale in front."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from twinnet.core.errors import ConfigError, GalleryDamaged
from twinnet.gallery.types import Binding, Dtype, Embeddings

BYTES: dict[str, tuple[int, int]] = {"float32": (0, 4), "float16": (0, 2), "int8": (4, 1)}  # head, bytes per number
_KIND = {"float32": "<f4", "float16": "<f2", "int8": "i1"}


def encode(vector: Embeddings, dtype: Dtype) -> bytes:
    """`(D,)` → bytes. Raises ConfigError for numbers that float16 cannot hold."""
    if dtype == "int8":
        # Symmetric, each vector by its own largest number: the error is at most scale / 2 per number.
        scale = np.float32(max(float(np.abs(vector).max(initial=0)), 1e-30) / 127)
        numbers = np.rint(vector / scale).astype(np.int8)
        return bytes(scale.astype("<f4").tobytes() + numbers.tobytes())
    if dtype == "float16" and np.abs(vector).max(initial=0) > np.finfo(np.float16).max:
        raise ConfigError("an embedding has numbers beyond 65,504, which float16 cannot hold. Next: store float32.")
    return vector.astype(_KIND[dtype]).tobytes()


def decode(blobs: Sequence[bytes], dtype: Dtype, dim: int) -> Embeddings:
    """N of them → `(N, D)` float32. Raises GalleryDamaged where a length is wrong."""
    head, size = BYTES[dtype]
    if any(len(blob) != head + size * dim for blob in blobs):
        raise GalleryDamaged(f"an embedding has another length than {dim} numbers of {dtype}. Next: verify-integrity.")
    raw = np.frombuffer(b"".join(blobs), np.uint8).reshape(len(blobs), head + size * dim)
    numbers = np.ascontiguousarray(raw[:, head:]).view(_KIND[dtype]).astype(np.float32)  # (N, D)
    if dtype == "int8":
        numbers *= np.ascontiguousarray(raw[:, :head]).view("<f4")  # (N, 1)
    return numbers


def compared(vectors: Embeddings, binding: Binding) -> Embeddings:
    """`(N, D)` as they are searched: of length 1 where the model says so, and for the cosine."""
    if not binding.normalise and binding.comparison != "cosine":
        return vectors
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)  # (N, 1)
    unit: Embeddings = (vectors / np.maximum(lengths, 1e-12)).astype(np.float32)
    return unit
