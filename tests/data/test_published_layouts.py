"""Readers of published layouts: LFW's pairs, Omniglot's runs, signature pairs without a header."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from twinnet.core.errors import DataError
from twinnet.data import lfw_pairs, omniglot_runs, open_dataset

PAIRS = "2\t1\nAnn_B\t1\t2\nAnn_B\t1\tCy\t3\nCy\t1\t3\nCy\t1\tAnn_B\t2\n"


def test_lfw_pairs_are_read_by_fold_and_what_lacks_is_listed(tmp_path: Path) -> None:
    (tmp_path / "pairs.txt").write_text(PAIRS)
    listed = lfw_pairs(tmp_path / "pairs.txt")
    pairs, fold, missing = listed.find(["Ann_B/Ann_B_0001.jpg", "Ann_B/Ann_B_0002.png", "x/Cy/Cy_0001.pgm"])
    np.testing.assert_array_equal(listed.fold, [0, 0, 1, 1])
    np.testing.assert_array_equal(
        np.stack([pairs.first, pairs.second, pairs.same, fold]), [[0, 2], [1, 1], [1, 0], [0, 1]]
    )
    assert [(skip.item, skip.reason[:1]) for skip in missing] == [("Cy/Cy_0003", "2")]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "line 1"),
        ("a\tb\n", "line 1"),
        (PAIRS[:-20], "its first line says"),
        (PAIRS.replace("Ann_B\t1\t2\n", "Ann_B\t1\n", 1), "line 2"),
        (PAIRS.replace("Cy\t1\t3\n", "Cy\t1\tAnn_B\t3\n"), "line 4: expected one person"),
        (PAIRS.replace("1\t2", "1\tx", 1), "line 2"),
    ],
)
def test_a_pairs_file_that_does_not_fit_is_refused_by_its_line(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "pairs.txt").write_text(text)
    with pytest.raises(DataError, match=says):
        lfw_pairs(tmp_path / "pairs.txt")


@pytest.mark.parametrize("packed", [False, True])
def test_runs_know_their_training_and_test_images(
    tree: Callable[..., Path], zipped: Callable[..., Path], packed: bool
) -> None:
    names = [
        f"all_runs/run0{r}/{kind}0{i}.png" for r in (1, 2) for kind in ("training/class", "test/item") for i in (1, 2)
    ]
    root = tree(*names)
    for r in (1, 2):
        lines = [f"run0{r}/test/item0{i}.png run0{r}/training/class0{3 - i}.png" for i in (1, 2)]
        (root / f"all_runs/run0{r}/class_labels.txt").write_text("\n".join(lines))
    data = omniglot_runs(zipped(root) if packed else root)
    assert data.group_names == ("run01", "run02")
    assert len(data) == 8
    assert data.n_identities == 4
    np.testing.assert_array_equal(data.sessions, [0, 0, 1, 1] * 2)
    np.testing.assert_array_equal(data.identities, [0, 1, 1, 0, 2, 3, 3, 2])
    assert data.read(0).shape == (6, 5, 1)


def test_a_run_that_names_a_missing_image_is_refused(tree: Callable[..., Path]) -> None:
    root = tree("run01/training/class01.png")
    (root / "run01/class_labels.txt").write_text("run01/test/item01.png run01/training/class01.png")
    with pytest.raises(DataError, match="item01"):
        omniglot_runs(root)
    with pytest.raises(DataError, match="class_labels"):
        omniglot_runs(root / "run01/training")


def test_signature_pairs_have_no_header_and_1_means_forged(tree: Callable[..., Path]) -> None:
    root = tree("a.png", "b.png", "c.png")
    (root / "pairs.csv").write_text("a.png,b.png,0\na.png,c.png,1\n")
    data = open_dataset(root / "pairs.csv", kind="signature-pairs")
    assert data.pairs is not None
    np.testing.assert_array_equal(data.pairs.same, [True, False])
    with pytest.raises(DataError, match="signature-pairs"):
        open_dataset(root / "pairs.csv")
    (root / "pairs.csv").write_text("a.png,b.png,genuine\n")
    with pytest.raises(DataError, match=r"1 \(forged\)"):
        open_dataset(root / "pairs.csv", kind="signature-pairs")
