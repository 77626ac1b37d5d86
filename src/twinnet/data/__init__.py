"""1 What there is: data sets from folders, zips and CSVs; decoded with limits; at one size; split without leaks.

`open_dataset` finds the items and whose they are, and decodes none; `load` decodes all of them once, to the size that a
`Preprocess` says; `split_identities` and `hold_out` part them so that no identity is on two sides.
"""

from twinnet.data.dataset import Dataset
from twinnet.data.decode import MAX_PIXELS, decode
from twinnet.data.folders import omniglot
from twinnet.data.lfw import LfwPairs, lfw_pairs
from twinnet.data.load import ImageStore, load
from twinnet.data.preprocess import Preprocess, measure
from twinnet.data.readers import digits, from_arrays, open_dataset
from twinnet.data.runs import omniglot_runs
from twinnet.data.split import hold_out, split_components, split_identities

__all__ = [
    "MAX_PIXELS",
    "Dataset",
    "ImageStore",
    "LfwPairs",
    "Preprocess",
    "decode",
    "digits",
    "from_arrays",
    "hold_out",
    "lfw_pairs",
    "load",
    "measure",
    "omniglot",
    "omniglot_runs",
    "open_dataset",
    "split_components",
    "split_identities",
]
