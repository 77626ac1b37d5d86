"""Files of other kinds of model: safetensors with a JSON manifest and a hash, like the model file. Runs no code."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from twinnet.core.errors import ModelFileError
from twinnet.model.file import canonical, content_hash


def write_sealed(path: Path, kind: str, manifest: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> None:
    """Write atomically; `kind` names the manifest in the metadata. Raises ModelFileError where it cannot be written."""
    owned = {name: value.detach().cpu().contiguous().clone() for name, value in tensors.items()}
    data = save(owned, metadata={kind: canonical({**manifest, "hash": content_hash(manifest, owned)}).decode()})
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


def read_sealed(
    path: Path, kind: str, form: int, keys: set[str], again: str
) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Manifest and tensors of a file of this `kind` and format `form`, whose manifest has exactly these `keys`.

    Raises ModelFileError for a missing, damaged, foreign, older or newer file; `again` is the next step.
    """
    try:
        with safe_open(path, framework="pt") as file:
            text = (file.metadata() or {}).get(kind)
            tensors = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118  (not a dict)
    except (SafetensorError, OSError, ValueError) as error:
        raise ModelFileError(f"{path}: there is no readable model ({error}). {again}") from error
    if text is None:
        raise ModelFileError(f"{path}: this is a model of another kind, or an older twinnet made it. {again}")
    try:
        manifest = json.loads(text)
        sound = set(manifest) == keys and manifest["hash"] == content_hash(
            {k: v for k, v in manifest.items() if k != "hash"}, tensors
        )
        age = manifest.get("format")
    except (ValueError, TypeError, AttributeError) as error:
        raise ModelFileError(f"{path}: the model is damaged ({error}). {again}") from error
    if type(age) is int and age != form:
        raise ModelFileError(f"{path}: made by {'a newer' if age > form else 'an older'} twinnet. {again}")
    if not sound:
        raise ModelFileError(f"{path}: the model is damaged: its content does not match its hash. {again}")
    return manifest, tensors
