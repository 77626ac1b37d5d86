"""Going on from a model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import twinnet
from twinnet import TrainConfig
from twinnet.apps.faces import train_faces
from twinnet.core.errors import ConfigError
from twinnet.data import from_arrays
from twinnet.model import Model

SMALL = {"encoder": "compact", "width": 4, "dim": 8, "size_px": 20, "augment": "none", "group_blocks": 0}


def people(names: str, seed: int) -> twinnet.Dataset:
    """Each a pattern of their own, with noise."""
    rng = np.random.default_rng(seed)
    base = rng.integers(0, 255, (len(names), 24, 24, 1))
    images = [np.clip(base[i] + rng.normal(0, 20, (24, 24, 1)), 0, 255).astype(np.uint8)
              for i in range(len(names)) for _ in range(6)]  # fmt: skip
    return from_arrays(images, [name for name in names for _ in range(6)])


@pytest.fixture(scope="module")
def many() -> Model:
    return twinnet.train(people("abcdefghijkl", 0), TrainConfig(**SMALL, steps=5, class_turns=False, fit="crop"))


def test_without_a_step_to_speak_of_the_model_is_the_one_that_was_started_from(many: Model, tmp_path: Path) -> None:
    many.save(tmp_path / "many.twin")
    few = people("uvwxyz", 1)
    config = TrainConfig(steps=1, learning_rate=1e-12, augment="none", class_turns=False)
    again = twinnet.train(few, config, start=tmp_path / "many.twin", accept_leaks=True)
    fresh = twinnet.train(few, TrainConfig(**SMALL, steps=1, learning_rate=1e-12), accept_leaks=True)
    images = [few.read(i) for i in range(4)]
    # Batch normalisation's running means do move in a step; weights do not.
    weights = dict(many.encoder.named_parameters())
    assert all(np.allclose(p.detach(), weights[n].detach(), atol=1e-6) for n, p in again.encoder.named_parameters())
    assert not np.allclose(fresh.embed(images), again.embed(images), atol=1e-2)
    assert again.preprocess == many.preprocess
    assert again.facts["started_from"] == many.fingerprint


def test_who_taught_the_first_counts_as_known_to_the_second(many: Model) -> None:
    second = twinnet.train(people("uvwxyz", 1), TrainConfig(steps=1), start=many, accept_leaks=True)
    assert set(many.facts["trained_identities"]) < set(second.facts["trained_identities"])


def test_the_learning_rate_is_gentler_unless_asked_for(many: Model) -> None:
    assert (
        TrainConfig().learning_rate
        > twinnet.train(people("uvwxyz", 1), TrainConfig(steps=1), start=many, accept_leaks=True).facts["config"][
            "learning_rate"
        ]
    ), "many identities' knowledge is bent, not overwritten"


@pytest.mark.parametrize("wish", [{"encoder": "vgg"}, {"dim": 32}, {"size_px": 40}])
def test_another_network_than_the_model_s_is_refused(many: Model, wish: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match="to start from has"):
        twinnet.train(people("uvwxyz", 1), TrainConfig(steps=1, **wish), start=many, accept_leaks=True)  # type: ignore[arg-type]


def test_faces_take_the_shape_of_what_they_start_from(many: Model) -> None:
    model = train_faces(people("uvwxyz", 1), start=many, steps=1, accept_leaks=True)
    assert (model.spec.name, model.spec.dim, model.preprocess.height) == ("compact", 8, 20)


def test_started_from_a_model_the_same_settings_end_elsewhere(many: Model, tmp_path: Path) -> None:
    config = TrainConfig(**SMALL, steps=3, class_turns=False)
    few = people("uvwxyz", 1)
    one = twinnet.train(few, config, out=tmp_path / "a.twin", start=many, accept_leaks=True)
    two = twinnet.train(few, config, out=tmp_path / "b.twin", accept_leaks=True)
    assert one.fingerprint != two.fingerprint
