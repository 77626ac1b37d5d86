"""The model file: safetensors with a JSON manifest in its metadata. Loading runs no code from it.

`docs/formats.md` describes it byte for byte.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from twinnet.core.errors import ModelFileError
from twinnet.core.whole import whole

FORMAT = 1
_KEY = "twinnet"
_KEYS = {"format", "encoder", "preprocess", "comparison", "rule", "facts", "hash"}
_MAX_HEADER = 100_000_000  # bytes; the same bound as safetensors'
_AGAIN = "Next: copy it again, or restore a backup."


def canonical(value: Any) -> bytes:
    """JSON as bytes in one way only: sorted keys, no spaces, UTF-8, no NaN."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def plain(value: Any) -> Any:
    """As JSON can hold it: NumPy's numbers become Python's, and what is not a number (a loss that ran away) null."""
    value = value.item() if isinstance(value, np.generic) else value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): plain(part) for key, part in value.items()}
    return [plain(part) for part in value] if isinstance(value, list | tuple) else value


def content_hash(manifest: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 over the manifest without its hash, then each tensor's name, dtype, shape and bytes, sorted by name."""
    digest = hashlib.sha256(canonical({k: v for k, v in manifest.items() if k != "hash"}))
    for name in sorted(tensors):
        tensor = tensors[name].detach().cpu().contiguous()
        digest.update(canonical([name, str(tensor.dtype).removeprefix("torch."), list(tensor.shape)]))
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().tobytes() if tensor.numel() else b"")
    return digest.hexdigest()


def write(path: Path, manifest: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> None:
    """Write a model, as `write_sealed`."""
    write_sealed(path, _KEY, {"format": FORMAT, **manifest}, tensors)


def write_sealed(
    path: Path, kind: str, manifest: Mapping[str, Any], tensors: Mapping[str, Tensor], *, what: str = "model"
) -> None:
    """Write atomically: either the old file or the whole new one is there, also after a crash.

    `kind` names the manifest in the metadata, `what` the thing in an error. Raises ModelFileError where it cannot be
    written.
    """
    owned = {name: value.detach().cpu().contiguous().clone() for name, value in tensors.items()}
    data = save(owned, metadata={kind: canonical({**manifest, "hash": content_hash(manifest, owned)}).decode()})
    try:
        with whole(path) as partial:
            partial.write_bytes(data)
    except OSError as error:
        raise ModelFileError(f"{path}: the {what} cannot be written ({error.strerror or error}).") from error


def read(path: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Manifest and tensors; raises ModelFileError for a missing, damaged, foreign or newer file."""
    text = _manifest_text(path)
    try:
        with safe_open(path, framework="pt") as file:
            # Copies: a tensor that stays mapped to the file would change, or crash, when the file is overwritten.
            tensors = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118  (not a dict)
    except (SafetensorError, OSError, ValueError, TypeError, KeyError, OverflowError) as error:
        raise ModelFileError(f"{path}: this is not a whole safetensors file ({error}). {_AGAIN}") from error
    return _checked(path, text, tensors), tensors


def _manifest_text(path: Path) -> str:
    """The manifest as it stands in the header, of a file whose header is whole and written in the one known way."""
    if path.is_dir():
        raise ModelFileError(f"{path}: this is a folder, not a model file. Next: give the file that train -o wrote.")
    try:
        with path.open("rb") as file:
            start, size = file.read(8), os.fstat(file.fileno()).st_size
            length = int.from_bytes(start, "little")
            fits = len(start) == 8 and length <= min(size - 8, _MAX_HEADER)
            raw = file.read(length) if fits else b""
    except OSError as error:
        raise ModelFileError(
            f"{path}: there is no readable model file ({error.strerror or error}). Next: check the spelling."
        ) from error
    try:
        header = json.loads(raw)
        text = header.get("__metadata__", {}).get(_KEY)
        written = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    except (ValueError, AttributeError, RecursionError) as error:
        raise ModelFileError(f"{path}: {_what_else(start, length, size, fits)}") from error
    if not isinstance(text, str):
        raise ModelFileError(
            f"{path}: a safetensors file, but not of a twinnet model: it has no manifest. "
            "Next: give the file that train -o wrote."
        )
    # JSON can say one thing in many ways; only one is taken, so that not even a padding byte may change unnoticed.
    if raw != written.ljust(-(-len(written) // 8) * 8):
        raise ModelFileError(f"{path}: the model file is damaged: its header is not as it was written. {_AGAIN}")
    return text


def _what_else(start: bytes, length: int, size: int, fits: bool) -> str:
    """Why this is no safetensors file. Asked only then: a sound file may begin with these bytes too, as its length."""
    if not size:
        return f"the file is empty. {_AGAIN}"
    if start.startswith((b"PK", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")):
        return (
            "this is a pickle or a zip, which twinnet never opens, because loading one can run any code. "
            "Next: train the model with twinnet, or build a Model from the weights yourself."
        )
    if not fits:
        claimed = f"claims a header of {length:,} bytes" if len(start) == 8 else "is shorter than any model"
        return f"not a model, or not a whole one: it {claimed} and has {size:,} bytes in all. {_AGAIN}"
    return f"not a model, or a damaged one: its header is not JSON. {_AGAIN}"


def _checked(path: Path, text: str, tensors: dict[str, Tensor]) -> dict[str, Any]:
    damaged = f"{path}: the model file is damaged: "
    try:
        manifest = json.loads(text)
        one_way = text.encode() == canonical(manifest)
    except (ValueError, RecursionError) as error:
        raise ModelFileError(damaged + f"its manifest is not JSON ({error}). {_AGAIN}") from error
    if not isinstance(manifest, dict) or type(manifest.get("format")) is not int or manifest["format"] < 1:
        raise ModelFileError(damaged + f"its manifest names no format. {_AGAIN}")
    if manifest["format"] > FORMAT:
        raise ModelFileError(
            f"{path}: written in format {manifest['format']}, and this twinnet reads up to {FORMAT}. "
            "Next: pip install --upgrade twinnet."
        )
    if set(manifest) != _KEYS:
        odd = sorted(set(manifest) ^ _KEYS)
        raise ModelFileError(damaged + f"its manifest lacks or has too much: {', '.join(odd)}. {_AGAIN}")
    if not one_way or manifest["hash"] != content_hash(manifest, tensors):
        raise ModelFileError(damaged + f"its content does not match its hash. {_AGAIN}")
    return manifest
