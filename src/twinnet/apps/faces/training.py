"""Train twins for faces: `twinnet.train` with settings that suit small, centred pictures of heads."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from twinnet.apps.faces.folder import read_note
from twinnet.core.progress import SILENT, Progress
from twinnet.data import Dataset, open_dataset
from twinnet.model import Model
from twinnet.training import TrainConfig, train

SETTINGS: dict[str, Any] = {
    "encoder": "resnet", "grid": 4, "dim": 128, "size_px": 56, "channels": 1, "augment": "faces",
    "loss": "supcon", "loss_settings": {"temperature": 0.07}, "identities_per_batch": 48, "items_per_identity": 2,
    "least_items": 2,
}  # fmt: skip
"""What differs from `TrainConfig`'s own defaults; docs/faces.md says why."""

_SHAPE = ("encoder", "grid", "dim", "size_px", "channels")

CENTRE = 0.8
"""The share of both sides of a crop by `crop_folder` that is looked at."""


def face_config(people: int = 0, **changes: Any) -> TrainConfig:
    """The settings for faces, with `changes` to single ones. Raises ConfigError.

    Where there are fewer `people` than a batch wants, it has more photos of each.
    """
    known = {**SETTINGS, **changes}
    batch = SETTINGS["identities_per_batch"] * SETTINGS["items_per_identity"]
    if 0 < people < SETTINGS["identities_per_batch"] and not changes.keys() & {
        "identities_per_batch", "items_per_identity"
    }:  # fmt: skip
        known["items_per_identity"] = max(2, batch // people)
    return TrainConfig(**known)


def train_faces(
    data: Dataset | str | Path,
    *,
    out: str | Path | None = None,
    resume: bool = True,
    accept_leaks: bool = False,
    tell: Callable[[list[str]], None] | None = None,
    start: Model | str | Path | None = None,
    progress: Progress = SILENT,
    **changes: Any,
) -> Model:
    """`twinnet.train` with `face_config(**changes)`, on crops as `crop_folder` writes them.

    With `start`, a model that many people taught, weights and input are that model's (see `twinnet.train`).

    Where the folder has the note of `crop_folder`, the model remembers it, and `verify_faces` and the others then crop
    whole photos in the same way. Raises what `train` raises.
    """
    known = data if isinstance(data, Dataset) else open_dataset(data)
    note = None if isinstance(data, Dataset) else read_note(data)
    # Of our own crops we know what the rim shows: hair and background. Others' may hold the face up to the rim.
    framing = {"centre": CENTRE} if note and note.detected else {}
    if start is not None:  # which fixes the network and its input: ours are no wish of the user's
        changes = {**{name: getattr(TrainConfig(), name) for name in _SHAPE}, **changes}
        framing = {}
    config = face_config(known.n_identities, **{**framing, **changes})
    model = train(
        known, config, out=out, resume=resume, accept_leaks=accept_leaks, tell=tell, start=start, progress=progress
    )  # fmt: skip
    facts = {"detected": bool(note and note.detected), **({"size_px": note.size_px} if note else {})}
    model = replace(model, facts={**model.facts, "faces": facts})
    if out:
        model.save(out)
    return model
