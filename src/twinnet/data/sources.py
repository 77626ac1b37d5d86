"""Where the bytes of an item lie: a file, a member of a zip, bytes or an array in memory. One place reads them."""

from __future__ import annotations

import stat
import struct
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy.typing as npt

from twinnet.core.errors import DataError, UnreadableItem

MAX_BYTES = 256 * 2**20
"""An encoded image larger than this is refused unread, in a zip by what it says it unpacks to."""

_LOCAL_HEADER = struct.Struct("<4s22xHH")  # signature, then the lengths of the name and of the extra field


@dataclass(frozen=True, slots=True)
class ZipMember:
    """One file inside a zip. It keeps no open handle, so it is safe across threads, forks and pickles."""

    archive: Path
    name: str
    offset: int
    packed_bytes: int
    bytes: int
    crc: int
    method: int
    encrypted: bool


Source = Path | ZipMember | bytes | npt.NDArray[Any]


def read_bytes(source: Path | ZipMember | bytes, name: str) -> bytes:
    """The encoded content of one item. Raises `UnreadableItem`, in words, where it is missing, too large or damaged."""
    try:
        if isinstance(source, bytes):
            content = source
        elif isinstance(source, ZipMember):
            content = _read_member(source, name)
        elif not stat.S_ISREG((status := source.stat()).st_mode):
            raise UnreadableItem(name, "is a folder, not a file" if source.is_dir() else "is no regular file")
        elif status.st_size > MAX_BYTES:
            raise UnreadableItem(name, _too_large(status.st_size))
        else:
            content = source.read_bytes()
    except FileNotFoundError:
        raise UnreadableItem(name, "there is no such file") from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        raise UnreadableItem(name, f"cannot be read ({error})") from error
    if len(content) > MAX_BYTES:
        raise UnreadableItem(name, _too_large(len(content)))
    return content


def zip_members(archive: Path) -> list[ZipMember]:
    """All files in a zip, in the archive's order. Raises `DataError` where it is no zip, or a damaged one."""
    try:
        with zipfile.ZipFile(archive) as opened:
            infos = opened.infolist()
    except (zipfile.BadZipFile, NotImplementedError, EOFError, struct.error) as error:
        raise DataError(
            f"{archive} is no zip file, or a damaged one ({error}). Next: make or download it again"
        ) from error
    except OSError as error:
        raise DataError(f"{archive} cannot be read ({error})") from error
    return [
        ZipMember(
            archive=archive,
            name=info.filename,
            offset=info.header_offset,
            packed_bytes=info.compress_size,
            bytes=info.file_size,
            crc=info.CRC,
            method=info.compress_type,
            encrypted=bool(info.flag_bits & 1),
        )
        for info in infos
        if not info.is_dir()
    ]


def _read_member(member: ZipMember, name: str) -> bytes:
    # Read by offset: opening a ZipFile per item would parse its whole directory each time, and one that is shared
    # would need a lock among threads, a new handle after a fork, and somebody to close it.
    if member.encrypted:
        raise UnreadableItem(name, "is encrypted in the zip")
    if member.bytes > MAX_BYTES:
        raise UnreadableItem(name, _too_large(member.bytes))
    if member.method not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise UnreadableItem(name, f"is packed by zip method {member.method}; stored and deflated are read")
    with member.archive.open("rb") as file:
        file.seek(member.offset)
        head = file.read(_LOCAL_HEADER.size)
        if len(head) < _LOCAL_HEADER.size or head[:4] != b"PK\x03\x04":
            raise UnreadableItem(name, "is damaged in the zip")
        _, name_bytes, extra_bytes = _LOCAL_HEADER.unpack(head)
        file.seek(name_bytes + extra_bytes, 1)
        content = file.read(member.packed_bytes)
    if member.method == zipfile.ZIP_DEFLATED:
        try:
            content = zlib.decompressobj(-zlib.MAX_WBITS).decompress(content, member.bytes + 1)  # bounded: no bomb
        except zlib.error as error:
            raise UnreadableItem(name, "is damaged in the zip") from error
    if len(content) != member.bytes or zlib.crc32(content) != member.crc:
        raise UnreadableItem(name, "is damaged in the zip")
    return content


def _too_large(size: int) -> str:
    return f"has {size:,} bytes; at most {MAX_BYTES:,} are read"
