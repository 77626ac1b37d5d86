"""What copies, odd files and uneven identities are called, and how grave they are."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from twinnet.core.types import Pairs
from twinnet.data import Dataset, from_arrays, open_dataset
from twinnet.data.doctor import Duplicates, Finding, by_severity, content, copies, look
from twinnet.data.doctor.content import gini


def noise(n: int, seed: int = 0) -> list[np.ndarray]:
    return list(np.random.default_rng(seed).integers(0, 256, (n, 12, 12), dtype=np.uint8))


def kinds(data: Dataset) -> dict[str, Finding]:
    return {finding.kind: finding for finding in content(data, look(data))}


def test_a_copy_is_a_leak_across_a_split_a_contradiction_within_a_side_and_a_repetition_within_an_identity() -> None:
    found = Duplicates(np.array([0, 0, 0]), np.array([1, 2, 3]), np.array([True, False, True]))
    findings = copies(
        found, ["a", "b", "c", "d"], identities=np.array([0, 1, 1, 0]), sides=np.array([0, 1, 0, 0]),
        side_names=["training", "validation"],
    )  # fmt: skip
    assert [(f.kind, f.severity, f.items) for f in findings] == [
        ("leak", "stop", ("a = b",)),
        ("contradiction", "warn", ("a ≈ c",)),
        ("repetition", "note", ("a = d",)),
    ]
    assert "training, validation" in findings[0].words


def test_an_item_outside_of_every_side_cannot_leak() -> None:
    found = Duplicates(np.array([0]), np.array([1]), np.array([True]))
    assert copies(found, ["a", "b"], sides=np.array([0, -1]))[0].kind == "repetition"


def test_copies_that_a_pair_calls_different_contradict_it() -> None:
    found = Duplicates(np.array([0, 1]), np.array([2, 2]), np.array([True, True]))
    told = Pairs(np.array([2, 1]), np.array([0, 2]), np.array([False, True]))
    findings = copies(found, ["a", "b", "c"], pairs=told)
    assert [(f.kind, f.items) for f in findings] == [("contradiction", ("a = c",)), ("repetition", ("b = c",))]


def test_unreadable_files_are_listed_with_their_reason(tree: Callable[..., Path]) -> None:
    root = tree("p/1.png", "p/2.png", "q/1.png", "q/2.png")
    (root / "p" / "2.png").write_bytes(b"\x89PNG broken")
    found = kinds(open_dataset(root))["unreadable"]
    assert (found.severity, found.count) == ("warn", 1)
    assert found.items[0].startswith("p/2.png: ")


def test_blank_pictures_are_named_and_almost_blank_ones_too() -> None:
    faint = np.full((12, 12), 200, np.uint8)
    faint[3, 3] = 206
    data = from_arrays([*noise(3), np.zeros((12, 12), np.uint8), faint], [0, 0, 1, 1, 1])
    assert kinds(data)["blank"].items == ("row 3", "row 4")


def test_identities_of_one_item_and_uneven_ones_are_named() -> None:
    data = from_arrays(noise(34), [0] * 30 + [1, 1, 2, 2])
    assert kinds(data)["imbalance"].items == ("0 (30)",)
    assert "single" not in kinds(data)
    lonely = from_arrays(noise(5), [0, 0, 1, 1, 2])
    assert kinds(lonely)["single"].items == ("2",)
    assert "imbalance" not in kinds(lonely)


@given(st.lists(st.integers(1, 1000), min_size=1, max_size=30))
def test_gini_is_half_the_relative_mean_difference(counts: list[int]) -> None:
    x = np.array(counts, float)
    oracle = np.abs(x[:, None] - x[None]).mean() / (2 * x.mean())
    assert gini(np.array(counts)) == pytest.approx(oracle, abs=1e-12)


def test_mixed_polarity_asks_for_bright_ink() -> None:
    drawing = np.full((20, 20), 255, np.uint8)
    drawing[5:9, 4:16] = 0
    data = from_arrays([drawing, 255 - drawing, np.roll(drawing, 2), 255 - np.roll(drawing, 3)], [0, 0, 1, 1])
    assert "--bright-ink" in kinds(data)["polarity"].next


def test_facts_of_a_plain_set_are_notes_only() -> None:
    found = content(*(data := from_arrays(noise(8), [0, 0, 0, 0, 1, 1, 1, 1]), look(data)))
    assert {finding.severity for finding in found} == {"note"}
    assert "12 × 12 pixels, grey" in found[-1].words


def test_the_gravest_comes_first_and_a_line_names_the_first_few() -> None:
    note, stop = Finding("a", "note", "a"), Finding("b", "stop", "two", 5, tuple("pqrst"), "act")
    assert by_severity([note, stop]) == [stop, note]
    assert stop.line(shown=2) == "two: p, q, …. Next: act"
    assert note.line() == "a."


def test_a_set_of_which_nothing_can_be_read_has_findings_and_no_error() -> None:
    data = from_arrays([np.zeros((4, 4, 7), np.uint8)] * 4, [0, 0, 1, 1])
    assert kinds(data)["unreadable"].count == 4
    assert len(look(replace(data, items=data.items))) == 0
