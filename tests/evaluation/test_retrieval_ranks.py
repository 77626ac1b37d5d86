"""Retrieval in blocks gives what sorting everybody gives."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pytorch_metric_learning.utils.accuracy_calculator import AccuracyCalculator

from twinnet.core.errors import CalibrationError, ConfigError, DataError, TooFewIdentities
from twinnet.evaluation import ranked
from twinnet.evaluation.retrieval import _scores, retrieval

NAMES = ("recall_at_1", "recall_at_3", "precision_at_1", "r_precision", "map_at_r")


def line(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return abs(a[:, :1] - b[:, :1].T)


def by_sorting(x: np.ndarray, who: np.ndarray, groups: np.ndarray | None) -> tuple[np.ndarray, int]:
    found = []
    for q in range(len(x)):
        others = np.arange(len(x)) != q if groups is None else groups != groups[q]
        match, d = (who == who[q])[others], line(x[q : q + 1], x[others])[0]
        if match.any():
            hit = match[np.lexsort((match, d))]  # at equal distances non-matches stand first
            r, precision = int(match.sum()), np.cumsum(hit) / np.arange(1, len(hit) + 1)
            found.append((hit[:1].any(), hit[:3].any(), hit[0], hit[:r].mean(), (precision * hit)[:r].sum() / r))
    return np.mean(found, axis=0) if found else np.zeros(5), len(x) - len(found)


ITEMS = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 4), st.integers(0, 2)), min_size=1, max_size=40)


@given(ITEMS, st.booleans())
def test_ties_groups_and_lone_items_come_out_as_by_sorting(items: list[tuple[int, int, int]], grouped: bool) -> None:
    place, who, group = np.array(items).T
    x, groups = place[:, None].astype(np.float32), group if grouped else None
    expected, without = by_sorting(x, who, groups)
    if without == len(x):
        with pytest.raises(TooFewIdentities, match="has another of its identity"):
            retrieval(x, who, line, groups=groups)
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ranked, "_SMALLEST", 16)
        patch.setattr(ranked, "_LARGEST", 16)
        result = retrieval(x, who, line, groups=groups, at=(1, 3), replicates=2)
    assert [result.metrics[name].point for name in NAMES] == pytest.approx(list(expected))
    assert result.counts["queries_without_match"] == without
    assert result.protocol == ("retrieval across groups" if grouped else "retrieval")


def test_figures_agree_with_pytorch_metric_learning() -> None:
    rng = np.random.default_rng(4)
    who = rng.integers(0, 60, 700)
    x = (rng.normal(size=(60, 8))[who] + rng.normal(size=(700, 8))).astype(np.float32)
    names = {
        "precision_at_1": "precision_at_1",
        "r_precision": "r_precision",
        "mean_average_precision_at_r": "map_at_r",
    }
    judge = AccuracyCalculator(include=tuple(names), k="max_bin_count", device=torch.device("cpu"))
    theirs = judge.get_accuracy(torch.from_numpy(x), torch.from_numpy(who))
    mine = retrieval(x, who, "euclidean", replicates=2).metrics
    for their, own in names.items():
        assert mine[own].point == pytest.approx(theirs[their], abs=1e-6)


def test_constant_embeddings_find_nothing_rather_than_by_luck() -> None:
    result = retrieval(np.zeros((30, 3), np.float32), np.arange(30) % 6, "euclidean", at=(1, 10), replicates=2)
    assert {name: i.point for name, i in result.metrics.items()} == dict.fromkeys(result.metrics, 0.0)


def test_figures_of_one_query_are_those_worked_out_by_hand() -> None:
    # Ten matches. Among the first ten: the first alone; first and tenth, (1 + 2/10) / 10; the first two; all.
    beyond = np.arange(11, 20)
    assert _scores(np.array([1, *beyond]), (1,)) == pytest.approx([1, 1, 0.1, 0.1])
    assert _scores(np.array([1, 10, *beyond[:8]]), (1,)) == pytest.approx([1, 1, 0.2, 0.12])
    assert _scores(np.array([1, 2, *beyond[:8]]), (1,)) == pytest.approx([1, 1, 0.2, 0.2])
    assert _scores(np.arange(1, 11), (1,)) == pytest.approx([1, 1, 1, 1])


def test_blocks_and_order_of_items_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(2)
    who = np.sort(rng.integers(0, 9, 400)) % 8  # identities of different sizes
    x, order = rng.normal(size=(400, 1)) + who[:, None], rng.permutation(400)
    one = retrieval(x, who, line, replicates=0).metrics
    monkeypatch.setattr(ranked, "_LARGEST", 300)
    monkeypatch.setattr(ranked, "_SMALLEST", 300)
    other = retrieval(x[order], who[order], line, replicates=0).metrics
    for name, interval in one.items():
        assert other[name].point == pytest.approx(interval.point, abs=1e-12)


def test_arrays_say_how_each_query_fared() -> None:
    rng = np.random.default_rng(0)
    who = np.append(rng.integers(0, 10, 100), 99)
    result = retrieval(rng.normal(size=(101, 1)), who, line, replicates=2)
    assert sorted(result.arrays["query"]) == list(range(100))
    assert result.arrays["map_at_r"].mean() == pytest.approx(result.metrics["map_at_r"].point)


def test_unusable_questions_are_refused() -> None:
    x, who = np.arange(20.0)[:, None], np.arange(20) % 4
    with pytest.raises(ConfigError, match="K of 1 or more"):
        retrieval(x, who, line, at=(0,))
    with pytest.raises(ConfigError, match=r"need \d+ MB, and 0 MB are allowed"):
        retrieval(x, who, line, max_memory=1000)
    with pytest.raises(DataError, match="groups"):
        retrieval(x, who, line, groups=np.zeros(3))
    with pytest.raises(DataError, match="do not match"):
        retrieval(x, who[1:], line)
    x[3] = np.nan
    with pytest.raises(CalibrationError, match="NaN or infinite"):
        retrieval(x, who, line)
