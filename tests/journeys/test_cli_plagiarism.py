"""`twinnet plagiarism` as a user runs it: answers, exit codes, bad input, and a run that is killed."""

import io
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

WORDS = ["".join(np.random.default_rng(i).choice(list("abcdefghijklmnopqrstuvwxyz"), 6)) for i in range(800)]


def text(seed, n):
    return " ".join(np.random.default_rng(seed).choice(WORDS, n))


@pytest.fixture
def essays(tmp_path):
    folder = tmp_path / "essays"
    folder.mkdir()
    copied = text(1, 80)
    (folder / "ada.txt").write_text(text(2, 100) + " " + copied)
    (folder / "ben.md").write_text(copied + " " + text(3, 60))
    (folder / "cleo.html").write_text(f"<!doctype html><html><body><p>{text(4, 120)}</p></body></html>")
    return folder


def test_a_folder_is_searched_and_reported(shell, essays, tmp_path):
    done = shell("plagiarism", essays, "--html", tmp_path / "r.html")
    assert done.returncode == 0, done.stderr
    assert "ada.txt  ben.md" in done.stdout
    assert "3 documents, 1 pair compared (1 now), 1 above the threshold" in done.stdout
    assert (tmp_path / "r.html").read_text().startswith("<!doctype html>")


def test_json_has_the_passages_in_characters(shell, essays):
    answer = json.loads(shell("plagiarism", essays, "--json").stdout)
    (pair,) = answer["pairs"]
    first, second = ((essays / pair[side]).read_text() for side in ("first", "second"))
    (passage,) = pair["passages"]
    assert first[slice(*passage["first"])] == second[slice(*passage["second"])] == text(1, 80)
    assert pair["share_of_first"] == pytest.approx(80 / 180)
    assert answer["counts"]["copies"] == 1


def test_two_files_are_compared_by_themselves(shell, essays):
    done = shell("plagiarism", essays / "ada.txt", essays / "cleo.html")
    assert done.returncode == 0
    assert "below the threshold" in done.stdout


def test_fail_above_is_for_scripts(shell, essays):
    assert shell("plagiarism", essays, "--fail-above", 0.5).returncode == 1
    (essays / "ben.md").unlink()
    assert shell("plagiarism", essays, "--fail-above", 0.5).returncode == 0


def test_suspects_against_sources(shell, essays, tmp_path):
    (tmp_path / "web").mkdir()
    (tmp_path / "web" / "source.txt").write_text(text(3, 60))
    answer = json.loads(shell("plagiarism", essays, "--against", tmp_path / "web", "--json").stdout)
    assert [(p["first"], p["second"]) for p in answer["pairs"]] == [("ben.md", "source.txt")]


def test_a_judge_learned_from_labels_is_kept_and_used(shell, tmp_path):
    folder, rows = tmp_path / "e", ["first,second,copied"]
    folder.mkdir()
    for i in range(12):
        one = text(10 * i, 100)
        (folder / f"{i}a.txt").write_text(one)
        (folder / f"{i}b.txt").write_text(one if i % 2 else text(10 * i + 1, 100))
        rows.append(f"{i}a.txt,{i}b.txt,{i % 2}")
    (tmp_path / "l.csv").write_text("\n".join(rows))
    done = shell("plagiarism", folder, "--learn", tmp_path / "l.csv", "--judge", tmp_path / "j.json")
    assert done.returncode == 0, done.stderr
    again = shell("plagiarism", folder, "--judge", tmp_path / "j.json")
    assert again.stdout == done.stdout
    assert "6 above the threshold" in again.stdout


def _locked_pdf():
    from pypdf import PdfWriter

    writer, out = PdfWriter(), io.BytesIO()
    writer.add_blank_page(100, 100)
    writer.encrypt("secret")
    writer.write(out)
    return out.getvalue()


