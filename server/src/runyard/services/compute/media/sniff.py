"""What a file is, by its content alone: names and content types are the sender's words."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

Kind = Literal["image", "video", "audio", "text", "url", "file"]

_HEAD: Final = 64 * 1024
_LONGEST_URL: Final = 8 * 1024
_URL: Final = re.compile(rb"https?://[^\s<>\"]+", re.IGNORECASE)
_SVG: Final = re.compile(rb"<(?:[\w.-]+:)?svg[\s>/]", re.IGNORECASE)
_HTML: Final = re.compile(rb"\s*(?:<!--.*?-->\s*)*<(?:!doctype\s+html|html)[\s>]", re.IGNORECASE | re.DOTALL)
_CONTROL: Final = bytes(set(range(32)) - set(b"\t\n\v\f\r\x1b")) + b"\x7f"
_BOMS: Final = {codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16", codecs.BOM_UTF8: "utf-8-sig"}


@dataclass(frozen=True, slots=True)
class Media:
    """What a file is.

    Attributes:
        kind: the broad kind, in the words of the `hash` plugin's result.
        mime: its content type.
        name: what to call it in a sentence, such as ``a PDF document``.
        decoder: Pillow's name of the format if it is an image we can open.
    """

    kind: Kind
    mime: str
    name: str
    decoder: str | None = None


def identify(path: Path) -> Media:
    """What the file is. Never fails for what is in it: what nothing else fits is a ``file`` of bytes."""
    with path.open("rb") as file:
        head = file.read(_HEAD)
    if not head:
        return _EMPTY
    return _by_signature(head) or _by_structure(head) or _by_text(head) or _BYTES


_EMPTY: Final = Media("file", "application/x-empty", "an empty file")
_BYTES: Final = Media("file", "application/octet-stream", "a file of unknown kind")
_TEXT: Final = Media("text", "text/plain", "a text")
_AVIF: Final = Media("image", "image/avif", "an AVIF image", "AVIF")
_HEIC: Final = Media("image", "image/heic", "a HEIC image", "HEIF")
_JXL: Final = Media("image", "image/jxl", "a JPEG XL image")
_JP2: Final = Media("image", "image/jp2", "a JPEG 2000 image", "JPEG2000")
_TIFF: Final = Media("image", "image/tiff", "a TIFF image", "TIFF")
_BMP: Final = Media("image", "image/bmp", "a BMP image", "BMP")
_PPM: Final = Media("image", "image/x-portable-anymap", "a PNM image", "PPM")
_MP4: Final = Media("video", "video/mp4", "an MP4 video")
_QUICKTIME: Final = Media("video", "video/quicktime", "a QuickTime video")
_MPEG: Final = Media("video", "video/mpeg", "an MPEG video")
_MP3: Final = Media("audio", "audio/mpeg", "an MP3 recording")
_M4A: Final = Media("audio", "audio/mp4", "an MPEG-4 recording")
_AAC: Final = Media("audio", "audio/aac", "an AAC recording")
_OGG: Final = Media("audio", "audio/ogg", "an Ogg recording")
_OGG_VIDEO: Final = Media("video", "video/ogg", "an Ogg video")

_SIGNATURES: Final[tuple[tuple[bytes, Media], ...]] = (
    (b"\xff\xd8\xff", Media("image", "image/jpeg", "a JPEG image", "JPEG")),
    (b"\x89PNG\r\n\x1a\n", Media("image", "image/png", "a PNG image", "PNG")),
    (b"GIF87a", Media("image", "image/gif", "a GIF image", "GIF")),
    (b"GIF89a", Media("image", "image/gif", "a GIF image", "GIF")),
    (b"II*\0", _TIFF),
    (b"MM\0*", _TIFF),
    (b"II+\0", _TIFF),
    (b"MM\0+", _TIFF),
    (b"\0\0\x01\0", Media("image", "image/vnd.microsoft.icon", "an icon", "ICO")),
    (b"\0\0\0\x0cjP  \r\n\x87\n", _JP2),
    (b"\xff\x4f\xff\x51", _JP2),
    (b"\0\0\0\x0cJXL \r\n\x87\n", _JXL),
    (b"\xff\x0a", _JXL),
    (b"qoif", Media("image", "image/qoi", "a QOI image", "QOI")),
    (b"8BPS", Media("image", "image/vnd.adobe.photoshop", "a Photoshop image", "PSD")),
    (b"\x1aE\xdf\xa3", Media("video", "video/x-matroska", "a Matroska or WebM video")),
    (b"FLV\x01", Media("video", "video/x-flv", "a Flash video")),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", Media("video", "video/x-ms-asf", "a Windows Media file")),
    (b"\0\0\x01\xba", _MPEG),
    (b"\0\0\x01\xb3", _MPEG),
    (b"ID3", _MP3),
    (b"fLaC", Media("audio", "audio/flac", "a FLAC recording")),
    (b"MThd", Media("audio", "audio/midi", "a MIDI file")),
    (b"#!AMR", Media("audio", "audio/amr", "an AMR recording")),
    (b"%PDF-", Media("file", "application/pdf", "a PDF document")),
    (b"%!PS", Media("file", "application/postscript", "a PostScript document")),
    (b"PK\x03\x04", Media("file", "application/zip", "a ZIP archive or office document")),
    (b"\x1f\x8b", Media("file", "application/gzip", "a gzip archive")),
    (b"7z\xbc\xaf\x27\x1c", Media("file", "application/x-7z-compressed", "a 7-Zip archive")),
    (b"\xfd7zXZ\0", Media("file", "application/x-xz", "an XZ archive")),
    (b"\x28\xb5\x2f\xfd", Media("file", "application/zstd", "a Zstandard archive")),
    (b"\x7fELF", Media("file", "application/x-executable", "a program")),
    (b"MZ\x90\0", Media("file", "application/x-dosexec", "a program")),
    (b"SQLite format 3\0", Media("file", "application/vnd.sqlite3", "an SQLite database")),
)

_BRANDS: Final[dict[bytes, Media]] = {
    **dict.fromkeys((b"avif", b"avis"), _AVIF),
    **dict.fromkeys((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"), _HEIC),
    **dict.fromkeys((b"M4A ", b"M4B ", b"F4A "), _M4A),
    b"qt  ": _QUICKTIME,
    b"crx ": Media("file", "image/x-canon-cr3", "a camera's raw image"),
}
_CHUNKS: Final[dict[bytes, Media]] = {
    b"RIFFWEBP": Media("image", "image/webp", "a WebP image", "WEBP"),
    b"RIFFAVI ": Media("video", "video/x-msvideo", "an AVI video"),
    b"RIFFWAVE": Media("audio", "audio/wav", "a WAV recording"),
    **dict.fromkeys((b"FORMAIFF", b"FORMAIFC"), Media("audio", "audio/aiff", "an AIFF recording")),
}


def _by_signature(head: bytes) -> Media | None:
    return next((media for signature, media in _SIGNATURES if head.startswith(signature)), None)


def _by_structure(head: bytes) -> Media | None:
    """Formats that take more than a look at the first bytes."""
    if head[4:8] == b"ftyp":
        return _by_brand(head)
    if head[:4] == b"OggS":
        return _OGG_VIDEO if b"\x80theora" in head[:4096] else _OGG
    if head[:4] in (b"RIFF", b"FORM"):
        return _CHUNKS.get(head[:4] + head[8:12])
    if head[:2] == b"BM" and head[14:18] in _BITMAP_HEADERS:
        return _BMP
    if re.match(rb"P[1-6][\s#]", head):
        return _PPM
    return _QUICKTIME if head[4:8] in (b"moov", b"mdat", b"wide", b"pnot") else _by_frames(head)


_BITMAP_HEADERS: Final = tuple(size.to_bytes(4, "little") for size in (12, 40, 52, 56, 64, 108, 124))


def _by_brand(head: bytes) -> Media:
    """A file of ISO boxes: HEIC, AVIF, MP4 and their kin say in their first box who may read them."""
    brand = head[8:12]
    if brand in (b"mif1", b"msf1"):
        size = int.from_bytes(head[:4], "big")
        compatible = {head[place : place + 4] for place in range(16, min(size, len(head), 256), 4)}
        return _AVIF if compatible & {b"avif", b"avis"} else _HEIC
    return _BRANDS.get(brand, _MP4)


def _by_frames(head: bytes) -> Media | None:
    """Streams without a header: frames that follow each other."""
    if len(head) > 376 and head[0] == head[188] == head[376] == 0x47:
        return Media("video", "video/mp2t", "an MPEG transport stream")
    if head[:2] in (b"\xff\xf1", b"\xff\xf9"):
        return _AAC
    if head[0] == 0xFF and head[1:2] and head[1] & 0xE6 == 0xE2 and head[2:3] and head[2] & 0xF0 not in (0, 0xF0):
        return _MP3
    return None


def _by_text(head: bytes) -> Media | None:
    """Text in any encoding a person may have written it in. None for other bytes."""
    encoding = next((name for mark, name in _BOMS.items() if head.startswith(mark)), "utf-8")
    if encoding == "utf-16":
        return _TEXT
    content = head.removeprefix(codecs.BOM_UTF8)
    if content.translate(None, _CONTROL) != content or _looks_binary(content):
        return None
    if _HTML.match(content):
        return Media("text", "text/html", "an HTML page")
    if content.lstrip()[:1] == b"<" and _SVG.search(content[:4096]):
        return Media("text", "image/svg+xml", "an SVG drawing")
    if len(content) < _LONGEST_URL and _URL.fullmatch(content.strip()):
        return Media("url", "text/uri-list", "a web address")
    return _TEXT


def _looks_binary(content: bytes) -> bool:
    """Neither UTF-8 (its last character may be cut off) nor mostly ASCII, as older encodings are."""
    try:
        codecs.getincrementaldecoder("utf-8")().decode(content, final=False)
    except UnicodeDecodeError:
        high = len(content) - len(content.translate(None, bytes(range(128, 256))))
        return high * 2 > len(content)
    return False
