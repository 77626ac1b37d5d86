"""The best chain of words in one order is what the plain table of Smith and Waterman gives."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from twinnet.apps.plagiarism import chain
from twinnet.apps.plagiarism.chain import GAP, chained, telling
from twinnet.data.documents import prose_words

WORDS = st.lists(st.integers(0, 6), max_size=14)


def table(a, b, gap):
    """The whole table, cell by cell."""
    worth = np.zeros((len(a) + 1, len(b) + 1))
    for i, x in enumerate(a):
        for j, y in enumerate(b):
            same = worth[i, j] + 1 if x == y else 0
            worth[i + 1, j + 1] = max(0, same, worth[i, j + 1] - gap, worth[i + 1, j] - gap)
    return worth.max()


@given(WORDS, WORDS, st.sampled_from([GAP, 0.5]))
def test_the_chain_is_the_best_of_the_whole_table(a, b, gap):
    one, two = np.array(a, np.uint64), np.array(b, np.uint64)
    assert chained(one, two, gap) == pytest.approx(table(a, b, gap))
    assert chained(two, one, gap) == pytest.approx(table(a, b, gap))


def words(text):
    found = prose_words(text)
    return telling(found, np.ones(len(found), np.bool_))


def test_rewriting_keeps_a_chain_where_no_three_words_in_a_row_are_left():
    source = "The classes take over attributes and behaviour of existing classes which are called ancestor classes"
    rewritten = "Such classes would take attributes, then behaviour, from some existing class, here called an ancestor"
    other = "An ancestor is called so when behaviour exists that classes of a later day take or leave at will"
    assert chained(words(source), words(rewritten)) > 2 * chained(words(source), words(other))


def test_a_script_without_spaces_has_chains_of_pairs_of_characters():
    assert chained(words("你好世界和平"), words("你好世界和平")) == pytest.approx(5)
    assert chained(words("你好世界"), words("界世好你")) == 0


def test_words_that_do_not_count_are_in_no_chain():
    found = prose_words("copied passage stands here")
    assert len(telling(found, np.array([True, True, False, True]))) == 3


def test_of_very_long_texts_the_most_frequent_words_are_passed_over(monkeypatch):
    monkeypatch.setattr(chain, "_MOST_CELLS", 100)
    often, rare = np.zeros(50, np.uint64), np.arange(1, 9, dtype=np.uint64)
    text = np.concatenate([often, rare])
    assert chained(text, text) == pytest.approx(8)
