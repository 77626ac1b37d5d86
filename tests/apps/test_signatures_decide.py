"""Layout, trials, the combination of references, and what is saved of them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from signature_pictures import drawn, write_folder

from twinnet.apps.signatures import Rules, signatures
from twinnet.apps.signatures.combine import learn, n_features, summary
from twinnet.apps.signatures.fit import Measured, fit
from twinnet.apps.signatures.measure import INPUTS
from twinnet.apps.signatures.synthetic import redrawn, with_forgeries
from twinnet.apps.signatures.trials import GENUINE, RANDOM, SKILLED, trials
from twinnet.core.errors import DataError, ModelFileError, TooFewIdentities


def test_a_third_kind_of_folder_is_refused_by_name(tmp_path: Path) -> None:
    write_folder(tmp_path, 3, forged=4)
    (tmp_path / "w00" / "forged").rename(tmp_path / "w00" / "perhaps")
    with pytest.raises(DataError, match="perhaps"):
        signatures(tmp_path)


def test_a_folder_without_forgeries_has_a_writer_for_each_folder(tmp_path: Path) -> None:
    known = signatures(write_folder(tmp_path, 3, forged=0))
    assert (len(known.names), len(known.data), known.has_forgeries) == (3, 18, False)


def test_probes_are_the_writers_others_his_forgeries_and_strangers(tmp_path: Path) -> None:
    known = signatures(write_folder(tmp_path, 3, forged=4))
    for trial in trials(known, 3, draws=4):
        assert len(trial.references) == 3
        assert not set(trial.references) & set(trial.probes)
        own = known.writers[trial.probes] == trial.writer
        assert np.array_equal(own, trial.kind != RANDOM)
        assert np.array_equal(known.genuine[trial.probes], trial.kind != SKILLED)
        assert (trial.kind == GENUINE).sum() == 3
    assert sum(1 for _ in trials(known, 3, draws=4)) == 12
    assert not list(trials(known, 6))  # nobody has a seventh to try


def test_draws_do_not_depend_on_who_else_is_there(tmp_path: Path) -> None:
    known = signatures(write_folder(tmp_path, 4, forged=4))
    alone = known.of(np.array([1, 2]))
    keys = []
    for known_here in (known, alone):
        names = known_here.data.group_names
        drawn_here = [t.references for t in trials(known_here, 3) if names[t.writer] == "w01"]
        keys.append([sorted(known_here.data.keys[r] for r in references) for references in drawn_here])
    assert keys[0] == keys[1]


def test_one_reference_is_summed_up_by_itself_and_more_by_mean_least_and_own_spread() -> None:
    between = np.arange(12.0).reshape(3, 2, 2)
    among = np.array([[1.0, 2], [3, 4], [5, 6]])
    worse = np.array([0.5, -0.5])
    one, three = summary(between[:1], among[:0], worse), summary(between, among, worse)
    assert np.array_equal(one, np.hstack([between[0], [[0.5], [-0.5]]]))
    assert np.array_equal(three, np.hstack([between.mean(0), between.min(0), [[3, 4], [3, 4]], [[0.5], [-0.5]]]))
    assert (one.shape[1], three.shape[1]) == (n_features(2, 1), n_features(2, 3))


def test_the_order_of_the_references_does_not_matter() -> None:
    between = np.random.default_rng(0).random((4, 3, 7))
    worse = np.zeros(3)
    there, back = summary(between, between[:, 0], worse), summary(between[::-1], between[::-1, 0], worse)
    assert np.allclose(there, back, atol=1e-15)


def test_the_combination_finds_the_column_that_knows_and_lower_is_more_alike() -> None:
    rng = np.random.default_rng(0)
    genuine = np.arange(400) % 2 == 0
    x = rng.normal(size=(400, 3))
    x[:, 1] += np.where(genuine, -2, 2)
    found = learn(x, genuine, np.arange(400) // 40)
    assert np.argmax(np.abs(found.weights)) == 1
    d = found(x)
    assert (d >= 0).all()
    assert np.median(d[genuine]) < 0.3 < np.median(d[~genuine])


def _rules() -> Rules:
    rng = np.random.default_rng(0)
    n = 60  # 4 writers of 9 own and 6 forged
    writers, genuine = np.repeat(np.arange(4), 15), np.tile(np.arange(15) < 9, 4)
    style = rng.normal(size=(4, 5)) * 3
    place = style[writers] + rng.normal(size=(n, 5)) * np.where(genuine, 0.5, 1.2)[:, None]
    distance = np.linalg.norm(place[:, None] - place[None], axis=2)
    measured = np.log(distance[:, :, None] + 0.1) + rng.normal(size=(n, n, len(INPUTS))) * 0.05
    measured = (measured + measured.transpose(1, 0, 2)) / 2
    from twinnet import from_arrays
    from twinnet.apps.signatures import Signatures

    data = from_arrays(np.zeros((n, 2, 2), np.uint8), genuine, writers)
    quality = np.where(genuine, -1.0, 1.0) + rng.normal(size=n)
    return fit(Signatures(data, genuine), Measured(measured, quality), forgeries="skilled")


def test_rules_come_back_from_json_as_they_were_and_strangers_are_easier_than_forgers() -> None:
    rules = _rules()
    assert Rules.from_dict(json.loads(json.dumps(rules.to_dict()))) == rules
    assert sorted(rules.by_number) == [1, 2, 3, 4, 5]
    assert all(r.rule.far and r.far_random.point <= r.rule.far.point + 0.05 for r in rules.by_number.values())


@pytest.mark.parametrize(
    "spoil",
    [
        lambda v: v.update(extra=1),
        lambda v: v.pop("writers"),
        lambda v: v.update(inputs=["network"]),
        lambda v: v.update(inputs=[*v["inputs"], "darkness"]),
        lambda v: v.update(forgeries="none"),
        lambda v: v["by_number"].update({"9": v["by_number"]["1"]}),
        lambda v: v["by_number"]["1"].pop("rule"),
        lambda v: v["by_number"]["1"]["rule"].update(threshold="low"),
        lambda v: v["by_number"]["2"]["combination"].update(weights=[1.0]),
        lambda v: v["by_number"]["2"]["combination"].update(offset=float("nan")),
        lambda v: v["by_number"]["2"]["combination"]["scale"].__setitem__(0, 0.0),
    ],
)
def test_rules_that_were_changed_are_refused(spoil: object) -> None:
    values = _rules().to_dict()
    spoil(values)  # type: ignore[operator]
    with pytest.raises(ModelFileError):
        Rules.from_dict(values)


def test_two_writers_set_no_threshold() -> None:
    from twinnet import from_arrays
    from twinnet.apps.signatures import Signatures

    data = from_arrays(np.zeros((8, 2, 2), np.uint8), [1, 1, 1, 0] * 2, [0] * 4 + [1] * 4)
    measured = Measured(np.zeros((8, 8, len(INPUTS))), np.zeros(8))
    with pytest.raises(TooFewIdentities, match="three writers"):
        fit(Signatures(data, np.tile([True, True, True, False], 2)), measured, forgeries="skilled")


def test_a_redrawn_signature_is_another_one_of_the_same_size_and_the_same_for_a_seed(tmp_path: Path) -> None:
    known = signatures(write_folder(tmp_path, 3, genuine=2, forged=0))
    both, again = with_forgeries(known, seed=1), with_forgeries(known, seed=1)
    assert (len(both.data), int((~both.genuine).sum())) == (12, 6)
    assert np.array_equal(both.writers[:6], both.writers[6:])
    assert all(np.array_equal(both.data.read(i), again.data.read(i)) for i in range(12))
    image = drawn(0, 0)
    bent = redrawn(image, np.random.default_rng(0))
    assert bent.shape == image.shape
    assert (np.abs(bent.astype(int) - image) > 60).mean() > 0.01
