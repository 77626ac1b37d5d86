"""Following: found, lost and found again; several at once; files and their damages."""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow
from track_scenes import moving_patch, write_frames

from twinnet.apps.track import (
    Follower,
    Judged,
    LearnConfig,
    Material,
    gather,
    learn,
    load_tracker,
    read_sequence,
    track,
    trained,
)
from twinnet.apps.track.file import Tracker
from twinnet.apps.track.sequences import find_sequences, read_boxes
from twinnet.core.errors import DataError, EmptyDataset, ModelFileError
from twinnet.evaluation.tracking import one_pass, overlap


@pytest.fixture(scope="module")
def tracker() -> Tracker:
    return load_tracker()


def follow(tracker: Tracker, frames: list, *boxes: np.ndarray) -> list[list]:
    follower = Follower(tracker.embed, frames[0], list(boxes), tracker.settings, tracker.rule)
    return [follower.step(frame) for frame in frames[1:]]


def test_the_shipped_tracker_follows_a_patch(tracker: Tracker) -> None:
    frames, truth = moving_patch(15)
    found = np.stack([steps[0].box for steps in follow(tracker, frames, truth[0])])
    assert overlap(found, truth[1:]).min() > 0.7


def test_grey_frames_are_followed_too(tracker: Tracker) -> None:
    frames, truth = moving_patch(10)
    grey = [frame.mean(2, keepdims=True).astype(np.uint8) for frame in frames]
    found = np.stack([steps[0].box for steps in follow(tracker, grey, truth[0])])
    assert overlap(found, truth[1:]).min() > 0.6


def test_a_target_that_is_covered_is_lost_and_found_again_elsewhere(tracker: Tracker) -> None:
    frames, truth = moving_patch(30, step=(0, 0))
    x, y, w, h = truth[0].astype(int)
    patch = frames[0][y : y + h, x : x + w].copy()
    for frame in frames[10:]:
        frame[y - 8 : y + h + 8, x - 8 : x + w + 8] = 128
    for frame in frames[20:]:
        frame[70 : 70 + h, 110 : 110 + w] = patch
    steps = [steps[0] for steps in follow(tracker, frames, truth[0])]
    assert {step.state for step in steps[:9]} == {"found"}
    assert "lost" in {step.state for step in steps[9:15]}
    assert steps[-1].state == "found"
    assert overlap(steps[-1].box[None], np.array([[110.0, 70, 30, 24]]))[0] > 0.5


def test_a_lost_target_has_the_box_of_what_is_most_like_it(tracker: Tracker) -> None:
    frames, truth = moving_patch(16, step=(0, 0))
    x, y, w, h = truth[0].astype(int)
    patch = frames[0][y : y + h, x : x + w].copy()
    for frame in frames[6:]:
        frame[y - 8 : y + h + 8, x - 8 : x + w + 8] = 128
    for frame in frames[12:]:
        frame[70 : 70 + h, 110 : 110 + w] = patch
    never = replace(tracker, rule=replace(tracker.rule, back=0.0))  # nothing is like enough to come back
    last = follow(never, frames, truth[0])[-1][0]
    assert last.state == "lost"
    assert last.distance > 0
    assert overlap(last.box[None], np.array([[110.0, 70, 30, 24]]))[0] > 0.5


def test_a_lost_target_is_found_again_where_it_has_grown(tracker: Tracker) -> None:
    frames, truth = moving_patch(24, step=(0, 0))
    x, y, w, h = truth[0].astype(int)
    grown = np.asarray(Pillow.fromarray(frames[0][y : y + h, x : x + w]).resize((42, 34), Pillow.Resampling.BILINEAR))
    for frame in frames[6:]:
        frame[y - 8 : y + h + 8, x - 8 : x + w + 8] = 128
    for frame in frames[12:]:
        frame[70:104, 100:142] = grown
    last = follow(tracker, frames, truth[0])[-1][0]
    assert last.state == "found"
    assert overlap(last.box[None], np.array([[100.0, 70, 42, 34]]))[0] > 0.6


