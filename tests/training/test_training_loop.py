"""The loop: the same seed gives the same weights, a killed run goes on exactly, a hopeless one says why it stops."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import torch

import twinnet
from twinnet.core.errors import ConfigError, ModelFileError, TrainingError
from twinnet.training.budget import Budget, learning_rate
from twinnet.training.health import Health

TINY = twinnet.TrainConfig(
    encoder="compact", width=4, dim=8, size_px=16, steps=6, identities_per_batch=4, items_per_identity=3,
    validation_share=0.2, calibration_share=0.2, precision="float32", device="cpu",
)  # fmt: skip


def digits(n: int = 300) -> twinnet.Dataset:
    return twinnet.digits().subset(np.arange(n))


def weights(model: twinnet.Model) -> dict[str, torch.Tensor]:
    return model.encoder.state_dict()


def same_weights(a: twinnet.Model, b: twinnet.Model) -> bool:
    mine, theirs = weights(a), weights(b)
    return all(torch.equal(mine[name], theirs[name]) for name in mine)


@pytest.mark.parametrize("loss", ["supcon", "triplet", "contrastive", "bce"])
def test_the_same_seed_gives_the_same_weights_and_another_seed_others(loss: str) -> None:
    comparison = "learned" if loss == "bce" else "cosine"
    config = replace(TINY, loss=loss, comparison=comparison)  # type: ignore[arg-type]
    first, again = twinnet.train(digits(), config), twinnet.train(digits(), config)
    assert same_weights(first, again)
    assert first.fingerprint == again.fingerprint
    assert not same_weights(first, twinnet.train(digits(), replace(config, seed=1)))


def test_training_lowers_the_error_on_identities_it_never_saw() -> None:
    from twinnet.apps.demo import CHARACTERS, CONFIG, train_on_invented

    identities = np.repeat(np.arange(10**9, 10**9 + 40), 5)  # far beyond what so few steps can reach
    unseen = twinnet.from_arrays(list(CHARACTERS.draw(identities, np.random.default_rng(0))), identities.tolist())
    config = replace(CONFIG, width=16, identities_per_batch=16, device="cpu")
    before, after = (
        twinnet.evaluate(train_on_invented(replace(config, steps=steps)), unseen).metrics["eer"].point
        for steps in (1, 100)
    )
    assert after < before - 0.05


def test_parts_share_no_identity_and_the_threshold_comes_from_the_calibration_part() -> None:
    model = twinnet.train(digits(), TINY)
    assert model.facts["train"]["identities"] == 6
    assert {name: part["identities"] for name, part in model.facts["held_out"].items()} == {
        "validation": 2,
        "calibration": 2,
    }
    assert model.rule is not None
    assert model.rule.learned_on.startswith("2 identities")


_CHILD = """
import sys
sys.path.insert(0, {tests!r})
from test_training_loop import TINY, digits
from dataclasses import replace
import twinnet
twinnet.train(digits(), replace(TINY, steps={steps}, optimiser={optimiser!r}, checkpoint_s=0.0), out={out!r})
"""


@pytest.mark.parametrize("optimiser", ["adamw", "muon"])
def test_a_run_killed_with_sigkill_resumes_to_the_same_weights(
    tmp_path: Path, optimiser: Literal["adamw", "muon"]
) -> None:
    steps, out = 60, tmp_path / "killed.twin"
    config = replace(TINY, steps=steps, optimiser=optimiser, checkpoint_s=0.0)
    code = _CHILD.format(tests=str(Path(__file__).parent), steps=steps, optimiser=optimiser, out=str(out))
    child = subprocess.Popen([sys.executable, "-c", code])
    checkpoint = Path(f"{out}.checkpoint")
    while not checkpoint.exists():
        assert child.poll() is None, "the child ended before it wrote a checkpoint"
        time.sleep(0.005)
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    assert not out.exists()
    resumed = twinnet.train(digits(), config, out=out)
    assert same_weights(resumed, twinnet.train(digits(), config))
    assert resumed.facts["steps"] == steps
    assert not checkpoint.exists()


def test_a_checkpoint_of_another_run_or_a_damaged_one_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "m.twin"
    interrupted = replace(TINY, checkpoint_s=0.0)

    class Stop(Exception):
        pass

    def stop(*_: object, **__: object) -> None:
        raise Stop

    monkeypatch.setattr("twinnet.training.run.training_facts", stop)
    with pytest.raises(Stop):
        twinnet.train(digits(), interrupted, out=out)
    monkeypatch.undo()
    checkpoint = Path(f"{out}.checkpoint")
    with pytest.raises(ModelFileError, match="of another run: config differ"):
        twinnet.train(digits(), replace(interrupted, learning_rate=0.1), out=out)
    with pytest.raises(ModelFileError, match="of another run: data differ"):
        twinnet.train(digits(310), interrupted, out=out)
    checkpoint.write_bytes(checkpoint.read_bytes()[:1000])
    with pytest.raises(ModelFileError, match="cannot be read"):
        twinnet.train(digits(), interrupted, out=out)
    twinnet.train(digits(), interrupted, out=out, resume=False)
    assert out.exists()


def test_exploding_weights_stop_the_run_with_cause_and_remedy() -> None:
    config = replace(TINY, learning_rate=1e30, steps=50, warm_up=0.0)
    with pytest.raises(TrainingError, match="(?s)weights exploded.*lower --lr"):
        twinnet.train(digits(), config)


def test_collapsed_embeddings_stop_the_run_after_a_while() -> None:
    health = Health()
    one, loss = torch.ones(8, 4), torch.tensor(0.5)
    for step in range(49):
        health.check(step, loss, torch.tensor(1.0), one, one)
    health.check(49, loss, torch.tensor(1.0), torch.randn(8, 4), one)  # a recovery starts the count anew
    with pytest.raises(TrainingError, match="collapse at step 99"):
        for step in range(50, 200):
            health.check(step, loss, torch.tensor(1.0), one, one)


def test_a_frozen_network_stops_the_run() -> None:
    health = Health()
    with pytest.raises(TrainingError, match="frozen at step 49"):
        for step in range(60):
            health.check(step, torch.tensor(0.5), torch.tensor(0.0), torch.randn(8, 4), torch.ones(1))


def test_nan_in_the_batch_is_told_from_nan_in_the_weights() -> None:
    nan, fine = torch.tensor(float("nan")), torch.ones(2, 2)
    with pytest.raises(TrainingError, match="batch itself holds NaN"):
        Health().check(3, nan, nan, fine, torch.full((2, 2), float("nan")))
    with pytest.raises(TrainingError, match="embeddings were finite"):
        Health().check(3, nan, nan, fine, fine)


def test_patience_stops_when_validation_no_longer_improves() -> None:
    config = replace(TINY, steps=80, patience=1, learning_rate=1e-9)
    model = twinnet.train(digits(), config)
    assert model.facts["stopped"].startswith("no better EER")
    assert model.facts["steps"] < 80


def test_minutes_end_the_run_and_the_steps_are_on_record() -> None:
    model = twinnet.train(digits(), replace(TINY, steps=0, minutes=0.05))
    assert model.facts["stopped"] == "budget"
    assert model.facts["steps"] > 0


def test_pairs_and_triplets_from_a_csv_train_without_identities(tmp_path: Path) -> None:
    from PIL import Image

    data = digits(120)
    for i in range(120):
        Image.fromarray(data.read(i)[:, :, 0]).save(tmp_path / f"{i}.png")
    label = data.labels()
    rng = np.random.default_rng(0)
    rows = [(a, b, int(label[a] == label[b])) for a, b in rng.integers(0, 120, (400, 2)) if a != b]
    (tmp_path / "pairs.csv").write_text("left,right,label\n" + "\n".join(f"{a}.png,{b}.png,{s}" for a, b, s in rows))
    triplets = []
    for a in range(100):
        same, other = np.flatnonzero(label == label[a]), np.flatnonzero(label != label[a])
        triplets.append(f"{a}.png,{rng.choice(same[same != a])}.png,{rng.choice(other)}.png")
    (tmp_path / "triplets.csv").write_text("anchor,positive,negative\n" + "\n".join(triplets))
    config = replace(TINY, validation_share=0, calibration_share=0)
    for file, loss, used in (
        ("pairs.csv", "auto", "contrastive"), ("pairs.csv", "bce", "bce"), ("triplets.csv", "auto", "triplet"),
    ):  # fmt: skip
        model = twinnet.train(tmp_path / file, replace(config, loss=loss))  # type: ignore[arg-type]
        assert model.facts["steps"] == 6
        assert model.facts["config"]["loss"] == used
    with pytest.raises(ConfigError, match="needs identities"):
        twinnet.train(tmp_path / "pairs.csv", replace(config, loss="supcon"))


def test_the_schedule_warms_up_then_falls_to_zero() -> None:
    rates = [learning_rate(p, 1.0, 0.1) for p in (0.05, 0.1, 0.55, 1.0)]
    assert rates == pytest.approx([0.5, 1.0, 0.5, 0.0])


def test_a_budget_is_steps_or_seconds() -> None:
    assert Budget(steps=10).progress(5, 1e9) == 0.5
    assert Budget(seconds=60).progress(10**6, 30) == 0.5
    assert Budget(seconds=60).progress(0, 90) == 1.0


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"minutes": 1, "epochs": 1}, "one of minutes, epochs and steps"),
        ({"items_per_identity": 1}, "nothing to compare"),
        ({"validation_share": 0.6, "calibration_share": 0.5}, "training needs the rest"),
        ({"learning_rate": 0.0}, "learning_rate must be positive"),
        ({"patience": -1}, "patience must not be negative"),
    ],
)
def test_contradictory_settings_are_named(settings: dict[str, float], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        twinnet.TrainConfig(**settings)  # type: ignore[arg-type]


def test_unknown_settings_are_refused_with_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="unknown training settings: learnig_rate. Known: .*learning_rate"):
        twinnet.TrainConfig.from_dict({"learnig_rate": 1})


def test_the_plan_tells_drawings_from_photographs() -> None:
    from twinnet.data.invented import InventedCharacters
    from twinnet.training.plan import resolve

    images = InventedCharacters(pen=(0.03, 0.05)).draw(np.arange(8), np.random.default_rng(0))
    drawn = resolve(twinnet.TrainConfig(steps=1), twinnet.from_arrays(list(images), [0, 0, 1, 1, 2, 2, 3, 3]))
    assert (drawn.encoder, drawn.size_px, drawn.channels, drawn.augment) == ("resnet", 32, 1, "drawing")
    assert drawn.class_turns is True
    rng = np.random.default_rng(0)
    photos = [rng.integers(0, 255, (80, 60, 3), dtype=np.uint8) for _ in range(8)]
    photo = resolve(twinnet.TrainConfig(steps=1), twinnet.from_arrays(photos, [0, 0, 1, 1, 2, 2, 3, 3]))
    assert (photo.encoder, photo.size_px, photo.channels, photo.augment) == ("resnet", 64, 3, "photo")
    assert photo.class_turns is False


def test_the_plan_picks_the_loss_by_what_is_known_and_how_it_is_compared() -> None:
    from twinnet.core.types import Pairs
    from twinnet.training.plan import resolve

    data = digits(6)
    pairs = Pairs(np.array([0, 2]), np.array([1, 3]), np.array([True, False]))
    genuine = Pairs(np.array([0, 2]), np.array([1, 3]), np.array([True, True]))
    config = twinnet.TrainConfig(steps=1)

    def picked(config: twinnet.TrainConfig, data: twinnet.Dataset) -> tuple[str, str]:
        found = resolve(config, data)
        return found.loss, found.comparison

    assert picked(config, data) == ("nt_xent", "cosine")
    assert picked(config, replace(data, identities=None, pairs=pairs)) == ("contrastive", "euclidean")
    assert picked(config, replace(data, identities=None, pairs=genuine)) == ("n_pairs", "cosine")
    assert picked(replace(config, comparison="euclidean"), data) == ("supcon", "euclidean")
    assert picked(replace(config, encoder="onnx:arcface.onnx"), data) == ("supcon", "cosine")
    assert resolve(config, data).loss_settings == {"temperature": 0.015, "hard": 1.0}
    own = resolve(replace(config, loss_settings={"temperature": 0.07}), data).loss_settings
    assert own == {"temperature": 0.07, "hard": 1.0}
    assert resolve(replace(config, loss="nt_xent"), data).loss_settings == {}
