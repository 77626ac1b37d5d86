"""The detector's file: safetensors with a JSON manifest. Loading runs no code from it."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from twinnet.apps.anomalies.dense import DenseTwin
from twinnet.apps.anomalies.frozen import FrozenTwin
from twinnet.apps.anomalies.scorers import Compared, Scorer, Taught, Twin
from twinnet.core.errors import ModelFileError
from twinnet.core.types import FloatArray, IntArray
from twinnet.data.plane import LEAST_PX, MOST_PX
from twinnet.encoders.lite0 import Lite0
from twinnet.engine.places import Bank
from twinnet.model import Model, load
from twinnet.model.file import content_hash, plain, write_sealed

FORMAT = 2
KEY = "twinnet.anomalies"
_MAX_WIDTH = 512


def write(
    path: Path, scorers: Sequence[Scorer], good: FloatArray, held_by: IntArray, rate: float, facts: Mapping[str, Any]
) -> None:
    """Atomically. Raises ModelFileError where it cannot be written."""
    tensors: dict[str, Tensor] = {"good": torch.from_numpy(good.copy()), "held_by": torch.from_numpy(held_by.copy())}
    parts: list[dict[str, Any]] = []
    for i, scorer in enumerate(scorers):
        if isinstance(scorer, Taught):
            eyes = {"width": scorer.net.width} if isinstance(scorer.net, DenseTwin) else {"pretrained": "lite0"}
            parts.append({"kind": "taught", "size_px": scorer.size_px, "usual": list(scorer.usual)} | eyes)
            state = scorer.net.state_dict()
            tensors |= {f"{i}.net.{name}": value.detach().contiguous().clone() for name, value in state.items()}
            tensors[f"{i}.bank"] = torch.from_numpy(scorer.bank.patches.copy())
            tensors[f"{i}.spread"] = torch.from_numpy(scorer.bank.spread.copy())
        elif isinstance(scorer, Compared):
            parts.append({"kind": "compared", "whole": scorer.whole, "fingerprint": scorer.model.fingerprint})
            tensors[f"{i}.bank"] = torch.from_numpy(scorer.bank.copy())
            tensors[f"{i}.model"] = torch.from_numpy(np.frombuffer(_bytes_of(scorer.model), np.uint8).copy())
    manifest: dict[str, Any] = {"format": FORMAT, "rate": rate, "parts": parts, "facts": plain(dict(facts))}
    write_sealed(path, KEY, manifest, tensors, what="detector")


def read(path: Path) -> tuple[tuple[Scorer, ...], FloatArray, IntArray, float, dict[str, Any]]:
    """The parts of a detector. Raises ModelFileError for a missing, damaged or foreign file."""
    try:
        with safe_open(path, framework="pt") as opened:
            text = (opened.metadata() or {}).get(KEY)
            tensors = {name: opened.get_tensor(name).clone() for name in opened.keys()}  # noqa: SIM118  (not a dict)
    except (SafetensorError, OSError, ValueError) as error:
        raise ModelFileError(
            f"{path}: there is no readable detector ({error}). Next: make one with twinnet anomalies fit."
        ) from error
    if text is None:
        raise ModelFileError(f"{path}: this is no detector. Next: give the file that anomalies fit -o wrote.")
    try:
        manifest = json.loads(text)
        if manifest["format"] != FORMAT:
            age = "a newer" if manifest["format"] > FORMAT else "an older"
            raise ModelFileError(f"{path}: made by {age} twinnet. Next: fit anew, or use that version.")
        if manifest["hash"] != content_hash(manifest, tensors):
            raise ModelFileError(f"{path}: the detector is damaged. Next: copy it again, or fit anew.")
        scorers = tuple(_scorer(part, i, tensors) for i, part in enumerate(manifest["parts"]))
        good, held_by = tensors["good"].numpy(), tensors["held_by"].numpy()
        _check(good, held_by, manifest["rate"], len(scorers))
        return scorers, np.asarray(good, np.float64), np.asarray(held_by, np.int64), manifest["rate"], manifest["facts"]
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise ModelFileError(f"{path}: the detector is not as it was written ({error}). Next: fit anew.") from error


def _check(good: npt.NDArray[Any], held_by: npt.NDArray[Any], rate: Any, n_scorers: int) -> None:
    """The hash says that a file is as it was written, not that what was written makes sense."""
    if good.ndim != 1 or good.shape != held_by.shape or not len(good) or not np.isfinite(good).all():
        raise ValueError(f"{good.shape} distances of good samples, {held_by.shape} owners")
    if held_by.dtype.kind not in "iu" or not n_scorers or held_by.min() < 0 or held_by.max() >= n_scorers:
        raise ValueError(f"owners beyond its {n_scorers} scorers")
    if isinstance(rate, bool) or not isinstance(rate, int | float) or not 0 < rate < 1:
        raise ValueError(f"a rate of {rate!r}")


def _scorer(part: Mapping[str, Any], i: int, tensors: Mapping[str, Tensor]) -> Scorer:
    if part["kind"] == "taught":
        net = _twin(part)
        net.load_state_dict({n.removeprefix(f"{i}.net."): t for n, t in tensors.items() if n.startswith(f"{i}.net.")})
        net.eval().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        size_px, usual = part["size_px"], tuple(map(float, part["usual"]))
        if type(size_px) is not int or not LEAST_PX <= size_px <= MOST_PX:
            raise ValueError(f"size_px {size_px!r}")
        bank = Bank(tensors[f"{i}.bank"].numpy(), tensors[f"{i}.spread"].numpy())
        if len(usual) != 4 or not np.isfinite(usual).all() or min(usual[1], usual[3]) <= 0:
            raise ValueError(f"what is usual: {usual}")
        if bank.patches.ndim != 2 or bank.spread.shape != bank.patches.shape[1:] or not (bank.spread > 0).all():
            raise ValueError(f"{bank.patches.shape} good patches, {bank.spread.shape} spreads")
        return Taught(net, size_px, bank, usual)
    model = _model_of(tensors[f"{i}.model"].numpy().tobytes())
    if model.fingerprint != part["fingerprint"]:
        raise ValueError("the model inside is another one")
    return Compared(model, tensors[f"{i}.bank"].numpy(), bool(part["whole"]))


def _twin(part: Mapping[str, Any]) -> Twin:
    if part.get("pretrained") == "lite0":
        return FrozenTwin(Lite0())
    width = part["width"]
    if type(width) is not int or not 1 <= width <= _MAX_WIDTH:
        raise ValueError(f"width {width!r}")
    return DenseTwin(width)


def _bytes_of(model: Model) -> bytes:
    """The model's own file goes in whole, with its own hash and its own checks."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.twin"
        model.save(path)
        return path.read_bytes()


def _model_of(content: bytes) -> Model:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.twin"
        path.write_bytes(content)
        return load(path)
