"""Protocol robustness: clean references, worsened probes, the same pairs throughout."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest

from twinnet.apps.robustness import CONDITIONS, MAX_SIDE_PX, reduced, robustness, some_items
from twinnet.core.errors import ConfigError, TwinnetError
from twinnet.core.types import Pairs
from twinnet.data import Dataset, digits, from_arrays, load
from twinnet.data.distort import distort
from twinnet.decide import eer, error_rates
from twinnet.evaluation import Result
from twinnet.model import Model
from twinnet.training import TrainConfig, train

FEW = 30


@pytest.fixture(scope="module")
def model() -> Model:
    data = digits()
    some = np.concatenate([rows[:40] for rows in data.by_identity().values()])
    return train(data.subset(np.sort(some)), TrainConfig(steps=15, size_px=16, calibration_share=0.3))


@pytest.fixture(scope="module")
def data() -> Dataset:
    known = digits()
    rows = np.concatenate([rows[50:56] for rows in known.by_identity().values()])
    return known.subset(np.sort(rows))


@pytest.fixture(scope="module")
def result(model: Model, data: Dataset) -> Result:
    return robustness(model, data, max_items=FEW, replicates=20)


def test_nine_distortions_of_five_steps_and_the_clean_level(result: Result) -> None:
    assert result.protocol == "robustness"
    assert len(result.metrics) == 46
    assert result.arrays["eer"].shape == result.arrays["low"].shape == (9, 6)
    assert result.arrays["levels"].shape == (9, 5)
    assert (result.arrays["eer"][:, 0] == result.metrics["eer_clean"].point).all()
    for (kind, step), value in zip(CONDITIONS, result.arrays["eer"][:, 1:].ravel(), strict=True):
        assert result.metrics[f"eer_{kind}_{step}"].point == value


def test_the_eer_is_that_of_clean_references_against_worsened_probes(
    result: Result, model: Model, data: Dataset
) -> None:
    chosen = data.subset(some_items(data, FEW, 0))
    who = chosen.labels()
    first, second = np.triu_indices(len(chosen), 1)
    clean = model.embed([chosen.read(i) for i in range(len(chosen))])
    worse = model.embed([distort(chosen.read(i), "rotation", 4, item=i) for i in range(len(chosen))])
    for name, probes in (("eer_clean", clean), ("eer_rotation_4", worse)):
        rates = error_rates(model.paired(clean[first], probes[second]), who[first] == who[second])
        assert result.metrics[name].point == pytest.approx(eer(rates)[0], abs=1e-6)


def test_every_eer_has_an_interval_over_identities_that_holds_it(result: Result) -> None:
    for interval in result.metrics.values():
        assert interval.low <= interval.point <= interval.high
        assert interval.method


def test_the_same_seed_gives_the_same_and_a_store_the_same_as_its_data(
    result: Result, model: Model, data: Dataset
) -> None:
    again = robustness(model, load(data, model.preprocess), max_items=FEW, replicates=20)
    assert again.metrics == result.metrics


def test_items_are_bounded_and_the_note_says_how_many_were_drawn(result: Result) -> None:
    assert result.counts["items"] <= FEW
    assert any("of 60 items" in note for note in result.notes)


def test_drawn_items_are_several_of_each_of_many_identities(data: Dataset) -> None:
    chosen = data.subset(some_items(data, FEW, 7))
    sizes = [len(rows) for rows in chosen.by_identity().values()]
    assert min(sizes) >= 2
    assert len(sizes) >= 5


def test_given_pairs_keep_both_of_their_items() -> None:
    images = np.random.default_rng(0).integers(0, 256, (40, 8, 8), dtype=np.uint8)
    data = from_arrays(list(images), np.repeat(np.arange(20), 2))
    pairs = Pairs(np.arange(0, 40, 2), np.arange(1, 40, 2), np.arange(20) < 10)
    with_pairs = Dataset(data.items, data.keys, None, pairs=pairs, source="pairs")
    chosen = with_pairs.subset(some_items(with_pairs, 12, 0))
    assert len(chosen) == 12
    assert chosen.pairs is not None
    assert len(chosen.pairs) == 6


def test_large_pictures_are_reduced_and_small_ones_are_not() -> None:
    assert reduced(np.zeros((600, 1200, 3), np.uint8)).shape == (256, MAX_SIDE_PX, 3)
    small = np.zeros((20, 30, 1), np.uint8)
    assert reduced(small) is small


def test_what_cannot_be_judged_is_refused(model: Model, data: Dataset) -> None:
    with pytest.raises(ConfigError, match="at least 2"):
        robustness(model, data, max_items=1)
    with pytest.raises(TwinnetError, match="two identities"):
        robustness(model, data.subset(data.by_identity()[0]))


def test_progress_counts_every_item_and_every_distortion(model: Model, data: Dataset) -> None:
    seen: dict[str, list[float]] = {}

    class Task:
        def __init__(self, name: str, total: float | None) -> None:
            self.counted = seen.setdefault(name, [total or 0, 0.0])

        def advance(self, n: float = 1) -> None:
            self.counted[1] += n

        def note(self, text: str) -> None:
            pass

    class Shows:
        @contextmanager
        def task(self, description: str, total: float | None = None) -> Iterator[Task]:
            yield Task(description, total)

    robustness(model, data, max_items=12, replicates=2, progress=Shows())
    assert all(total == done for total, done in seen.values())
    assert seen["judging distortions"][0] == 46
