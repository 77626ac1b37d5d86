"""Handwriting: sheets cut into characters, one-shot reading, and whether two samples are by one writer."""

from twinnet.apps.handwriting.contact import drawn
from twinnet.apps.handwriting.cut import Cut, Sheet, cut, write_cuts
from twinnet.apps.handwriting.examples import examples
from twinnet.apps.handwriting.reader import Guess, Reader, Reading
from twinnet.apps.handwriting.reading import fit_reading
from twinnet.apps.handwriting.shipped import shipped
from twinnet.apps.handwriting.train import open_characters, recipe, train
from twinnet.apps.handwriting.writers import SIZES, by_writer, compare_samples, same_writer, train_writers
from twinnet.decide import ReadingRule

__all__ = [
    "SIZES",
    "Cut",
    "Guess",
    "Reader",
    "Reading",
    "ReadingRule",
    "Sheet",
    "by_writer",
    "compare_samples",
    "cut",
    "drawn",
    "examples",
    "fit_reading",
    "open_characters",
    "recipe",
    "same_writer",
    "shipped",
    "train",
    "train_writers",
    "write_cuts",
]
