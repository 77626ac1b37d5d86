"""Documents out of files: what is read, what is undone, what is refused and in which words."""

import io
import sys
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twinnet.core.errors import MissingExtra, UnreadableItem
from twinnet.data.documents import (
    cleaned,
    code_words,
    laid_out,
    language_of,
    prose_words,
    read_document,
    words_of,
)


def kinds(document):
    return {finding.kind: finding for finding in document.findings}


def test_words_know_where_they_stand():
    text = "Don’t stop: the Fox, the fox!"
    words = prose_words(text)
    assert words.keys == ("dont", "stop", "the", "fox", "the", "fox")
    assert [text[a:b] for a, b in zip(words.start, words.end, strict=True)] == [
        "Don’t", "stop", "the", "Fox", "the", "fox",
    ]  # fmt: skip


@given(st.text())
def test_words_of_any_text_ascend_and_lie_within_it(text):
    words = prose_words(text)
    assert all(a < b <= len(text) for a, b in zip(words.start, words.end, strict=True))
    assert (words.start[1:] >= words.end[:-1]).all()


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("你好 世界", ("你", "好", "世", "界")),
        ("Привет, мир", ("привет", "мир")),
        ("שלום עולם", ("שלום", "עולם")),
        ("مرحبا بالعالم", ("مرحبا", "بالعالم")),
        ("ไทย", ("ไ", "ท", "ย")),
    ],
)
def test_scripts_are_cut_as_they_are_written(text, keys):
    assert prose_words(text).keys == keys


def test_renaming_and_comments_do_not_change_code_words():
    one = 'int total = 0; // sum\nfor (int i = 0; i < n; i++) { total += a[i] * 2.5; }\nprint("done");'
    two = 'int s=1;\nfor(int k=7;k<m;k++){s+=b[k]*3.0;} /* other */ print("fertig");'
    assert code_words(one, "java").keys == code_words(two, "java").keys


def test_another_operator_changes_code_words():
    assert code_words("a = b + c;", "java").keys != code_words("a = b - c;", "java").keys


def test_code_words_point_at_their_source():
    text = "class A {\n  int x = 1; // one\n}\n"
    words = code_words(text, "java")
    assert [text[a:b] for a, b in zip(words.start, words.end, strict=True)] == [
        "class", "A", "{", "int", "x", "=", "1", ";", "}",
    ]  # fmt: skip


def test_layout_is_the_white_space_before_each_token_whatever_it_is_named():
    one = "int a = 1; // one\n\n\tint b=2;"
    two = "int x = 9;\n\n\tint y=0;"
    assert laid_out(one, code_words(one, "java")) == laid_out(two, code_words(two, "java"))
    assert laid_out(two, code_words(two, "java")) == [
        "int", " x", " =", " 0", ";", "\n\nint", " x", "=", "0", ";",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "language"), [("a/B.java", "java"), ("x.py", "python"), ("x.txt", ""), ("x.md", ""), ("essay", "")]
)
def test_the_name_says_the_language(name, language):
    assert language_of(name) == language


def test_an_invisible_character_inside_a_word_is_removed_and_reported():
    text, findings = cleaned("pla\u200bgia\u200brism")
    assert text == "plagiarism"
    assert [(f.kind, f.count) for f in findings] == [("zero_width", 2)]


def test_a_joiner_in_persian_is_ordinary():
    assert cleaned("می\u200cخواهم")[1] == ()


def test_cyrillic_letters_in_a_latin_word_are_replaced_and_reported():
    text, findings = cleaned("The c\u043epied p\u0430ssage stands here, word for word.")
    assert text == "The copied passage stands here, word for word."
    assert [(f.kind, f.count) for f in findings] == [("look_alikes", 2)]


def test_a_whole_word_of_look_alikes_in_an_english_text_is_replaced():
    text, findings = cleaned("It was a \u0441\u043e\u0440\u0443 of the other text, in plain English words.")
    assert "copy" in text
    assert findings[0].kind == "look_alikes"


@pytest.mark.parametrize(
    "text",
    ["Это обычный русский текст, и ничего в нём не подменено.", "Η Ελλάδα είναι μια χώρα.", "Tom и Jerry, вместе"],
)
def test_honest_russian_and_greek_are_left_alone(text):
    assert cleaned(text) == (text, ())


def test_letters_in_fancy_dress_are_plain_letters():
    text, findings = cleaned("𝐜𝐨𝐩𝐲 and ｃｏｐｙ")
    assert text == "copy and copy"
    assert findings[0].kind == "styled_letters"


