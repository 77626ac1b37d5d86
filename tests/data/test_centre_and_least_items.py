from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from twinnet import ConfigError, Preprocess, TooFewIdentities, TrainConfig, from_arrays
from twinnet.data.geometry import middle
from twinnet.data.split import with_items
from twinnet.model.forward import geometry
from twinnet.training.run import split


@given(height=st.integers(1, 60), width=st.integers(1, 60), share=st.floats(0.1, 1))
def test_the_middle_is_centred_and_of_the_asked_share(height: int, width: int, share: float) -> None:
    image = np.arange(height * width, dtype=np.int64).reshape(height, width, 1)
    part = middle(image, share)
    assert part.shape[:2] == (max(1, round(height * share)), max(1, round(width * share)))
    first, last = divmod(int(part[0, 0, 0]), width), divmod(int(part[-1, -1, 0]), width)
    for low, high, n in zip(first, last, (height, width), strict=True):
        assert 0 <= (n - 1 - high) - low <= 1  # as much is left over on either side, to one pixel


def test_what_lies_outside_the_centre_does_not_matter() -> None:
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (40, 40, 3)).astype(np.uint8)
    other = image.copy()
    other[:8], other[:, -8:] = 0, 255
    narrow, whole = Preprocess(16, 16, 3, centre=0.6), Preprocess(16, 16, 3)
    np.testing.assert_array_equal(narrow.apply(image), narrow.apply(other))
    assert (whole.apply(image) != whole.apply(other)).any()
    np.testing.assert_array_equal(narrow.apply(image), whole.apply(image[8:32, 8:32]))


def test_centre_is_saved_read_back_and_part_of_the_geometry() -> None:
    narrow = Preprocess(16, 16, centre=0.7)
    assert Preprocess.from_dict(narrow.to_dict()) == narrow
    assert "centre" not in Preprocess(16, 16).to_dict()  # older models keep their fingerprints
    assert geometry(narrow) != geometry(Preprocess(16, 16))


@pytest.mark.parametrize("centre", [0, 0.05, 1.1, True, "x", float("nan")])
def test_a_centre_that_cannot_be_is_refused(centre: object) -> None:
    with pytest.raises(ConfigError, match="centre must be a share"):
        Preprocess(16, 16, centre=centre)  # type: ignore[arg-type]


def test_only_identities_with_enough_items_teach_and_all_are_held_out() -> None:
    labels = np.repeat(np.arange(30), np.arange(30) % 3 + 1)
    data = from_arrays(np.zeros((len(labels), 4, 4), np.uint8), labels)
    parts = split(data, TrainConfig(least_items=2, steps=1))
    teaching = np.unique(parts.train.labels(), return_counts=True)[1]
    assert teaching.min() == 2
    everybody = split(data, TrainConfig(steps=1))
    assert parts.calibration is not None
    assert everybody.calibration is not None
    assert parts.calibration.keys == everybody.calibration.keys
    assert set(parts.train.keys) < set(everybody.train.keys)
    assert with_items(data, 1) is data


def test_too_few_identities_with_enough_items_is_an_error_with_numbers() -> None:
    data = from_arrays(np.zeros((4, 4, 4), np.uint8), [0, 0, 1, 2])
    with pytest.raises(TooFewIdentities, match="1 of 3 identities have 2 items or more"):
        with_items(data, 2)
    with pytest.raises(ConfigError, match="least_items starts at 1"):
        TrainConfig(least_items=0)
