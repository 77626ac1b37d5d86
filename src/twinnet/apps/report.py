"""The page of an evaluation: verdict first, then the figures, then where they come from."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from twinnet.core.errors import ConfigError
from twinnet.core.types import Interval
from twinnet.data import ImageStore
from twinnet.decide import error_rates
from twinnet.evaluation import Result
from twinnet.model import Model
from twinnet.page import Page, Picture, det_figure, histogram_figure, reliability_figure, roc_figure
from twinnet.page.page import Figure
from twinnet.training.facts import versions

WORDS = {
    "eer": "equal error rate",
    "auc": "AUC",
    "accuracy": "accuracy at the threshold",
    "far": "false accepts at the threshold",
    "frr": "false rejects at the threshold",
}


def write_report(path: str | Path, model: Model, result: Result, store: ImageStore | None = None) -> None:
    """Write a verification result as one HTML page; with the images, its hardest pairs too."""
    if result.protocol != "verification":
        raise ConfigError(f"a report is written for the verification protocol, not for {result.protocol}.")
    page = Page(
        "How well does it tell same from different?",
        f"{result.counts['genuine_pairs']:,} genuine and {result.counts['impostor_pairs']:,} impostor pairs of "
        f"{result.counts['identities']:,} identities, by the protocol {result.protocol}.",
        footer=f"data {result.data} · model {result.model} · seed {result.seed} · "
        + " · ".join(f"{name} {version}" for name, version in versions().items()),
    )
    page.section("Verdict").verdict(verdict(result))
    page.table(["figure", "value", "95 % interval", "how sure it is made"], figure_rows(result))
    page.section("Distances").figures(distance_figures(model, result))
    if store is not None:
        page.section("Most mistaken pairs").pictures(hardest(result, store))
    if result.notes:
        page.section("Notes")
        for note in result.notes:
            page.text(note)
    page.write(path)


def verdict(result: Result) -> str:
    """The main figure in a sentence."""
    metrics = result.metrics
    if "accuracy" in metrics:
        far, frr = metrics["far"], metrics["frr"]
        return (
            f"At the stored threshold {percent(metrics['accuracy'])} of the answers are right: it wrongly accepts "
            f"{percent(far)} of different pairs and wrongly rejects {percent(frr)} of same pairs. Where both errors "
            f"are equal they are {percent(metrics['eer'])}."
        )
    return f"Where both errors are equal they are {percent(metrics['eer'])}. The model has no threshold yet."


def percent(interval: Interval) -> str:
    """`12.3 % (10.1–14.8 %)`."""
    known = f" ({interval.low * 100:.1f}–{interval.high * 100:.1f} %)" if interval.method else ""
    return f"{interval.point * 100:.1f} %{known}"


def figure_rows(result: Result) -> list[list[str]]:
    """One row per figure."""
    rows = []
    for name, i in result.metrics.items():
        words = WORDS.get(name, name.replace("tar_at_far_", "genuine accepted at FAR "))
        rows.append([words, f"{i.point:.2%}", f"{i.low:.2%} … {i.high:.2%}" if i.method else "–", i.method])
    return rows


def distance_figures(model: Model, result: Result) -> list[Figure]:
    """Histogram, ROC, DET, and reliability where there is a probability."""
    distances, same = result.arrays["distances"], result.arrays["same"]
    threshold = model.rule.threshold if model.rule else None
    rates = error_rates(distances, same)
    figures = [histogram_figure(distances, same, threshold), roc_figure(rates, threshold), det_figure(rates)]
    if model.rule and model.rule.calibrator:
        figures.append(reliability_figure(model.rule.calibrator(distances), same))
    return figures


def hardest(result: Result, store: ImageStore, each: int = 6) -> list[Picture]:
    """The impostor pairs that look most alike, and the genuine pairs that look least alike; no item comes twice."""
    d, same = result.arrays["distances"], result.arrays["same"]
    first, second = result.arrays["first"], result.arrays["second"]
    pictures = []
    for kind, order, word in ((~same, d, "impostor pair, near"), (same, -d, "genuine pair, far")):
        used: set[int] = set()
        for at in np.flatnonzero(kind)[np.argsort(order[kind], kind="stable")]:
            pair = {int(first[at]), int(second[at])}
            if used & pair:
                continue
            used |= pair
            names = " · ".join(_name(store, int(i)) for i in (first[at], second[at]))
            images = [store.dataset.read(int(i)) for i in (first[at], second[at])]
            pictures.append(Picture(images, f"{names}: distance {d[at]:.3f}", f"{word}: {names}"))
            if len(used) >= 2 * each:
                break
    return pictures


def _name(store: ImageStore, i: int) -> str:
    data = store.dataset
    return data.keys[i] if data.identities is None else data.identity_names[data.identities[i]]
