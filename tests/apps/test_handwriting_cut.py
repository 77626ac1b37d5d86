"""Sheets cut into characters: composed sheets, whose boxes are known, under noise, shade and a turn."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from twinnet.apps.handwriting import cut, write_cuts
from twinnet.apps.handwriting.compose import Paper, compose
from twinnet.apps.handwriting.ink import find_ink, pen_width, without_specks
from twinnet.apps.handwriting.order import lines_of, reading_order
from twinnet.apps.handwriting.skew import back, skew_deg, turned
from twinnet.core.errors import ConfigError, DataError
from twinnet.core.seeds import stream
from twinnet.data.invented import InventedCharacters

CHARACTERS = InventedCharacters(seed=77)


def drawings(n: int, seed: int) -> list[np.ndarray]:
    return list(CHARACTERS.draw(np.arange(n) + 100 * seed, stream(seed, "pen")))


def overlap(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Intersection over union of boxes `(n, 4)` and `(m, 4)`, `(n, m)`."""
    low, high = np.maximum(a[:, None, :2], b[None, :, :2]), np.minimum(a[:, None, 2:], b[None, :, 2:])
    shared = np.clip(high - low, 0, None).prod(2)
    area_a, area_b = ((x[:, 2:] - x[:, :2]).prod(1) for x in (a, b))
    return np.asarray(shared / (area_a[:, None] + area_b[None] - shared))


CONDITIONS = {
    "plain": Paper(),
    "noisy": Paper(noise=14),
    "shaded": Paper(shade=0.7),
    "faint": Paper(ink=0.6),
    "large": Paper(size_px=90),
    "turned right": Paper(angle_deg=3),
    "turned left": Paper(angle_deg=-4),
    "all": Paper(noise=9, shade=0.5, angle_deg=2.5, ink=0.4),
}


@pytest.mark.parametrize("name", CONDITIONS)
def test_boxes_are_found_with_precision_and_recall_of_95_per_cent(name: str) -> None:
    matched = found = there = 0
    for seed in range(3):
        picture, boxes = compose(drawings(24, seed), CONDITIONS[name], seed=seed)
        cuts = cut(picture).boxes
        matched += int((overlap(boxes, cuts).max(1) >= 0.7).sum())
        found, there = found + len(cuts), there + len(boxes)
    assert matched / there >= 0.95
    assert matched / found >= 0.95


def test_a_ruled_grid_gives_every_cell_its_character_and_no_lines() -> None:
    picture, boxes = compose(drawings(20, 5), Paper(columns=5, ruled=True, angle_deg=2), seed=5)
    sheet = cut(picture, grid=(5, 4))
    assert [(one.row, one.column) for one in sheet.cuts] == [divmod(i, 5) for i in range(20)]
    assert overlap(boxes, sheet.boxes).diagonal().min() > 0.7
    assert sheet.angle_deg == pytest.approx(2, abs=0.3)


def test_a_grid_without_lines_keeps_strokes_of_one_cell_together_and_leaves_empty_cells_out() -> None:
    rng, picture = np.random.default_rng(0), np.full((300, 400), 240, np.uint8)
    filled = [i for i in range(12) if i != 6]
    for i in filled:
        row, column = divmod(i, 4)
        y, x = 100 * row + 50, 100 * column + 50
        for dy, dx in ((-22, -22), (22, 22), (-22, 22), (22, -22)):  # dots far apart, as in Braille
            dot = np.s_[y + dy - 5 : y + dy + 5, x + dx - 5 : x + dx + 5]
            picture[dot] = rng.integers(20, 60)
    sheet = cut(picture, grid=(4, 3))
    assert [4 * one.row + one.column for one in sheet.cuts] == filled
    assert (sheet.boxes[:, 2:] - sheet.boxes[:, :2] == 54).all()


def test_dots_join_their_letter_and_specks_of_dust_vanish() -> None:
    picture = np.full((120, 400), 250, np.uint8)
    for x in (40, 140, 240, 340):
        picture[50:100, x : x + 8] = 10
        picture[34:42, x : x + 8] = 10  # an i with its dot
    picture[15:17, 90:92] = 10
    sheet = cut(picture)
    assert sheet.boxes.tolist() == [[x, 34, x + 8, 100] for x in (40, 140, 240, 340)]


