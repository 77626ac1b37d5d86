"""Omniglot's one-shot runs in their published layout: `run01/{training,test}/*.png` and `run01/class_labels.txt`."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from twinnet.core.errors import DataError, UnreadableItem
from twinnet.data.dataset import Dataset
from twinnet.data.listing import must_exist, natural, number
from twinnet.data.sources import Source, read_bytes, zip_members

TRAINING, TEST = 0, 1
"""What `sessions` holds in a data set of runs."""
_LABELS = "class_labels.txt"


def omniglot_runs(source: str | Path) -> Dataset:
    """Runs under a folder or in a zip, at any depth: `groups` are the runs, `sessions` are TRAINING or TEST.

    An identity is a class of a run, called by its training image; each line of `class_labels.txt` names a test image,
    then the right training image. Training images that no line names are classes too. Raises DataError where there
    are no runs, or a line names an image that is not there.
    """
    root = Path(source)
    must_exist(root)
    files = _files(root)
    labels = sorted((name for name in files if name.rsplit("/", 1)[-1] == _LABELS), key=natural)
    if not labels:
        raise DataError(f"{source} has no {_LABELS}. Next: give the folder or zip that has run01 … run20")
    keys, identity, group, session = [], [], [], []
    found: list[Source] = []
    for name in labels:
        run = name.split("/")[-2] if "/" in name else ""
        base = name[: -len(f"{run}/{_LABELS}")]
        answers = _answers(files[name], name)
        classes = [key for key in files if key.startswith(f"{base}{run}/training/") and key.lower().endswith(".png")]
        rows = [(key[len(base) :], key[len(base) :], TRAINING) for key in sorted(classes, key=natural)]
        rows += [(test, training, TEST) for test, training in answers]
        known = {key for key, _, kind in rows if kind == TRAINING}
        for key, training, kind in rows:
            if base + key not in files or training not in known:
                gone = key if base + key not in files else training
                raise DataError(f"{source}, {name} names {gone}, which is not there. Next: unpack the runs again")
            keys.append(base + key)
            identity.append(base + training)
            group.append(run)
            session.append(kind)
            found.append(files[base + key])
    identities, identity_names = number(identity)
    groups, group_names = number(group)
    return Dataset(
        items=tuple(found),
        keys=tuple(keys),
        identities=identities,
        identity_names=identity_names,
        groups=groups,
        group_names=group_names,
        sessions=np.array(session, np.int64),
        source=str(source),
    )


def _files(root: Path) -> dict[str, Source]:
    if root.is_dir():
        return {path.relative_to(root).as_posix(): path for path in root.rglob("*") if path.is_file()}
    return {member.name: member for member in zip_members(root) if "__MACOSX" not in member.name}


def _answers(file: Source, name: str) -> list[tuple[str, str]]:
    try:
        text = read_bytes(file, name).decode("utf-8") if not isinstance(file, np.ndarray) else ""
    except (UnreadableItem, UnicodeDecodeError) as error:
        raise DataError(f"{name} cannot be read ({error})") from error
    rows = [line.split() for line in text.splitlines() if line.strip()]
    if not rows or any(len(row) != 2 for row in rows):
        raise DataError(f"{name}: each line must be a test image and its training image")
    return [(test, training) for test, training in rows]
