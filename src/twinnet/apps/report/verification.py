"""The sections of a verification's page."""

from __future__ import annotations

from pathlib import Path

from twinnet.apps.report.embedding_map import embedding_map
from twinnet.apps.report.mistakes import (
    FEW,
    MOST_GROUPS,
    group_rows,
    hardest_of,
    identity_pictures,
    worst_identities,
)
from twinnet.apps.report.words import span
from twinnet.core.types import IntArray
from twinnet.data import ImageStore
from twinnet.decide import eer, error_rates
from twinnet.evaluation import Result
from twinnet.evaluation.bands import Band, roc_band
from twinnet.model import Model
from twinnet.page import Figure, Page, det_figure, histogram_figure, reliability_figure, roc_figure


def distance_figures(model: Model, result: Result, band: Band | None = None) -> list[Figure]:
    """Histogram, ROC, DET, and reliability where there is a probability."""
    distances, same = result.arrays["distances"], result.arrays["same"]
    threshold = model.rule.threshold if model.rule else None
    rates = error_rates(distances, same)
    shade = (band.far, band.low, band.high) if band and band.method else None
    figures = [
        histogram_figure(distances, same, threshold, model.rule.abstain if model.rule else None),
        roc_figure(rates, threshold, shade),
        det_figure(rates, threshold, shade),
    ]
    if model.rule and model.rule.calibrator:
        figures.append(reliability_figure(model.rule.calibrator(distances), same))
    return figures


def numbers(result: Result) -> list[tuple[str, str, str]]:
    """The large numbers under the verdict."""
    wanted = {
        "far": "different, called the same (FAR)",
        "frr": "same, called different (FRR)",
        "eer": "equal error rate (EER)",
        "auc": "area under the ROC (AUC)",
    }
    return [
        (words, f"{i.point * 100:.1f} %", f"95 %: {span(i)}" if i.method else "no interval")
        for name, words in wanted.items()
        if (i := result.metrics.get(name)) is not None
    ]


def write_figures(folder: Path, name: str, model: Model, result: Result, store: ImageStore | None) -> None:
    """The same drawings as files of their own: `name-distances.svg`, `name-roc.svg`, `name-det.svg`, …"""
    folder.mkdir(parents=True, exist_ok=True)
    figures = distance_figures(model, result, band_of(result, store))
    for what, figure in zip(("distances", "roc", "det", "reliability"), figures, strict=False):
        (folder / f"{name}-{what}.svg").write_text(figure.svg)


def distances_section(page: Page, model: Model, result: Result, store: ImageStore | None) -> None:
    """How distances and errors are spread."""
    band = band_of(result, store)
    page.section("Distances and errors").figures(distance_figures(model, result, band))
    if band.method:
        page.text(f"Shades are pointwise 95 % intervals: {band.method}.")


def band_of(result: Result, store: ImageStore | None) -> Band:
    """The ROC's, over identities where the images' are known."""
    arrays = result.arrays
    first, second = arrays["first"], arrays["second"]
    if store is not None and store.dataset.identities is not None:
        of = store.dataset.identities
        first, second = of[first], of[second]
    return roc_band(arrays["distances"], arrays["same"], first, second, seed=result.seed or 0)


def mistakes_sections(page: Page, model: Model, result: Result, store: ImageStore) -> None:
    """The pairs, identities and groups that it gets wrong most."""
    page.section("Hardest pairs").text("Different, and yet near each other:")
    page.pictures(hardest_of(result, store, genuine=False))
    page.text("The same, and yet far apart:").pictures(hardest_of(result, store, genuine=True))
    identities = store.dataset.identities
    if identities is None:
        return
    threshold, called = _deciding(model, result)
    _worst(page, result, store, identities, threshold, called)
    rows = group_rows(result, store.dataset, threshold, result.seed or 0)
    if len(rows) > 1:
        page.section("Group by group").text(
            f"Pairs inside one group only, highest equal error rate first; FAR and FRR at {called}. Intervals are of "
            "the bootstrap over the group's identities; those of groups with few identities are rough."
        )
        page.table(["group", "genuine pairs", "impostor pairs", "EER", "FAR", "FRR"], rows[:MOST_GROUPS])
        if len(rows) > MOST_GROUPS:
            page.text(f"{len(rows) - MOST_GROUPS} more groups have lower error rates than these.")


def map_section(page: Page, model: Model, result: Result, store: ImageStore) -> None:
    """The items as the network places them."""
    found = embedding_map(model, store, seed=result.seed or 0)
    if found is not None:
        page.section("How it places the items").map(found)


def _worst(page: Page, result: Result, store: ImageStore, identities: IntArray, threshold: float, called: str) -> None:
    page.section("Worst identities").text(
        f"Errors at {called}, identity by identity, with Clopper–Pearson intervals that take an identity's pairs as "
        f"independent. Ordered by the lower end of the interval; fewer than {FEW} pairs are marked as few."
    )
    for genuine, words in ((True, "Hardest to recognise"), (False, "Most often taken for somebody else")):
        worst = worst_identities(result, identities, threshold, genuine)
        if worst:
            page.text(f"{words}:").pictures(identity_pictures(worst, store, genuine))
        else:
            page.text(f"{words}: none; no identity has such an error.")


def _deciding(model: Model, result: Result) -> tuple[float, str]:
    if model.rule:
        return model.rule.threshold, "the stored threshold"
    _, threshold = eer(error_rates(result.arrays["distances"], result.arrays["same"]))
    return threshold, "the threshold of equal errors on these very pairs, as the model has none"
