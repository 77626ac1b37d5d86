"""Verdicts are learned from labelled pairs, kept as JSON, and refused where they cannot be trusted."""

import json

import numpy as np
import pytest
from plagiarism_texts import save, writer

from twinnet.apps.plagiarism import default_judge, find_plagiarism, read_judge
from twinnet.apps.plagiarism.judge import Judge
from twinnet.apps.plagiarism.labels import learn_judge
from twinnet.apps.plagiarism.learn import combine, held_out, learn
from twinnet.apps.plagiarism.measures import MEASURES
from twinnet.core.errors import CalibrationError, DataError, ModelFileError


def made(n=60, seed=0):
    rng = np.random.default_rng(seed)
    copied = np.arange(n) % 2 == 0
    x = rng.normal(0.3, 0.1, (n, len(MEASURES["prose"]))) + 0.3 * copied[:, None]
    return x, copied, np.arange(n) // 10


def test_the_distance_is_minus_log_p_of_the_regression():
    from sklearn.linear_model import LogisticRegression

    x, copied, _group = made()
    found = combine(x, copied, np.zeros(len(x), np.int64))
    z = (x - x.mean(0)) / x.std(0)
    expected = LogisticRegression(C=1 / 0.03, max_iter=5000).fit(z, copied, sample_weight=np.full(60, 1 / 60))
    assert np.allclose(np.exp(-found(x)), expected.predict_proba(z)[:, 1], atol=1e-3)


def test_no_pair_is_judged_by_weights_that_saw_its_group():
    x, copied, group = made()
    before = held_out(x, copied, group)
    changed = copied.copy()
    changed[group == 2] = ~changed[group == 2]
    after = held_out(x, changed, group)
    assert np.allclose(before[group == 2], after[group == 2])
    assert not np.allclose(before[group != 2], after[group != 2])


def test_learned_verdicts_part_what_can_be_parted():
    x, copied, group = made()
    verdicts = learn(x, copied, group, "made")
    fresh, same, _ = made(seed=1)
    assert np.mean([verdicts.decide(row).same == s for row, s in zip(fresh, same, strict=True)]) > 0.95
    probability = np.array([verdicts.decide(row).probability for row in fresh])
    assert probability[same].mean() > 0.9 > 0.1 > probability[~same].mean()


def test_too_few_pairs_of_a_kind_are_refused():
    x, copied, group = made()
    with pytest.raises(CalibrationError, match="at least 5"):
        learn(x[:9], copied[:9], group[:9], "made")


def test_a_judge_comes_back_from_its_file(tmp_path):
    x, copied, group = made()
    judge = Judge({"prose": learn(x, copied, group, "made")})
    judge.save(tmp_path / "j.json")
    assert read_judge(tmp_path / "j.json") == judge


def test_a_judge_of_prose_says_that_it_knows_no_code():
    x, copied, group = made()
    judge = Judge({"prose": learn(x, copied, group, "made")})
    with pytest.raises(CalibrationError, match="nothing about code"):
        judge.decide("code", np.zeros(len(MEASURES["code"])))


@pytest.mark.parametrize(
    "change",
    [
        lambda v: v.update(format=2),
        lambda v: v["kinds"]["prose"]["weights"].pop(),
        lambda v: v["kinds"]["prose"].update(offset="much"),
        lambda v: v["kinds"]["prose"]["scale"].__setitem__(0, 0),
        lambda v: v["kinds"]["prose"]["centre"].__setitem__(0, float("nan")),
        lambda v: v["kinds"]["prose"]["measures"].reverse(),
        lambda v: v["kinds"]["prose"]["rule"].pop("threshold"),
        lambda v: v["kinds"].clear(),
    ],
)
def test_a_damaged_judge_is_refused(tmp_path, change):
    values = default_judge().to_dict()
    change(values)
    (tmp_path / "j.json").write_text(json.dumps(values))
    with pytest.raises(ModelFileError, match="this is no judge"):
        read_judge(tmp_path / "j.json")


@pytest.mark.parametrize("content", [b"[]", b"{", b"\xff\xfe", b'{"format": 1}', b"[" * 100_000])
def test_a_file_that_is_no_judge_is_refused(tmp_path, content):
    (tmp_path / "j.json").write_bytes(content)
    with pytest.raises(ModelFileError):
        read_judge(tmp_path / "j.json")


def test_a_user_s_own_labels_move_the_threshold(tmp_path):
    """In this course half of an answer may be the same, as all start from one text; only more is copied."""
    write = writer(1)
    base, texts, rows = write(100), {}, ["first,second,copied,group"]
    for i in range(16):
        copied = i % 2 == 0
        own = write(90)
        texts[f"{i}a.txt"] = base + own
        texts[f"{i}b.txt"] = base + (own if copied else write(90))
        rows.append(f"{i}a.txt,{i}b.txt,{int(copied)},{i // 4}")
    folder = save(tmp_path / "e", texts)
    (tmp_path / "l.csv").write_text("\n".join(rows))
    judge = learn_judge(tmp_path / "l.csv", folder)
    fresh = writer(2)
    one, own = fresh(90), fresh(90)
    few = save(tmp_path / "f", {"a.txt": base + one, "b.txt": base + own, "c.txt": [*base, *own[:-5]]})
    shipped = {(m.a, m.b) for m in find_plagiarism(few).copies}
    learned = find_plagiarism(few, judge=judge)
    assert len(shipped) == 3
    assert [(learned.names[m.a], learned.names[m.b]) for m in learned.copies] == [("b.txt", "c.txt")]


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("a,b\n1,2\n", "no column copied, first, second"),
        ("first,second,copied\na,b,perhaps\n", "line 2"),
        ("first,second,copied\n", "no rows"),
    ],
)
def test_a_table_that_cannot_be_used_is_refused_in_words(tmp_path, table, said):
    (tmp_path / "l.csv").write_text(table)
    with pytest.raises(DataError, match=said):
        learn_judge(tmp_path / "l.csv", tmp_path)
