from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from twinnet.core.errors import DataError, EmptyDataset, TooFewIdentities
from twinnet.data import open_dataset

Tree = Callable[..., Path]


@pytest.fixture
def table(tree: Tree) -> Callable[..., Path]:
    root = tree("a/1.png", "a/2.png", "b/1.png", "c/1.png")

    def write(text: str, encoding: str = "utf-8") -> Path:
        (root / "t.csv").write_bytes(text.encode(encoding))
        return root / "t.csv"

    return write


def test_labels_and_groups_are_read_in_the_order_of_rows(table: Callable[..., Path]) -> None:
    dataset = open_dataset(table("path,label,group\nc/1.png,10,x\na/1.png,9,y\na/2.png,9,x\n"))
    assert dataset.keys == ("c/1.png", "a/1.png", "a/2.png")
    assert dataset.identity_names == ("9", "10")
    assert dataset.labels().tolist() == [1, 0, 0]
    assert dataset.groups is not None
    assert dataset.groups.tolist() == [0, 1, 0]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1", "utf-16"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_any_usual_encoding_and_separator_is_read(table: Callable[..., Path], encoding: str, separator: str) -> None:
    text = f"Path{separator}Label\r\na/1.png{separator}Zoë\r\nb/1.png{separator}Jürgen\r\n"
    assert open_dataset(table(text, encoding)).identity_names == ("Jürgen", "Zoë")


def test_pairs_say_same_by_1(table: Callable[..., Path]) -> None:
    dataset = open_dataset(table("left,right,label\na/1.png,a/2.png,1\na/1.png,b/1.png,0\n"))
    assert dataset.keys == ("a/1.png", "a/2.png", "b/1.png")
    assert dataset.identities is None
    assert dataset.pairs is not None
    assert dataset.pairs.first.tolist() == [0, 0]
    assert dataset.pairs.second.tolist() == [1, 2]
    assert dataset.pairs.same.tolist() == [True, False]


def test_triplets_are_read(table: Callable[..., Path]) -> None:
    dataset = open_dataset(table("anchor,positive,negative\na/1.png,a/2.png,c/1.png\n"))
    assert dataset.triplets is not None
    assert (dataset.triplets.anchor[0], dataset.triplets.positive[0], dataset.triplets.negative[0]) == (0, 1, 2)


def test_root_may_be_another_folder_or_a_zip(
    table: Callable[..., Path], tree: Tree, zipped: Tree, tmp_path: Path
) -> None:
    text = "path,label\na/1.png,a\nb/1.png,b\n"
    archive = zipped(table(text).parent, top="wrapper/")
    outside = tmp_path / "t.csv"
    outside.write_text(text)
    with pytest.raises(EmptyDataset, match="none of its 2 rows"):
        open_dataset(outside)
    for root in (tmp_path / "root", archive):
        assert open_dataset(outside, root=root).read(1).shape == (6, 5, 1)


def test_rows_that_name_missing_files_are_skipped_and_listed(table: Callable[..., Path]) -> None:
    dataset = open_dataset(table("path,label\na/1.png,a\ngone.png,a\nb/1.png,b\n" + "x" * 5000 + ",b\n,c\n"))
    assert dataset.keys == ("a/1.png", "b/1.png")
    assert len(dataset.skipped) == 3
    assert dataset.skipped[0].item == "gone.png"
    assert dataset.skipped[0].reason == "line 3 names it, but there is no such file"
    assert "3 skipped" in dataset.summary()


def test_pair_with_a_missing_side_is_skipped_and_leaves_no_item(table: Callable[..., Path]) -> None:
    dataset = open_dataset(table("left,right,label\na/1.png,a/2.png,1\nc/1.png,gone.png,0\n"))
    assert dataset.keys == ("a/1.png", "a/2.png")
    assert dataset.pairs is not None
    assert len(dataset.pairs) == 1


def test_image_named_twice_counts_once_and_contradiction_is_told(table: Callable[..., Path]) -> None:
    dataset = open_dataset(table("path,label\na/1.png,a\na/1.png,a\nb/1.png,b\nb/1.png,c\n"))
    assert len(dataset) == 2
    assert [skip.reason for skip in dataset.skipped] == [
        "line 3 names it again",
        "line 5 names it as 'c', but line 4 says 'b'",
    ]


def test_row_without_a_label_is_skipped(table: Callable[..., Path]) -> None:
    dataset = open_dataset(table("path,label\na/1.png,a\nb/1.png,b\nc/1.png\n"))
    assert dataset.skipped[0].reason == "line 4 has no label"


def test_unknown_columns_are_told_with_the_known_ones(table: Callable[..., Path]) -> None:
    with pytest.raises(DataError, match=r"has the columns file,name. Next: .*path,label; left,right,label"):
        open_dataset(table("file,name\na/1.png,a\n"))


def test_missing_column_of_a_named_kind_is_named(table: Callable[..., Path]) -> None:
    with pytest.raises(DataError, match=r"lacks the column right and label \(it has left\)"):
        open_dataset(table("left\na/1.png\n"), kind="pairs")


@pytest.mark.parametrize("label", ["2", "same", "", "-1"])
def test_pair_label_other_than_0_or_1_is_refused_with_its_line(table: Callable[..., Path], label: str) -> None:
    with pytest.raises(DataError, match=f"line 3: label '{label}' is neither 1"):
        open_dataset(table(f"left,right,label\na/1.png,a/2.png,1\na/1.png,b/1.png,{label}\n"))


def test_empty_table_says_so(table: Callable[..., Path]) -> None:
    with pytest.raises(EmptyDataset, match="is empty"):
        open_dataset(table(""))


def test_header_without_rows_says_so(table: Callable[..., Path]) -> None:
    with pytest.raises(EmptyDataset, match="none of its 0 rows"):
        open_dataset(table("path,label\n"))


def test_table_of_one_identity_is_refused(table: Callable[..., Path]) -> None:
    with pytest.raises(TooFewIdentities, match="one identity only"):
        open_dataset(table("path,label\na/1.png,a\na/2.png,a\n"))


def test_cell_beyond_the_csv_limit_is_refused_as_no_csv(table: Callable[..., Path]) -> None:
    with pytest.raises(DataError, match="is no CSV"):
        open_dataset(table("path,label\n" + "x" * 200_000 + ",a\n"))