BAD = {
    "empty.txt": (lambda: b"", "has no text"),
    "binary.dat": (lambda: bytes(range(256)) * 64, "is no text (binary content)"),
    "huge.txt": (lambda: b"word " * (10 * 2**20), "has 50 MiB; at most 20 are read. Next: split it"),
    "locked.pdf": (_locked_pdf, "is locked by a password. Next: save it without one"),
    "torn.pdf": (lambda: b"%PDF-1.7 and then nothing", "is a damaged PDF"),
    "locked.docx": (
        lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le"),
        "is locked by a password. Next: save it without one",
    ),
    "torn.docx": (lambda: b"PK\x03\x04 and then nothing", "is a damaged Word file"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_document_that_cannot_be_read_is_listed_with_its_reason(shell, essays, name):
    make, said = BAD[name]
    (essays / name).write_bytes(make())
    done = shell("plagiarism", essays)
    assert done.returncode == 0
    assert f"skipped {name}" in done.stderr
    assert said in done.stderr
    assert "ada.txt  ben.md" in done.stdout


@pytest.mark.parametrize("name", BAD)
def test_of_two_files_a_bad_one_is_an_error(shell, essays, name):
    make, said = BAD[name]
    (essays / name).write_bytes(make())
    done = shell("plagiarism", essays / "ada.txt", essays / name)
    assert done.returncode == 2
    assert said in done.stderr


@pytest.mark.parametrize(
    ("disguise", "said"),
    [
        (lambda t: t.replace("a", "а"), "letters of another alphabet that look alike"),
        (lambda t: "".join(w[:2] + "\u200b" + w[2:] + " " for w in t.split()), "invisible characters inside words"),
        (lambda t: t.translate({ord("e"): "\U0001d41e"}), None),
        (lambda t: "".join("\u202d" + w + "\u202c " for w in t.split()), "marks that turn the direction of writing"),
    ],
)
def test_a_disguised_copy_is_found_and_the_disguise_reported(shell, essays, disguise, said):
    (essays / "emil.txt").write_text(disguise((essays / "cleo.html").read_text()[34:-18]), encoding="utf-8")
    done = shell("plagiarism", essays)
    assert "cleo.html  emil.txt" in done.stdout
    assert said is None or said in done.stderr


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "cp1252"])
def test_a_copy_in_another_encoding_is_a_copy(shell, tmp_path, encoding):
    copied = "Die Größe der Äpfel übertraf alle Erwartungen, sagte der Händler aus Überlingen am späten Abend. " * 2
    copied = copied + "Später fügte er hinzu, dass die Kälte im März schädlich für die jungen Blüten gewesen wäre."
    (tmp_path / "a.txt").write_text(copied, encoding="utf-8")
    (tmp_path / "b.txt").write_text(copied, encoding=encoding)
    assert "a.txt  b.txt" in shell("plagiarism", tmp_path).stdout


def test_two_encodings_in_one_file_are_read_and_reported(shell, essays):
    (essays / "emil.txt").write_bytes((essays / "ada.txt").read_bytes() + "\nnaïve\n".encode() + b"caf\xe9\n")
    done = shell("plagiarism", essays)
    assert "ada.txt  emil.txt" in done.stdout
    assert "emil.txt: lines in another encoding (1), undone before comparing; such as 'café'" in done.stderr


def test_writing_from_right_to_left_is_compared_and_not_suspicious(shell, tmp_path):
    letters = [chr(c) for c in range(0x05D0, 0x05EB)]
    rng = np.random.default_rng(0)
    words = ["".join(rng.choice(letters, 5)) for _ in range(120)]
    (tmp_path / "a.txt").write_text(" ".join(words), encoding="utf-8")
    (tmp_path / "b.txt").write_text("\u200f" + " ".join(words[20:]), encoding="utf-8")
    done = shell("plagiarism", tmp_path)
    assert "a.txt  b.txt" in done.stdout
    assert done.stderr == ""


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere"], "no such file or folder"),
        (["essays", "--template", "nowhere"], "no such file or folder"),
        (["essays", "--judge", "nowhere"], "no readable judge"),
        (["essays", "--learn", "nowhere"], "no readable table"),
        (["essays", "--common", "0"], "common is a share"),
        (["essays/ada.txt", "essays/ben.md", "--against", "essays"], "two files are compared by themselves"),
    ],
)
def test_what_cannot_be_done_is_said_in_words(shell, essays, monkeypatch, arguments, said):
    monkeypatch.chdir(essays.parent)
    done = shell("plagiarism", *arguments)
    assert done.returncode == 2
    assert said in " ".join(done.stderr.replace("│", " ").split())


def test_a_run_that_was_killed_goes_on_and_ends_as_one_that_was_not(process, tmp_path):
    folder, state = tmp_path / "many", tmp_path / "state.db"
    folder.mkdir()
    copied = text(0, 120)
    for i in range(240):
        (folder / f"{i:03}.txt").write_text(text(i + 1, 300) + " " + (copied if i % 40 < 3 else ""))
    arguments = [sys.executable, "-m", "twinnet.cli.main", "plagiarism", str(folder), "--state", str(state), "--json"]
    killed = 0
    for wait in (0.15, 0.6):
        with subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as running:
            while not _rows(state) and running.poll() is None:
                time.sleep(0.01)
            time.sleep(wait)
            running.send_signal(signal.SIGKILL)
            killed += running.wait() == -signal.SIGKILL
    assert killed >= 1
    done = process("plagiarism", folder, "--state", state, "--json")
    assert done.returncode == 0, done.stderr
    whole = json.loads(process("plagiarism", folder, "--json").stdout)
    resumed = json.loads(done.stdout)
    assert resumed["pairs"] == whole["pairs"]
    assert len(whole["pairs"]) > 0
    assert resumed["counts"] | {"pairs_new": 0} == whole["counts"] | {"pairs_new": 0}


def _rows(state: Path) -> bool:
    return state.exists() and state.stat().st_size > 0
