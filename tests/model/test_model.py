from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from twinnet import ConfigError, NotCalibrated, Preprocess, UnreadableItem, from_arrays
from twinnet.data import load as load_images
from twinnet.model import Model, card, forward

Pictures = list[np.ndarray]


def encoded(picture: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(picture[:, :, 0]).save(buffer, "PNG")
    return buffer.getvalue()


def test_paths_bytes_arrays_and_a_store_give_the_same_embeddings(
    model: Model, pictures: Pictures, tmp_path: Path
) -> None:
    paths = [tmp_path / f"{i}.png" for i in range(len(pictures))]
    for path, picture in zip(paths, pictures, strict=True):
        path.write_bytes(encoded(picture))
    expected = model.embed(pictures)
    assert expected.shape == (30, 8)
    assert expected.dtype == np.float32
    assert np.array_equal(model.embed(paths), expected)
    assert np.array_equal(model.embed([str(path) for path in paths]), expected)
    assert np.array_equal(model.embed([encoded(picture) for picture in pictures]), expected)
    store = load_images(from_arrays(pictures, range(30)), model.preprocess)
    assert np.array_equal(model.embed(store), expected)


def test_an_embedding_does_not_depend_on_its_batch(model: Model, pictures: Pictures) -> None:
    model.encoder.train()  # as a training loop may leave it: batch statistics would then mix the items
    together, alone = model.embed(pictures), np.concatenate([model.embed([picture]) for picture in pictures])
    assert np.abs(together - alone).max() < 1e-6
    assert np.linalg.norm(together[0] - together[1]) > 1e-3


def test_embedding_twice_gives_the_same_bits(model: Model, pictures: Pictures) -> None:
    assert np.array_equal(model.embed(pictures), model.embed(pictures))


def test_more_items_than_a_batch_keep_their_order(model: Model, pictures: Pictures) -> None:
    many = model.embed(pictures * 10)  # 300, above the 256 of a batch
    assert many.shape == (300, 8)
    assert np.abs(many - np.tile(model.embed(pictures), (10, 1))).max() < 1e-6


def test_no_items_give_no_embeddings(model: Model) -> None:
    assert model.embed([]).shape == (0, 8)


@pytest.mark.parametrize("comparison", ["cosine", "euclidean", "learned"])
def test_swapping_the_two_items_changes_nothing(
    make: Callable[..., Model], comparison: str, pictures: Pictures
) -> None:
    model = make(comparison)
    for a, b in pairwise(pictures):
        assert model.distance(a, b) == model.distance(b, a)
        assert model.verify(a, b) == model.verify(b, a)


@pytest.mark.parametrize("comparison", ["cosine", "euclidean", "learned"])
def test_cross_paired_and_distance_agree(make: Callable[..., Model], comparison: str, pictures: Pictures) -> None:
    model = make(comparison)
    embeddings = model.embed(pictures)
    first, second = np.divmod(np.arange(900), 30)
    paired = model.paired(embeddings[first], embeddings[second]).reshape(30, 30)
    assert model.cross(embeddings, embeddings) == pytest.approx(paired, abs=1e-6)
    assert np.array_equal(model.pair_distances(embeddings, first, second).reshape(30, 30), paired)
    assert model.distance(pictures[2], pictures[7]) == pytest.approx(paired[2, 7], abs=1e-6)


def test_same_means_below_the_threshold_and_equal_is_different(model: Model, pictures: Pictures) -> None:
    distance = model.distance(pictures[0], pictures[1])
    assert model.rule is not None
    at = model.with_rule(replace(model.rule, threshold=distance)).verify(pictures[0], pictures[1])
    above = model.with_rule(replace(model.rule, threshold=np.nextafter(distance, 2.0))).verify(pictures[0], pictures[1])
    assert (at.same, above.same) == (False, True)
    assert at.far == model.rule.far


def test_without_a_threshold_distances_are_given_and_verdicts_are_not(
    make: Callable[..., Model], pictures: Pictures
) -> None:
    model = make(rule=None)
    assert model.distance(pictures[0], pictures[1]) > 0
    with pytest.raises(NotCalibrated, match="Next: twinnet calibrate"):
        model.verify(pictures[0], pictures[1])


def test_the_fingerprint_follows_weights_and_preprocessing_but_not_the_rule(make: Callable[..., Model]) -> None:
    model = make()
    assert model.with_rule(None).fingerprint == make(note="other facts").fingerprint == model.fingerprint
    others = [make(seed=1), make("euclidean"), replace(model, preprocess=replace(model.preprocess, trim=True))]
    assert len({model.fingerprint, *(other.fingerprint for other in others)}) == 4
    with torch.no_grad():
        model.encoder.fc.bias[0] = torch.nextafter(model.encoder.fc.bias[0], torch.tensor(9.0))
    assert model.fingerprint != make().fingerprint


def test_embeddings_of_other_kinds_are_taken_or_refused_in_words(model: Model, pictures: Pictures) -> None:
    embeddings = model.embed(pictures)
    expected = model.cross(embeddings, embeddings)
    frozen = embeddings.copy()
    frozen.flags.writeable = False
    assert np.array_equal(model.cross(frozen, embeddings.astype(np.float64)), expected)
    assert np.array_equal(model.cross(embeddings[::-1], embeddings), expected[::-1])
    with pytest.raises(ConfigError, match=r"expected embeddings \(N, 8\) of this model, got \(30, 7\)"):
        model.cross(embeddings[:, :7], embeddings)


def test_a_store_of_another_size_is_refused(model: Model, pictures: Pictures) -> None:
    data = from_arrays(pictures, range(30))
    unmeasured = load_images(data, Preprocess(16, 16))  # mean and std come after loading and do not matter
    assert np.array_equal(model.embed(unmeasured), model.embed(pictures))
    for other in (Preprocess(24, 16), Preprocess(16, 16, fit="stretch"), Preprocess(16, 16, trim=True)):
        with pytest.raises(ConfigError, match=r"Next: load\(data, model\.preprocess\)"):
            model.embed(load_images(data, other))


def test_one_item_in_place_of_a_list_is_refused(model: Model, pictures: Pictures) -> None:
    for one in ("face.png", Path("face.png"), encoded(pictures[0])):
        with pytest.raises(ConfigError, match=r"Next: put the one item into a list"):
            model.embed(one)  # type: ignore[arg-type]


def test_an_unreadable_item_is_named(model: Model, pictures: Pictures, tmp_path: Path) -> None:
    (tmp_path / "torn.png").write_bytes(encoded(pictures[0])[:40])
    with pytest.raises(UnreadableItem, match=r"torn\.png: "):
        model.embed([pictures[0], tmp_path / "torn.png"])


def test_many_items_pass_a_copy_and_leave_the_model_where_it_is(
    model: Model, pictures: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    moved = []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.nn.Module, "to", lambda self, where: moved.append((self, where)) or self)
    few = model.embed(pictures)
    assert not moved
    monkeypatch.setattr(forward, "_MANY", 30)
    assert np.array_equal(model.embed(pictures), few)
    assert [where for _, where in moved] == ["cuda"]
    assert moved[0][0] is not model.encoder


def test_the_card_says_what_the_model_is_and_how_sure(model: Model) -> None:
    text = card(model)
    for fact in ("compact", f"{sum(p.numel() for p in model.encoder.parameters()):,} weights", "16 × 16, grey",
                 "cosine distance", "distance < 0.25 (eer)", "2.000% [1.000%, 3.000%] (Clopper-Pearson)",
                 "900 impostor pairs", "ten people", model.fingerprint, "twinnet evaluate MODEL DATA"):  # fmt: skip
        assert fact in text
    assert "No threshold yet" in card(model.with_rule(None))