def test_a_frame_called_lost_counts_as_nothing_in_the_strict_auc() -> None:
    boxes = np.tile([10.0, 10, 20, 20], (5, 1))
    truth = boxes.copy()
    truth[4] = np.nan  # not there: rightly lost
    judged = Judged("a", boxes, ["found", "found", "lost", "found", "lost"], one_pass(boxes, truth), None, 0.0)
    assert judged.figures.auc == pytest.approx(20 / 21)
    assert judged.strict_auc == pytest.approx(20 / 21 * 2 / 3)  # of three frames after the first that show it


def test_what_comes_back_is_looked_at_twice_before_it_is_found(tracker: Tracker) -> None:
    frames, truth = moving_patch(24, step=(0, 0))
    x, y, w, h = truth[0].astype(int)
    covered = frames[0].copy()
    covered[y - 8 : y + h + 8, x - 8 : x + w + 8] = 128
    glimpse = [*frames[:6], *[covered] * 8, frames[0], *[covered] * 2, *frames[:3]]
    states = [steps[0].state for steps in follow(tracker, glimpse, truth[0])]
    assert states[12] == "lost"
    assert states[13] == "unsure"  # there for one frame only
    assert "found" not in states[13:16]
    assert states[-1] == "found"


def test_a_target_that_leaves_the_frame_is_lost(tracker: Tracker) -> None:
    frames, truth = moving_patch(40, step=(6, 0))
    states = [steps[0].state for steps in follow(tracker, frames, truth[0])]
    assert states[5] == "found"
    assert states[-1] == "lost"


def test_several_targets_in_one_pass_are_followed_as_each_alone(tracker: Tracker) -> None:
    frames, truth = moving_patch(8)
    other = np.array([90.0, 70, 28, 26])
    both = follow(tracker, frames, truth[0], other)
    for k, box in enumerate((truth[0], other)):
        alone = follow(tracker, frames, box)
        shared = overlap(np.stack([steps[k].box for steps in both]), np.stack([steps[0].box for steps in alone]))
        assert shared.min() > 0.8


@pytest.mark.parametrize(
    ("box", "said"),
    [
        ([200, 10, 20, 20], "outside the frame of 160 × 120"),
        ([10, 10, 0, 20], "no area"),
        ([10, 10, 20, -5], "no area"),
        ([150, 10, 40, 20], "more than half"),
        ([10, 10, 2, 20], "at least 4 × 4"),
    ],
)
def test_a_box_that_cannot_be_followed_says_why(tracker: Tracker, box: list[float], said: str) -> None:
    frames, _ = moving_patch(1)
    with pytest.raises(DataError, match=said):
        Follower(tracker.embed, frames[0], [np.array(box, float)], tracker.settings, tracker.rule)


def test_frames_of_another_size_are_refused_by_name(tmp_path: Path) -> None:
    frames, truth = moving_patch(5)
    frames[3] = frames[3][:100]
    with pytest.raises(DataError, match=r"00004\.png: is 160 × 100 pixels, the frames before are 160 × 120"):
        track(write_frames(tmp_path, frames) / "frames", [truth[0]])


def test_one_frame_is_nothing_to_follow(tmp_path: Path) -> None:
    frames, truth = moving_patch(1)
    with pytest.raises(DataError, match="one frame only"):
        track(write_frames(tmp_path, frames) / "frames", [truth[0]])


def test_alpha_is_laid_on_white_and_followed(tmp_path: Path) -> None:
    frames, truth = moving_patch(6)
    alpha = [np.concatenate([frame, np.full((*frame.shape[:2], 1), 255, np.uint8)], 2) for frame in frames]
    done = track(write_frames(tmp_path, alpha) / "frames", [truth[0]])
    assert [row.state for row in done.rows] == ["found"] * 6


def test_an_unreadable_frame_is_skipped_and_listed(tmp_path: Path) -> None:
    frames, truth = moving_patch(6)
    folder = write_frames(tmp_path, frames) / "frames"
    (folder / "00003.png").write_bytes(b"no picture")
    done = track(folder, [truth[0]])
    assert [row.state for row in done.rows] == ["found", "found", "unread", "found", "found", "found"]
    assert [one.item for one in done.skipped] == ["00003.png"]


