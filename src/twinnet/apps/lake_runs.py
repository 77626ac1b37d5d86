"""One-shot runs in Omniglot's published layout, made of one's own held-out alphabets."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image as Pillow

from twinnet.core.errors import ConfigError, TooFewIdentities
from twinnet.core.seeds import stream
from twinnet.data import Dataset


def write_runs(data: Dataset, out: str | Path, *, runs: int = 20, ways: int = 20, seed: int = 0) -> None:
    """Write `out/run01/{training,test}/*.png` and `class_labels.txt`, alphabets taking turns, the seed deciding.

    Each run has `ways` characters of one alphabet; all its training images are by one drawer, all its test images by
    another, in an order of their own. Raises ConfigError for data without drawers or a folder that is not empty,
    TooFewIdentities where no two drawers drew `ways` characters of one alphabet.
    """
    out = Path(out)
    if data.groups is None or data.sessions is None:
        raise ConfigError(f"{data.source} has no alphabets or no drawers. Next: open it with kind omniglot.")
    if min(runs, ways) < 1 or (out.exists() and any(out.iterdir())):
        raise ConfigError(f"{out} is not empty, or runs and ways ({runs}, {ways}) are below 1. Next: another folder.")
    alphabets = [g for g in np.unique(data.groups) if len(np.unique(data.labels()[data.groups == g])) >= ways]
    if not alphabets:
        raise TooFewIdentities(f"{data.source}: no alphabet has {ways} characters. Next: ask for fewer.")
    for run in range(runs):
        training, test = _draw(data, int(alphabets[run % len(alphabets)]), ways, stream(seed, "lake", run))
        _write(data, out, f"run{run + 1:02d}", training, test, stream(seed, "lake order", run))


def _draw(data: Dataset, alphabet: int, ways: int, rng: np.random.Generator) -> tuple[list[int], list[int]]:
    sessions, labels = data.sessions, data.labels()
    pool = np.flatnonzero(data.groups == alphabet)
    by = sessions[pool] if sessions is not None else pool
    for one, other in rng.permutation([(a, b) for a in np.unique(by) for b in np.unique(by) if a != b]):
        left = {int(labels[i]): int(i) for i in pool[by == one]}
        right = {int(labels[i]): int(i) for i in pool[by == other]}
        both = sorted(left.keys() & right.keys())
        if len(both) >= ways:
            chosen = rng.choice(both, ways, replace=False)
            return [left[c] for c in chosen], [right[c] for c in chosen]
    name = data.group_names[alphabet]
    raise TooFewIdentities(f"no two drawers drew {ways} characters of {name}. Next: ask for fewer.")


def _write(data: Dataset, out: Path, run: str, training: list[int], test: list[int], rng: np.random.Generator) -> None:
    lines = []
    for folder in ("training", "test"):
        (out / run / folder).mkdir(parents=True)
    for at, i in enumerate(training, 1):
        (out / run / "training" / f"class{at:02d}.png").write_bytes(_png(data, i))
    for at, j in enumerate(rng.permutation(len(test)), 1):
        (out / run / "test" / f"item{at:02d}.png").write_bytes(_png(data, test[j]))
        lines.append(f"{run}/test/item{at:02d}.png {run}/training/class{j + 1:02d}.png\n")
    (out / run / "class_labels.txt").write_text("".join(lines), encoding="utf-8")


def _png(data: Dataset, i: int) -> bytes:
    image, written = data.read(i), io.BytesIO()
    Pillow.fromarray(image[:, :, 0] if image.shape[2] == 1 else image).save(written, "PNG")
    return written.getvalue()
