"""Pages are one file, trust no user's words, and draw what they are given."""

import re
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from twinnet.core.errors import TwinnetError
from twinnet.decide import brier, ece, error_rates
from twinnet.page import (
    Figure,
    ItemMap,
    Page,
    Picture,
    curve_figure,
    det_figure,
    histogram_figure,
    reliability_figure,
    robustness_figure,
    roc_figure,
    shares_figure,
)
from twinnet.page.pictures import data_uri

RNG = np.random.default_rng(0)
SAME = RNG.random(500) < 0.4
DISTANCES = np.where(SAME, RNG.normal(0.4, 0.1, 500), RNG.normal(0.8, 0.2, 500))
RATES = error_rates(DISTANCES, SAME)
BAND = (np.geomspace(0.01, 1, 9), np.linspace(0.2, 0.9, 9), np.linspace(0.5, 1, 9))
EVIL = "<script>alert('x')</script>"
VOID = {"meta", "img", "circle", "image", "br", "input", "link"}


class Balanced(HTMLParser):
    """Every element that opens is closed, in order; ids are one each."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.ids += [value or "" for name, value in attrs if name == "id"]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.ids += [value or "" for name, value in attrs if name == "id"]

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open, f"</{tag}> closes nothing"
            assert self.open.pop() == tag


def figures() -> list[Figure]:
    levels = RNG.random((9, 5))
    eer = np.sort(RNG.random((9, 6)) / 2, axis=1)
    return [
        roc_figure(RATES, 0.6, BAND),
        det_figure(RATES, 0.6, BAND),
        histogram_figure(DISTANCES, SAME, 0.6, (0.5, 0.7)),
        reliability_figure(np.exp(-DISTANCES), SAME),
        robustness_figure([f"kind {i}" for i in range(9)], levels, eer, eer - 0.01, eer + 0.01),
        curve_figure(BAND[0], BAND[1], ("FPIR", "DIR"), "a curve that rises from 0.2 to 0.9", log_x=True),
        shares_figure(BAND[1], "accuracy", "how accuracy is spread over nine episodes"),
    ]


def item_map(n: int = 30, name: str = "Ann") -> ItemMap:
    images = [np.full((12, 10, 1), i, np.uint8) for i in range(n)]
    who = [i % 3 for i in range(n)]
    return ItemMap(RNG.normal(size=(n, 2)), images, [f"{name} {i}" for i in range(n)], who, who, [name] * 3, name, name)


def a_page(words: str) -> Page:
    page = Page(words, words, footer=words)
    page.section(words).text(words).verdict(words).numbers([(words, words, words)]).table([words, ""], [[words, "1<2"]])
    page.figures(figures()[:2]).figures(figures()[4:5], wide=True).map(item_map(name=words))
    page.pictures([Picture([np.zeros((8, 8, 1), np.uint8), np.zeros((8, 8, 3), np.uint8)], words, f'"{words}')])
    return page


def test_every_figure_is_one_svg_that_parses_and_says_what_it_shows() -> None:
    for figure in figures():
        root = ElementTree.fromstring(figure.svg)
        assert root.tag.endswith("svg")
        assert root.get("role") == "img"
        assert root.get("aria-label") == figure.alt
        assert len(figure.alt) > 20
        assert len(figure.svg) < 150_000


def test_no_two_figures_share_an_id() -> None:
    ids = [identifier for figure in figures() for identifier in re.findall(r'\bid="([^"]+)"', figure.svg)]
    assert len(ids) == len(set(ids)) > 100


def test_references_inside_a_figure_find_their_shape() -> None:
    for figure in figures():
        named = set(re.findall(r'\bid="([^"]+)"', figure.svg))
        assert set(re.findall(r'(?:href="#|url\(#)([^")]+)', figure.svg)) <= named


def test_the_roc_names_the_rates_at_the_threshold() -> None:
    far, tar = (DISTANCES[~SAME] < 0.6).mean(), (DISTANCES[SAME] < 0.6).mean()
    assert f"accepts {tar:.1%} at a FAR of {far:.2%}" in roc_figure(RATES, 0.6).alt


def test_the_reliability_figure_names_ece_and_brier_at_the_prior() -> None:
    p = np.exp(-DISTANCES)
    alt = reliability_figure(p, SAME).alt
    assert f"calibration error {ece(p, SAME, prior=0.5):.3f}" in alt
    assert f"Brier score {brier(p, SAME, prior=0.5):.3f}" in alt


def test_the_robustness_figure_names_the_distortion_that_costs_most() -> None:
    eer = np.tile([0.1, 0.15], (3, 1))
    eer[1, 1] = 0.4
    alt = robustness_figure(["blur", "noise", "shift"], np.ones((3, 1)), eer, eer, eer).alt
    assert "noise costs most, 40.0%" in alt
    assert "clean level, 10.0%" in alt


def test_the_same_figure_is_the_same_text() -> None:
    assert det_figure(RATES).svg == det_figure(RATES).svg


def test_a_page_is_self_contained_and_escapes_what_users_wrote(tmp_path: Path) -> None:
    a_page(EVIL).write(tmp_path / "deep" / "page.html")
    html = (tmp_path / "deep" / "page.html").read_text(encoding="utf-8")
    assert EVIL not in html
    assert html.count("&lt;script&gt;") >= 8
    assert not re.findall(r"(?:src|href)=\"(?!data:|#)", html)
    assert not re.findall(r"(?:https?:)?//(?!www\.w3\.org/)[a-z0-9.-]+\.[a-z]{2,}/", html)
    assert "default-src 'none'" in html  # and the browser holds it to that
    assert "prefers-color-scheme: dark" in html
    assert "@media print" in html


def test_every_picture_and_drawing_says_what_it_is(tmp_path: Path) -> None:
    a_page("words").write(tmp_path / "page.html")
    html = (tmp_path / "page.html").read_text(encoding="utf-8")
    for tag in re.findall(r"<img\b[^>]*>", html):
        assert "alt=" in tag
    for tag in re.findall(r"<svg\b[^>]*>", html):
        assert re.search(r'aria-label="[^"]+"', tag)
    assert html.count("<svg") == 4


def test_a_page_is_well_formed_and_its_ids_are_one_each(tmp_path: Path) -> None:
    a_page("words").write(tmp_path / "page.html")
    parser = Balanced()
    parser.feed((tmp_path / "page.html").read_text(encoding="utf-8"))
    assert parser.open == []
    assert len(parser.ids) == len(set(parser.ids))


def test_a_map_shows_thumbnails_that_do_not_touch_and_a_point_per_item(tmp_path: Path) -> None:
    page = Page("t", "l")
    page.section("map").map(item_map(200)).write(tmp_path / "page.html")
    html = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert html.count("<circle") == 200
    corners = np.array([[float(v) for v in pair] for pair in re.findall(r'<image x="([\d.-]+)" y="([\d.-]+)"', html)])
    assert len(corners) > 5
    gaps = np.abs(corners[:, None] - corners[None]).max(-1) + 1e9 * np.eye(len(corners))
    assert gaps.min() > 44


def test_large_pictures_are_embedded_small() -> None:
    noise = RNG.integers(0, 256, (900, 1200, 3), dtype=np.uint8)
    assert len(data_uri(noise)) < 40_000
    assert data_uri(np.zeros((8, 8, 1), np.uint8)).startswith("data:image/png")


def test_a_page_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(TwinnetError, match="cannot be written"):
        Page("t", "l").write(tmp_path / "file" / "page.html")
