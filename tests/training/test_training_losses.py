"""`train` can be told every loss that the registry knows, with its own settings, a memory, and others added."""

from dataclasses import replace
from typing import get_args

import numpy as np
import pytest
import torch

import twinnet
from twinnet import losses
from twinnet.cli import training as cli
from twinnet.core.errors import ConfigError
from twinnet.training.config import Loss
from twinnet.training.loop import fit as real_fit

CONFIG = twinnet.TrainConfig(
    encoder="compact", width=8, dim=16, size_px=16, steps=40, identities_per_batch=8, items_per_identity=4, dropout=0.0,
    augment="none", class_turns=False, validation_share=0.0, calibration_share=0.0, precision="float32", device="cpu",
)  # fmt: skip


def digits() -> twinnet.Dataset:
    return twinnet.digits().subset(np.arange(200))


def values_of(config: twinnet.TrainConfig, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The loss at every step of a run."""
    from twinnet.training import loop

    found: list[float] = []
    step = loop.step

    def noted(*args: object, **kwargs: object) -> float:
        found.append(step(*args, **kwargs))  # type: ignore[arg-type]
        return found[-1]

    monkeypatch.setattr(loop, "step", noted)
    twinnet.train(digits(), config)
    return found


def test_settings_and_command_line_name_every_loss_of_the_registry() -> None:
    assert set(get_args(Loss)) == {"auto", *losses.NAMES}
    assert get_args(cli.Loss) == get_args(Loss)


@pytest.mark.parametrize("loss", get_args(Loss))
def test_every_named_loss_falls_in_a_few_steps(loss: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # The mean over active triplets hovers about the margin while fewer and fewer are active: the mean over all falls.
    settings = {"mean": "all"} if loss == "triplet" else {}
    values = values_of(replace(CONFIG, loss=loss, loss_settings=settings), monkeypatch)  # type: ignore[arg-type]
    assert len(values) == CONFIG.steps
    assert np.isfinite(values).all()
    assert np.mean(values[-8:]) < np.mean(values[:8])


@pytest.mark.parametrize(
    ("loss", "comparison", "on_sphere"),
    [
        ("supcon", "cosine", True), ("contrastive", "euclidean", True), ("bce", "learned", False),
        ("nca", "euclidean", False), ("arcface", "cosine", True), ("cross_entropy", "cosine", False),
    ],
)  # fmt: skip
def test_auto_compares_as_the_loss_usually_is(loss: str, comparison: str, on_sphere: bool) -> None:
    config = replace(CONFIG, loss=loss, steps=1)  # type: ignore[arg-type]
    assert config.known_comparison == comparison
    model = twinnet.train(digits(), config)
    assert model.facts["config"]["comparison"] == comparison
    assert model.spec.normalise == on_sphere
    assert replace(config, comparison="cosine").known_comparison == "cosine"


def test_losses_are_weighted_together_and_remember_by_settings_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = {
        "temperature": 0.2,
        "memory": 64,
        "also": [{"loss": "triplet", "weight": 0.5, "margin": 0.3}, {"loss": "proxy_anchor", "weight": 0.1}],
    }
    values = values_of(replace(CONFIG, loss_settings=settings), monkeypatch)
    assert np.mean(values[-8:]) < np.mean(values[:8])


def test_class_vectors_are_resumed_with_the_weights(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    from pathlib import Path

    from twinnet.training import checkpoint, run

    out = Path(str(tmp_path)) / "m.twin"
    config = replace(CONFIG, loss="proxy_anchor", steps=8, checkpoint_s=0.0)
    straight = twinnet.train(digits(), config)

    class Stop(Exception):
        pass

    saved, calls = checkpoint.save, []

    def save(*args: object) -> None:
        saved(*args)  # type: ignore[arg-type]
        calls.append(1)
        if len(calls) == 4:
            raise Stop

    monkeypatch.setattr(checkpoint, "save", save)
    with pytest.raises(Stop):
        twinnet.train(digits(), config, out=out)
    monkeypatch.undo()
    assert run.fit is real_fit
    resumed = twinnet.train(digits(), config, out=out)
    mine, theirs = resumed.encoder.state_dict(), straight.encoder.state_dict()
    assert all(torch.equal(mine[name], theirs[name]) for name in mine)


def test_class_vectors_learn_at_their_own_rate_and_without_decay() -> None:
    from twinnet.compare import Cosine
    from twinnet.training.loop import _weight_groups

    loss = losses.build("proxy_anchor", Cosine(), dim=4, n_classes=3, rate=7.0)
    groups = _weight_groups(
        torch.nn.ModuleDict({"encoder": torch.nn.Linear(4, 4), "loss": loss}), twinnet.TrainConfig(optimiser="muon")
    )
    found = {group["rate"]: group for group in groups if loss.proxies in set(group["params"])}
    assert list(found) == [7.0]
    assert found[7.0]["weight_decay"] == 0.0
    assert not found[7.0]["muon"]
    assert sum(len(group["params"]) for group in groups) == 3


def test_the_rows_of_a_classifier_are_no_matrix_for_muon(monkeypatch: pytest.MonkeyPatch) -> None:
    from twinnet.data import Preprocess, load
    from twinnet.data.augment import Augment
    from twinnet.encoders import EncoderSpec
    from twinnet.training import classifier
    from twinnet.training.loop import _weight_groups

    class Stop(Exception):
        pass

    def stop(network: torch.nn.ModuleDict, *_: object, **__: object) -> None:
        weight = network["encoder"].get_submodule("fc").weight
        groups = _weight_groups(network, twinnet.TrainConfig(optimiser="muon"))
        assert [group["muon"] for group in groups if any(p is weight for p in group["params"])] == [False]
        assert any(group["muon"] for group in groups)
        raise Stop

    monkeypatch.setattr(classifier, "fit", stop)
    with pytest.raises(Stop):
        classifier.train_classifier(
            load(digits(), Preprocess(8, 8)), EncoderSpec("compact"), twinnet.TrainConfig(), augment=Augment()
        )


def test_data_without_a_fixed_set_of_identities_cannot_have_class_vectors() -> None:
    from twinnet.apps.demo import CONFIG as DEMO
    from twinnet.apps.demo import train_on_invented

    with pytest.raises(ConfigError, match="a vector for every class"):
        train_on_invented(replace(DEMO, loss="arcface", steps=1))


def test_a_setting_that_a_loss_does_not_take_is_named() -> None:
    with pytest.raises(ConfigError, match="nt_xent loss does not take these settings.*margin"):
        twinnet.train(digits(), replace(CONFIG, loss_settings={"margin": 0.2}))
