"""The model file: safetensors with a JSON manifest in its metadata. Loading runs no code from it.

`docs/formats.md` describes it byte for byte.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from twinnet.core.errors import ModelFileError

FORMAT = 1
_KEY = "twinnet"
_KEYS = {"format", "encoder", "preprocess", "comparison", "rule", "facts", "hash"}


def canonical(value: Any) -> bytes:
    """JSON as bytes in one way only: sorted keys, no spaces, UTF-8, no NaN."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def content_hash(manifest: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 over the manifest without its hash, then each tensor's name, dtype, shape and bytes, sorted by name."""
    digest = hashlib.sha256(canonical({k: v for k, v in manifest.items() if k != "hash"}))
    for name in sorted(tensors):
        tensor = tensors[name].detach().cpu().contiguous()
        digest.update(canonical([name, str(tensor.dtype).removeprefix("torch."), list(tensor.shape)]))
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().tobytes() if tensor.numel() else b"")
    return digest.hexdigest()


def write(path: Path, manifest: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> None:
    """Write atomically: either the old file or the whole new one is there, also after a crash."""
    owned = {name: value.detach().cpu().contiguous().clone() for name, value in tensors.items()}
    complete = {"format": FORMAT, **manifest}
    complete["hash"] = content_hash(complete, owned)
    data = save(owned, metadata={_KEY: canonical(complete).decode()})
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise ModelFileError(f"{path}: the model cannot be written ({error.strerror or error}).") from error


def read(path: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Manifest and tensors; raises ModelFileError for a missing, damaged, foreign or newer file."""
    if path.is_dir():
        raise ModelFileError(f"{path}: this is a folder, not a model file. Next: give the file that train -o wrote.")
    try:
        with path.open("rb") as file:
            start = file.read(8)
    except OSError as error:
        raise ModelFileError(f"{path}: there is no readable model file ({error.strerror or error}).") from error
    if start[:2] in (b"PK", b"\x80\x02", b"\x80\x04", b"\x80\x05"):
        raise ModelFileError(
            f"{path}: this is a pickle or a zip, which twinnet never opens, because loading one can run any code. "
            "Next: train the model with twinnet, or build a Model from the weights yourself."
        )
    try:
        with safe_open(path, framework="pt") as file:
            text = (file.metadata() or {}).get(_KEY)
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  (not a dict)
    except (SafetensorError, OSError, ValueError, TypeError, KeyError, OverflowError) as error:
        raise ModelFileError(
            f"{path}: this is not a whole safetensors file ({error}). Next: copy it again, or restore a backup."
        ) from error
    if text is None:
        raise ModelFileError(f"{path}: a safetensors file, but not of a twinnet model: it has no manifest.")
    return _checked(path, text, tensors), tensors


def _checked(path: Path, text: str, tensors: dict[str, Tensor]) -> dict[str, Any]:
    damaged = f"{path}: the model file is damaged: "
    try:
        manifest = json.loads(text)
    except ValueError as error:
        raise ModelFileError(damaged + f"its manifest is not JSON ({error}).") from error
    if not isinstance(manifest, dict) or not isinstance(manifest.get("format"), int):
        raise ModelFileError(damaged + "its manifest names no format.")
    if manifest["format"] > FORMAT:
        raise ModelFileError(
            f"{path}: written in format {manifest['format']}, and this twinnet reads up to {FORMAT}. "
            "Next: pip install --upgrade twinnet."
        )
    if set(manifest) != _KEYS:
        odd = sorted(set(manifest) ^ _KEYS)
        raise ModelFileError(damaged + f"its manifest lacks or has too much: {', '.join(odd)}.")
    if manifest["hash"] != content_hash(manifest, tensors):
        raise ModelFileError(damaged + "its content does not match its hash. Next: copy it again, or restore a backup.")
    return manifest
