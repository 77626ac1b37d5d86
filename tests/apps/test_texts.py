"""Text twins: symmetric, saved whole, and better than chance on texts they never saw."""

import json
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer

from twinnet.apps.texts import NGrams, TextPairs, load_texts, read_pairs, sentence_model, train_texts
from twinnet.apps.texts.fields import FIELDS
from twinnet.apps.texts.order import MEASURES as ORDER
from twinnet.apps.texts.order import ordered
from twinnet.core.errors import CalibrationError, ConfigError, DataError, MissingExtra, ModelFileError

WORDS = ["river", "stone", "seven", "winter", "paper", "orange", "carry", "old", "window", "garden", "blue", "hall"]


def invented(n, seed):
    rng = np.random.default_rng(seed)
    first, second, same = [], [], []
    for i in range(n):
        words = rng.choice(WORDS, 8)
        other = rng.permutation(words) if i % 2 else rng.choice(WORDS, 8)
        first.append(" ".join(words))
        second.append(" ".join(other))
        same.append(float(i % 2))
    return TextPairs(tuple(first), tuple(second), np.array(same))


def test_texts_that_were_never_seen_are_told_apart_in_either_order():
    twins, fresh = train_texts(invented(200, 0)), invented(100, 1)
    d = twins.distances(fresh.first, fresh.second)
    assert ((d < twins.rule.threshold) == (fresh.same == 1)).mean() > 0.9
    np.testing.assert_allclose(d, twins.distances(fresh.second, fresh.first), atol=1e-12)


def test_cosines_are_those_of_scikit_learn():
    pairs = invented(40, 2)
    texts = [*pairs.first, *pairs.second]
    ngrams = NGrams.fit(texts)
    own = ngrams.compare(ngrams.encode(pairs.first), ngrams.encode(pairs.second))
    peer = TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 3), sublinear_tf=True).fit(texts)
    cosine = np.asarray(peer.transform(pairs.first).multiply(peer.transform(pairs.second)).sum(1)).ravel()
    np.testing.assert_allclose(own[:, list(FIELDS).index("letters_3")], cosine, atol=1e-5)


def test_measures_of_order_are_those_counted_by_hand():
    a, b = "On Monday Ada Byron sold 30 old books.", "Ada Byron sold her 30 books, not 40, on Monday."
    row = dict(zip(ORDER, ordered(a, b), strict=True))
    assert row["in_order_of_shorter"] == 5 / 8  # ada byron sold 30 books
    assert row["in_order_of_longer"] == 5 / 10
    assert row["longest_run"] == 3 / 8
    assert row["names_of_fewer"] == 2 / 2  # the first word of a sentence may be no name: Monday, Byron
    assert row["numbers_apart"] == pytest.approx(np.log(2))  # 40
    assert row["runs_1_of_shorter"] == 7 / 8
    assert row["runs_2_of_longer"] == 3 / 9  # ada byron, byron sold, on monday
    assert (ordered(a, b) == ordered(b, a)).all()


def test_a_saved_model_answers_the_same(tmp_path):
    twins, fresh = train_texts(invented(100, 3)), invented(20, 4)
    twins.save(tmp_path / "t.twin")
    again = load_texts(tmp_path / "t.twin")
    np.testing.assert_array_equal(
        twins.distances(fresh.first, fresh.second), again.distances(fresh.first, fresh.second)
    )
    assert again.verify(fresh.first[0], fresh.second[0]) == twins.verify(fresh.first[0], fresh.second[0])


def test_graded_pairs_teach_distances_but_no_threshold():
    pairs = invented(100, 5)
    twins = train_texts(TextPairs(pairs.first, pairs.second, 0.2 + 0.6 * pairs.same))
    assert twins.rule is None
    with pytest.raises(CalibrationError, match="no threshold"):
        twins.verify("a", "b")


@pytest.mark.parametrize("text", ["", " ", "12 3.5", "שלום עולם", "日本語の文", "\u200b"])
def test_any_text_has_a_finite_distance(text):
    twins = train_texts(invented(100, 6))
    assert np.isfinite(twins.distances([text, text], [text, "river stone"])).all()


def test_bad_input_is_named(tmp_path):
    file = tmp_path / "p.csv"
    file.write_text("first,second\na,b\n")
    with pytest.raises(DataError, match="lacks same"):
        read_pairs(file)
    file.write_text("first,second,same\na,b,1\nc,d,yes\n")
    with pytest.raises(DataError, match="line 3"):
        read_pairs(file)
    with pytest.raises(CalibrationError, match="at least 20"):
        train_texts(invented(10, 0))
    pairs = invented(40, 0)
    with pytest.raises(CalibrationError, match="same label"):
        train_texts(TextPairs(pairs.first, pairs.second, np.ones(40)))
    with pytest.raises(ModelFileError, match="no text twins"):
        load_texts(file)
    with pytest.raises(ConfigError, match="no such folder"):
        train_texts(pairs, sentences=str(tmp_path / "none"))


def test_the_command_trains_and_compares(tmp_path):
    pairs = invented(100, 7)
    rows = zip(pairs.first, pairs.second, pairs.same, strict=True)
    (tmp_path / "p.tsv").write_text("first\tsecond\tsame\n" + "".join(f"{a}\t{b}\t{s}\n" for a, b, s in rows))

    def run(*arguments):
        return subprocess.run(
            [sys.executable, "-m", "twinnet.cli.main", "texts", *arguments], capture_output=True, text=True, check=True
        ).stdout

    assert "taught by 100 pairs" in run("train", str(tmp_path / "p.tsv"), "-o", str(tmp_path / "t.twin"))
    answer = json.loads(run("compare", str(tmp_path / "t.twin"), "blue river", "river blue", "--json"))
    assert answer["same"] is True
    assert "distance" in run("compare", str(tmp_path / "t.twin"), "blue river", "seven hall")


def test_word_vectors_are_of_unit_length_and_never_fetched(monkeypatch):
    asked = {}

    class WordLlama:
        @staticmethod
        def load(**options):
            asked.update(options)
            return WordLlama()

        def embed(self, texts):
            return [[3.0 * len(text), 4.0 * len(text)] for text in texts]

    sentence_model.cache_clear()
    monkeypatch.setitem(sys.modules, "wordllama", SimpleNamespace(WordLlama=WordLlama))
    found = sentence_model("wordllama").encode(["one", ""])
    sentence_model.cache_clear()
    np.testing.assert_allclose(found, [[0.6, 0.8], [0, 0]])
    assert asked == {"disable_download": True}


def test_without_the_package_its_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "wordllama", None)
    with pytest.raises(MissingExtra, match=r"twinnet\[vectors\]"):
        train_texts(invented(40, 8), sentences="wordllama")