def test_vot_and_otb_layouts_are_read_alike(tmp_path: Path) -> None:
    frames, truth = moving_patch(3)
    vot = read_sequence(write_frames(tmp_path / "vot", frames, truth))
    otb = write_frames(tmp_path / "otb", frames)
    (otb / "frames").rename(otb / "img")
    (otb / "groundtruth_rect.txt").write_text("\n".join("\t".join(map(str, row)) for row in truth))
    assert np.array_equal(vot.boxes, read_sequence(otb).boxes)


def test_polygons_become_upright_boxes_and_no_box_becomes_nan(tmp_path: Path) -> None:
    file = tmp_path / "groundtruth.txt"
    file.write_text("10,20,30,20,30,50,10,50\n0,0,0,0\nnan,nan,nan,nan\n")
    boxes = read_boxes(file)
    assert boxes[0].tolist() == [10, 20, 20, 30]
    assert np.isnan(boxes[1:]).all()


def test_a_truth_file_that_does_not_fit_says_where(tmp_path: Path) -> None:
    frames, truth = moving_patch(3)
    short = write_frames(tmp_path / "data" / "short", frames, truth[:2])
    with pytest.raises(DataError, match="3 frames and 2 boxes"):
        read_sequence(short)
    write_frames(tmp_path / "data" / "whole", frames, truth)
    found, skipped = find_sequences(tmp_path / "data")
    assert [sequence.name for sequence in found] == ["whole"]
    assert len(skipped) == 1
    (short / "groundtruth.txt").write_text("1,2,3,4\n1,2\n")
    with pytest.raises(DataError, match="line 2"):
        read_sequence(short)


def test_the_tracker_file_comes_back_and_a_damaged_one_is_refused(tracker: Tracker, tmp_path: Path) -> None:
    file = tmp_path / "tracker.twin"
    tracker.save(file)
    again = load_tracker(file)
    assert again.fingerprint == tracker.fingerprint
    assert again.rule == tracker.rule
    content = bytearray(file.read_bytes())
    content[-100] ^= 1
    file.write_bytes(content)
    with pytest.raises(ModelFileError, match="damaged"):
        load_tracker(file)
    with pytest.raises(ModelFileError, match="no readable tracker"):
        load_tracker(tmp_path / "missing.twin")


def test_learning_goes_on_from_its_checkpoint_to_the_same_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = import_module("twinnet.apps.track.learn")  # the package's `learn` is the function
    monkeypatch.setattr(module, "_SAVE_EVERY", 2)
    frames, truth = moving_patch(6)
    write_frames(tmp_path / "data", frames, truth)
    material = gather([tmp_path / "data"])
    config = LearnConfig(steps=5, batch=2, side_px=80, size_px=24, width=8, dim=4)
    whole, _ = learn(material, config)
    kept = tmp_path / "checkpoint"
    steps: list[int] = []
    lesson = module._lesson

    def cut_off(*args):  # type: ignore[no-untyped-def]
        steps.append(1)
        if len(steps) == 4:
            raise KeyboardInterrupt
        return lesson(*args)

    monkeypatch.setattr(module, "_lesson", cut_off)
    with pytest.raises(KeyboardInterrupt):
        learn(material, config, checkpoint=kept)
    again, _ = learn(material, config, checkpoint=kept)
    assert len(steps) == 4 + 3  # from the checkpoint after two steps
    for a, b in zip(whole.state_dict().values(), again.state_dict().values(), strict=True):
        assert (a == b).all()
    assert not kept.exists()


def test_invented_pictures_teach_where_there_are_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_module("twinnet.apps.track.material"), "_POOL", 3)
    net, facts = learn(Material(), LearnConfig(steps=2, batch=2, side_px=80, size_px=24, width=8, dim=4))
    assert facts["invented"]
    assert trained(net, facts).net.dim == 4


def test_material_is_told_apart_by_what_is_there(tmp_path: Path) -> None:
    frames, truth = moving_patch(3)
    write_frames(tmp_path / "labelled", frames, truth)
    write_frames(tmp_path / "stills", frames)
    (tmp_path / "stills" / "bad.png").write_bytes(b"no picture")
    found = gather([tmp_path / "labelled", tmp_path / "stills"])
    assert (len(found.labelled), len(found.stills), len(found.skipped)) == (1, 3, 1)
    (tmp_path / "empty").mkdir()
    with pytest.raises(EmptyDataset, match="nothing to learn from"):
        gather([tmp_path / "empty"])
