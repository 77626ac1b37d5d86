"""Invented programs, and copies of them disguised in known ways: nobody's work, so what is learned may ship.

A task is a few steps. Each step leaves choices: names, wording, declarations, loops, tests, methods, layout. The task's
sheet prescribes some (wording of the output, at times names), and the popular choice is made by many, so two honest
solvers agree often. A copier keeps the choices of the original but for those that hide a copy, level by level (the six
levels of Faidhi & Robinson 1987): comments and layout; names; declarations and order; methods taken out; statements
rewritten; tests rewritten and needless statements added.
"""

from __future__ import annotations

import re

from plagiarism_choices import CHANGES, Choices, changes
from plagiarism_words import ASK, HEADS, HELPERS, NOTES, OPERATORS, TAILS, TELL, THINGS, VERBS
from twinnet.core.seeds import stream


def task(seed: int) -> list[tuple[str, list[str], list[int]]]:
    """A task: a few steps, each with the things it is about and some numbers."""
    rng = stream(seed, "task")
    kinds = ["formula", "formula", "choose", "series", "pattern", "array_sum", "array_best", "array_count", "lines"]
    chosen = [str(k) for k in rng.choice(kinds, int(rng.integers(2, 6)))]
    return [
        (kind, [str(t) for t in rng.choice(THINGS, 5, replace=False)], [int(v) for v in rng.integers(2, 100, 5)])
        for kind in chosen
    ]


