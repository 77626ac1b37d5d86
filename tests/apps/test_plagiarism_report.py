"""The report is one file that shows the same passage on both sides, and trusts nothing that a document says."""

import re

import pytest
from bs4 import BeautifulSoup
from plagiarism_texts import save, writer

from twinnet.apps.plagiarism import Options, find_plagiarism
from twinnet.apps.plagiarism.passages import pieces
from twinnet.apps.plagiarism.report import percent, write_report
from twinnet.core.errors import TwinnetError


@pytest.fixture
def page(tmp_path):
    write = writer(1)
    one, two, hostile = write(40), write(50), "<script>alert(1)</script>"
    texts = {
        "a<b>.txt": [*write(30), *one, hostile, *write(400), *two],
        "c&d.txt": [*two, *write(20), *one],
        "e.txt": write(100),
    }
    found = find_plagiarism(save(tmp_path / "e", texts))
    write_report(tmp_path / "r.html", found)
    return (tmp_path / "r.html").read_text(), found, (one, two)


def test_both_sides_mark_the_same_words_in_the_same_colour(page):
    html, _, planted = page
    soup = BeautifulSoup(html, "html.parser")
    sides = soup.select(".side")
    assert len(sides) == 2
    marks = [{mark["class"][0]: re.sub(r"^\d+", "", mark.get_text()) for mark in side.select("mark")} for side in sides]
    assert marks[0] == marks[1]
    assert {" ".join(words) for words in planted} == set(marks[0].values())


def test_every_link_leads_somewhere(page):
    soup = BeautifulSoup(page[0], "html.parser")
    links = [a["href"] for a in soup.select("a")]
    assert links
    assert all(href.startswith("#") and soup.find(id=href[1:]) is not None for href in links)


def test_it_loads_nothing_and_runs_nothing(page):
    assert "<script" not in page[0]
    assert not re.search(r"""(src|href)=["'](?!#)""", page[0])
    assert "&lt;script&gt;alert(1)" in page[0]
    assert "a&lt;b&gt;.txt" in page[0]


def test_it_never_calls_a_cluster_certain(page):
    tables = BeautifulSoup(page[0], "html.parser").select("table")
    assert [row.get_text() for row in tables[1].select("tbody td.n")] == ["2", "1", "> 99 %"]


def test_it_says_what_it_does_not_prove(page):
    text = BeautifulSoup(page[0], "html.parser").get_text()
    assert "does not show who wrote them first" in text
    assert "not proven to be original" in text


def test_pieces_are_the_whole_text_in_order(page):
    _, found, _ = page
    match = found.copies[0]
    for side, i in enumerate((match.a, match.b)):
        shown = pieces(found.texts[i], match.shared.passages, side)
        assert "".join(piece.text for piece in shown) == found.texts[i].text


def test_of_a_long_text_what_is_not_shared_is_left_out(tmp_path):
    write = writer(2)
    copied = write(60)
    folder = save(tmp_path / "e", {"a.txt": write(4000) + copied + write(4000), "b.txt": copied + write(20)})
    found = find_plagiarism(folder)
    match = found.matches[0]
    long = pieces(found.texts[match.a], match.shared.passages, 0)
    assert sum(len(piece.text) for piece in long) < 3000
    assert [piece.omitted for piece in long] == [True, False, False, False, True]
    assert sum(piece.end - piece.start for piece in long) == len(found.texts[match.a].text)


def test_words_left_out_are_told(tmp_path):
    write = writer(3)
    sheet = write(80)
    folder = save(tmp_path / "e", {f"{i}.txt": sheet + write(60) for i in range(2)})
    (tmp_path / "t.txt").write_text(" ".join(sheet))
    write_report(tmp_path / "r.html", find_plagiarism(folder, options=Options(template=tmp_path / "t.txt")))
    assert "160 words in 2 documents were not counted" in (tmp_path / "r.html").read_text()


def test_a_report_that_cannot_be_written_says_so(page, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(TwinnetError, match="cannot be written"):
        write_report(tmp_path / "file" / "r.html", page[1])


@pytest.mark.parametrize(("p", "said"), [(1.0, "> 99 %"), (0.0, "< 1 %"), (0.5, "50 %"), (0.987, "99 %")])
def test_a_probability_is_never_certain(p, said):
    assert percent(p) == said
