"""Documents: texts and source code out of files, cleaned of tricks, cut into words that know where they stand."""

from twinnet.data.documents.clean import cleaned
from twinnet.data.documents.code import NAME, CodeParts, code_parts, code_words, laid_out, language_of
from twinnet.data.documents.document import Document, Finding, Words
from twinnet.data.documents.read import read_document, words_of
from twinnet.data.documents.words import prose_words

__all__ = [
    "NAME",
    "CodeParts",
    "Document",
    "Finding",
    "Words",
    "cleaned",
    "code_parts",
    "code_words",
    "laid_out",
    "language_of",
    "prose_words",
    "read_document",
    "words_of",
]
