"""Examples of a script as people have them: a folder of pictures, a folder of folders, or one sheet."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from twinnet.apps.handwriting.cut import cut
from twinnet.apps.handwriting.order import Direction
from twinnet.core.errors import ConfigError, EmptyDataset
from twinnet.core.types import Item
from twinnet.data.decode import SUFFIXES


def examples(
    source: str | Path,
    names: Sequence[str] = (),
    *,
    grid: tuple[int, int] | None = None,
    direction: Direction = "ltr",
) -> list[tuple[str, Item]]:
    """Name and picture of each example.

    A folder of pictures: each file's name is the character's. A folder of folders: each folder's name is, with one or
    more pictures in it. A picture is a sheet: it is cut, and its characters are called by `names` in reading order, or
    by numbers from 1. Raises ConfigError where there are not as many names as characters, EmptyDataset for nothing.
    """
    path = Path(source)
    if path.is_dir():
        found = _pictures(path)
    else:
        cuts = cut(path, grid=grid, direction=direction).cuts
        found = [(str(number), one.image) for number, one in enumerate(cuts, 1)]
    if not found:
        raise EmptyDataset(f"{path} has no pictures. Next: give a folder with one example per character, or a sheet.")
    if not names:
        return found
    if len(names) != len(found):
        raise ConfigError(
            f"{path} has {len(found)} characters and {len(names)} names were given. "
            "Next: twinnet handwriting cut SHEET -o FOLDER shows what was found."
        )
    return [(name, item) for name, (_, item) in zip(names, found, strict=True)]


def _pictures(folder: Path) -> list[tuple[str, Item]]:
    files = sorted(path for path in folder.iterdir() if path.is_file() and path.suffix.lower() in SUFFIXES)
    within = [
        (inner.name, path)
        for inner in sorted(folder.iterdir()) if inner.is_dir()
        for path in sorted(inner.iterdir()) if path.suffix.lower() in SUFFIXES
    ]  # fmt: skip
    return [*((path.stem, path) for path in files if path.name != "boxes.png"), *within]
