"""How well copies are told from independent work: student answers, and Java programs with six levels of disguise.

    python benchmarks/plagiarism.py --answers short_answers --java java_assignments

`--answers DIR` (Clough & Stevenson 2011): `file_information.csv` with File, Task, Category; each answer beside the
source of its task. Weights are learned leave-one-task-out, and once more not at all: those that ship, learned on
invented texts. The command's own way, all texts of the folder against all, is shown too: answers may have been copied
from each other, or from a part of the article that the source file does not have. The four classes: three regressions,
one for each step from "not copied" to "cut"; beside them naive Bayes on the measures of that paper (containment of 1 to
5 words, longest common subsequence).

`--java DIR` (IR-Plag, Karnalim et al. 2019): `case-*/{original,non-plagiarized,plagiarized/L1 … L6}`; every program is
compared with the original of its case, and ranked. Weights are learned leave-one-case-out. Beside it: overlap of token
3-grams (Jaccard); greedy tiles of 9 tokens, which is JPlag's method on our tokens, not JPlag; and, where installed,
winnowing by the package copydetect with its defaults, `sim_java` of Debian's similarity-tester, and `--dolos`.

Intervals: Clopper and Pearson's for counts; for ranks, programs within a case and level are drawn again 2,000 times.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from plagiarism_answers import answers
from plagiarism_java import java


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--answers", type=Path)
    parser.add_argument("--java", type=Path)
    parser.add_argument("--dolos", type=Path, help="the folder that holds node_modules with @dodona/dolos-lib")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    found: dict[str, Any] = {}
    if args.answers:
        found["answers"] = answers(args.answers)
    if args.java:
        found["java"] = java(args.java, args.dolos)
    if args.json:
        args.json.write_text(json.dumps(found, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
