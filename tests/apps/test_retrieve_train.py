"""Twins for retrieval: what is measured of a picture, and beside it a network where there are things enough."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from twinnet import Model, Preprocess, compare, encoders, load
from twinnet.apps.retrieve import train_retrieval
from twinnet.data import Dataset
from twinnet.data.readers import from_arrays
from twinnet.encoders import EncoderSpec


def things(n: int, *, seed: int = 0) -> Dataset:
    """Four pictures of each of `n` things: a coarse pattern of colours, each time with other noise and other light."""
    rng = np.random.default_rng(seed)
    patterns = rng.uniform(40, 210, (n, 1, 4, 4, 3)).repeat(4, 1).repeat(4, 2).repeat(4, 3)  # (n, 4, 16, 16, 3)
    light = rng.uniform(-30, 30, (n, 4, 1, 1, 1))
    images = np.clip(patterns + light + rng.normal(0, 20, patterns.shape), 0, 255).astype(np.uint8)
    return from_arrays(images.reshape(-1, 16, 16, 3), np.repeat(np.arange(n), 4))


def found_first(model: Model, data: Dataset) -> float:
    embedded = model.embed([data.read(i) for i in range(len(data))])
    distances = model.cross(embedded, embedded)
    np.fill_diagonal(distances, np.inf)
    return float((data.labels()[distances.argmin(1)] == data.labels()).mean())


def test_few_things_get_no_network_and_others_are_found_all_the_same(tmp_path: Path) -> None:
    model = train_retrieval(things(12), tmp_path / "few.twin", size_px=16)
    assert model.spec.described == model.spec.dim
    assert (model.facts["steps"], model.facts["train"]["identities"]) == (0, 12)
    assert found_first(model, things(30, seed=1)) > 0.95
    assert load(tmp_path / "few.twin").fingerprint == model.fingerprint


def test_many_things_get_a_network_too_which_counts_as_much_as_others_say(tmp_path: Path) -> None:
    data, seen = things(200), things(30, seed=1)
    model = train_retrieval(data, tmp_path / "many.twin", size_px=16, minutes=0.02)
    assert model.spec.dim - model.spec.described == 256
    assert 0 <= model.facts["network_share"] <= 1
    assert found_first(model, seen) > 0.95
    read = load(tmp_path / "many.twin")
    images = [seen.read(i) for i in range(3)]
    assert np.array_equal(read.embed(images), model.embed(images))
    # Of 200 things 20 are held out. Half of them choose the share and count as seen; the threshold is of the others.
    assert len(model.facts["trained_identities"]) == 190
    assert model.known_rule.n_genuine == 10 * 6
    assert not (tmp_path / "many.twin.checkpoint").exists()


def test_both_parts_are_exported_exactly() -> None:
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    from twinnet.apps.export import exported_bytes
    from twinnet.engine import Engine

    spec = EncoderSpec("shallow", 3, 20, width=6, described=12)
    model = Model(encoders.build(spec).eval(), compare.build("cosine", 20), Preprocess(24, 24, 3), None, {}, spec)
    seen = things(5)
    images = [seen.read(i) for i in range(20)]
    np.testing.assert_allclose(Engine(exported_bytes(model)).embed(images), model.embed(images), atol=2e-6)
