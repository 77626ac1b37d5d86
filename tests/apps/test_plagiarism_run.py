"""The whole search: what is found, what is left out, and that later runs do only what is new."""

import shutil
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from plagiarism_texts import JAVA, renamed, save, writer

from twinnet.apps.plagiarism import Options, compare_two, find_plagiarism
from twinnet.apps.plagiarism.candidates import LEAST, candidates
from twinnet.apps.plagiarism.collect import sources_in
from twinnet.core.errors import ConfigError, DataError


def pairs(found):
    return {tuple(sorted((found.names[m.a], found.names[m.b]))) for m in found.copies}


def results(found):
    """All that matters of each pair, by names."""
    return {
        tuple(sorted((found.names[m.a], found.names[m.b]))): (
            m.probability,
            sorted((m.shared.share_a, m.shared.share_b)),
        )
        for m in found.matches
    }


@pytest.fixture
def essays(tmp_path):
    """Twelve essays; 3 has half of 1, and 9 all of 7 in another order."""
    write = writer(1)
    texts = {f"{i}.txt": write(200) for i in range(12)}
    texts["3.txt"] = texts["1.txt"][:100] + write(100)
    seven = texts["7.txt"]
    texts["9.txt"] = seven[150:] + seven[:70] + seven[70:150]
    return save(tmp_path / "essays", texts)


def test_copies_are_found_and_nobody_else(essays):
    assert pairs(find_plagiarism(essays)) == {("1.txt", "3.txt"), ("7.txt", "9.txt")}


def test_clusters_join_copies_of_copies(tmp_path):
    write = writer(2)
    shared = write(100)
    texts = {"a.txt": shared + write(50), "b.txt": write(50) + shared, "c.txt": shared + write(30), "d.txt": write(150)}
    (cluster,) = find_plagiarism(save(tmp_path / "e", texts)).clusters
    assert cluster.owners == ("a.txt", "b.txt", "c.txt")
    assert cluster.links == 3


def test_a_pair_in_a_crowd_measures_as_it_does_alone(essays):
    crowd = next(m for m in find_plagiarism(essays).matches if m.a != m.b)
    alone = compare_two(essays / "7.txt", essays / "9.txt").matches[0]
    assert np.array_equal(crowd.shared.measures, alone.shared.measures)


def test_a_submission_added_later_is_compared_and_nothing_else(essays, tmp_path):
    state = tmp_path / "state.db"
    find_plagiarism(essays, state=state)
    text = (essays / "4.txt").read_text()
    (essays / "late.txt").write_text(text)
    found = find_plagiarism(essays, state=state)
    assert ("4.txt", "late.txt") in pairs(found)
    assert found.new_pairs == 1
    assert results(found) == results(find_plagiarism(essays))


def test_a_run_without_news_compares_nothing(essays, tmp_path):
    first = find_plagiarism(essays, state=tmp_path / "s.db")
    again = find_plagiarism(essays, state=tmp_path / "s.db")
    assert again.new_pairs == 0
    assert results(again) == results(first)


def test_what_was_removed_or_changed_is_forgotten(essays, tmp_path):
    state = tmp_path / "s.db"
    find_plagiarism(essays, state=state)
    (essays / "9.txt").unlink()
    (essays / "3.txt").write_text(" ".join(writer(99)(200)))
    found = find_plagiarism(essays, state=state)
    assert pairs(found) == set()
    assert "9.txt" not in found.names.values()


def test_a_state_made_with_other_settings_is_refused(essays, tmp_path):
    find_plagiarism(essays, state=tmp_path / "s.db")
    with pytest.raises(DataError, match="other settings"):
        find_plagiarism(essays, state=tmp_path / "s.db", options=Options(skip_quoted=True))


@pytest.mark.parametrize("content", [b"not a database", b"", b"SQLite format 3\0" + b"\0" * 200])
def test_a_file_that_is_no_state_is_refused_or_filled(essays, tmp_path, content):
    path = tmp_path / "s.db"
    path.write_bytes(content)
    if content:
        with pytest.raises(DataError, match=r"no readable state.*Next: delete it"):
            find_plagiarism(essays, state=path)
        assert path.read_bytes() == content
    else:
        assert find_plagiarism(essays, state=path).names


def test_a_state_in_use_is_refused(essays, tmp_path, monkeypatch):
    from twinnet.apps.plagiarism import state as module

    monkeypatch.setattr(module, "_WAIT_S", 0.1)
    path = tmp_path / "s.db"
    settings = {"a": 1}
    held = module.State(path, settings)
    try:
        with pytest.raises(DataError, match="another run is using it"):
            module.State(path, settings)
    finally:
        held.close()


def test_a_template_does_not_count(tmp_path):
    write = writer(3)
    sheet = write(120)
    texts = {f"{i}.txt": sheet + write(100) for i in range(4)}
    folder = save(tmp_path / "e", texts)
    (tmp_path / "sheet.txt").write_text(" ".join(sheet))
    assert len(pairs(find_plagiarism(folder))) == 6
    found = find_plagiarism(folder, options=Options(template=tmp_path / "sheet.txt"))
    assert pairs(found) == set()
    assert set(found.hidden.values()) == {120}


