"""Bytes into text: which encoding, more than one in one file, or no text at all."""

from __future__ import annotations

import codecs

from twinnet.core.errors import UnreadableItem
from twinnet.data.documents.document import Finding

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"),
)  # fmt: skip
_CONTROL = bytes(set(range(32)) - set(b"\t\n\r\f\x0b\x1b"))
_LOOKED_AT = 1 << 20


def decoded(content: bytes, name: str) -> tuple[str, tuple[Finding, ...]]:
    """Text of any encoding. Raises UnreadableItem for content that is no text."""
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            return content.decode(encoding, "replace"), ()
    head = content[:_LOOKED_AT]
    if b"\0" in head or len(head.translate(None, _CONTROL)) < 0.98 * len(head):
        raise UnreadableItem(name, "is no text (binary content). Next: give its text, or leave it out")
    try:
        return content.decode("utf-8"), ()
    except UnicodeDecodeError:
        pass
    lines = content.split(b"\n")
    kinds = [_kind(line) for line in lines]
    if "utf-8" in kinds:  # some lines are UTF-8 beyond ASCII and others cannot be
        other = [line for line, kind in zip(lines, kinds, strict=True) if kind == "other"]
        text = "\n".join(line.decode("utf-8" if kind != "other" else "cp1252", "replace")
                         for line, kind in zip(lines, kinds, strict=True))  # fmt: skip
        return text, (Finding("mixed_encoding", len(other), other[0].decode("cp1252", "replace").strip()[:60]),)
    return content.decode(_guess(head), "replace"), ()


def _kind(line: bytes) -> str:
    if line.isascii():
        return "ascii"
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return "other"
    return "utf-8"


def _guess(content: bytes) -> str:
    try:
        content.decode("cp1252")
        western = sum(byte >= 0x80 for byte in content) < 0.25 * len(content)  # other alphabets use these much more
    except UnicodeDecodeError:
        western = False
    if western:
        return "cp1252"
    try:
        from charset_normalizer import from_bytes
    except ImportError:
        return "cp1252"
    best = from_bytes(content).best()
    return best.encoding if best else "cp1252"
