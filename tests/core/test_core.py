"""Seeds, progress and types."""

import numpy as np
import pytest

from twinnet.core.errors import MissingExtra
from twinnet.core.extras import require
from twinnet.core.progress import SILENT
from twinnet.core.seeds import derive, stream
from twinnet.core.types import Interval, Pairs, Triplets


def test_a_stream_depends_on_the_seed_and_on_every_name() -> None:
    draws = {tuple(stream(*key).integers(0, 10**9, 3)) for key in [(1,), (2,), (1, "a"), (1, "b"), (1, "a", 2)]}
    assert len(draws) == 5
    assert stream(1, "a").integers(10**9) == stream(1, "a").integers(10**9)
    assert 0 <= derive(5, "x") < 2**63


def test_pairs_and_triplets_of_unequal_length_are_refused() -> None:
    one, two = np.zeros(1, np.int64), np.zeros(2, np.int64)
    with pytest.raises(ValueError, match="lengths differ: 1, 2, 1"):
        Pairs(one, two, one.astype(bool))
    with pytest.raises(ValueError, match="lengths differ"):
        Triplets(one, one, two)


def test_a_missing_extra_names_the_pip_line() -> None:
    with pytest.raises(MissingExtra, match=r"pip install 'twinnet\[milvus\]'"):
        require("no_such_module", "milvus")


def test_silent_progress_takes_everything() -> None:
    with SILENT.task("x", 3) as task:
        task.advance()
        task.note("y")


def test_an_interval_reads_as_a_figure_with_its_ends() -> None:
    assert str(Interval(0.1, 0.25, 0.5)) == "0.25 [0.1, 0.5]"
