"""Other detectors of copied programs, each as similarities of some programs to one original; higher is more alike."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from twinnet.apps.plagiarism.marks import word_numbers
from twinnet.apps.plagiarism.prepared import split_words
from twinnet.data.documents import Document

Peer = Callable[[list[str], str], np.ndarray]
_SIM_RUN = 10  # tokens; its default of 24 finds nothing in programs this short
_TILE = 9  # tokens: JPlag's default for Java
_DOLOS = """
import { createRequire } from "node:module"; import { pathToFileURL } from "node:url";
const at = createRequire(process.argv[2] + "/x.js").resolve("@dodona/dolos-lib");
const { Dolos } = await import(pathToFileURL(at)); const report = await new Dolos({ language: "java" }).analyzePaths(
  process.argv.slice(3));
const pairs = report.allPairs().map(p => [p.leftFile.path, p.rightFile.path, p.similarity]);
console.log(JSON.stringify(pairs));
"""


def peers(dolos: Path | None = None) -> dict[str, Peer]:
    """By name, those that are installed; Dolos from the folder of its node_modules."""
    found: dict[str, Peer] = {
        "token 3-grams, Jaccard": one_by_one(jaccard),
        "greedy tiles of 9 tokens": one_by_one(tiles),
    }
    try:
        import copydetect  # noqa: F401
    except ImportError:
        print("copydetect is not installed, so it is left out")
    else:
        found["copydetect (winnowing)"] = one_by_one(winnowing)
    if shutil.which("sim_java"):
        found[f"sim_java -r {_SIM_RUN}"] = one_by_one(sim)
    else:
        print("sim_java is not installed (Debian: similarity-tester), so it is left out")
    if dolos:
        found["Dolos (winnowing of syntax trees)"] = lambda texts, original: of_dolos(texts, original, dolos)
    return found


def one_by_one(similarity: Callable[[str, str], float]) -> Peer:
    return lambda texts, original: np.array([similarity(text, original) for text in texts])


def jaccard(a: str, b: str) -> float:
    one, two = (three_grams(text) for text in (a, b))
    return len(one & two) / max(1, len(one | two))


def three_grams(text: str) -> set[tuple[int, ...]]:
    tokens = split_words(Document("program", text, "java")).exact.tolist()
    return set(zip(tokens, tokens[1:], tokens[2:], strict=False))


def tiles(a: str, b: str) -> float:
    """Greedy string tiling as in JPlag (Prechelt et al. 2002), on the tokens that twinnet makes: 2 · tiled / all."""
    one, two = (word_numbers(split_words(Document("program", text, "java")).words.keys) for text in (a, b))
    free_a, free_b, tiled = np.ones(len(one), np.bool_), np.ones(len(two), np.bool_), 0
    while True:
        length, end_a, end_b = longest_common(one, two, free_a, free_b)
        if length < _TILE:
            return 2 * tiled / max(1, len(one) + len(two))
        free_a[end_a - length : end_a] = free_b[end_b - length : end_b] = False
        tiled += length


def longest_common(a: np.ndarray, b: np.ndarray, free_a: np.ndarray, free_b: np.ndarray) -> tuple[int, int, int]:
    """Length of the longest run of free tokens that both have, and where it ends in each."""
    best, before = (0, 0, 0), np.zeros(len(b) + 1, np.int64)
    for i, token in enumerate(a):
        here = np.zeros(len(b) + 1, np.int64)
        if free_a[i]:
            here[1:] = np.where((b == token) & free_b, before[:-1] + 1, 0)
        if here.max() > best[0]:
            best = (int(here.max()), i + 1, int(here.argmax()))
        before = here
    return best


def winnowing(a: str, b: str) -> float:
    from copydetect import CodeFingerprint, compare_files

    with tempfile.TemporaryDirectory() as folder:
        prints = [CodeFingerprint(str(path), 25, 1) for path in _written([a, b], folder)]
        _, similar, _ = compare_files(*prints)
    return float(max(similar))


def sim(a: str, b: str) -> float:
    with tempfile.TemporaryDirectory() as folder:
        one, two = map(str, _written([a, b], folder))
        ran = ["sim_java", "-p", "-t", "1", "-r", str(_SIM_RUN), one, two]
        said = subprocess.run(ran, capture_output=True, text=True, check=True, errors="replace").stdout
    shares = [int(line.split(" % ")[0].split()[-1]) for line in said.splitlines() if " consists for " in line]
    return max(shares, default=0) / 100


def of_dolos(texts: list[str], original: str, modules: Path) -> np.ndarray:
    with tempfile.TemporaryDirectory() as folder:
        paths = [str(path) for path in _written([original, *texts], folder)]
        script = Path(folder) / "run.mjs"
        script.write_text(_DOLOS)
        done = subprocess.run(
            ["node", str(script), str(modules.resolve()), *paths], capture_output=True, text=True, check=True
        )
    similar = {frozenset((a, b)): value for a, b, value in json.loads(done.stdout.splitlines()[-1])}
    return np.array([similar.get(frozenset((paths[0], path)), 0.0) for path in paths[1:]])


def _written(texts: list[str], folder: str) -> list[Path]:
    paths = [Path(folder) / f"{number:03}.java" for number in range(len(texts))]
    for path, text in zip(paths, texts, strict=True):
        path.write_text(text, encoding="utf-8", errors="replace")
    return paths
