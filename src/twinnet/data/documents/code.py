"""Source code into words that renaming does not change: identifiers, numbers and strings lose their names."""

from __future__ import annotations

from typing import Any

import numpy as np

from twinnet.data.documents.document import Words

_NO_CODE = {"text", "md", "markdown", "rst", "restructuredtext", "html", "tex", "output", "csv", "json", "xml", "yaml"}


def language_of(name: str) -> str:
    """The programming language that a file's name says, as Pygments calls it; empty for prose."""
    from pygments.lexers import find_lexer_class_for_filename

    found: Any = find_lexer_class_for_filename(name.rsplit("/", 1)[-1])
    if found is None or not found.aliases or set(found.aliases) & _NO_CODE:
        return ""
    return str(found.aliases[0])


def code_words(text: str, language: str) -> Words:
    """Tokens of the language, without comments and spaces.

    Every identifier that the program chose is `x`, every number `0`, every string `""`; keywords, operators, built-in
    names and types stay, because changing these changes what the program does.
    """
    from pygments.lexers import get_lexer_by_name
    from pygments.token import Comment, Literal, Name, Number, String, Text, Whitespace

    kept: list[tuple[str, int, int]] = []
    for start, kind, value in get_lexer_by_name(language, stripnl=False).get_tokens_unprocessed(text):
        if kind in Comment or kind in Text or kind in Whitespace or not value.strip():
            continue
        if kind in Number:
            key = "0"
        elif kind in String or kind in Literal:
            if kept and kept[-1][0] == '""' and kept[-1][2] == start:  # quotes and what they hold come in parts
                kept[-1] = ('""', kept[-1][1], start + len(value))
                continue
            key = '""'
        elif kind in Name and kind not in Name.Builtin and kind not in Name.Decorator:
            key = "x"
        else:
            key = value.strip()
        kept.append((key, start, start + len(value)))
    return Words(
        tuple(key for key, _, _ in kept),
        np.array([start for _, start, _ in kept], np.int64),
        np.array([end for _, _, end in kept], np.int64),
    )
