"""`twinnet track` from the command line, on real files."""

from __future__ import annotations

import csv
import json
import sys
from functools import partial
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow
from typer.testing import CliRunner

from twinnet.apps.track.learn import LearnConfig
from twinnet.apps.track.video import VideoWriter, open_video
from twinnet.cli.main import app
from twinnet.core.errors import ConfigError, DataError, MissingExtra

sys.path.insert(0, str(Path(__file__).parents[1] / "apps"))
from track_scenes import moving_patch, write_frames


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A short H.264 video of a moving patch, that begins at 20,30 and is 30 × 24."""
    path = tmp_path_factory.mktemp("film") / "patch.mp4"
    with VideoWriter(path, 25) as writer:
        for frame in moving_patch(10)[0]:
            writer.write(frame)
    return path


def run(*words: object) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, [str(word) for word in words])
    return result.exit_code, result.output, str(result.exception)


def test_a_video_is_followed_into_a_video_a_table_and_pictures(film: Path, tmp_path: Path) -> None:
    out, table, preview = tmp_path / "out.mp4", tmp_path / "boxes.csv", tmp_path / "seen"
    code, said, _ = run(
        "track", film, "--box", "20,30,30,24", "-o", out, "--csv", table, "--preview", preview, "--every", 4
    )
    assert code == 0
    assert "10 frames, found at" in said
    assert "never lost" in said
    with table.open() as file:
        rows = list(csv.DictReader(file))
    assert [row["frame"] for row in rows] == [str(n) for n in range(1, 11)]
    assert float(rows[-1]["x"]) == pytest.approx(47, abs=4)
    assert {row["state"] for row in rows} == {"found"}
    assert [f.name for f in sorted(preview.iterdir())] == ["000001.png", "000005.png", "000009.png"]
    drawn = [frame for frame in open_video(out).frames() if frame is not None]
    assert len(drawn) == 10
    assert drawn[0].shape == (120, 160, 3)
    green = drawn[-1].astype(int)[..., 1] - drawn[-1].astype(int)[..., 0]
    assert green[38:64, 46:80].max() > 80  # the box


def test_json_is_one_object_with_each_target(film: Path) -> None:
    code, said, _ = run("track", film, "--box", "20,30,30,24", "--box", "90,60,30,30", "--json")
    assert code == 0
    answer = json.loads(said)
    assert answer["command"] == "track"
    assert answer["counts"]["targets"] == 2
    assert answer["targets"][0]["state"] == "found"
    assert answer["targets"][0]["last"][0] == pytest.approx(47, abs=4)


def test_follow_may_be_said_or_left_out(film: Path) -> None:
    assert (
        run("track", "follow", film, "--box", "20,30,30,24", "--json")[1]
        == run("track", film, "--box", "20,30,30,24", "--json")[1]
    )


def test_a_video_that_breaks_off_is_followed_as_far_as_it_goes(film: Path, tmp_path: Path) -> None:
    import av

    path = tmp_path / "cut.mkv"  # frames and index interleaved: a cut file still opens
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mjpeg", rate=25)
        stream.width, stream.height, stream.pix_fmt = 160, 120, "yuvj420p"
        for frame in moving_patch(20)[0]:
            for packet in stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    code, said, _ = run("track", path, "--box", "20,30,30,24")
    assert code == 0
    frames = int(said.split(" frames")[0].split()[-1])
    assert 5 <= frames <= 12


def test_an_mp4_without_its_end_says_so(film: Path, tmp_path: Path) -> None:
    path = tmp_path / "cut.mp4"
    path.write_bytes(film.read_bytes()[: film.stat().st_size // 2])
    code, _, error = run("track", path, "--box", "20,30,30,24")
    assert code != 0
    assert "cannot be opened as a video" in error
    assert "Next: convert it" in error


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("noise.mp4", bytes(range(256)) * 40, "cannot be opened as a video"),
        ("empty.avi", b"", "cannot be opened as a video"),
    ],
)
def test_what_is_no_video_says_so(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    (tmp_path / name).write_bytes(content)
    code, _, error = run("track", tmp_path / name, "--box", "1,1,9,9")
    assert code != 0
    assert said in error


def test_an_unknown_codec_says_what_to_do(tmp_path: Path) -> None:
    import av

    path = tmp_path / "odd.avi"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mjpeg", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuvj420p"
        for packet in stream.encode(av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), format="rgb24")):
            container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)
    path.write_bytes(path.read_bytes().replace(b"MJPG", b"QQQQ"))
    code, _, error = run("track", path, "--box", "1,1,9,9")
    assert code != 0
    assert "codec" in error or "decoded" in error
    assert "Next: convert it" in error


def test_sound_alone_is_no_video(tmp_path: Path) -> None:
    import wave

    path = tmp_path / "sound.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(b"\0\0" * 800)
    code, _, error = run("track", path, "--box", "1,1,9,9")
    assert code != 0
    assert "no pictures in it, only audio" in error


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--box", "900,30,30,24"], "outside the frame of 160 × 120"),
        (["--box", "20,30,0,24"], "no area"),
        (["--box", "20,30,24"], "four numbers"),
        (["--box", "a,b,c,d"], "four numbers"),
        ([], "say what to follow"),
    ],
)
def test_a_box_that_makes_no_sense_says_why(film: Path, words: list[str], said: str) -> None:
    code, _, error = run("track", film, *words)
    assert code != 0
    assert said in error


def test_a_camera_that_is_not_there_says_so() -> None:
    code, _, error = run("track", "97", "--box", "1,1,9,9")
    assert code != 0
    assert "no camera of this number" in error


def test_interactive_without_a_display_says_what_to_do_instead(film: Path) -> None:
    import matplotlib

    matplotlib.use("agg")
    code, _, error = run("track", film, "--interactive")
    assert code != 0
    assert "--box x,y,width,height" in error


def test_boxes_can_be_drawn_on_the_first_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    from types import SimpleNamespace

    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot, widgets

    from twinnet.apps.track.pick import drawn_boxes

    kept = []
    monkeypatch.setattr(widgets, "RectangleSelector", lambda axes, drawn, **_: kept.append(drawn))
    monkeypatch.setattr(
        pyplot, "show",
        lambda: kept[0](SimpleNamespace(xdata=50, ydata=54), SimpleNamespace(xdata=20, ydata=30)),
    )  # fmt: skip
    boxes = drawn_boxes(pyplot, moving_patch(1)[0][0])
    pyplot.close("all")
    assert [box.tolist() for box in boxes] == [[20, 30, 30, 24]]


def test_without_pyav_a_video_file_says_what_to_install(film: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(MissingExtra, match=r"twinnet\[video\]"):
        open_video(film)


def test_a_suffix_no_video_has_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"ending in \.mp4"):
        VideoWriter(tmp_path / "out.xyz", 25)


def test_a_missing_video_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such video"):
        open_video(tmp_path / "none.mp4")
    (tmp_path / "folder").mkdir()
    with pytest.raises(DataError, match="holds no pictures"):
        open_video(tmp_path / "folder")


def test_frames_are_ordered_by_their_numbers(tmp_path: Path) -> None:
    for n in (10, 9, 1):
        Pillow.fromarray(np.full((8, 8), n, np.uint8)).save(tmp_path / f"f{n}.png")
    assert [int(frame[0, 0, 0]) for frame in open_video(tmp_path).frames() if frame is not None] == [1, 9, 10]


def test_evaluate_prints_figures_and_draws_curves(tmp_path: Path) -> None:
    write_frames(tmp_path / "data" / "patch", *moving_patch(8))
    (tmp_path / "data" / "broken").mkdir()
    code, said, _ = run("track", "evaluate", tmp_path / "data", "--figures", tmp_path / "curves", "--json")
    assert code == 0
    answer = json.loads(said[said.index("{") :])
    assert answer["protocol"] == "one-pass tracking"
    assert answer["metrics"]["auc"]["value"] > 0.7
    assert answer["sequences"][0]["failures"] == 0
    assert answer["counts"]["skipped"] == 1
    assert {f.name for f in (tmp_path / "curves").iterdir()} == {"success.svg", "patch.svg"}


def test_train_on_a_few_pictures_makes_a_tracker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = import_module("twinnet.apps.track.calibrate")
    monkeypatch.setattr(module, "_FRAMES", 44)
    monkeypatch.setattr(module, "_EVERY", 11)
    small = partial(LearnConfig, batch=2, side_px=80, size_px=24, width=8, dim=4)
    monkeypatch.setattr(import_module("twinnet.cli.track_answers"), "LearnConfig", small)
    monkeypatch.setattr(module, "staged", partial(module.staged, height=90, width=120))
    frames, _ = moving_patch(2)
    write_frames(tmp_path / "stills", frames)
    code, said, error = run(
        "track", "train", tmp_path / "stills", "-o", tmp_path / "mine.twin", "--steps", 2, "--sequences", 4, "--json"
    )
    assert code == 0, error
    assert json.loads(said)["counts"]["stills"] == 2
    write_frames(tmp_path / "film", frames)
    code, said, _ = run("track", tmp_path / "mine.twin", tmp_path / "film" / "frames", "--box", "20,30,30,24")
    assert code == 0
    assert "2 frames" in said
