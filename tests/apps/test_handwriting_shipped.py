"""The reader that comes with twinnet reads a script that nobody taught it."""

from importlib.resources import files

import numpy as np

from twinnet.apps.handwriting import Reader, shipped
from twinnet.core.seeds import stream
from twinnet.data.invented import InventedCharacters
from twinnet.model import card


def test_it_reads_characters_that_nobody_ever_drew_from_one_example_each() -> None:
    script = InventedCharacters(seed=31, pen=(0.04, 0.06))
    names = [f"c{i:02d}" for i in range(20)]
    reader = Reader(shipped())
    for name, drawing in zip(names, script.draw(np.arange(20), stream(1, "examples")), strict=True):
        reader.learn(name, drawing)
    read = [one.best.name for one in reader.read_all(list(script.draw(np.arange(20), stream(2, "probes"))))]
    assert np.mean(np.array(read) == names) >= 0.9  # by chance 0.05


def test_it_is_small_and_its_card_says_whose_data_taught_it() -> None:
    assert len(files("twinnet.apps.handwriting").joinpath("default.twin").read_bytes()) <= 5_000_000
    model = shipped()
    text = card(model)
    assert "Omniglot" in text
    assert "MIT" in text
    assert "benchmarks/handwriting_default.py" in text
    assert model.facts["config"]["encoder"] == "resnet8_p4m"
    assert model.rule is not None
