"""Invented texts and programs, and copies of them altered in known ways: nobody's work, so what is learned may ship.

Texts: a topic is a set of facts, a fact a chain of concepts with synonyms. Two writers on one topic choose among the
same facts and put them in their own words, so they share terms, and at times a phrase, without copying.
Programs: a task is a few steps; each step leaves choices (names, loops, wording, order). A solver of his own chooses
anew, a copier keeps the choices of the original but for those that hide a copy, level by level
(Faidhi & Robinson 1987).
"""

from __future__ import annotations

import numpy as np

from twinnet.core.seeds import stream

LEVELS = ("cut", "light", "heavy")
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
        self.facts = [rng.choice(40, int(rng.integers(3, 6)), replace=False, p=_zipf(40, 0.6)) for _ in range(30)]

    def written(self, n_words: int) -> list[list[str]]:
        """Sentences of one writer on the topic."""
        sentences, order = [], self.rng.permutation(len(self.facts))
        while sum(map(len, sentences)) < n_words:
            sentences.append(self._sentence(self.facts[order[len(sentences) % len(order)]]))
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
        order = rng.permutation(fact) if rng.random() < 0.4 else fact
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


def _zipf(n: int, power: float) -> np.ndarray:
    weight = 1 / np.arange(1, n + 1) ** power
    return weight / weight.sum()


class Choices:
    """What one author chose. Of a copier: what the original chose, but for the kinds of choice that he changes."""

    def __init__(
        self, rng: np.random.Generator, original: Choices | None = None, change: dict[str, float] | None = None
    ):
        self._rng, self._original, self._change, self._made = rng, original, change or {}, {}

    def pick(self, kind: str, place: str, options: list):
        """One of the options, always the same at one place."""
        return options[self._index(kind, place, len(options))]

    def _index(self, kind: str, place: str, n: int) -> int:
        if (kind, place) not in self._made:
            keep = self._original is not None and self._rng.random() >= self._change.get(kind, 0.0)
            made = self._original._index(kind, place, n) if keep else int(self._rng.integers(n))
            self._made[kind, place] = made
        return self._made[kind, place]


CHANGES = {
    "L1": {"comment": 0.8, "layout": 0.8},
    "L2": {"name": 0.8},
    "L3": {"declare": 0.7, "order": 0.5},
    "L4": {"method": 0.6},
    "L5": {"loop": 0.6, "step": 0.6, "print": 0.4},
    "L6": {"logic": 0.7, "wording": 0.3},
}
"""What each level of copying changes beyond those below it, and how often."""


def changes(level: str, rng: np.random.Generator) -> dict[str, float]:
    """The changes of a level; those of lower levels are made by most."""
    found = dict(CHANGES[level])
    for lower in list(CHANGES)[: list(CHANGES).index(level)]:
        if rng.random() < 0.5:
            found |= CHANGES[lower]
    return found


_ROLES = {
    "n": ["n", "count", "num", "total", "size", "howMany"],
    "i": ["i", "k", "idx", "counter", "j", "c"],
    "x": ["value", "x", "number", "input", "val", "item"],
    "sum": ["sum", "total", "result", "acc", "s", "all"],
    "best": ["max", "best", "largest", "top", "m", "highest"],
    "in": ["in", "scanner", "sc", "input", "keyboard", "reader"],
    "list": ["data", "values", "numbers", "arr", "list", "a"],
    "class": ["Main", "Task", "Solution", "Program", "Exercise", "Homework"],
}
_WORDS = {
    "ask": ["Enter {}: ", "Please enter {}: ", "{}? ", "Give {} > ", "Input {}:", "Type the {}, please: "],
    "tell": ["{}: ", "The {} is ", "{} = ", "Result ({}): ", "Your {} is: ", "=> {} "],
    "note": ["// {}", "// now the {}", "/* {} */", "// compute {}", "", "", ""],
}
_THINGS = ["marks", "points", "prices", "weights", "heights", "days", "hours", "steps", "litres", "tickets"]
_LIMITS = [10, 18, 21, 50, 60, 75, 100]


