"""Texts for the tests of plagiarism: words nobody uses, so that nothing is shared by accident."""

import numpy as np


def writer(seed, vocabulary=3000):
    """`write(n)`: n random words of one vocabulary."""
    rng = np.random.default_rng(seed)
    letters = list("abcdefghijklmnopqrstuvwxyz")
    words = ["".join(rng.choice(letters, rng.integers(4, 9))) for _ in range(vocabulary)]
    return lambda n: [str(word) for word in rng.choice(words, n)]


def save(folder, texts):
    folder.mkdir(parents=True, exist_ok=True)
    for name, words in texts.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(" ".join(words))
    return folder


JAVA = """
import java.util.Scanner;
// prints how many marks were good enough
public class Marks {
    public static void main(String[] args) {
        Scanner in = new Scanner(System.in);
        int passed = 0;
        double sum = 0;
        for (int i = 0; i < 10; i++) {
            System.out.print("Mark of the next student: ");
            double mark = in.nextDouble();
            sum += mark;
            if (mark >= 50) { passed++; }
        }
        System.out.println("Passed: " + passed + ", average " + sum / 10);
    }
}
"""


def renamed(program):
    """The same program with other names for everything that it named."""
    for old, new in {
        "Marks": "Result", "args": "words", "in.": "keyboard.", " in ": " keyboard ", "passed": "good", "sum": "total",
        "mark ": "points ", "mark;": "points;", "i ": "k ", "i+": "k+",
    }.items():  # fmt: skip
        program = program.replace(old, new)
    return program
