"""`train` looks at the data first: a leak stops it, unless it is accepted."""

from dataclasses import replace

import numpy as np
import pytest

import twinnet
from twinnet.core.errors import LeakError
from twinnet.data.doctor import Finding
from twinnet.training.check import as_notes
from twinnet.training.run import split

CONFIG = twinnet.TrainConfig(
    encoder="compact", width=4, dim=8, size_px=16, steps=2, identities_per_batch=4, items_per_identity=3,
    validation_share=0.2, calibration_share=0.2, precision="float32", device="cpu",
)  # fmt: skip


def leaking(brighter: int = 0) -> twinnet.Dataset:
    """Digits of which one of the training side stands, perhaps a little brighter, on the validation side too."""
    data = twinnet.digits().subset(np.arange(200))
    parts = split(data, CONFIG)
    assert parts.validation is not None
    place = data.keys.index(parts.validation.keys[0])
    source = data.keys.index(parts.train.keys[0])
    copy = np.minimum(data.read(source).astype(int) * 0.9 + brighter, 255).astype(np.uint8)
    items = list(data.items)
    items[place] = copy if brighter else data.items[source]
    return replace(data, items=tuple(items))


@pytest.mark.parametrize("brighter", [0, 10])
def test_a_picture_on_both_sides_of_the_split_stops_training_before_it_starts(brighter: int) -> None:
    with pytest.raises(LeakError, match=r"1 pair of equal pictures on two sides.*row \d+ [=≈] row \d+.*Next: "):
        twinnet.train(leaking(brighter), CONFIG)


def test_an_accepted_leak_is_told_and_trained_on() -> None:
    told: list[str] = []
    model = twinnet.train(leaking(), CONFIG, accept_leaks=True, tell=told.extend)
    assert model.facts["steps"] == 2
    assert "equal pictures on two sides" in told[0]


def test_clean_data_is_trained_on_without_a_word() -> None:
    told: list[str] = []
    twinnet.train(twinnet.digits().subset(np.arange(200)), CONFIG, tell=told.extend)
    assert not [line for line in told if "equal pictures" in line]


def test_notes_are_at_most_three_lines_and_say_where_the_rest_is() -> None:
    many = [Finding(str(i), "warn", f"w{i}") for i in range(5)] + [Finding("n", "note", "n")]
    assert as_notes(many, "d/") == ["w0.", "w1.", "3 more warnings. Next: twinnet doctor d/"]
    assert as_notes(many[:3], "d/") == ["w0.", "w1.", "w2."]
