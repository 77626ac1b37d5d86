from __future__ import annotations

import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from twinnet.core.errors import ConfigError, DataError, EmptyDataset, TooFewIdentities, UnreadableItem
from twinnet.data import Dataset, digits, from_arrays, omniglot, open_dataset
from twinnet.data.listing import natural

Tree = Callable[..., Path]


def told(dataset: Dataset) -> list[tuple[str, str]]:
    return [(key, dataset.identity_names[i]) for key, i in zip(dataset.keys, dataset.labels(), strict=True)]


def test_folder_per_identity_is_read_in_natural_order(tree: Tree) -> None:
    dataset = open_dataset(tree("s10/1.pgm", "s2/10.pgm", "s2/9.pgm", "s1/1.pgm"))
    assert told(dataset) == [("s1/1.pgm", "s1"), ("s2/9.pgm", "s2"), ("s2/10.pgm", "s2"), ("s10/1.pgm", "s10")]
    assert dataset.groups is None
    assert dataset.read(0).shape == (6, 5, 1)


def test_two_levels_are_group_and_identity(tree: Tree) -> None:
    dataset = open_dataset(tree("Latin/a/1.png", "Latin/b/1.png", "Greek/a/1.png"))
    assert dataset.identity_names == ("Greek/a", "Latin/a", "Latin/b")
    assert dataset.groups is not None
    assert [dataset.group_names[g] for g in dataset.groups] == ["Greek", "Latin", "Latin"]


@pytest.mark.parametrize("top", ["", "wrapper/"])
@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_zip_reads_the_same_as_its_folder(tree: Tree, zipped: Tree, top: str, method: int) -> None:
    root = tree("ann/1.png", "ann/2.png", "bob/1.png")
    plain, packed = open_dataset(root), open_dataset(zipped(root, top, method))
    assert told(packed) == told(plain)
    for i in range(3):
        assert packed.raw(i) == plain.raw(i)
        assert np.array_equal(packed.read(i), plain.read(i))


def test_zip_without_the_suffix_is_still_a_zip(tree: Tree, zipped: Tree) -> None:
    path = zipped(tree("ann/1.png", "bob/1.png"))
    assert len(open_dataset(path.rename(path.with_suffix(".cbz")))) == 2


def test_other_files_are_ignored_and_counted_not_skipped(tree: Tree) -> None:
    dataset = open_dataset(tree("a/1.png", "b/1.png", "a/notes.txt", "a/.hidden.png", "__MACOSX/a/1.png", "Thumbs.db"))
    assert dataset.keys == ("a/1.png", "b/1.png")
    assert (dataset.ignored, dataset.skipped) == (4, ())
    assert "4 other files ignored" in dataset.summary()


def test_folder_linked_in_a_circle_is_read_once(tree: Tree) -> None:
    root = tree("a/1.png", "b/1.png")
    (root / "a" / "again").symlink_to(root, target_is_directory=True)
    dataset = open_dataset(root)
    assert len(dataset) == 2
    assert dataset.skipped[0].item == "a/again"


def test_linked_identity_folder_is_read(tree: Tree) -> None:
    root, elsewhere = tree("a/1.png"), tree("1.png", root="elsewhere")
    (root / "b").symlink_to(elsewhere, target_is_directory=True)
    assert open_dataset(root).keys == ("a/1.png", "b/1.png")


