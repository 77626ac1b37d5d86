"""Passages planted at known places are found there, whole, moved or reworded; strangers share nothing."""

import numpy as np
import pytest

from twinnet.apps.plagiarism.align import Alignment, aligned, covered, joined
from twinnet.apps.plagiarism.marks import marked
from twinnet.data.documents import prose_words

HOW = Alignment()


def sentence_maker(seed):
    rng = np.random.default_rng(seed)
    vocabulary = ["".join(rng.choice(list("abcdefghijklmnopqrstuvwxyz"), rng.integers(3, 9))) for _ in range(3000)]
    return lambda n: [str(word) for word in rng.choice(vocabulary, n)]


def marks(words):
    found = prose_words(" ".join(words))
    return marked(found, np.zeros(len(found), np.bool_), run=3, reach=3)


def test_a_planted_passage_is_found_at_its_place():
    make = sentence_maker(1)
    copied = make(60)
    a = make(200) + copied + make(100)
    b = make(50) + copied + make(250)
    (passage,) = aligned(marks(a), marks(b), HOW)
    assert passage.a == (200, 259)
    assert passage.b == (50, 109)
    assert passage.density == 1.0


@pytest.mark.parametrize("every", [4, 6])
def test_a_passage_with_words_replaced_is_one_passage(every):
    make = sentence_maker(2)
    copied, other = make(80), make(80)
    reworded = [other[i] if i % every == 0 else word for i, word in enumerate(copied)]
    (passage,) = aligned(marks(make(100) + reworded + make(100)), marks(make(30) + copied + make(90)), HOW)
    found = covered([passage], 0, 280)
    assert found[100:180].mean() > 0.9
    assert found[:100].sum() + found[180:].sum() <= 2


def test_words_that_change_places_in_a_sentence_are_still_found():
    make = sentence_maker(3)
    copied = make(60)
    swapped = [word for i in range(0, 60, 2) for word in (copied[i + 1], copied[i])]
    (passage,) = aligned(marks(make(80) + swapped + make(80)), marks(make(20) + copied + make(20)), HOW)
    assert covered([passage], 0, 220)[80:140].mean() > 0.9


def test_sentences_in_another_order_are_found_each():
    make = sentence_maker(4)
    parts = [make(30) for _ in range(4)]
    a = [word for i in (2, 0, 3, 1) for word in parts[i] + make(20)]
    b = [word for part in parts for word in part + make(20)]
    passages = aligned(marks(a), marks(b), HOW)
    assert len(passages) == 4
    assert covered(passages, 0, len(a)).sum() == pytest.approx(120, abs=4)


def test_a_stretch_in_another_order_is_joined_to_one_passage():
    make = sentence_maker(5)
    parts = [make(20) for _ in range(5)]
    before, after = make(100), make(80)
    a = before + [word for i in (2, 0, 4, 1, 3) for word in parts[i]] + after
    b = make(40) + [word for part in parts for word in part] + make(90)
    found = aligned(marks(a), marks(b), HOW)
    assert len(found) == 5
    (passage,) = joined(found, HOW)
    assert (passage.a, passage.b) == ((100, 199), (40, 139))


def test_passages_far_apart_or_with_much_between_them_stay_apart():
    make = sentence_maker(6)
    one, two = make(30), make(30)
    for between in (100, 55):  # farther than reach; near enough, but then less than density would be copied
        a = one + make(between) + two
        b = make(10) + one + make(between) + two
        assert len(joined(aligned(marks(a), marks(b), HOW), Alignment(density=0.6))) == 2
    assert joined([], HOW) == []


def test_strangers_share_nothing():
    for seed in range(20):
        make = sentence_maker(seed)
        assert aligned(marks(make(500)), marks(make(500)), HOW) == []


def test_the_two_documents_may_change_places():
    make = sentence_maker(5)
    copied = make(40)
    a, b = marks(make(50) + copied), marks(copied + make(70))
    there, back = aligned(a, b, HOW), aligned(b, a, HOW)
    assert [(p.a, p.b) for p in there] == [(p.b, p.a) for p in back]


def test_a_document_is_one_passage_with_itself():
    words = sentence_maker(6)(120)
    (passage,) = aligned(marks(words), marks(words), HOW)
    assert passage.a == passage.b == (0, 119)


def test_too_short_a_document_has_no_passage():
    assert aligned(marks(["one", "two"]), marks(["one", "two"]), HOW) == []
