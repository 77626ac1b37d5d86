"""What a twin learns to follow from: labelled video, unlabelled video, still pictures, or pictures nobody took."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from twinnet.apps.track.pairs import Views, invented_views, varied
from twinnet.apps.track.sequences import TRUTHS, find_sequences
from twinnet.apps.track.sequences import Sequence as Labelled
from twinnet.apps.track.staged import tiles
from twinnet.apps.track.textures import invented_picture
from twinnet.apps.track.video import open_video
from twinnet.apps.track.views import resampled
from twinnet.core.errors import DataError, EmptyDataset, UnreadableItem
from twinnet.core.seeds import stream
from twinnet.core.types import Image, Skipped
from twinnet.data.decode import SUFFIXES, decode

Source = Callable[[int], Views]
"""The pairs of a step; the same step always gives the same ones."""

_FRESH_EVERY = 3  # steps: a scene costs more than a step, so each is shown three times, each time otherwise
_POOL = 24  # pictures that the scenes of one step are made of
_MOST_STILLS = 2000
_FRAMES_OF_A_VIDEO = 100
_LEAST_SIDE = 64  # pixels
_MOST_APART = 50  # frames between the two views of a pair of labelled video
_INVENTED = 400  # different pictures, where there is nothing else


@dataclass(frozen=True)
class Material:
    """`stills`: pictures; `labelled`: sequences with boxes. With neither, pictures are invented."""

    stills: Sequence[Image] = ()
    labelled: Sequence[Labelled] = ()
    skipped: list[Skipped] = field(default_factory=list)


def gather(paths: Sequence[Path]) -> Material:
    """From pictures, folders of pictures, videos, labelled sequences or folders of those, told apart by what is there.

    Of a video some hundred frames are taken. What cannot be read is skipped and listed; raises EmptyDataset where
    nothing is left of anything.
    """
    stills: list[Image] = []
    labelled: list[Labelled] = []
    skipped: list[Skipped] = []
    for path in paths:
        if not path.exists():
            raise DataError(f"{path}: there is no such file or folder.")
        if path.is_dir() and _has_truth(path):
            found, left = find_sequences(path)
            labelled += found
            skipped += left
        elif path.is_dir():
            files = sorted(file for file in path.rglob("*") if file.suffix.lower() in SUFFIXES)
            _read_stills(_evenly(files, _MOST_STILLS), stills, skipped)
        elif path.suffix.lower() in SUFFIXES:
            _read_stills([path], stills, skipped)
        else:
            _read_video(path, stills, skipped)
    if paths and not stills and not labelled:
        raise EmptyDataset(
            f"{paths[0]}: nothing to learn from"
            + (f"; {skipped[0].item}: {skipped[0].reason}" if skipped else "; it has no pictures.")
            + " Next: give pictures, a folder of them, or a video."
        )
    return Material(stills, labelled, skipped)


def source(material: Material, batch: int, side: int, size_px: float, seed: int) -> Source:
    """Batches of pairs of views of `side` pixels, half from labels where there are labels and stills."""
    if material.labelled:
        cached = lru_cache(maxsize=1500)(decode)

    @lru_cache(maxsize=1)
    def scenes(turn: int) -> Views:
        rng = stream(seed, "scenes", turn)
        return invented_views(_pool(material.stills, turn, seed), batch, side, size_px, rng)

    def views(step: int) -> Views:
        rng = stream(seed, "views", step)
        if material.labelled and (not material.stills or step % 2):
            return varied(_labelled(material.labelled, cached, batch, side, size_px, rng), rng)
        return varied(scenes(step // _FRESH_EVERY), rng)

    return views


@lru_cache(maxsize=2 * _POOL)
def _invented(seed: int, number: int) -> Image:
    return invented_picture(stream(seed, "picture", number))


def _pool(stills: Sequence[Image], turn: int, seed: int) -> Tensor:
    """Pictures of one step, `(24, 3, 256, 256)`. Invented ones change by one a turn: each costs a tenth of a second."""
    if stills:
        return tiles(stills, _POOL, stream(seed, "pool", turn))
    pictures = np.stack([_invented(seed, (turn + i) % _INVENTED) for i in range(_POOL)])
    return torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 255


def _labelled(
    sequences: Sequence[Labelled], read: Callable[[Path], Image], batch: int, side: int, size_px: float,
    rng: np.random.Generator,
) -> Views:  # fmt: skip
    """Two frames of a sequence each; the search view is moved and resized, as a tracker sees it that is a bit off."""
    cuts: list[list[Tensor]] = [[], []]
    boxes: list[list[list[float]]] = [[], []]
    while len(cuts[0]) < batch:
        sequence = sequences[int(rng.integers(len(sequences)))]
        there = np.flatnonzero(np.isfinite(sequence.boxes).all(1))
        first = int(there[rng.integers(len(there))])
        near = there[np.abs(there - first) <= _MOST_APART]
        second = int(near[rng.integers(len(near))])
        files = _frames(sequence.frames)
        for which, at in enumerate((first, second)):
            box = sequence.boxes[at]
            ratio = size_px / float(np.sqrt(box[2] * box[3])) * (float(np.exp(rng.normal(0, 0.1))) if which else 1.0)
            reach = max(0.0, side / 2 - 0.6 * size_px) / ratio
            moved = rng.uniform(-reach, reach, 2) if which else np.zeros(2)
            cuts[which].append(resampled(read(files[at]), box[:2] + box[2:] / 2 - moved, ratio, (side, side)))
            centre = side / 2 + moved * ratio
            boxes[which].append([*(centre - box[2:] * ratio / 2), *(box[2:] * ratio)])
    found = torch.tensor(boxes, dtype=torch.float32)  # (2, B, 4)
    return Views(torch.cat(cuts[0]), torch.cat(cuts[1]), found[0], found[1])


@lru_cache(maxsize=256)
def _frames(folder: Path) -> list[Path]:
    video = open_video(folder)
    files: list[Path] = video.files  # type: ignore[attr-defined]
    return files


def _has_truth(folder: Path) -> bool:
    return any((inside / name).is_file() for name in TRUTHS for inside in (folder, *folder.iterdir()))


def _read_stills(files: Sequence[Path], stills: list[Image], skipped: list[Skipped]) -> None:
    for file in files:
        try:
            picture = decode(file)
        except UnreadableItem as error:
            skipped.append(Skipped(str(file), error.reason))
            continue
        if min(picture.shape[:2]) < _LEAST_SIDE:
            skipped.append(Skipped(str(file), f"its shorter side has less than {_LEAST_SIDE} pixels"))
        else:
            stills.append(_moderate(picture))


def _read_video(path: Path, stills: list[Image], skipped: list[Skipped]) -> None:
    try:
        video = open_video(path)
        every = max(1, (video.count or 1000) // _FRAMES_OF_A_VIDEO)
        stills += [_moderate(f) for n, f in enumerate(video.frames()) if f is not None and n % every == 0]
        if video.broken:
            skipped.append(Skipped(str(path), video.broken))
    except DataError as error:
        skipped.append(Skipped(str(path), str(error)))


def _moderate(picture: Image) -> Image:
    """Every k-th pixel of a large picture: what is cut from it is made small anyway, and memory is not endless."""
    k = max(1, min(picture.shape[:2]) // 512)
    return np.ascontiguousarray(picture[::k, ::k])


def _evenly(files: Sequence[Path], most: int) -> list[Path]:
    if len(files) <= most:
        return list(files)
    return [files[int(i)] for i in np.linspace(0, len(files) - 1, most)]