def task(seed: int) -> list[tuple[str, str, int]]:
    """A task: a few steps, each with a thing that it is about and a number."""
    rng = stream(seed, "task")
    kinds = ["read", *rng.permutation(["sum", "best", "above", "grade", "table", "reverse"])[: int(rng.integers(2, 5))]]
    return [(str(k), str(rng.choice(_THINGS)), int(rng.choice(_LIMITS))) for k in kinds]


def program(steps: list[tuple[str, str, int]], c: Choices) -> str:
    """The task as one author wrote it."""

    def name(role):
        return c.pick("name", role, _ROLES[role])

    def note(what):
        return [text.format(what)] if (text := c.pick("comment", what, _WORDS["note"])) else []

    def out(place, label, value=""):
        text = c.pick("wording", place, _WORDS["tell"]).format(label)
        form = c.pick("print", place, ["println", "printf", "print"])
        if form == "printf":
            return f'System.out.printf("{text}%s%n", {value or chr(34) * 2});'
        plus = f" + {value}" if value else ""
        return f'System.out.{form}("{text}"{plus}{" + chr(10)" if form == "print" and value else ""});'.replace(
            "chr(10)", '"\\n"'
        )

    def loop(place, body):
        i, n = name("i"), name("n")
        up = c.pick("step", place, [f"{i}++", f"{i} += 1", f"{i} = {i} + 1", f"++{i}"])
        kind = c.pick("loop", place, ["for", "for", "while", "do"])
        test = c.pick("logic", place, [f"{i} < {n}", f"{i} < {n}", f"{n} > {i}", f"{i} <= {n} - 1"])
        if kind == "for":
            return [f"for (int {i} = 0; {test}; {up}) {{", *body, "}"]
        if kind == "while":
            return [f"int {i} = 0;", f"while ({test}) {{", *body, f"{up};", "}"]
        return [f"int {i} = 0;", "do {", *body, f"{up};", f"}} while ({test});"]

    blocks, methods = [], []
    declared: list[str] = []
    for number, (kind, thing, limit) in enumerate(steps):
        place, a, i, x = f"{kind}{number}", f"{name('list')}[{name('i')}]", name("i"), name("x")
        body: list[str] = note(thing + " " + kind)
        if kind == "read":
            ask = c.pick("wording", place, _WORDS["ask"])
            body += [
                f"Scanner {name('in')} = new Scanner(System.in);",
                f'System.out.print("{ask.format("number of " + thing)}");',
                f"int {name('n')} = {name('in')}.nextInt();", f"double[] {name('list')} = new double[{name('n')}];",
                *loop(place, [f'System.out.print("{ask.format(thing)}");', f"{a} = {name('in')}.nextDouble();"]),
            ]  # fmt: skip
        elif kind == "sum":
            s = name("sum")
            add = c.pick("step", place + "s", [f"{s} += {a};", f"{s} = {s} + {a};", f"double {x} = {a}; {s} += {x};"])
            mean = c.pick("logic", place + "m", [f"{s} / {name('n')}", f"{s} / (double) {name('n')}"])
            body += [f"double {s} = 0;", *loop(place, [add]), out(place, f"average of {thing}", mean)]
        elif kind == "best":
            b = name("best")
            test = c.pick("logic", place + "t", [
                f"if ({a} > {b}) {{ {b} = {a}; }}", f"{b} = Math.max({b}, {a});", f"{b} = {a} > {b} ? {a} : {b};",
                f"if ({b} < {a}) {b} = {a};",
            ])  # fmt: skip
            body += [f"double {b} = {name('list')}[0];", *loop(place, [test]), out(place, f"most {thing}", b)]
        elif kind == "above":
            v = c.pick("name", place, ["passed", "good", "above", "enough", "ok", "hits"])
            test = c.pick("logic", place + "t", [
                f"if ({a} >= {limit}) {{ {v}++; }}", f"if ({a} < {limit}) continue; {v}++;",
                f"if (!({a} < {limit})) {{ {v} += 1; }}", f"{v} += {a} >= {limit} ? 1 : 0;",
            ])  # fmt: skip
            body += [f"int {v} = 0;", *loop(place, [test]), out(place, f"{thing} of at least {limit}", v)]
        elif kind == "grade":
            yes, no = out(place + "y", f"enough {thing}", a), out(place + "n", f"too few {thing}", a)
            test = c.pick("logic", place + "t", [
                f"if ({a} > {limit}) {{ {yes} }} else {{ {no} }}", f"if ({a} <= {limit}) {{ {no} }} else {{ {yes} }}",
                f"boolean ok = {a} > {limit}; if (ok) {yes} if (!ok) {no}",
            ])  # fmt: skip
            body += loop(place, [test])
        elif kind == "table":
            mark = c.pick("wording", place + "m", ["*", "#", "-", "="])
            j = c.pick("name", place, ["j", "col", "t", "y", "p", "star"])
            body += loop(place, [f"for (int {j} = 0; {j} < {a} / {limit}; {j}++) {{",
                                 f'System.out.print("{mark}");', "}", "System.out.println();"])  # fmt: skip
        else:
            back = c.pick("loop", place + "r", [
                [f"for (int {i} = {name('n')} - 1; {i} >= 0; {i}--) {{", out(place, thing, a), "}"],
                [f"for (int {i} = 0; {i} < {name('n')}; {i}++) {{",
                 out(place, thing, f"{name('list')}[{name('n')} - 1 - {i}]"), "}"],
            ])  # fmt: skip
            body += back
        if c.pick("declare", place, [False, False, True]):
            early = [line for line in body if line.startswith(("double ", "int ")) and line.endswith("= 0;")]
            early = [line for line in early if f"int {i} " not in line]
            declared += early
            body = [line for line in body if line not in early]
        elif kind != "read" and c.pick("method", place, [False, False, True]):
            call = c.pick("name", place + "f", ["show", "print", "compute", "do", "handle", "make"]) + kind.capitalize()
            methods += [f"static void {call}(double[] {name('list')}, int {name('n')}) {{", *body, "}"]
            body = [f"{call}({name('list')}, {name('n')});"]
        blocks.append(body)
    rest = blocks[1:]
    if len(rest) > 1 and c.pick("order", "rest", [False, True]):
        rest = rest[1:] + rest[:1]
    main = [
        f"public static void main(String[] {c.pick('name', 'args', ['args', 'args', 'args', 'a', 'argv'])}) {{",
        *declared, *blocks[0], *(line for block in rest for line in block), "}",
    ]  # fmt: skip
    import_line = c.pick(
        "declare", "import", ["import java.util.Scanner;", "import java.util.Scanner;", "import java.util.*;"]
    )
    head = c.pick(
        "comment", "head", ["", "// my solution", "/* exercise */", "// homework of this week", "/** The task. */"]
    )
    inside = [*methods, *main] if c.pick("order", "methods", [True, False]) else [*main, *methods]
    return _laid_out([import_line, head, f"public class {name('class')} {{", *inside, "}"], c)


def _laid_out(lines: list[str], c: Choices) -> str:
    indent = c.pick("layout", "indent", ["    ", "  ", "\t"])
    own_line = c.pick("layout", "brace", [False, False, True])
    depth, out = 0, []
    for line in lines:
        if line.startswith("}"):
            depth -= 1
        if own_line and line.endswith(" {"):
            out += [indent * depth + line[:-2], indent * depth + "{"]
        else:
            out.append(indent * depth + line)
        if line.endswith("{"):
            depth += 1
    return "\n".join(out) + "\n"


def code_pair(seed: int, copied: bool, number: int) -> tuple[str, str, str]:
    """Two programs for one task, and the level of copying, `own` where there is none."""
    steps = task(seed)
    rng = stream(seed, "code", int(copied), number)
    original = Choices(rng)
    level = str(rng.choice(list(CHANGES))) if copied else "own"
    other = Choices(rng, original, changes(level, rng)) if copied else Choices(rng)
    return program(steps, original), program(steps, other), level
