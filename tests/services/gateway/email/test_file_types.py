"""A file is what it is said to be, as far as its first bytes tell; and no program."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onerouter_gateway.email.file_types import OCTETS, declared_type, is_program, lies, misnamed

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 30
PDF = b"%PDF-1.7\n%\xc3\xa4"
ZIP = b"PK\x03\x04" + b"\0" * 30
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 30
HEIC = b"\0\0\0\x18ftypheic"
PE = b"MZ" + b"\0" * 58 + (64).to_bytes(4, "little") + b"PE\0\0"
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


@pytest.mark.parametrize(
    ("media_type", "content"),
    [
        ("image/png", PNG),
        ("image/jpg", b"\xff\xd8\xff\xe0"),
        ("image/webp", b"RIFF\x10\0\0\0WEBPVP8 "),
        ("application/pdf", PDF),
        ("application/pdf", b"\n\n" + PDF),
        (DOCX, ZIP),
        (DOCX, OLE),
        ("application/msword", OLE),
        ("application/vnd.ms-excel", OLE),
        ("application/vnd.ms-excel", b"a;b\n1;2\n"),
        ("application/zip", b"PK\x05\x06" + b"\0" * 18),
        ("text/plain", b"MZ is how this note begins"),
        ("text/csv", "a,é\n".encode("utf-16")),
        ("text/plain", "é".encode("latin-1")),
        ("application/json", b"{}"),
        ("image/svg+xml", b"<svg/>"),
        ("text/calendar", b"BEGIN:VCALENDAR"),
        ("application/vnd.made-up", b"\0\1\2"),
        ("image/heic", HEIC),
        ("image/avif", HEIC),
        ("video/quicktime", b"\0\0\0\x14ftypqt  "),
        (OCTETS, PNG),
        ("audio/mpeg", b"ID3\x03"),
    ],
)
def test_what_it_says_it_is_is_believed(media_type: str, content: bytes) -> None:
    assert not lies(media_type, content)
    assert not is_program("a.bin", media_type, content)


@pytest.mark.parametrize(
    ("media_type", "content"),
    [
        ("image/png", b"\xff\xd8\xff\xe0"),
        ("image/png", b"<script>"),
        ("application/pdf", ZIP),
        ("application/pdf", b"<html>"),
        (DOCX, PDF),
        ("application/zip", PNG),
        ("text/plain", PNG),
        ("text/plain", PDF),
        ("text/csv", ZIP),
        ("application/json", b"\0\1"),
        ("image/svg+xml", PNG),
        ("application/vnd.ms-excel", PNG),
        ("image/avif", PDF),
        ("video/quicktime", ZIP),
    ],
)
def test_what_it_is_not_is_seen(media_type: str, content: bytes) -> None:
    assert lies(media_type, content)


@pytest.mark.parametrize(
    ("filename", "media_type", "content"),
    [
        ("setup.exe", OCTETS, b"x"),
        ("invoice.pdf.EXE", "application/pdf", PDF),
        ("setup.exe. .", OCTETS, b"x"),
        ("page.hta", "text/plain", b"x"),
        ("run.js", "text/plain", b"x"),
        ("image.png", "image/png", PE),
        ("readme.txt", "text/plain", b"#!/bin/sh\n"),
        ("a.bin", OCTETS, b"\x7fELF\x02"),
        ("a.bin", OCTETS, b"\xca\xfe\xba\xbe"),
        ("a", "application/x-msdownload", b"x"),
        ("a", "application/java-archive", ZIP),
    ],
)
def test_a_program_is_one_by_name_type_or_content(filename: str, media_type: str, content: bytes) -> None:
    assert is_program(filename, media_type, content)


@pytest.mark.parametrize(
    ("filename", "said", "expected"),
    [
        ("a.pdf", None, "application/pdf"),
        ("a.PNG", None, "image/png"),
        ("a.docx", None, DOCX),
        ("a.csv.gz", None, "application/gzip"),
        ("a", None, OCTETS),
        ("a.unheard", None, OCTETS),
        ("a", "Text/Plain; charset=utf-8", "text/plain"),
    ],
)
def test_without_a_type_the_name_says_it(filename: str, said: str | None, expected: str) -> None:
    assert declared_type(filename, said) == expected


@pytest.mark.parametrize(
    ("filename", "media_type", "content"),
    [
        ("invoice.pdf", OCTETS, b"<html><script>alert(1)</script>"),
        ("invoice.pdf", "text/plain", b"hello"),
        ("invoice.pdf", "text/html", b"<script>x</script>"),
        ("invoice.PDF. ", "text/html", b"<script>x</script>"),
        ("invoice.pdf", "application/vnd.made-up", b"hello"),
        ("invoice.pdf", "image/png", PNG),
        ("notes.txt", "text/html", b"<script>x</script>"),
        ("list.csv", "image/svg+xml", b"<svg onload=x>"),
        ("photo.png", OCTETS, b"<html>"),
        ("letter.docx", OCTETS, PDF),
        ("letter.docx", "text/plain", b"hello"),
        ("a.zip", "application/pdf", PDF),
        ("a.csv.gz", OCTETS, PNG),
    ],
)
def test_a_name_that_says_something_else_is_seen(filename: str, media_type: str, content: bytes) -> None:
    assert misnamed(filename, media_type, content)


@pytest.mark.parametrize(
    ("filename", "media_type", "content"),
    [
        ("invoice.pdf", OCTETS, PDF),
        ("invoice.pdf", "application/x-pdf", PDF),
        ("invoice", "application/pdf", PDF),
        ("invoice 1.2", "text/plain", b"hello"),
        ("a.unheard", "application/vnd.made-up", b"\0\1"),
        ("photo.jpg", "image/pjpeg", b"\xff\xd8\xff\xe0"),
        ("photo.heic", "image/heif", HEIC),
        ("list.csv", "application/vnd.ms-excel", b"a;b"),
        ("list.csv", "text/plain", b"a;b"),
        ("list.xls", "text/csv", b"a;b"),
        ("list.xls", "application/vnd.ms-excel", OLE),
        ("list.xlsx", "application/vnd.ms-excel", ZIP),
        ("letter.docx", "application/zip", ZIP),
        ("letter.docx", DOCX, OLE),
        ("letter.doc", "application/rtf", b"{\\rtf1"),
        ("letter.doc", "application/msword", OLE),
        ("a.json", "text/plain", b"{}"),
        ("a.xml", "text/xml", b"<a/>"),
        ("page.html", "text/plain", b"<p>"),
        ("page.html", "text/html", b"<p>"),
        ("logo.svg", "image/svg+xml", b"<svg/>"),
        ("mail.eml", "message/rfc822", b"From: a"),
        ("a.csv.gz", "application/gzip", b"\x1f\x8b\x08"),
        ("messages.pot", "text/plain", b"msgid"),
        ("invite.ics", "text/calendar", b"BEGIN:VCALENDAR"),
        ("song.wav", "audio/wave", b"RIFF\x10\0\0\0WAVE"),
        ("a.bin", OCTETS, b"\0\1"),
    ],
)
def test_a_name_that_fits_is_believed(filename: str, media_type: str, content: bytes) -> None:
    assert not misnamed(filename, media_type, content)


@pytest.mark.parametrize(
    "filename",
    [
        "run.sh",
        "a.command",
        "a.desktop",
        "a.url",
        "a.svgz",
        "a.webloc",
        "a.reg",
        "a.ps1",
        "a.exe\u00a0",
        "a.\uff45xe",
        "A.SH. ",
    ],
)
def test_what_a_click_would_run_is_a_program_by_its_name(filename: str) -> None:
    assert is_program(filename, "text/plain", b"hello")


@pytest.mark.parametrize("said", ["", "pdf", "text/", "text/plain\r\nX: y", "a/b/c", "text /plain", "*/*"])
def test_what_is_no_type_is_refused(said: str) -> None:
    with pytest.raises(ValueError, match="media type"):
        declared_type("a", said)


@given(st.binary(max_size=200), st.sampled_from(["text/plain", "image/png", "application/pdf", DOCX, "x/y"]))
def test_any_bytes_get_a_verdict(content: bytes, media_type: str) -> None:
    assert lies(media_type, content) in {True, False}
    assert is_program("a.txt", media_type, content) in {True, False}