class Writer:
    """The task as one author writes it."""

    def __init__(self, c: Choices) -> None:
        self.c = c
        self.top: list[str] = []
        self.methods: list[list[str]] = []

    def name(self, role: str) -> str:
        return self.c.pick("name", role, HELPERS[role])

    def thing(self, word: str) -> str:
        options = [word, word[0], word[:3], f"{word}1", f"my{word.capitalize()}", "abcxyzpq"[len(word) % 8], word[::-1]]
        return self.c.pick("thing", word, options)

    def note(self, what: str) -> list[str]:
        text = self.c.pick("comment", what, NOTES)
        verb, tail = self.c.pick("comment", what + "verb", VERBS), self.c.pick("comment", what + "tail", TAILS)
        return [text.format(verb, what + tail)] if text else []

    def declared(self, kind: str, place: str, name: str, value: str) -> list[str]:
        """A variable with a value, in one line or in two, where it is needed or at the top."""
        how = self.c.pick("declare", place, ["one", "one", "two", "zero", "top"])
        if how == "one":
            return [f"{kind} {name} = {value};"]
        first = f"{kind} {name}{' = 0' if how == 'zero' else ''};"
        if how == "top":
            self.top.append(first)
            return [f"{name} = {value};"]
        return [first, f"{name} = {value};"]

    def told(self, place: str, label: str, value: str) -> list[str]:
        text = self.c.pick("wording", place, TELL).format(label)
        form = self.c.pick("print", place, ["println", "println", "print", "printf", "two"])
        if form == "printf":
            return [f'System.out.printf("{text}%s\\n", {value});']
        if form == "two":
            return [f'System.out.print("{text}");', f"System.out.println({value});"]
        end = ' + "\\n"' if form == "print" else ""
        return [f'System.out.{form}("{text}" + {value}{end});']

    def read(self, place: str, words: list[str], kind: str = "double") -> list[str]:
        """Ask for some numbers, all at once or one by one, by a Scanner or by dialogs."""
        c, source = self.c, self.name("in")
        typed = {"double": ("nextDouble", "Double.parseDouble"), "int": ("nextInt", "Integer.parseInt")}[kind]
        ask = c.pick("wording", place, ASK)
        if c.pick("input", "how", ["scanner"] * 6 + ["dialog"]) == "dialog":
            return [
                line for w in words for line in self.declared(
                    kind, place + w, self.thing(w), f'{typed[1]}(JOptionPane.showInputDialog("{ask.format(w)}"))')
            ]  # fmt: skip
        call = f"{source}.{typed[0]}()"
        if len(words) > 1 and c.pick("join", place, [True, False]):
            both = " and ".join(words)
            prompt = [f'System.out.print("{ask.format(both)}");']
            return [
                *self.note(both),
                *prompt,
                *(x for w in words for x in self.declared(kind, place + w, self.thing(w), call)),
            ]
        found = []
        for w in words:
            form = c.pick("print", place + w, ["print", "print", "println"])
            found += [
                *self.note(w),
                f'System.out.{form}("{ask.format(w)}");',
                *self.declared(kind, place + w, self.thing(w), call),
            ]
        return found

    def loop(self, place: str, n: str, body: list[str], start: int = 0) -> list[str]:
        c, i = self.c, self.name("i")
        up = c.pick("statement", place + "up", [f"{i}++", f"{i}++", f"{i} += 1", f"{i} = {i} + 1", f"++{i}"])
        last = f"{i} <= {n}" if start else f"{i} < {n}"
        test = c.pick("test", place, [last, last, f"{n} > {i}", f"{i} != {n}", f"!({i} >= {n})"])
        kind = c.pick("loop", place, ["for", "for", "for", "while", "do"])
        if kind == "for":
            return [f"for (int {i} = {start}; {test}; {up}) {{", *body, "}"]
        if kind == "while":
            return [f"int {i} = {start};", f"while ({test}) {{", *body, f"{up};", "}"]
        return [f"int {i} = {start};", "do {", *body, f"{up};", f"}} while ({test});"]

    def computed(self, place: str, a: str, b: str, number: int, operator: str) -> str:
        number = self.c.pick("constant", place, [f"{number}", f"{number}.0", f"({number} - 1)"])
        return self.c.pick("statement", place, [
            f"{a} {operator} {b} * {number}", f"{number} * {a} {operator} {b}", f"({a} {operator} {b}) * {number}",
        ])  # fmt: skip

    def formula(self, place: str, words: list[str], numbers: list[int]) -> list[str]:
        a, b = self.thing(words[0]), self.thing(words[1])
        x, y = self.thing(words[2]), self.thing(words[3])
        square = self.c.pick("statement", place + "sq", [f"{a} * {a}", f"{a} * {a}", f"Math.pow({a}, 2)"])
        first = self.c.pick("constant", place, [
            f"{square} * {numbers[0]}.{numbers[1]}", f"{square} * {numbers[0]}.{numbers[1]}59",
            f"{numbers[0]} * {square}",
        ])  # fmt: skip
        second = self.computed(place, x, b, numbers[2], OPERATORS[numbers[3] % 4])
        inner = self.as_method(place, "double", f"compute {words[2]}", [a], first)
        found = [*self.note(words[2]), *self.declared("double", place + "x", x, inner)]
        found += self.declared("double", place + "y", y, second)
        told = [*self.told(place + "x", words[2], x), *self.told(place + "y", words[3], y)]
        return [*self.read(place, words[:2]), *found, *told]

    def as_method(self, place: str, kind: str, what: str, given: list[str], value: str) -> str:
        """An expression, or a call of a method that returns it."""
        if not self.c.pick("method", place, [False, False, False, True]):
            return value
        verb, word = what.split()
        called = self.c.pick(
            "name", place + "m", [f"{verb}{word.capitalize()}", word, f"get{word.capitalize()}", "calc"]
        )
        parameters = ", ".join(f"{kind} {g}" for g in given)
        body = [f"return {value};"] if self.c.pick("needless", place + "r", [True, True, False]) else [
            f"{kind} r = {value};", "return r;"]  # fmt: skip
        self.methods.append([f"public static {kind} {called}({parameters}) {{", *body, "}"])
        return f"{called}({', '.join(given)})"

    def choose(self, place: str, words: list[str], numbers: list[int]) -> list[str]:
        a, low, high = self.thing(words[0]), min(numbers[:2]), max(numbers[:2]) + 1
        texts = [self.c.pick("wording", f"{place}{k}", TELL).format(words[k + 1]) for k in range(3)]
        say = [f'System.out.println("{t}");' for t in texts]
        tests = self.c.pick("test", place, [
            [f"if ({a} >= {high}) {{", say[0], f"}} else if ({a} >= {low}) {{", say[1], "} else {", say[2], "}"],
            [f"if ({a} < {low}) {{", say[2], f"}} else if ({a} < {high}) {{", say[1], "} else {", say[0], "}"],
            [f"if ({a} >= {high}) {{", say[0], "}", f"if ({a} >= {low} && {a} < {high}) {{", say[1], "}",
             f"if ({a} < {low}) {{", say[2], "}"],
            [f"boolean big = {a} >= {high};", "if (big) {", say[0], "}", f"if (!big && {a} >= {low}) {{", say[1], "}",
             f"else if ({a} < {low}) {{", say[2], "}"],
            [f"String text = {a} >= {high} ? \"{texts[0]}\" : {a} >= {low} ? \"{texts[1]}\" : \"{texts[2]}\";",
             "System.out.println(text);"],
        ])  # fmt: skip
        return [*self.read(place, words[:1], "int"), *tests]

    def added(self, place: str, s: str, value: str) -> list[str]:
        return self.c.pick("statement", place + "add", [
            [f"{s} += {value};"], [f"{s} = {s} + {value};"], [f"{s} = {value} + {s};"],
            [f"double t = {value};", f"{s} += t;"],
        ])  # fmt: skip

    def series(self, place: str, words: list[str], numbers: list[int]) -> list[str]:
        s, i = self.name("sum"), self.name("i")
        value = self.computed(place + "v", i, self.thing(words[0]), numbers[0], OPERATORS[numbers[1] % 4])
        body = self.added(place, s, value)
        if self.c.pick("needless", place, [False, False, True]):
            body = [*body, f"if ({i} < 0) {{", "break;", "}"]
        loop = self.loop(place, str(numbers[2]), body, 1)
        return [
            *self.read(place, words[:1]),
            *self.declared("double", place + "s", s, "0"),
            *loop,
            *self.told(place, words[1], s),
        ]

    def pattern(self, place: str, words: list[str], numbers: list[int]) -> list[str]:
        n, i = self.name("n"), self.name("i")
        mark = self.c.pick("wording", place + "mark", ["*", "#", "x"])
        inner = self.c.pick("test", place + "in", [f"j <= {i}", f"j < {i} + 1", f"{i} >= j"])
        cell = [f"for (int j = 1; {inner}; j++) {{", f'System.out.print("{mark}");', "}", "System.out.println();"]
        return [
            *self.declared("int", place + "n", n, str(numbers[0] % 9 + 3)),
            *self.note(words[0]),
            *self.loop(place, n, cell, 1),
        ]

    def lines(self, place: str, words: list[str], numbers: list[int]) -> list[str]:
        text = self.c.pick("wording", place, ["Welcome to {}", "Hello, {}!", "{} today"]).format(words[0])
        one, times = f'System.out.println("{text}");', numbers[0] % 4 + 3
        if self.c.pick("loop", place + "way", [True, False, True]):
            return [one] * times
        return self.loop(place, str(times), [one])

    def array(self, place: str, words: list[str], numbers: list[int], kind: str) -> list[str]:
        c, i, n, values = self.c, self.name("i"), self.name("n"), self.name("list")
        at = f"{values}[{i}]"
        fill = [f"{at} = {self.name('in')}.nextDouble();"]
        ask = c.pick("wording", place + "ask", ASK).format(words[0])
        head = [*self.declared("int", place + "n", n, str(numbers[0])), f"double[] {values} = new double[{n}];"]
        head += [f'System.out.print("{ask}");', *self.loop(place + "read", n, fill)]
        s, best, ok, limit = self.name("sum"), self.name("best"), self.name("ok"), numbers[1]
        if kind == "array_sum":
            work = [*self.declared("double", place + "s", s, "0"), *self.loop(place, n, self.added(place, s, at))]
            return [*head, *work, *self.told(place, f"average {words[0]}", f"{s} / {n}")]
        if kind == "array_best":
            test = c.pick("test", place + "t", [
                [f"if ({at} > {best}) {{", f"{best} = {at};", "}"], [f"if ({best} < {at}) {{", f"{best} = {at};", "}"],
                [f"{best} = Math.max({best}, {at});"], [f"{best} = {at} > {best} ? {at} : {best};"],
            ])  # fmt: skip
            work = [*self.declared("double", place + "s", best, f"{values}[0]"), *self.loop(place, n, test)]
            return [*head, *work, *self.told(place, f"most {words[0]}", best)]
        test = c.pick("test", place + "t", [
            [f"if ({at} >= {limit}) {{", f"{ok}++;", "}"], [f"if (!({at} < {limit})) {{", f"{ok} += 1;", "}"],
            [f"if ({at} < {limit}) {{", "continue;", "}", f"{ok}++;"], [f"{ok} += {at} >= {limit} ? 1 : 0;"],
        ])  # fmt: skip
        work = [*self.declared("int", place + "s", ok, "0"), *self.loop(place, n, test)]
        return [*head, *work, *self.told(place, words[1], ok)]

    def block(self, place: str, kind: str, words: list[str], numbers: list[int]) -> list[str]:
        """One step; as a method of its own, if its author likes that."""
        body = self.array(place, words, numbers, kind) if kind.startswith("array") else getattr(self, kind)(
            place, words, numbers)  # fmt: skip
        if self.c.pick("needless", place + "b", [False, False, False, True]):
            body = [*body[:1], "int unused = 0;", *body[1:]]
        if not self.c.pick("method", place + "b", [False, False, False, True]):
            return body
        called = self.c.pick("name", place + "b", ["run", "show", "process", "doIt"]) + words[0].capitalize()
        scanner = f"Scanner {self.name('in')}"
        self.methods.append([f"static void {called}({scanner}) {{", *body, "}"])
        return [f"{called}({self.name('in')});"]

    def program(self, steps: list[tuple[str, list[str], list[int]]]) -> str:
        c = self.c
        blocks = [self.block(f"{kind}{k}", kind, words, numbers) for k, (kind, words, numbers) in enumerate(steps)]
        if len(blocks) > 1 and c.pick("order", "blocks", [False, True]):
            blocks = blocks[1:] + blocks[:1]
        arguments = c.pick("name", "args", ["args", "args", "args", "a", "argv"])
        scanner = [f"Scanner {self.name('in')} = new Scanner(System.in);"]
        if c.pick("input", "how", ["scanner"] * 6 + ["dialog"]) == "dialog" and "Scanner" not in str(blocks):
            scanner = []
        gap = [""] if c.pick("layout", "blank", [False, True]) else []
        main = [f"public static void main(String[] {arguments}) {{", *self.top, *scanner]
        main += [line for block in blocks for line in (*gap, *block)] + ["}"]
        methods = [line for method in self.methods for line in (*method, *gap)]
        inside = [*methods, *main] if c.pick("order", "methods", [True, False]) else [*main, *gap, *methods]
        head = c.pick("comment", "head", HEADS).format(
            c.pick("name", "author", ["me", "user", "pc", "student", "acer"])
        )
        imports = c.pick(
            "declare", "import", ["import java.util.Scanner;", "import java.util.Scanner;", "import java.util.*;"]
        )
        return _laid_out([imports, *gap, *head.split("\n"), f"public class {self.name('class')} {{", *inside, "}"], c)