def test_what_most_documents_say_alike_does_not_count_but_a_group_of_copies_does(tmp_path):
    write = writer(4)
    header, copied = write(60), write(80)
    texts = {f"{i:02}.txt": header + (copied if i < 3 else []) + write(100) for i in range(14)}
    folder = save(tmp_path / "e", texts)
    found = find_plagiarism(folder)
    assert pairs(found) == set(combinations(("00.txt", "01.txt", "02.txt"), 2))
    assert all(m.shared.words == 80 for m in found.copies)
    assert len(pairs(find_plagiarism(folder, options=Options(common=1)))) == 14 * 13 / 2


def test_a_phrase_that_becomes_usual_stops_counting_in_older_pairs(tmp_path):
    write = writer(5)
    header = write(60)
    folder = save(tmp_path / "e", {f"{i:02}.txt": header + write(80) for i in range(9)})
    state = tmp_path / "s.db"
    assert len(pairs(find_plagiarism(folder, state=state))) == 36
    save(folder, {f"{i:02}.txt": header + write(80) for i in range(9, 12)})
    assert pairs(find_plagiarism(folder, state=state)) == set()


def test_quotations_do_not_count_when_asked(tmp_path):
    write = writer(6)
    quote = "“" + " ".join(write(60)) + "”"
    folder = save(tmp_path / "e", {name: [*write(80), quote, *write(80)] for name in ("a.txt", "b.txt")})
    assert pairs(find_plagiarism(folder)) == {("a.txt", "b.txt")}
    assert find_plagiarism(folder, options=Options(skip_quoted=True)).copies == ()


def test_against_compares_each_with_each_source_only(tmp_path):
    write = writer(7)
    source, between = write(200), write(100)
    suspects = save(tmp_path / "s", {"a.txt": source[:120] + between, "b.txt": between + write(100)})
    sources = save(tmp_path / "o", {"a.txt": source, "z.txt": write(200)})
    found = find_plagiarism(suspects, sources)
    (match,) = found.copies
    assert match.shared.share_a == pytest.approx(120 / 220, abs=0.02)  # the suspect comes first, also of two same names
    assert match.shared.share_b == pytest.approx(120 / 200, abs=0.02)
    assert len(found.matches) == 1


def test_files_of_one_submission_are_not_compared(tmp_path):
    write = writer(8)
    text = write(100)
    folder = save(tmp_path / "e", {"ada/1.txt": text, "ada/2.txt": text, "ben/1.txt": [*text, *write(20)]})
    found = find_plagiarism(folder, options=Options(by_folder=True))
    assert pairs(found) == {("ada/1.txt", "ben/1.txt"), ("ada/2.txt", "ben/1.txt")}
    assert found.clusters[0].owners == ("ada", "ben")
    assert len(pairs(find_plagiarism(folder))) == 3


def test_programs_are_compared_with_programs_and_prose_with_prose(tmp_path):
    folder = save(tmp_path / "e", {"a.java": [JAVA], "b.java": [renamed(JAVA)], "a.txt": [JAVA]})
    assert pairs(find_plagiarism(folder)) == {("a.java", "b.java")}
    assert compare_two(folder / "a.java", folder / "a.txt").matches[0].probability > 0.9  # asked for: both as prose


def test_hidden_files_are_left_out(tmp_path):
    folder = save(tmp_path / "e", {"a.txt": ["a"], ".git/config": ["b"], "x/.hidden": ["c"], "__MACOSX/a.txt": ["d"]})
    assert [source.name for source in sources_in(folder)] == ["a.txt"]


def test_one_bad_document_is_listed_and_stops_nothing(essays, tmp_path):
    shutil.copy(essays / "1.txt", essays / "1b.txt")
    (essays / "empty.txt").write_bytes(b"")
    (essays / "photo.txt").write_bytes(bytes(range(256)) * 20)
    state = tmp_path / "s.db"
    for _ in range(2):
        found = find_plagiarism(essays, state=state)
        assert {skip.item for skip in found.skipped} == {"empty.txt", "photo.txt"}
        assert ("1.txt", "1b.txt") in pairs(found)


def test_candidates_are_those_pairs_that_share_enough_marks():
    rng = np.random.default_rng(0)
    sketches = [np.unique(rng.integers(0, 400, 60).astype(np.uint64)) for _ in range(30)]
    allowed = np.stack([np.arange(30), np.zeros(30, np.int64)], 1)
    found = {tuple(pair) for pair in candidates(sketches, np.ones(30, np.bool_), allowed).tolist()}
    expected = {(j, i) for i, j in combinations(range(30), 2) if np.intersect1d(sketches[i], sketches[j]).size >= LEAST}
    assert found == expected
    some = np.arange(30) >= 27
    late = {tuple(pair) for pair in candidates(sketches, some, allowed).tolist()}
    assert late == {(j, i) for j, i in expected if j >= 27}


def test_a_share_that_is_none_is_refused():
    with pytest.raises(ConfigError, match="common is a share"):
        replace(Options(), common=0)


def test_a_folder_that_is_not_there_is_said(tmp_path):
    with pytest.raises(DataError, match="no such file or folder"):
        find_plagiarism(Path(tmp_path / "nowhere"))
    (tmp_path / "bare").mkdir()
    with pytest.raises(DataError, match="has no files"):
        find_plagiarism(tmp_path / "bare")
