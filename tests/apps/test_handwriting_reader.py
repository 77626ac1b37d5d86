"""Reading from one example of each character: probabilities, unknown, and what a reader refuses."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.special import softmax

from twinnet import Model, Preprocess, compare, encoders, from_arrays
from twinnet.apps.handwriting import Reader, ReadingRule, examples, fit_reading, recipe, train
from twinnet.apps.handwriting.compose import Paper, compose
from twinnet.apps.handwriting.reading import confidence, mean_distances, rounds, temperature
from twinnet.apps.handwriting.train import set_apart
from twinnet.core.errors import ConfigError, EmptyDataset, NotCalibrated, NotEnrolled, TooFewIdentities, UnreadableItem
from twinnet.core.seeds import stream
from twinnet.data import Dataset, load
from twinnet.data.invented import InventedCharacters
from twinnet.decide import ece
from twinnet.encoders import EncoderSpec

CHARACTERS = InventedCharacters(seed=4)
RULE = ReadingRule(0.1, 0.5, None, 0.0, 0.0, 10, "ten")


def script(n: int, seed: int, first: int = 0) -> np.ndarray:
    """One drawing of each of `n` characters, by a pen of its own."""
    return CHARACTERS.draw(np.arange(first, first + n), stream(seed, "pen"))


@pytest.fixture(scope="module")
def model() -> Model:
    spec = EncoderSpec("compact", 1, 16, width=8, grid=4)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        encoder = encoders.build(spec)
    pre = Preprocess(20, 20, 1, trim=True, polarity="bright_ink")
    return Model(encoder, compare.build("cosine", 16), pre, None, {}, spec)


@pytest.fixture(scope="module")
def alphabets() -> Dataset:
    """Six alphabets of eight characters, four drawings each, by drawers 1 to 4 of each alphabet."""
    images, labels, groups, drawers = [], [], [], []
    for drawer in range(4):
        images += list(script(48, drawer))
        labels += [f"{i // 8}/{i:02d}" for i in range(48)]
        groups += [i // 8 for i in range(48)]
        drawers += [drawer + 1] * 48
    return replace(from_arrays(images, labels, groups), sessions=np.array(drawers))


def test_an_example_is_read_as_itself_and_probabilities_are_a_softmax_over_all(model: Model) -> None:
    reader = Reader(model, RULE)
    drawings = script(12, 1)
    for name, drawing in zip("abcdefghijkl", drawings, strict=True):
        reader.learn(name, drawing)
    for name, drawing in zip("abcdefghijkl", drawings, strict=True):
        reading = reader.read(drawing)
        assert reading.best.name == name
        assert reading.best.distance == pytest.approx(0, abs=1e-5)
        distances = [guess.distance for guess in reading.ranking]
        assert distances == sorted(distances)
        expected = softmax(-np.array(distances) / 0.1)
        assert [guess.probability for guess in reading.ranking] == pytest.approx(expected)


def test_several_examples_count_by_their_mean_distance(model: Model) -> None:
    reader, drawings = Reader(model, RULE), script(3, 1)
    reader.learn("both", drawings[0], drawings[1])
    reader.learn("one", drawings[2])
    probe = script(3, 2)[0]
    apart = [model.distance(probe, drawing) for drawing in drawings]
    found = {guess.name: guess.distance for guess in reader.read(probe).ranking}
    assert found == pytest.approx({"both": (apart[0] + apart[1]) / 2, "one": apart[2]}, abs=1e-5)
    reader.forget("both")
    reader.learn("both", drawings[0])
    reader.learn("both", drawings[1])  # one by one is the same as at once
    assert {g.name: g.distance for g in reader.read(probe).ranking} == pytest.approx(found)
    assert reader.names == ("one", "both")


def test_beyond_the_limit_it_is_unknown_and_at_the_limit_too(model: Model) -> None:
    probe, example = script(2, 3)[0], script(2, 4)[1]
    distance = model.distance(probe, example)
    for limit, unknown in ((distance * 0.99, True), (distance * 1.01, False)):
        reader = Reader(model, replace(RULE, unknown_from=limit))
        reader.learn("x", example)
        assert reader.read(probe).unknown is unknown


def test_a_reader_refuses_what_it_cannot_do(model: Model) -> None:
    with pytest.raises(NotCalibrated, match="not trained to read"):
        Reader(model)
    reader = Reader(model, RULE)
    with pytest.raises(ConfigError, match="nothing was learned yet"):
        reader.read(script(1, 0)[0])
    with pytest.raises(ConfigError, match="no example of 'a'"):
        reader.learn("a")
    with pytest.raises(NotEnrolled):
        reader.forget("a")
    with pytest.raises(UnreadableItem):
        reader.learn("a", script(1, 0)[0], b"nothing")
    assert reader.names == ()


def test_mean_distances_agree_with_a_plain_loop(model: Model) -> None:
    rng = np.random.default_rng(0)
    probes, known = (rng.normal(size=(n, 16)).astype(np.float32) for n in (5, 7))
    of = np.array([0, 0, 1, 1, 1, 2, 2])
    found = mean_distances(model, probes, known, of)
    for q in range(5):
        for k in range(3):
            each = model.paired(np.repeat(probes[q : q + 1], (of == k).sum(), 0), known[of == k])
            assert found[q, k] == pytest.approx(each.mean(), abs=1e-5)


def test_the_temperature_that_made_the_answers_is_found_and_its_probabilities_keep_their_word() -> None:
    rng, true = np.random.default_rng(3), 0.07
    tables = []
    for _ in range(300):
        d = rng.uniform(0, 0.5, (10, 10))
        right = [rng.choice(10, p=row) for row in softmax(-d / true, axis=1)]
        for q, column in enumerate(right):  # the right one comes to the diagonal
            d[q, [q, column]] = d[q, [column, q]]
        tables.append(d)
    found = temperature(tables)
    assert found == pytest.approx(true, rel=0.1)
    assert ece(*confidence(tables, found)) < 0.03
    assert ece(*confidence(tables, true / 4)) > 0.15


def test_rounds_stay_within_an_alphabet_and_use_two_drawers(alphabets: Dataset) -> None:
    groups, drawers, labels = alphabets.groups, alphabets.sessions, alphabets.labels()
    assert groups is not None
    assert drawers is not None
    every = list(rounds(alphabets, 5, seed=0))
    assert [len(group) for group in every] == [5] * 6
    for group in every:
        for support, probe in group:
            assert len(support) == 8
            assert (labels[support] == labels[probe]).all()
            assert len(np.unique(groups[np.concatenate([support, probe])])) == 1
            assert len(np.unique(drawers[support])) == len(np.unique(drawers[probe])) == 1
            assert drawers[support][0] != drawers[probe][0]


def test_the_limit_refuses_a_twentieth_of_the_known_characters(model: Model, alphabets: Dataset) -> None:
    rule = fit_reading(model, load(alphabets, model.preprocess))
    assert rule.probes == 6 * 20 * 8
    assert rule.refused == pytest.approx(0.05, abs=0.005)
    assert 0 < rule.taken < 1
    assert rule.ece is not None
    assert ReadingRule.from_facts({"reading": rule.to_dict()}) == rule


def test_without_two_drawings_of_two_characters_there_is_no_rule(model: Model) -> None:
    lonely = from_arrays(list(script(4, 0)), list("abcd"))
    with pytest.raises(TooFewIdentities, match="two drawings"):
        fit_reading(model, load(lonely, model.preprocess))


def test_whole_alphabets_are_set_apart_or_characters_where_there_are_few(alphabets: Dataset) -> None:
    taught, held = set_apart(alphabets, 0)
    assert taught.groups is not None
    assert held.groups is not None
    assert len(np.unique(held.groups)) == 1
    assert not np.isin(held.groups, taught.groups).any()
    few = alphabets.subset(np.flatnonzero(alphabets.groups < 3))
    taught, held = set_apart(few, 0)
    assert (taught.n_identities, held.n_identities) == (19, 5)
    assert not set(np.unique(held.labels())) & set(np.unique(taught.labels()))


def test_training_keeps_a_reading_rule_in_the_model(alphabets: Dataset, tmp_path: Path) -> None:
    config = replace(recipe(), minutes=0.0, steps=3, size_px=16, width=8, grid=2, dim=32, identities_per_batch=4)
    model = train(alphabets, config, out=tmp_path / "m.twin")
    reader = Reader(Model(*_parts(tmp_path / "m.twin")))
    assert reader.rule.to_dict() == model.facts["reading"]
    assert model.rule is not None
    assert reader.rule.learned_on == "8 characters of 1 groups"


def _parts(path: Path) -> tuple[object, ...]:
    from twinnet import load as load_model

    m = load_model(path)
    return m.encoder, m.comparison, m.preprocess, m.rule, m.facts, m.spec


def test_examples_come_from_files_folders_or_a_sheet(tmp_path: Path) -> None:
    drawings = 255 - script(3, 0)[:, :, :, 0]
    for name, drawing in zip("abc", drawings, strict=True):
        (tmp_path / "deep" / name).mkdir(parents=True)
        Image.fromarray(drawing).save(tmp_path / "deep" / name / "1.png")
        Image.fromarray(drawing).save(tmp_path / "deep" / name / "2.png")
        Image.fromarray(drawing).save(tmp_path / f"{name}.png")
    flat = tmp_path / "flat"
    flat.mkdir()
    for name in "abc":
        (tmp_path / f"{name}.png").rename(flat / f"{name}.png")
    (flat / "notes.txt").write_text("not a picture")
    assert [name for name, _ in examples(flat)] == ["a", "b", "c"]
    assert [name for name, _ in examples(tmp_path / "deep")] == ["a", "a", "b", "b", "c", "c"]
    sheet, _ = compose(list(script(6, 0)), Paper(columns=3))
    Image.fromarray(sheet[:, :, 0]).save(tmp_path / "sheet.png")
    assert [name for name, _ in examples(tmp_path / "sheet.png")] == ["1", "2", "3", "4", "5", "6"]
    assert [name for name, _ in examples(tmp_path / "sheet.png", list("uvwxyz"))] == list("uvwxyz")
    with pytest.raises(ConfigError, match=r"has 6 characters and 2 names"):
        examples(tmp_path / "sheet.png", ["u", "v"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(EmptyDataset):
        examples(tmp_path / "empty")
