"""Files into documents: plain text, Markdown, HTML, Word, PDF and source code."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

from twinnet.core.errors import UnreadableItem
from twinnet.core.extras import require
from twinnet.data.documents.clean import cleaned
from twinnet.data.documents.code import code_words, language_of
from twinnet.data.documents.decode import decoded
from twinnet.data.documents.document import Document, Finding, Words
from twinnet.data.documents.words import prose_words
from twinnet.data.sources import read_bytes

MAX_BYTES = 20 * 2**20
"""A larger text is some ten long novels; it is refused, because nobody means it."""

_PAGES = (".html", ".htm", ".xhtml")
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"  # the container of Office before 2007, and of locked files since
_LOCKED = "is locked by a password. Next: save it without one"


def read_document(source: Path | bytes, name: str | None = None) -> Document:
    """One document from a file or from its bytes, recognised by content first and by name second.

    Raises UnreadableItem, in words, where it is missing, empty, binary, too large, damaged or locked by a password, and
    MissingExtra where reading this kind needs `twinnet[documents]`.
    """
    name = name or (str(source) if isinstance(source, Path) else "text")
    content = read_bytes(source, name)
    if len(content) > MAX_BYTES:
        raise UnreadableItem(
            name, f"has {len(content) / 2**20:,.0f} MiB; at most {MAX_BYTES / 2**20:.0f} are read. Next: split it"
        )
    findings: tuple[Finding, ...] = ()
    language = ""
    if content.startswith(b"%PDF-"):
        text, findings = _pdf(content, name)
    elif content.startswith(b"PK\x03\x04"):
        text = _word(content, name)
    elif content.startswith(b"{\\rtf"):
        raise UnreadableItem(name, "is rich text (RTF). Next: save it as docx")
    elif content.startswith(_OLE):
        locked = "EncryptedPackage".encode("utf-16-le") in content
        raise UnreadableItem(name, _LOCKED if locked else "is an Office file of before 2007. Next: save it as docx")
    else:
        text, findings = decoded(content, name)
        if name.lower().endswith(_PAGES) or text[:200].lstrip().lower().startswith(("<!doctype html", "<html")):
            text = _page(text)
        else:
            language = language_of(name)
    text, undone = cleaned(text)
    if not text.strip():
        raise UnreadableItem(name, "has no text. Next: if it is a scan, recognise its text (OCR) first")
    return Document(name, text, language, findings + undone)


def words_of(document: Document) -> Words:
    """Its words: normalised tokens of source code, or plain words."""
    return code_words(document.text, document.language) if document.language else prose_words(document.text)


def _page(text: str) -> str:
    soup: Any = require("bs4", "documents").BeautifulSoup(text, "html.parser")
    for hidden in soup(["script", "style", "noscript", "template", "head"]):
        hidden.decompose()
    return str(soup.get_text("\n"))


def _word(content: bytes, name: str) -> str:
    docx = require("docx", "documents")
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            unpacked = sum(part.file_size for part in archive.infolist() if part.filename.endswith(".xml"))
            if "word/document.xml" not in archive.namelist():
                other = "content.xml" in archive.namelist() or "[Content_Types].xml" in archive.namelist()
                what = (
                    "an office file of another kind. Next: save it as docx"
                    if other
                    else "a zip archive. Next: unpack it"
                )
                raise UnreadableItem(name, f"is {what}")
        if unpacked > 8 * MAX_BYTES:
            raise UnreadableItem(name, f"would unpack to {unpacked / 2**20:,.0f} MiB. Next: leave it out")
        opened = docx.Document(io.BytesIO(content))
    except (zipfile.BadZipFile, KeyError, ValueError, OSError) as error:
        raise UnreadableItem(name, f"is a damaged Word file ({error}). Next: save it anew") from error
    parts = [paragraph.text for paragraph in opened.paragraphs]
    parts += [cell.text for table in opened.tables for row in table.rows for cell in row.cells]
    return "\n".join(parts)


def _pdf(content: bytes, name: str) -> tuple[str, tuple[Finding, ...]]:
    pypdf = require("pypdf", "documents")
    try:
        reader = pypdf.PdfReader(io.BytesIO(content))
        if reader.is_encrypted and not reader.decrypt(""):
            raise UnreadableItem(name, _LOCKED)
        pages = [page.extract_text() or "" for page in reader.pages]
    except UnreadableItem:
        raise
    except pypdf.errors.DependencyError:  # encrypted by AES, as most that may not be printed; anybody may read them
        require("cryptography", "documents")
        raise
    except Exception as error:  # whatever a hostile PDF raises inside the reader, it is this one item's fault
        raise UnreadableItem(name, f"is a damaged PDF ({type(error).__name__}). Next: save it anew") from error
    empty = [number for number, page in enumerate(pages, 1) if not page.strip()]
    findings = (Finding("no_text_layer", len(empty), f"page {empty[0]}"),) if empty else ()
    return "\n".join(pages), findings
