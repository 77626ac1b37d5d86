"""Which documents there are: a file, or all files below a folder."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from twinnet.core.errors import DataError


class Source(NamedTuple):
    """One document to be read: its name in answers, its file, and whose it is."""

    name: str
    path: Path
    owner: str


def sources_in(place: Path, *, by_folder: bool = False) -> list[Source]:
    """Files by name. Hidden ones, such as `.git/config`, are left out. Raises DataError where there is nothing.

    A document's owner is its first folder below `place` with `by_folder`, else the document itself: documents of one
    owner are not compared with each other.
    """
    if place.is_file():
        return [Source(place.name, place, place.name)]
    if not place.is_dir():
        raise DataError(f"{place}: there is no such file or folder. Next: check the path")
    found = []
    for path in sorted(place.rglob("*")):
        inside = path.relative_to(place)
        if any(part.startswith((".", "__MACOSX")) for part in inside.parts) or not path.is_file():
            continue
        name = inside.as_posix()
        found.append(Source(name, path, inside.parts[0] if by_folder else name))
    if not found:
        raise DataError(f"{place}: the folder has no files. Next: name the folder with the documents")
    return found
