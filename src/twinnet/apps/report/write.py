"""Put the page together."""

from __future__ import annotations

from pathlib import Path

from twinnet.apps.report.others import group_table, other_figures, robustness_section
from twinnet.apps.report.provenance import provenance_rows
from twinnet.apps.report.verification import distances_section, map_section, mistakes_sections, numbers
from twinnet.apps.report.words import by_threshold, figure_rows, origin, verdict
from twinnet.core.errors import ConfigError
from twinnet.data import ImageStore
from twinnet.evaluation import Result
from twinnet.model import Model
from twinnet.page import Page

_PAIRS = ("distances", "same", "first", "second")


def write_report(
    path: str | Path,
    model: Model,
    result: Result,
    store: ImageStore | None = None,
    *,
    robustness: Result | None = None,
    command: str = "",
    date: str | None = None,
) -> None:
    """Write a result of any protocol as one HTML page, which opens from a file and asks nothing of a network.

    With the images, `store`, it shows the hardest pairs, the worst identities and a map; `robustness` is that
    protocol's result on the same data. `command` and `date` (today's, UTC, unless given) are shown as they are.
    Raises ConfigError for a `robustness` of another protocol, TwinnetError where the page cannot be written.
    """
    if robustness is not None and robustness.protocol != "robustness":
        raise ConfigError(f"robustness takes a result of that protocol, not of {robustness.protocol}.")
    by_pairs = all(name in result.arrays for name in _PAIRS)
    page = Page("How well does it tell same from different?", lead(result))
    page.section("Verdict").verdict(verdict(result, model.rule))
    if {"far", "frr", "eer"} & set(result.metrics):
        page.numbers(numbers(result))
    if by_threshold(result):
        page.text(origin(model.rule))
    for note in result.notes:
        page.text(f"Note: {note}")
    if by_pairs:
        distances_section(page, model, result, store)
        if store is not None:
            mistakes_sections(page, model, result, store)
    elif result.protocol != "robustness":
        _other_sections(page, result, store)
    if store is not None and result.protocol != "robustness":
        map_section(page, model, result, store)
    if (worse := result if result.protocol == "robustness" else robustness) is not None:
        robustness_section(page, worse)
    page.section("All figures").table(["figure", "value", "95 % interval", "how sure it is made"], figure_rows(result))
    page.section("Where this comes from").table(["what", "which"], provenance_rows(model, result, command, date))
    if store is not None:
        page.text(
            "The pictures are the judged data's own. The page holds copies of them and sends them nowhere: pass it on "
            "with the same care as the data."
        )
    page.write(path)


def lead(result: Result) -> str:
    """What was asked of what."""
    counts = result.counts
    if "genuine_pairs" in counts:
        of = f" of {counts['identities']:,} identities" if "identities" in counts else ""
        return (
            f"{counts['genuine_pairs']:,} genuine and {counts['impostor_pairs']:,} impostor pairs{of}, "
            f"by the protocol {result.protocol}."
        )
    return (
        f"By the protocol {result.protocol}: "
        + ", ".join(f"{n:,} {k.replace('_', ' ')}" for k, n in counts.items())
        + "."
    )


def _other_sections(page: Page, result: Result, store: ImageStore | None) -> None:
    figures = other_figures(result)
    rows = group_table(result, store.dataset.group_names if store is not None else ())
    if figures or rows:
        page.section("In detail")
    if figures:
        page.figures(figures)
    if rows:
        page.table(["group", "episodes", "mean accuracy", "lowest"], rows)
