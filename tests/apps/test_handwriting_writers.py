"""Writers: whose identities they are, what is compared with what, and the threshold that belongs to a sample's size."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from twinnet import Model, Preprocess, compare, encoders, from_arrays
from twinnet.apps.handwriting import by_writer, compare_samples, open_characters, same_writer
from twinnet.apps.handwriting.writers import _rule, _two_samples
from twinnet.core.errors import ConfigError, NotCalibrated
from twinnet.core.seeds import stream
from twinnet.data import Dataset
from twinnet.encoders import EncoderSpec


@pytest.fixture(scope="module")
def model() -> Model:
    spec = EncoderSpec("compact", 1, 8, width=4)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        encoder = encoders.build(spec)
    return Model(encoder, compare.build("cosine", 8), Preprocess(16, 16), None, {}, spec)


@pytest.fixture(scope="module")
def data() -> Dataset:
    """Two alphabets of six characters, three drawers each, numbered from 1 in both."""
    images, labels, groups, drawers = [], [], [], []
    rng = np.random.default_rng(0)
    for alphabet in range(2):
        for letter in range(6):
            for drawer in range(3):
                images.append(rng.integers(0, 256, (16, 16), dtype=np.uint8))
                labels.append(f"{alphabet}/{letter}")
                groups.append(alphabet)
                drawers.append(drawer + 1)
    return replace(from_arrays(images, labels, groups), sessions=np.array(drawers))


def test_drawer_1_of_one_alphabet_is_not_drawer_1_of_another(data: Dataset) -> None:
    writers = by_writer(data)
    assert writers.n_identities == 6
    assert writers.identity_names[:4] == ("0/drawer01", "0/drawer02", "0/drawer03", "1/drawer01")
    for rows in writers.by_identity().values():
        assert len(np.unique(data.groups[rows])) == 1
        assert len(np.unique(data.sessions[rows])) == 1
    assert np.array_equal(writers.sessions, data.identities)  # the letters, so that two samples can differ in them


def test_drawers_are_read_from_names_as_omniglot_writes_them(tmp_path: Path) -> None:
    for alphabet in ("A", "B"):
        for letter in ("character01", "character02"):
            (tmp_path / alphabet / letter).mkdir(parents=True)
            for drawer in (1, 2):
                file = tmp_path / alphabet / letter / f"0001_{drawer:02d}.png"
                Image.fromarray(np.full((8, 8), 40 * drawer, np.uint8)).save(file)
    names = by_writer(open_characters(tmp_path)).identity_names
    assert names == ("A/drawer01", "A/drawer02", "B/drawer01", "B/drawer02")


def test_a_folder_per_writer_is_taken_as_it_is() -> None:
    plain = from_arrays(np.zeros((4, 8, 8), np.uint8), list("aabb"))
    assert by_writer(plain) is plain


def test_samples_share_no_letter_and_have_the_asked_size() -> None:
    one, other = {t: t for t in range(10)}, {t: 100 + t for t in range(10)}
    for seed in range(20):
        left, right = _two_samples(one, other, 4, stream(seed, "x"))
        assert len(left) == len(right) == 4
        assert not {i % 100 for i in left} & {i % 100 for i in right}
        assert min(right) >= 100 > max(left)
    assert _two_samples(one, other, 6, stream(0, "x")) is None


def test_the_distance_of_two_samples_is_the_mean_of_all_between_their_items(model: Model, data: Dataset) -> None:
    writers = by_writer(data)
    embedded = model.embed([writers.read(i) for i in range(len(writers))])
    found = compare_samples(model, embedded, writers, 1, draws=2)
    every = model.cross(embedded, embedded)
    allowed = {round(float(d), 5) for d in every[writers.groups[:, None] == writers.groups[None]]}
    assert {round(float(d), 5) for d in found.distance} <= allowed
    assert ((found.first == found.second) == found.same).all()
    in_alphabet = np.array([name[0] for name in writers.identity_names])
    assert (in_alphabet[found.first] == in_alphabet[found.second]).all()
    assert (found.same.sum(), (~found.same).sum()) == (6 * 6, 6 * 2)
    assert len(compare_samples(model, embedded, writers, 4).distance) == 0  # six letters are not four and four


def test_more_characters_tell_writers_better_apart() -> None:
    rng = np.random.default_rng(0)
    habit = rng.normal(size=(10, 8))
    labels = np.repeat(np.arange(10), 30)
    vectors = (habit[labels] + 2.5 * rng.normal(size=(300, 8))).astype(np.float32)
    data = from_arrays(np.zeros((300, 4, 4), np.uint8), labels)
    spec = EncoderSpec("compact", 1, 8, width=4)
    judge = Model(encoders.build(spec), compare.build("euclidean", 8), Preprocess(4, 4), None, {}, spec)
    overlap = []
    for size in (1, 5, 15):
        found = compare_samples(judge, vectors, data, size)
        own, others = found.distance[found.same], found.distance[~found.same]
        overlap.append((own[:, None] > others[None]).mean())
    assert overlap[0] > overlap[1] + 0.05 > overlap[2] + 0.1


def test_the_threshold_is_that_of_the_largest_size_both_samples_reach(model: Model, data: Dataset) -> None:
    writers = by_writer(data)
    embedded = model.embed([writers.read(i) for i in range(len(writers))])
    rule = _rule(compare_samples(model, embedded, writers, 1), "test")
    rules = {str(size): replace(rule, threshold=size / 100).to_dict() for size in (1, 2)}
    judge = replace(model, facts={"writers": rules})
    images = [writers.read(i) for i in range(4)]
    for left, right, size in ((1, 4, 1), (2, 2, 2), (4, 3, 2)):
        decision, used = same_writer(judge, images[:left], images[:right])
        assert (used, decision.threshold) == (size, size / 100)
        assert decision.distance == pytest.approx(model.cross(embedded[:left], embedded[:right]).mean(), abs=1e-5)
    with pytest.raises(ConfigError, match="at least one picture"):
        same_writer(judge, [], images)
    with pytest.raises(NotCalibrated, match="not trained on writers"):
        same_writer(model, images, images)
