"""Measures of two documents agree with counting by hand, and depend on nothing but the two."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from plagiarism_texts import JAVA, renamed, writer

from twinnet.apps.plagiarism.bags import bag_of, contained
from twinnet.apps.plagiarism.hide import in_most, quoted, under
from twinnet.apps.plagiarism.marks import runs, word_numbers
from twinnet.apps.plagiarism.measures import MEASURES, measure
from twinnet.apps.plagiarism.prepared import prepare, split_words
from twinnet.data.documents import Document, prose_words, read_document

WORDS = st.lists(st.sampled_from(["a", "b", "c", "d"]), max_size=30)


def ready(text, language="", hidden=None):
    return prepare(split_words(Document("a", text, language)), hidden)


def value(shared, kind, name):
    return shared.measures[MEASURES[kind].index(name)]


@given(WORDS, WORDS)
def test_contained_is_the_share_of_the_smaller_bag_counted_by_hand(one, two):
    def counted(words):
        return Counter(tuple(words[i : i + n]) for n in (1, 2) for i in range(len(words) - n + 1))

    x, y = counted(one), counted(two)
    small = min(x.total(), y.total())
    expected = (x & y).total() / small if small else 0.0
    found = contained(bag_of(word_numbers(one), (1, 2)), bag_of(word_numbers(two), (1, 2)))
    assert found == pytest.approx(expected)


@given(WORDS, st.data())
def test_runs_that_touch_a_hidden_word_are_in_no_bag(words, data):
    counted = np.array(data.draw(st.lists(st.booleans(), min_size=len(words), max_size=len(words))), np.bool_)
    expected = sum(counted[i : i + 3].all() for i in range(len(words) - 2))
    assert bag_of(word_numbers(words), (3,), counted).total == expected


def test_shares_and_the_longest_run_are_those_of_the_planted_passage():
    write = writer(1)
    copied = write(60)
    a, b = write(90) + copied, copied + write(240)
    shared = measure(ready(" ".join(a)), ready(" ".join(b)))
    assert shared.share_a == pytest.approx(60 / 150, abs=0.02)
    assert shared.share_b == pytest.approx(60 / 300, abs=0.01)
    assert shared.verbatim == 60
    assert value(shared, "prose", "shared") == shared.share_a
    assert value(shared, "prose", "verbatim") == pytest.approx(60 / 150)


def test_the_longest_run_that_is_the_same_survives_a_change_of_sides():
    write = writer(2)
    a, b = ready(" ".join(write(50) + write(20))), ready(" ".join(write(300)))
    assert np.allclose(measure(a, b).measures, measure(b, a).measures)


def test_hidden_words_are_not_shared():
    copied = writer(3)(50)
    text = " ".join(copied)
    hidden = np.arange(50) < 50
    shared = measure(ready(text, hidden=hidden), ready(text))
    assert shared.passages == ()
    assert not shared.measures.any()


def test_a_renamed_program_is_the_same_program():
    shared = measure(ready(JAVA, "java"), ready(renamed(JAVA), "java"))
    assert value(shared, "code", "structure") == 1
    assert value(shared, "code", "strings") == 1
    assert value(shared, "code", "names") < 0.8
    assert value(shared, "code", "unnamed") > 0.95 > value(shared, "code", "letters")
    assert value(shared, "code", "layout") == 1
    assert shared.share_a > 0.95


def test_a_program_written_by_somebody_else_shares_little():
    other = """
    class A { static double best(double[] v) { double m = v[0]; for (double x : v) m = Math.max(m, x); return m; }
      public static void main(String[] a) { System.out.println(best(new double[] {1, 2, 3})); } }
    """
    shared = measure(ready(JAVA, "java"), ready(other, "java"))
    assert shared.share_a < 0.3
    assert value(shared, "code", "letters") < 0.5


def test_hidden_tokens_take_the_comments_between_them_along():
    split = split_words(Document("a", JAVA, "java"))
    shown, none = prepare(split), prepare(split, np.ones(len(split.words), np.bool_))
    assert shown.bags["comments"].total > 0
    left = {name: bag.total for name, bag in none.bags.items() if name not in ("letters", "unnamed")}
    assert left == dict.fromkeys(
        ["tokens", "structure", "long_structure", "layout", "names", "strings", "numbers", "comments"], 0
    )
    assert none.bags["unnamed"].total == none.bags["letters"].total == 0


@given(WORDS, st.integers(1, 4))
def test_words_under_a_chosen_phrase_are_those_counted_by_hand(words, run):
    numbers = word_numbers(words)
    keys = runs(numbers, run)
    chosen = np.unique(keys[::2])
    expected = np.zeros(len(words), np.bool_)
    for i, key in enumerate(keys):
        if key in chosen:
            expected[i : i + run] = True
    assert (under(keys, chosen, len(words), run) == expected).all()


def test_a_phrase_is_usual_where_more_than_the_share_and_at_least_ten_have_it():
    def stood(n, of):
        return [np.array([7], np.uint64)] * n + [np.array([i + 100], np.uint64) for i in range(of - n)]

    assert in_most(stood(10, 19), 0.5).tolist() == [7]
    assert in_most(stood(10, 20), 0.5).tolist() == []
    assert in_most(stood(9, 9), 0.5).tolist() == []
    assert in_most(stood(19, 19), 1).tolist() == []


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("he said “a b c” to me", "he said to me"),
        ('he said "a b c" to me', "he said to me"),
        ("vor „a b“ nach", "vor nach"),
        ("avant « a b » après", "avant après"),
        ("one\n> two three\nfour", "one four"),
        ("an unclosed “mark hides nothing", "an unclosed mark hides nothing"),
        ("it's 5\" long and 6 wide", "its 5 long and 6 wide"),
    ],
)
def test_quotations_are_what_stands_in_quotation_marks(text, left):
    words = prose_words(text)
    kept = [key for key, hidden in zip(words.keys, quoted(text, words), strict=True) if not hidden]
    assert " ".join(kept) == left


def test_a_script_without_spaces_is_aligned_too():
    rng = np.random.default_rng(5)

    def write(n):
        return "".join(chr(c) for c in rng.integers(0x4E00, 0x5800, n))

    copied = write(60)
    shared = measure(ready(write(100) + copied), ready(copied + write(100)))
    (passage,) = shared.passages
    assert passage.a == (100, 159)
    assert passage.b == (0, 59)


def test_the_answers_of_a_task_are_told_from_copies(shared_data: Path):
    folder = shared_data / "plagiarism" / "short_answers"
    one, source, other = (
        prepare(split_words(read_document(folder / name)))
        for name in ("g4pC_taska.txt", "orig_taska.txt", "g0pA_taska.txt")
    )
    assert measure(one, source).share_a > 0.9
    assert measure(other, source).share_a < 0.1
