from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from twinnet.core.errors import ConfigError, EmptyDataset, UnreadableItem
from twinnet.data import Preprocess, digits, from_arrays, load, open_dataset

Tree = Callable[..., Path]
SIZE = Preprocess(9, 7)


@pytest.fixture
def spoiled(tree: Tree) -> Path:
    """Ten images of two identities, of which a/3 is cut off and b/7 is text."""
    root = tree(*[f"{'ab'[i // 5]}/{i}.png" for i in range(10)])
    (root / "a/3.png").write_bytes((root / "a/3.png").read_bytes()[:50])
    (root / "b/7.png").write_text("not found")
    return root


class Heard:
    """A progress that remembers."""

    def __init__(self) -> None:
        self.total: float | None = None
        self.done = 0.0
        self.text = ""

    def advance(self, n: float = 1) -> None:
        self.done += n

    def note(self, text: str) -> None:
        self.text = text

    @contextmanager
    def task(self, description: str, total: float | None = None) -> Iterator[Heard]:
        self.total = total
        yield self


@pytest.mark.parametrize("workers", [None, 1, 3])
@pytest.mark.parametrize("memory_limit", [0, 10**9])
def test_images_are_those_of_reading_one_by_one(spoiled: Path, workers: int | None, memory_limit: int) -> None:
    dataset = open_dataset(spoiled)
    store = load(dataset, SIZE, workers=workers, memory_limit=memory_limit)
    assert (store.pixels is None) == (memory_limit == 0)
    assert store.dataset.keys == tuple(key for key in dataset.keys if key not in ("a/3.png", "b/7.png"))
    expected = np.stack([SIZE.apply(store.dataset.read(i)) for i in range(8)])
    assert np.array_equal(store.images(np.arange(8)), expected)
    assert np.array_equal(store.images([5, 0, 5]), expected[[5, 0, 5]])


def test_bad_images_are_skipped_counted_and_named_in_order(spoiled: Path) -> None:
    progress = Heard()
    store = load(open_dataset(spoiled), SIZE, progress=progress)
    assert [skip.item for skip in store.skipped] == ["a/3.png", "b/7.png"]
    assert "not an image" in store.skipped[1].reason
    assert (progress.total, progress.done, progress.text) == (10, 10, "2 skipped")


def test_skips_of_the_reader_come_first(spoiled: Path) -> None:
    table = spoiled / "t.csv"
    table.write_text("path,label\ngone.png,a\na/3.png,a\na/0.png,a\nb/5.png,b\n")
    assert [skip.item for skip in load(open_dataset(table), SIZE).skipped] == ["gone.png", "a/3.png"]


def test_pair_of_an_unreadable_image_goes_and_the_others_are_renumbered(spoiled: Path) -> None:
    table = spoiled / "t.csv"
    table.write_text("left,right,label\na/0.png,a/3.png,1\na/0.png,b/5.png,0\nb/7.png,a/1.png,0\na/1.png,a/2.png,1\n")
    pairs = load(open_dataset(table), SIZE).dataset.pairs
    assert pairs is not None
    assert (pairs.first.tolist(), pairs.second.tolist(), pairs.same.tolist()) == ([0, 2], [1, 3], [False, True])


def test_all_bad_says_why() -> None:
    dataset = from_arrays([np.zeros(3), np.zeros((2, 2, 2))], ["a", "b"])
    with pytest.raises(
        EmptyDataset, match=r"none of its 2 items could be read. First: row 0: an array of shape \(3,\)"
    ):
        load(dataset, SIZE)


def test_file_that_goes_away_after_loading_is_named(spoiled: Path) -> None:
    store = load(open_dataset(spoiled), SIZE, memory_limit=0)
    (spoiled / "a/1.png").unlink()
    with pytest.raises(UnreadableItem, match=r"a/1.png: there is no such file"):
        store.images([0, 1])


def test_no_workers_is_refused() -> None:
    with pytest.raises(ConfigError, match="at least 1"):
        load(digits(), SIZE, workers=0)


def test_interrupt_passes_through_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    dataset, read = digits(), []

    def interrupted(self: Preprocess, image: np.ndarray) -> np.ndarray:
        read.append(1)
        raise KeyboardInterrupt

    monkeypatch.setattr(Preprocess, "apply", interrupted)
    with pytest.raises(KeyboardInterrupt):
        load(dataset, SIZE, workers=2)
    assert len(read) < len(dataset) / 2


def test_loading_real_faces_from_a_zip_skips_none(shared_data: Path) -> None:
    dataset = open_dataset(shared_data / "faces" / "lfw_aligned_112.zip").subset(range(100))
    store = load(dataset, Preprocess(56, 56, 3))
    assert store.images([0]).shape == (1, 56, 56, 3)
    assert not store.skipped
