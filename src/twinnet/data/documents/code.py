"""Source code into words that renaming does not change, and into what its author wrote in his own words."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import numpy as np

from twinnet.data.documents.document import Words

_NO_CODE = {"text", "md", "markdown", "rst", "restructuredtext", "html", "tex", "output", "csv", "json", "xml", "yaml"}
_NAME_PART = re.compile(r"[^\W\d_]?[^\WA-Z\d_]+|[A-Z]+|\d+")  # readLine2, READ_LINE → read line 2
_PIECE = re.compile(r"\w+|[^\w\s]")
NAME = "x"
"""What every name that a program chose is normalised to."""
_Token = tuple[str, int, int]


class CodeParts(NamedTuple):
    """A program in five views: its words, and what a person chose freely: names, strings, numbers, comments."""

    words: Words
    names: Words
    strings: Words
    numbers: Words
    comments: Words


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
    return code_parts(text, language).words


def code_parts(text: str, language: str) -> CodeParts:
    """Normalised tokens as in `code_words`; parts of names in lower case, words and marks of strings and comments."""
    from pygments.lexers import get_lexer_by_name
    from pygments.token import Comment, Literal, Name, Number, String, Text, Whitespace

    kept: list[_Token] = []
    names: list[_Token] = []
    strings: list[_Token] = []
    numbers: list[_Token] = []
    comments: list[_Token] = []
    for start, kind, value in get_lexer_by_name(language, stripnl=False).get_tokens_unprocessed(text):
        end = start + len(value)
        if kind in Comment:
            comments += _pieces(_PIECE, value, start)
            continue
        if kind in Text or kind in Whitespace or not value.strip():
            continue
        if kind in Number:
            key = "0"
            numbers.append((value, start, end))
        elif kind in String or kind in Literal:
            strings += _pieces(_PIECE, value, start)
            if kept and kept[-1][0] == '""' and kept[-1][2] == start:  # quotes and what they hold come in parts
                kept[-1] = ('""', kept[-1][1], end)
                continue
            key = '""'
        else:
            if kind in Name:
                names += _pieces(_NAME_PART, value, start)
            chosen = kind in Name and kind not in Name.Builtin and kind not in Name.Decorator
            key = NAME if chosen else value.strip()
        kept.append((key, start, end))
    return CodeParts(*map(_words, (kept, names, strings, numbers, comments)))


def laid_out(text: str, words: Words) -> list[str]:
    """Each normalised token `(W,)` with the white space before it: none, spaces, a tab, a new line, an empty line.

    Few who copy a program lay it out anew, and two who write one by themselves seldom lay it out alike.
    """
    found, before = [], 0
    for key, start, end in zip(words.keys, words.start.tolist(), words.end.tolist(), strict=True):
        gap = text[before:start]
        space = gap[len(gap.rstrip()) :]  # after a comment, if one stands between
        lines = min(space.count("\n"), 2)
        shape = "\n" * lines or ("\t" if "\t" in space else " " * min(len(space), 2))
        found.append(shape + key)
        before = end
    return found


def _pieces(pattern: re.Pattern[str], value: str, start: int) -> list[_Token]:
    return [(m.group().lower(), start + m.start(), start + m.end()) for m in pattern.finditer(value)]


def _words(tokens: list[_Token]) -> Words:
    return Words(
        tuple(key for key, _, _ in tokens),
        np.array([start for _, start, _ in tokens], np.int64),
        np.array([end for _, _, end in tokens], np.int64),
    )
