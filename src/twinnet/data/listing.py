"""Which images lie under a folder or in a zip: names and places only, nothing is opened or unpacked."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np

from twinnet.core.errors import DataError, EmptyDataset
from twinnet.core.types import IntArray, Skipped
from twinnet.data.decode import SUFFIXES
from twinnet.data.sources import Source, zip_members


@dataclass(frozen=True, slots=True)
class Listing:
    """Images by relative name (`a/b.png`), in natural order; `ignored` counts what does not look like an image."""

    images: dict[str, Source]
    ignored: int
    skipped: tuple[Skipped, ...]


def list_images(source: Path) -> Listing:
    """Every image under a folder or in a zip, hidden files and `__MACOSX` left out.

    One folder that wraps all the others is passed over, so that a zip reads the same with or without it. Raises
    `DataError` for a missing path or no zip, `EmptyDataset` where there is no image.
    """
    must_exist(source)
    if source.is_dir():
        found, skipped = _walk(source)
    else:
        found, skipped = {member.name: member for member in zip_members(source)}, []
    images = {name: item for name, item in found.items() if _looks_like_image(name)}
    ignored = len(found) - len(images)
    if not images:
        kinds = " ".join(sorted(SUFFIXES))
        raise EmptyDataset(f"{source} has no images ({ignored:,} other files). Next: point at files of {kinds}")
    return Listing(_unwrap({name: images[name] for name in sorted(images, key=natural)}), ignored, tuple(skipped))


def must_exist(path: Path) -> None:
    """Raise `DataError` unless there is something at `path`."""
    if not _is(path, Path.exists):
        raise DataError(f"{path} does not exist. Next: check the spelling; the current folder is {Path.cwd()}")


def natural(name: str) -> list[list[tuple[int, str, str]]]:
    """A sort key by which `s2/1` comes before `s10/1`, folder by folder."""
    return [[_by_value(part) for part in re.split(r"([0-9]+)", step) if part] for step in name.split("/")]


def _by_value(part: str) -> tuple[int, str, str]:
    # Digits by their count and then as text, which is their value: int() refuses more than 4,300 of them.
    digits = part.lstrip("0")
    return (len(digits), digits, part) if part[0] in "0123456789" else (sys.maxsize, part, "")


def number(names: Iterable[str]) -> tuple[IntArray, tuple[str, ...]]:
    """Names `(N,)` to numbers `(N,)` and the distinct names in natural order."""
    names = list(names)
    distinct = sorted(set(names), key=natural)
    place = {name: i for i, name in enumerate(distinct)}
    return np.array([place[name] for name in names], dtype=np.int64), tuple(distinct)


def finder(root: Path) -> Callable[[str], Source | None]:
    """Where a relative name lies under `root`, a folder or a zip; `None` where it is missing."""
    must_exist(root)
    if root.is_dir():
        return lambda name: path if name and _is(path := root / name, Path.is_file) else None
    members: dict[str, Source] = {member.name: member for member in zip_members(root)}
    unwrapped = list_images(root).images
    return lambda name: members.get(name) or unwrapped.get(name)


def _is(path: Path, test: Callable[[Path], bool]) -> bool:
    try:
        return test(path)
    except OSError:  # such as a name longer than any file's can be
        return False


def _walk(root: Path) -> tuple[dict[str, Source], list[Skipped]]:
    found: dict[str, Source] = {}
    skipped: list[Skipped] = []
    seen: set[str] = set()

    def refused(error: OSError) -> None:
        skipped.append(Skipped(str(error.filename), f"the folder cannot be listed ({error.strerror})"))

    for folder, below, files in os.walk(root, onerror=refused, followlinks=True):
        here = os.path.relpath(folder, root).replace(os.sep, "/")
        if (real := os.path.realpath(folder)) in seen:  # links are followed, but not in circles
            skipped.append(Skipped(here, "is a link to a folder that was read already"))
            below.clear()
            continue
        seen.add(real)
        below.sort(key=natural)
        prefix = "" if here == "." else f"{here}/"
        found |= {prefix + file: Path(folder, file) for file in files}
    return found, skipped


def _looks_like_image(name: str) -> bool:
    path = PurePosixPath(name)
    hidden = any(part.startswith(".") or part == "__MACOSX" for part in path.parts)
    return not hidden and path.suffix.lower() in SUFFIXES


def _unwrap(images: dict[str, Source]) -> dict[str, Source]:
    # The folder that holds the images themselves is an identity, never a wrapper: two levels must be left.
    while all(name.count("/") >= 2 for name in images) and len({name.split("/")[0] for name in images}) == 1:
        images = {name.split("/", 1)[1]: item for name, item in images.items()}
    return images
