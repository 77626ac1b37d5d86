"""1 What there is: data sets from folders, zips and CSVs; decoded with limits; at one size; split without leaks.

`open_dataset` finds the items and whose they are, and decodes none; `load` decodes all of them once, to the size that a
`Preprocess` says; `split_identities` and `hold_out` part them so that no identity is on two sides.
"""

from twinnet.data.dataset import Dataset
from twinnet.data.decode import MAX_PIXELS, decode
from twinnet.data.folders import omniglot
from twinnet.data.leaks import assert_disjoint, shared_content
from twinnet.data.load import ImageStore, load
from twinnet.data.preprocess import Preprocess, measure
from twinnet.data.readers import digits, from_arrays, open_dataset
from twinnet.data.split import hold_out, split_components, split_identities

__all__ = [
    "MAX_PIXELS",
    "Dataset",
    "ImageStore",
    "Preprocess",
    "assert_disjoint",
    "decode",
    "digits",
    "from_arrays",
    "hold_out",
    "load",
    "measure",
    "omniglot",
    "open_dataset",
    "shared_content",
    "split_components",
    "split_identities",
]