def test_marks_that_turn_the_direction_are_removed_and_reported():
    text, findings = cleaned("abc\u202edef\u202c")
    assert text == "abcdef"
    assert findings[0].kind == "direction"
    assert cleaned("\u200fשלום\u200f")[1] == ()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "cp1252"])
def test_any_encoding_gives_the_same_text(encoding):
    text = "Größe, naïve, “quoted” – and a café at the end of an English sentence."
    assert read_document(text.encode(encoding), "a.txt").text == text


def test_russian_in_an_old_encoding_is_recognised():
    pytest.importorskip("charset_normalizer")
    text = "Плагиат это присвоение авторства на чужое произведение науки, литературы или искусства. " * 5
    assert "произведение" in read_document(text.encode("cp1251"), "a.txt").text


def test_two_encodings_in_one_file_are_both_read_and_reported():
    document = read_document("naïve\n".encode() + "café\n".encode("cp1252"), "a.txt")
    assert document.text.split() == ["naïve", "café"]
    assert kinds(document)["mixed_encoding"].count == 1


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "has no text"),
        (b" \n\t ", "has no text"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "is no text"),
        (b"a" * (50 << 20), "at most 20"),
        (b"%PDF-1.7 truncated", "damaged PDF"),
        (b"PK\x03\x04 truncated", "damaged Word file"),
        (b"{\\rtf1 text}", "rich text"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "before 2007. Next: save it as docx"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le"), "locked by a password"),
    ],
)
def test_what_cannot_be_read_is_refused_in_words(content, said):
    with pytest.raises(UnreadableItem, match=said):
        read_document(content, "bad.txt")


def test_a_page_is_its_visible_text():
    pytest.importorskip("bs4")
    page = (
        b"<html><head><title>T</title><style>p{}</style></head><body><p>One <b>two</b></p><script>x()</script></body>"
    )
    assert read_document(page, "a.html").text.split() == ["One", "two"]


def test_a_word_file_is_its_paragraphs_and_tables():
    docx = pytest.importorskip("docx")
    made, out = docx.Document(), io.BytesIO()
    made.add_paragraph("First paragraph.")
    made.add_table(1, 1).rows[0].cells[0].text = "In a cell."
    made.save(out)
    assert read_document(out.getvalue(), "a.docx").text.split("\n") == ["First paragraph.", "In a cell."]


@pytest.mark.parametrize(("inside", "said"), [("content.xml", "save it as docx"), ("essay.txt", "Next: unpack it")])
def test_another_archive_is_named(inside, said):
    pytest.importorskip("docx")
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(inside, "text")
    with pytest.raises(UnreadableItem, match=said):
        read_document(out.getvalue(), "a.odt")


def pdf(text, password=None, algorithm="RC4-128", owner=None):
    pypdf = pytest.importorskip("pypdf")
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    out = io.BytesIO()
    with rc_context({"pdf.fonttype": 42}):
        figure = Figure()
        figure.text(0.1, 0.5, text)
        figure.savefig(out, format="pdf")
    if password is not None:
        writer = pypdf.PdfWriter(clone_from=io.BytesIO(out.getvalue()))
        writer.encrypt(password, owner, algorithm=algorithm)
        out = io.BytesIO()
        writer.write(out)
    return out.getvalue()


def test_a_pdf_is_its_text():
    assert "Copied from elsewhere" in read_document(pdf("Copied from elsewhere"), "a.pdf").text


def test_a_locked_pdf_says_so():
    with pytest.raises(UnreadableItem, match="locked by a password"):
        read_document(pdf("secret", "key"), "a.pdf")


def test_a_pdf_that_is_encrypted_but_open_to_all_is_read():
    pytest.importorskip("cryptography")
    assert "for all" in read_document(pdf("for all to read", "", "AES-256", owner="key"), "a.pdf").text


def test_an_encrypted_pdf_without_cryptography_names_the_extra(monkeypatch):
    content = pdf("for all", "", owner="key")

    def reader(_):
        raise pypdf.errors.DependencyError("cryptography>=3.1 is required for AES algorithm")

    pypdf = pytest.importorskip("pypdf")
    monkeypatch.setattr(pypdf, "PdfReader", reader)
    monkeypatch.setitem(sys.modules, "cryptography", None)
    with pytest.raises(MissingExtra, match=r"twinnet\[documents\]"):
        read_document(content, "a.pdf")


def test_a_pdf_without_text_says_that_it_may_be_a_scan():
    with pytest.raises(UnreadableItem, match="OCR"):
        read_document(pdf(""), "a.pdf")


def test_source_code_is_compared_as_code():
    document = read_document(b"int a = 1;", "Main.java")
    assert document.language == "java"
    assert words_of(document).keys == ("int", "x", "=", "0", ";")
