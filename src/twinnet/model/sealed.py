"""Reading files of other kinds of model, which `write_sealed` wrote as it does a model's. Runs no code."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from torch import Tensor

from twinnet.core.errors import ModelFileError
from twinnet.model.file import content_hash


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
