"""What a file is, by its content."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runyard.services.compute.media.sniff import identify

from .media import FORMATS, encoded, photo


@pytest.mark.parametrize("format_", FORMATS)
def test_images_are_known_whatever_they_are_called(format_: str, tmp_path: Path) -> None:
    path = tmp_path / "holiday.txt"
    path.write_bytes(encoded(photo(32, 24), format_))
    found = identify(path)
    assert (found.kind, found.decoder) == ("image", format_)


@pytest.mark.parametrize(
    ("content", "kind", "name"),
    [
        (b"", "file", "an empty file"),
        (b"%PDF-1.7\n%\xe2\xe3", "file", "a PDF document"),
        (b"\x89PNG\r\n\x1a", "file", "a file of unknown kind"),
        (b"<?xml version='1.0'?>\n<!-- drawn -->\n<svg xmlns='x'></svg>", "text", "an SVG drawing"),
        (b"<svg:svg xmlns:svg='x'/>", "text", "an SVG drawing"),
        (b"\n<!DOCTYPE html><title>x</title>", "text", "an HTML page"),
        (b"PK\x03\x04rest", "file", "a ZIP archive or office document"),
        (b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom", "video", "an MP4 video"),
        (b"\x00\x00\x00\x14ftypqt  \x00\x00\x00\x00qt  ", "video", "a QuickTime video"),
        (b"\x00\x00\x00\x18ftypM4A \x00\x00\x00\x00M4A mp42", "audio", "an MPEG-4 recording"),
        (b"\x00\x00\x00\x1cftypmif1\x00\x00\x00\x00mif1avifmiaf", "image", "an AVIF image"),
        (b"\x00\x00\x00\x18ftypmif1\x00\x00\x00\x00mif1heic", "image", "a HEIC image"),
        (b"\xff\x0a\x00\x00", "image", "a JPEG XL image"),
        (b"RIFF\x00\x00\x00\x00WAVEfmt ", "audio", "a WAV recording"),
        (b"RIFF\x00\x00\x00\x00AVI LIST", "video", "an AVI video"),
        (b"ID3\x04\x00", "audio", "an MP3 recording"),
        (b"\xff\xfb\x90\x64\x00", "audio", "an MP3 recording"),
        (b"fLaC\x00", "audio", "a FLAC recording"),
        (b"\x1aE\xdf\xa3\x01", "video", "a Matroska or WebM video"),
        ((b"G" + bytes(187)) * 4, "video", "an MPEG transport stream"),
        (b"BM is how this text begins, and no picture", "text", "a text"),
        (b"P1 is the first priority", "image", "a PNM image"),
        (b"  https://example.org/a?b=c#d \n", "url", "a web address"),
        (b"https://example.org and more", "text", "a text"),
        ("Grüße, 世界".encode(), "text", "a text"),
        ("Grüße aus Köln, wo alles schön ist".encode("latin-1"), "text", "a text"),
        ("\ufeffGrüße".encode("utf-16-le"), "text", "a text"),
        (bytes(range(256)), "file", "a file of unknown kind"),
    ],
)
def test_everything_has_a_name(content: bytes, kind: str, name: str, tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(content)
    found = identify(path)
    assert (found.kind, found.name) == (kind, name)


def test_a_character_cut_in_two_where_the_look_ends_is_still_text(tmp_path: Path) -> None:
    path = tmp_path / "long"
    path.write_bytes(("x" + "é" * 40_000).encode())
    assert identify(path).kind == "text"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.binary(max_size=600))
def test_no_content_is_too_odd(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "odd"
    path.write_bytes(content)
    assert identify(path).kind in {"image", "video", "audio", "text", "url", "file"}
