"""Trivial numbers that give the answer away are found, with the AUC that scikit-learn gives."""

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from twinnet.data import Dataset, from_arrays, open_dataset
from twinnet.data.doctor import look
from twinnet.evaluation.shortcut import shortcut_findings, shortcuts


def pictures(shade: float, seed: int = 0) -> Dataset:
    """20 identities × 5 of noise, whose mean brightness depends on the identity as far as `shade` says."""
    rng = np.random.default_rng(seed)
    own = np.repeat(rng.normal(0, shade, 20), 5)
    images = np.clip(
        128 + own[:, None, None] + rng.normal(0, 3, (100, 1, 1)) + rng.normal(0, 30, (100, 16, 16)), 0, 255
    )
    return from_arrays(images.astype(np.uint8), np.repeat(np.arange(20), 5))


def test_the_auc_is_that_of_scikit_learn() -> None:
    data = pictures(shade=4)
    seen = look(data)
    first, second = np.triu_indices(100, 1)
    same = data.labels()[first] == data.labels()[second]
    oracle = roc_auc_score(same, -np.abs(seen.brightness[first] - seen.brightness[second]))
    found = shortcuts(data, seen, replicates=20)["auc_brightness"]
    assert found.point == pytest.approx(oracle, abs=1e-9)
    assert found.low < found.point < found.high


def test_brightness_that_depends_on_the_identity_is_a_shortcut() -> None:
    data = pictures(shade=25)
    metrics = shortcuts(data, look(data), replicates=50)
    assert metrics["auc_together"].point > 0.85
    finding = shortcut_findings(metrics)[0]
    assert (finding.kind, finding.severity) == ("shortcut", "warn")
    assert finding.words.startswith(("mean brightness alone", "darkness of the ink alone"))


def test_noise_is_no_shortcut_and_constant_numbers_have_no_figure() -> None:
    data = pictures(shade=0)
    metrics = shortcuts(data, look(data), replicates=50)
    assert shortcut_findings(metrics) == []
    assert {"auc_aspect", "auc_bytes"}.isdisjoint(metrics)
    assert metrics["auc_together"].low < 0.5 < metrics["auc_together"].high


def test_data_without_both_kinds_of_pair_has_no_figures() -> None:
    data = from_arrays(np.zeros((3, 8, 8), np.uint8), [0, 1, 2])
    assert shortcuts(data, look(data)) == {}


def test_an_unreadable_item_takes_no_part() -> None:
    data = pictures(shade=4)
    broken = from_arrays([*data.items, np.zeros((4, 4, 7), np.uint8)], [*data.labels(), 0])
    assert "auc_brightness" in shortcuts(broken, look(broken), replicates=20)


def test_forged_signatures_differ_in_pen_and_paper(shared_data: Path, tmp_path: Path) -> None:
    root = shared_data / "signatures" / "sigcomp2011_dutch"
    lines = ["left,right,label"]
    for writer in sorted(root.iterdir()):
        genuine, forged = (sorted((writer / kind).glob("*.png"))[:8] for kind in ("genuine", "forged"))
        lines += [f"{a},{b},1" for a, b in combinations(genuine, 2)]
        lines += [f"{a},{b},0" for a in genuine for b in forged]
    table = tmp_path / "pairs.csv"
    table.write_text("\n".join(lines))
    data = open_dataset(table)
    metrics = shortcuts(data, look(data), replicates=50)
    assert metrics["auc_together"].low > 0.6
    assert shortcut_findings(metrics)