def test_a_letter_close_below_another_is_not_joined_to_it_where_letters_are_far_apart() -> None:
    picture = np.full((260, 500), 250, np.uint8)
    places = [(x, y) for y in (30, 160) for x in (40, 160, 280, 400)]
    places[5] = (160, 115)  # 25 below the letter above; the others are 70 apart in height and 112 in width
    for x, y in places:
        picture[y : y + 60, x : x + 8] = 10
    assert sorted(cut(picture).boxes.tolist()) == sorted([x, y, x + 8, y + 60] for x, y in places)


def test_a_stroke_in_the_middle_of_another_character_is_part_of_it() -> None:
    picture = np.full((120, 500), 250, np.uint8)
    for x in (40, 180, 320):
        picture[20:100, x : x + 6] = picture[94:100, x : x + 90] = picture[20:26, x : x + 90] = 10
        picture[55:63, x + 45 : x + 53] = 10
    assert cut(picture).boxes.tolist() == [[x, 20, x + 90, 100] for x in (40, 180, 320)]


def test_small_pieces_are_dropped_and_counted() -> None:
    picture = np.full((120, 400), 250, np.uint8)
    for x in (40, 140, 240, 340):
        picture[40:100, x : x + 8] = 10
    picture[60:70, 90:100] = 10
    assert [len(cut(picture, min_size=least, gap=0.2).cuts) for least in (0.1, 0.3)] == [5, 4]
    assert cut(picture, min_size=0.3, gap=0.2).dropped == 1


def test_lines_are_read_from_the_top_and_each_in_its_direction() -> None:
    boxes = np.array([[50, 0, 60, 20], [0, 3, 10, 25], [0, 40, 10, 60], [50, 37, 60, 62], [25, 1, 30, 5]], float)
    line = lines_of(boxes)
    assert line.tolist() == [0, 0, 1, 1, 0]  # the apostrophe high up belongs to the first line
    assert reading_order(boxes, line, "ltr").tolist() == [1, 4, 0, 2, 3]
    assert reading_order(boxes, line, "rtl").tolist() == [0, 4, 1, 3, 2]


def test_the_reading_order_of_a_composed_sheet_is_the_order_of_writing() -> None:
    picture, boxes = compose(drawings(18, 2), Paper(angle_deg=-2), seed=2)
    found = cut(picture)
    assert overlap(boxes, found.boxes).argmax(1).tolist() == list(range(18))
    mirrored = cut(picture, direction="rtl")
    assert [one.column for one in mirrored.cuts] == [one.column for one in found.cuts]
    assert mirrored.boxes[0, 0] > mirrored.boxes[5, 0]


def test_a_cut_picture_holds_nothing_of_its_neighbours() -> None:
    picture = np.full((100, 200), 255, np.uint8)
    picture[20:80, 40:46] = picture[74:80, 40:90] = 0  # an L …
    picture[20:60, 70:76] = 0  # … and a stroke inside the L's box
    cuts = cut(picture, gap=0.1).cuts
    dark = [int((one.image < 128).sum()) for one in cuts]
    assert sorted(dark) == [40 * 6, 60 * 6 + 44 * 6]


def test_bright_ink_on_a_dark_board_is_cut_as_well() -> None:
    picture, boxes = compose(drawings(12, 3), Paper(), seed=3)
    assert overlap(boxes, cut(255 - picture).boxes).max(1).min() > 0.7


def test_a_large_photograph_gives_boxes_in_its_own_pixels() -> None:
    picture, boxes = compose(drawings(6, 4), Paper(size_px=230, noise=0), seed=4)
    assert max(picture.shape) > 2400
    assert overlap(boxes, cut(picture).boxes).max(1).min() > 0.85


def test_one_stroke_in_a_grid_is_writing_and_no_ruled_line() -> None:
    picture = np.full((80, 80), 255, np.uint8)
    picture[20:60, 30:36] = 0
    assert cut(picture, grid=(1, 1)).boxes.tolist() == [[30, 20, 36, 60]]