def test_missing_path_says_so(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nowhere does not exist. Next: check the spelling"):
        open_dataset(tmp_path / "nowhere")


def test_path_longer_than_any_file_does_not_exist() -> None:
    with pytest.raises(DataError, match="does not exist"):
        open_dataset("x" * 5000)


def test_empty_folder_says_so(tmp_path: Path) -> None:
    with pytest.raises(EmptyDataset, match="has no images"):
        open_dataset(tmp_path)


def test_images_in_the_root_are_refused(tree: Tree) -> None:
    with pytest.raises(DataError, match=r"2 images lie in the root, outside any identity's folder \(first: 1.png\)"):
        open_dataset(tree("1.png", "2.png", "a/1.png"))


def test_images_in_the_root_can_be_read_without_identities(tree: Tree) -> None:
    dataset = open_dataset(tree("1.png", "a/2.png"), kind="loose")
    assert len(dataset) == 2
    with pytest.raises(DataError, match="has no identities"):
        dataset.by_identity()


def test_images_at_different_depths_are_refused(tree: Tree) -> None:
    with pytest.raises(DataError, match=r"different depths \(a/1.png, b/c/1.png\)"):
        open_dataset(tree("a/1.png", "b/c/1.png"))


def test_one_identity_only_is_refused_by_name(tree: Tree) -> None:
    with pytest.raises(TooFewIdentities, match=r"one identity only \(ann\)"):
        open_dataset(tree("ann/1.png", "ann/2.png"))


def test_file_that_is_no_zip_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(b"no zip at all")
    with pytest.raises(DataError, match="is no zip file"):
        open_dataset(tmp_path / "a.zip")


def test_other_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.xlsx").write_bytes(b"?")
    with pytest.raises(DataError, match="neither a folder, a zip nor a CSV"):
        open_dataset(tmp_path / "a.xlsx")


def test_damaged_zip_member_is_unreadable(tree: Tree, zipped: Tree) -> None:
    path = zipped(tree("a/1.png", "b/1.png"), method=zipfile.ZIP_STORED)
    content = bytearray(path.read_bytes())
    content[content.index(b"IDAT") + 6] ^= 0xFF
    path.write_bytes(content)
    dataset = open_dataset(path)
    with pytest.raises(UnreadableItem, match=r"a/1.png: is damaged in the zip"):
        dataset.read(0)
    assert dataset.read(1).shape == (6, 5, 1)


def test_encrypted_zip_member_is_unreadable(tree: Tree, zipped: Tree) -> None:
    path = zipped(tree("a/1.png", "b/1.png"))
    content = bytearray(path.read_bytes())
    content[content.rindex(b"PK\x01\x02") + 8] |= 1  # the flag of the last member in the directory
    path.write_bytes(content)
    dataset = open_dataset(path)
    assert dataset.read(0).shape == (6, 5, 1)
    with pytest.raises(UnreadableItem, match=r"b/1.png: is encrypted in the zip"):
        dataset.read(1)


def test_unknown_kind_and_root_without_csv_are_refused(tree: Tree) -> None:
    root = tree("a/1.png", "b/1.png")
    with pytest.raises(ConfigError, match=r"unknown kind of data 'faces'. Known: folder"):
        open_dataset(root, kind="faces")
    with pytest.raises(ConfigError, match="root is for the paths in a CSV"):
        open_dataset(root, root=root)


def test_omniglot_layout_gives_alphabets_characters_and_drawers(tree: Tree, zipped: Tree) -> None:
    root = tree("Latin/character01/0001_02.png", "Latin/character02/0002_01.png", "Greek/character01/0003_20.png")
    for dataset in (omniglot(root), open_dataset(zipped(root, "images_background/"), kind="omniglot")):
        assert dataset.group_names == ("Greek", "Latin")
        assert dataset.identity_names[1] == "Latin/character01"
        assert dataset.sessions is not None
        assert dataset.sessions.tolist() == [20, 2, 1]


def test_other_layout_is_not_omniglot(tree: Tree) -> None:
    with pytest.raises(DataError, match="not laid out as Omniglot"):
        omniglot(tree("a/0001_01.png", "b/0002_01.png"))


def test_digits_are_eight_bit_and_named_by_their_digit() -> None:
    dataset = digits()
    assert dataset.identity_names == tuple("0123456789")
    assert len(dataset) == 1797
    assert dataset.read(0).shape == (8, 8, 1)
    assert max(dataset.read(i).max() for i in range(20)) == 255
    assert np.array_equal(open_dataset("digits").labels(), dataset.labels())


def test_arrays_of_any_size_are_items(tmp_path: Path) -> None:
    dataset = from_arrays([np.zeros((3, 4)), np.ones((5, 6, 3))], ["x", "y"], groups=[1, 2])
    assert [dataset.read(i).shape for i in range(2)] == [(3, 4, 1), (5, 6, 3)]
    assert dataset.group_names == ("1", "2")
    assert dataset.raw(0) != dataset.raw(1)


def test_arrays_and_labels_of_different_lengths_are_refused() -> None:
    with pytest.raises(DataError, match="3 labels for 2 images"):
        from_arrays(np.zeros((2, 4, 4)), [0, 1, 2])


@given(st.lists(st.text("ab01/9.²٣", max_size=6)))
def test_natural_order_is_total_and_has_no_ties_but_equals(names: list[str]) -> None:
    backwards = names[::-1]
    assert sorted(names, key=natural) == sorted(backwards, key=natural)


@pytest.mark.skipif(os.name == "nt", reason="permissions")
def test_unreadable_file_is_unreadable_item(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = open_dataset(tree("a/1.png", "b/1.png"))

    def refuse(self: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(UnreadableItem, match=r"a/1.png: cannot be read .*Permission denied"):
        dataset.read(0)


def test_real_layouts_are_recognised(shared_data: Path) -> None:
    characters = omniglot(shared_data / "omniglot" / "images_background.zip")
    assert (len(characters), characters.n_identities, len(characters.group_names)) == (19_280, 964, 30)
    assert characters.sessions is not None
    assert sorted(set(characters.sessions.tolist())) == list(range(1, 21))
    faces = shared_data / "faces"
    orl = open_dataset(faces / "orl")
    assert (len(orl), orl.n_identities, orl.read(0).shape) == (280, 28, (112, 92, 1))
    pairs = open_dataset(faces / "lfw_pairs_dev_train.csv", root=faces / "lfw_aligned_112.zip").pairs
    assert pairs is not None
    assert (len(pairs), int(pairs.same.sum())) == (2200, 1100)
    signatures = open_dataset(shared_data / "signatures" / "sigcomp2011_dutch")
    assert (len(signatures), signatures.n_identities, len(signatures.group_names)) == (1149, 86, 43)
