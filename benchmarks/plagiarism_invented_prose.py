"""Invented texts, and copies of them altered in known ways: nobody's work, so what is learned may ship.

A topic is a set of facts, a fact a chain of concepts with synonyms. Two writers on one topic choose among the same
facts and put them in their own words, so they share terms, and at times a phrase, without copying.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from twinnet.core.seeds import stream

LEVELS = ("cut", "light", "heavy")
_KNOWN = 0.3  # of a writer's sentences say what all books on the topic say; the others are of his own
_CONSONANTS, _VOWELS = list("bcdfghklmnprstvwz"), list("aeiou")


class Prose:
    """One topic, its writers and copiers."""

    def __init__(self, seed: int) -> None:
        self.rng = rng = stream(seed, "prose")
        self.function = [self._word(1) for _ in range(60)]
        self.general = [self._word(int(rng.integers(2, 4))) for _ in range(2500)]
        self.idioms = [[str(w) for w in rng.choice(self.function + self.general[:200], 4)] for _ in range(30)]
        self.concepts = [
            [[self._word(int(rng.integers(2, 5))) for _ in range(2 if rng.random() < 0.25 else 1)] for _ in range(3)]
            for _ in range(40)
        ]
        self.facts = [self._fact() for _ in range(30)]

    def _fact(self) -> np.ndarray:
        return self.rng.choice(40, int(self.rng.integers(3, 6)), replace=False, p=_zipf(40, 0.6))

    def written(self, n_words: int) -> list[list[str]]:
        """Sentences of one writer on the topic."""
        sentences, order = [], self.rng.permutation(len(self.facts))
        while sum(map(len, sentences)) < n_words:
            known = self.rng.random() < _KNOWN
            sentences.append(self._sentence(self.facts[order[len(sentences) % len(order)]] if known else self._fact()))
        return sentences

    def copied(self, source: list[list[str]], level: str, n_words: int) -> list[list[str]]:
        """A stretch of the source of about so many words, altered."""
        rng = self.rng
        start = int(rng.integers(max(1, len(source) - 2)))
        taken: list[list[str]] = []
        for sentence in source[start:] + source[:start]:
            if sum(map(len, taken)) >= n_words:
                break
            taken.append(sentence)
        low, high = {"cut": (0, 0.04), "light": (0.08, 0.2), "heavy": (0.25, 0.45)}[level]
        rate = rng.uniform(low, high)
        altered = [self._altered(sentence, rate, level) for sentence in taken]
        return [altered[i] for i in rng.permutation(len(altered))] if level == "heavy" else altered

    def _altered(self, sentence: list[str], rate: float, level: str) -> list[str]:
        rng, out = self.rng, []
        if level == "heavy" and rng.random() < 0.4:
            half = len(sentence) // 2
            sentence = sentence[half:] + sentence[:half]
        for word in sentence:
            if rng.random() >= rate:
                out.append(word)
                continue
            kind = rng.random()
            if kind < 0.65:
                out.append(self._another(word))
            elif kind < 0.85:
                out += [word, str(rng.choice(self.function))]
        for i in range(len(out) - 1):
            if rng.random() < rate / 3:
                out[i], out[i + 1] = out[i + 1], out[i]
        return out

    def _another(self, word: str) -> str:
        if word in self.function:
            return str(self.rng.choice(self.function))
        return self.general[int(self.rng.choice(2500, p=_zipf(2500, 0.8)))]

    def _sentence(self, fact: np.ndarray) -> list[str]:
        rng, out = self.rng, []
        order = rng.permutation(fact) if rng.random() < 0.6 else fact
        if rng.random() < 0.12:
            out += self.idioms[int(rng.integers(len(self.idioms)))]
        for concept in order:
            for _ in range(int(rng.integers(1, 4))):
                out.append(self.function[int(rng.choice(60, p=_zipf(60, 0.9)))])
            if rng.random() < 0.6:
                out.append(self.general[int(rng.choice(2500, p=_zipf(2500, 0.8)))])
            out += self.concepts[concept][int(rng.choice(3, p=[0.7, 0.2, 0.1]))]
        return out

    def _word(self, syllables: int) -> str:
        parts = [str(self.rng.choice(_CONSONANTS)) + str(self.rng.choice(_VOWELS)) for _ in range(syllables)]
        return "".join(parts) + (str(self.rng.choice(_CONSONANTS)) if self.rng.random() < 0.5 else "")


def text_of(sentences: list[list[str]]) -> str:
    """Sentences as a text."""
    return " ".join(" ".join(sentence).capitalize() + "." for sentence in sentences)


def prose_pair(topic: Prose, copied: bool) -> tuple[str, str]:
    """An answer and a source; where copied, part of the answer is out of the source."""
    rng = topic.rng
    source = topic.written(int(rng.integers(150, 1500)))
    n = int(rng.integers(100, 900))
    if copied:
        level = str(rng.choice(LEVELS))
        n_copied = int(max(40, n * rng.uniform(0.1, 1.0)))
        middle = topic.copied(source, level, n_copied)
        before = topic.written(max(1, n - n_copied))
        at = int(rng.integers(len(before) + 1))
        answer = before[:at] + middle + before[at:] if n_copied < 0.95 * n else middle
    else:
        answer = topic.written(n)
        if rng.random() < 0.4:  # a definition that everybody learned by heart, or a line of the task
            sentence = source[int(rng.integers(len(source)))][: int(rng.integers(6, 15))]
            answer.insert(int(rng.integers(len(answer) + 1)), sentence)
    return text_of(answer), text_of(source)


@lru_cache
def _zipf(n: int, power: float) -> np.ndarray:
    weight = 1 / np.arange(1, n + 1) ** power
    return weight / weight.sum()
