"""Pages are one file, trust no user's words, and draw what they are given."""

import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from twinnet.decide import error_rates
from twinnet.page import Page, Picture, det_figure, histogram_figure, reliability_figure, roc_figure

RNG = np.random.default_rng(0)
SAME = RNG.random(500) < 0.4
DISTANCES = np.where(SAME, RNG.normal(0.4, 0.1, 500), RNG.normal(0.8, 0.2, 500))


def test_every_figure_is_one_svg_that_parses_and_says_what_it_shows() -> None:
    rates = error_rates(DISTANCES, SAME)
    figures = [
        roc_figure(rates, 0.6),
        det_figure(rates),
        histogram_figure(DISTANCES, SAME, 0.6),
        reliability_figure(np.exp(-DISTANCES), SAME),
    ]
    for figure in figures:
        assert ElementTree.fromstring(figure.svg).tag.endswith("svg")
        assert len(figure.alt) > 20


def test_the_roc_names_the_rates_at_the_threshold() -> None:
    far, tar = (DISTANCES[~SAME] < 0.6).mean(), (DISTANCES[SAME] < 0.6).mean()
    assert f"accepts {tar:.1%} at a FAR of {far:.2%}" in roc_figure(error_rates(DISTANCES, SAME), 0.6).alt


def test_the_same_figure_is_the_same_text() -> None:
    rates = error_rates(DISTANCES, SAME)
    assert det_figure(rates).svg == det_figure(rates).svg


def test_a_page_is_self_contained_and_escapes_what_users_wrote(tmp_path: Path) -> None:
    evil = "<script>alert('x')</script>"
    page = Page(evil, evil, footer=evil)
    page.section(evil).text(evil).verdict(evil).table([evil], [[evil, "1 < 2"]])
    page.figures([histogram_figure(DISTANCES, SAME)])
    page.pictures([Picture([np.zeros((8, 8, 1), np.uint8), np.zeros((8, 8, 3), np.uint8)], evil, f'"{evil}')])
    page.write(tmp_path / "deep" / "page.html")
    html = (tmp_path / "deep" / "page.html").read_text(encoding="utf-8")
    assert "<script" not in html
    assert html.count("&lt;script&gt;") >= 8
    assert not re.findall(r"(?:src|href)=\"(?!data:|#)", html)
    assert html.count("data:image/png;base64,") == 2
    assert "prefers-color-scheme: dark" in html