def test_the_edge_of_the_paper_is_dropped() -> None:
    picture = np.full((60, 300), 255, np.uint8)
    picture[:, :4] = picture[20:40, 100:120] = picture[20:40, 200:220] = 0
    sheet = cut(picture)
    assert sheet.boxes[:, 0].tolist() == [100, 200]
    assert sheet.dropped == 1


@pytest.mark.parametrize("seed", range(5))
def test_any_picture_is_cut_or_refused_in_words(seed: int) -> None:
    rng = np.random.default_rng(seed)
    for _ in range(6):
        picture = (rng.random(rng.integers(1, 60, 2)) < rng.random()).astype(np.uint8) * np.uint8(255)
        for grid in (None, tuple(int(n) for n in rng.integers(1, 5, 2))):
            with contextlib.suppress(DataError):
                height, width = picture.shape
                for left, top, right, bottom in cut(picture, grid=grid).boxes:
                    assert 0 <= left < right <= width
                    assert 0 <= top < bottom <= height


def test_an_empty_sheet_says_what_to_do_and_a_wrong_grid_is_named() -> None:
    paper = np.random.default_rng(0).normal(200, 6, (200, 300)).astype(np.uint8)
    with pytest.raises(DataError, match=r"no ink was found.*Next: "):
        cut(paper)
    with pytest.raises(ConfigError, match="at least 1 column"):
        cut(paper, grid=(0, 4))


def test_the_width_of_a_pen_is_measured() -> None:
    for width in (3, 6, 11):
        mask = np.zeros((60, 200), bool)
        mask[20 : 20 + width, 10:190] = True
        assert pen_width(mask) == pytest.approx(width, rel=0.25)


def test_specks_below_the_least_area_go_and_others_stay() -> None:
    mask = np.zeros((10, 20), bool)
    mask[1:3, 1:3] = mask[5:8, 5:8] = True
    assert without_specks(mask, 5).sum() == 9


def test_ink_keeps_its_darkness_whatever_the_light() -> None:
    picture, _ = compose(drawings(12, 6), Paper(shade=0.7, noise=0), seed=6)
    ink = find_ink(picture)
    assert ink is not None
    left, right = (ink.darkness[:, half][ink.mask[:, half]].mean() for half in (np.s_[:200], np.s_[200:]))
    assert abs(left - right) < 0.08


@pytest.mark.parametrize("angle", [-5.0, -1.5, 0.0, 4.0])
def test_the_angle_of_lines_is_found_and_points_go_back_to_where_they_were(angle: float) -> None:
    level = np.full((300, 400, 1), 255, np.uint8)
    level[60:70, 50:350] = level[140:150, 50:350] = level[220:230, 50:350] = 0
    sheet = turned(level, -angle)
    assert skew_deg(sheet[:, :, 0] < 128) == pytest.approx(angle, abs=0.3)
    there = back(np.array([[200.0, 65.0]]), angle, (300, 400))[0].round().astype(int)
    assert sheet[there[1], there[0], 0] < 128


def test_what_is_written_can_be_read_again(tmp_path: Path) -> None:
    picture, _ = compose(drawings(12, 1), Paper(), seed=1)
    sheet = cut(picture)
    paths = write_cuts(sheet, tmp_path / "out")
    facts = json.loads((tmp_path / "out" / "boxes.json").read_text())
    assert [row["box"] for row in facts["items"]] == sheet.boxes.tolist()
    assert (facts["height"], facts["width"]) == picture.shape[:2]
    for path, one, row in zip(paths, sheet.cuts, facts["items"], strict=True):
        assert np.array_equal(np.asarray(Image.open(path)), one.image[:, :, 0])
        assert (row["file"], row["row"], row["column"]) == (path.name, one.row, one.column)
    drawn = np.asarray(Image.open(tmp_path / "out" / "boxes.png"))
    assert (np.ptp(drawn.astype(int), axis=2) > 60).sum() > 12 * 50  # coloured boxes on grey paper
    with pytest.raises(ConfigError, match="is not empty"):
        write_cuts(sheet, tmp_path / "out")