def _laid_out(lines: list[str], c: Choices) -> str:
    indent = c.pick("layout", "indent", ["    ", "\t", "  "])
    brace = c.pick("layout", "brace", [" {", "{", "\n{"])
    tight = c.pick("layout", "tight", [False, False, True])
    spaced = c.pick("layout", "words", ["{} (", "{}("])
    depth, out = 0, []
    for line in lines:
        depth -= line.startswith("}")
        text = re.sub(r"\b(if|for|while) \(", lambda m: spaced.format(m.group(1)), line)
        if tight and '"' not in text:
            text = re.sub(r" ([=<>+*/-]=?|&&|!=) ", r"\1", text)
        if text.endswith(" {"):
            text = text[:-2] + brace.replace("\n", "\n" + indent * depth)
        out.append(indent * depth + text if text else "")
        depth += line.endswith("{")
    return "\n".join(out) + "\n"


def code_pair(seed: int, copied: bool, number: int) -> tuple[str, str, str]:
    """Two programs for one task, and the level of copying, `own` where there is none."""
    steps = task(seed)
    sheet = Choices(stream(seed, "sheet"))
    rng = stream(seed, "code", int(copied), number)
    original = Choices(rng, sheet)
    first = Writer(original).program(steps)
    level = str(rng.choice(list(CHANGES))) if copied else "own"
    other = Choices(rng, original=original, change=changes(level, rng)) if copied else Choices(rng, sheet)
    return first, Writer(other).program(steps), level
