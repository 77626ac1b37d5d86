"""Tricks undone: characters that show nothing, look-alike letters of another alphabet, letters in fancy dress."""

from __future__ import annotations

import re
import unicodedata

from twinnet.data.documents.document import Finding

# Letters that readers cannot tell from Latin ones. Unicode's confusables.txt (UTS 39) lists many more, which are rarely
# found in the fonts of essays.
_CYRILLIC = dict(zip("аеорсухіјѕһԁԛԝАВЕКМНОРСТХІЈЅҮԌ", "aeopcyxijshdqwABEKMHOPCTXIJSYG", strict=True))
_GREEK = dict(zip("οναικρτυΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "ovaikptuABEZHIKMNOPTYX", strict=True))
_AS_LATIN = _CYRILLIC | _GREEK
_AS_CYRILLIC = {latin: cyrillic for cyrillic, latin in _CYRILLIC.items()}
_INVISIBLE = re.compile("[\u00ad\u200b\u200c\u200d\u2060\ufeff\u180e\u034f]+")
_TURNS = re.compile("[\u202a-\u202e\u2066-\u2069\u200e\u200f\u061c]")
_RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff]")
_STYLED = re.compile("[\U0001d400-\U0001d7ff\uff01-\uff5e\u2460-\u24ff\U0001f130-\U0001f189]+")
_WORD = re.compile(r"[^\W\d_]+")
_MOSTLY = 0.8  # of a document's letters: it is written in this alphabet


def cleaned(text: str) -> tuple[str, tuple[Finding, ...]]:
    """The text as it reads (NFKC, nothing invisible, one alphabet to a word), and what had to be undone.

    Joiners between letters of Persian or of an Indic script, and marks of direction beside letters that run from right
    to left, are ordinary there: they go, too, but are not reported.
    """
    findings: list[Finding] = []
    hidden = [m for m in _INVISIBLE.finditer(text) if m.group().strip("\u00ad") and _between_letters(text, m)]
    _report(findings, "zero_width", [_around(text, m) for m in hidden])
    if not _RIGHT_TO_LEFT.search(text):
        _report(findings, "direction", [_around(text, m) for m in _TURNS.finditer(text)])
    text = _TURNS.sub("", _INVISIBLE.sub("", text))
    _report(findings, "styled_letters", [m.group() for m in _STYLED.finditer(text) if len(m.group()) > 1])
    text = unicodedata.normalize("NFKC", text).replace("\r\n", "\n").replace("\r", "\n")
    text, swapped = _one_alphabet(text)
    _report(findings, "look_alikes", swapped)
    return text, tuple(findings)


def _one_alphabet(text: str) -> tuple[str, list[str]]:
    latin, cyrillic, greek = (_count(text, *block) for block in (("A", "ʯ"), ("Ѐ", "ԯ"), ("Ͱ", "Ͽ")))
    foreign = cyrillic + greek
    if not foreign or not latin:
        return text, []
    mostly_latin = latin > _MOSTLY * (latin + foreign)
    found: list[str] = []

    def same(match: re.Match[str]) -> str:
        word = match.group()
        odd = [c for c in word if c in _AS_LATIN]
        plain = sum("A" <= c <= "ʯ" for c in word)
        if odd and plain + len(odd) == len(word) and (plain > len(odd) or mostly_latin):
            if len(word) == 1 and not mostly_latin:
                return word
            found.append(word)
            return "".join(_AS_LATIN.get(c, c) for c in word)
        theirs = sum("Ѐ" <= c <= "ԯ" for c in word)
        if plain and theirs and all("Ѐ" <= c <= "ԯ" or c in _AS_CYRILLIC for c in word):
            found.append(word)
            return "".join(_AS_CYRILLIC.get(c, c) for c in word)
        return word

    return _WORD.sub(same, text), found


def _count(text: str, first: str, last: str) -> int:
    return sum(first <= c <= last and c.isalpha() for c in text)


def _between_letters(text: str, match: re.Match[str]) -> bool:
    around = text[match.start() - 1 : match.start()] + text[match.end() : match.end() + 1]
    return len(around) == 2 and all(c.isalnum() and c < "\u0590" for c in around)


def _around(text: str, match: re.Match[str]) -> str:
    shown = text[max(0, match.start() - 12) : match.end() + 12]
    return " ".join(_TURNS.sub("·", _INVISIBLE.sub("·", shown)).split())


def _report(findings: list[Finding], kind: str, examples: list[str]) -> None:
    if examples:
        findings.append(Finding(kind, len(examples), examples[0]))  # type: ignore[arg-type]
