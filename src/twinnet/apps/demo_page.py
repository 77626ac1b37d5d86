"""The demo's page: what was learned, what was measured, and what a classifier does with the same question."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from twinnet.apps.contrast import Contrast
from twinnet.apps.report import distance_figures, figure_rows, hardest, percent, verdict
from twinnet.data import ImageStore
from twinnet.evaluation import Result
from twinnet.model import Model
from twinnet.page import Page, Picture
from twinnet.training.facts import versions


def write_page(
    path: Path,
    model: Model,
    every: ImageStore,
    unseen: ImageStore,
    result: Result,
    one_shot: Result,
    pixels: Result,
    beside: Contrast,
    drawings: npt.NDArray[np.uint8],
) -> None:
    """Write the page; `drawings (identities, items, H, W, 1)` are a few invented characters."""
    page = Page(
        "Twins that have never seen a digit tell digits apart",
        "They were trained on characters that nobody ever wrote. The threshold was learned on the digits 0–4. "
        "Everything below is about the digits 5–9, or all ten, as real people wrote them.",
        footer=f"model {model.fingerprint} · {model.facts['summary']} · "
        + " · ".join(f"{name} {version}" for name, version in versions().items()),
    )
    accuracy, raw = one_shot.metrics["accuracy"], pixels.metrics["accuracy"]
    page.section("Same or different?").verdict(verdict(result))
    page.table(["figure", "value", "95 % interval", "how sure it is made"], figure_rows(result))
    page.text(
        "Five identities are few to resample: the bootstrap intervals are as wide as five digits make them, and are "
        "themselves rough."
    )
    page.figures(distance_figures(model, result))
    page.section("Reading ten digits from one example each")
    page.verdict(
        f"With one stored embedding per digit the twins read {percent(accuracy)}; nearest raw pixels {percent(raw)}."
    )
    page.text("Each of 2,000 episodes stores one random drawing of each digit and reads another one of each.")
    page.pictures(enrolled(every), small=True)
    page.section("What they learned from")
    page.text(
        f"{model.facts['summary'].capitalize()}. Three drawings of each of twelve characters: what is learned is not "
        "these shapes, but how much one hand's drawing of a shape varies."
    )
    page.pictures(
        [Picture(list(d), f"character {i + 1}", f"invented character {i + 1}") for i, d in enumerate(drawings)]
    )
    page.section("Twins beside a plain classifier")
    page.text(
        f"The same backbone as a classifier of 0–4 reads held-out 0–4 with {beside.known_accuracy:.1%} right. "
        f"A 5–9 it must call one of 0–4, and does so with {beside.confidence:.0%} confidence on average:"
    )
    page.table(["it sees", "and calls it"], [[seen, _called(called)] for seen, called in beside.called.items()])
    page.table(["", "twins", "plain classifier"], contrast_rows(model, beside))
    page.section("Most mistaken pairs").text(
        "Different digits that lie near each other, then same digits that lie far apart."
    )
    page.pictures(hardest(result, unseen))
    page.write(path)


def contrast_rows(model: Model, beside: Contrast) -> list[list[str]]:
    """Goal, training data, output and the price of a new class, for both."""
    return [
        ["goal", "are these two the same?", "which of the taught classes is this?"],
        ["training data", model.facts["summary"], "real digits 0–4, labelled"],
        [
            "training time",
            f"{model.facts['seconds']:.0f} s, once",
            f"{beside.train_seconds:.1f} s, for each set of classes",
        ],
        ["output", "a distance, and a verdict by threshold", "one of the classes it was taught"],
        ["a class it never saw", "compares it like any other", "calls it one of the taught ones"],
        [
            "adding five classes, one example each",
            f"{beside.enrol_seconds * 1000:.1f} ms to embed five images",
            f"{beside.retrain_seconds:.1f} s to train again",
        ],
        [
            "then reads 5–9 (ten possible answers)",
            f"{beside.enrol_accuracy:.1%} right",
            f"{beside.retrain_accuracy:.1%} right",
        ],
    ]


def enrolled(store: ImageStore) -> list[Picture]:
    """One drawing of each digit."""
    data = store.dataset
    first = {data.identity_names[label]: int(rows[0]) for label, rows in data.by_identity().items()}
    return [Picture([data.read(i)], name, f"the enrolled {name}") for name, i in sorted(first.items())]


def _called(counts: dict[str, int]) -> str:
    total = sum(counts.values())
    return ", ".join(f"{name} {n / total:.0%}" for name, n in counts.items() if n / total >= 0.01)
