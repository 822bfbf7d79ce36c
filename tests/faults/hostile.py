"""What strangers send a yard: files that lie about themselves, tokens that nobody issued."""

from __future__ import annotations

import base64
import hashlib
import hmac
import io
import json
import struct
import subprocess
import tempfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import imageio_ffmpeg  # type: ignore[import-untyped]
from joserfc.jwk import ECKey
from PIL import Image

from runyard.identity.signing import CURVE, SigningKey

IMAGES = ("exif", "hash", "image_conversion", "media_thumbnail", "face_detection", "face_embedding")
PIXELS = tuple(name for name in IMAGES if name != "exif")
"""Plugins that decode; the tags of a picture that is cut off can be read all the same."""

VIDEOS = ("exif", "hash", "media_thumbnail", "hls_streaming")
VISUAL = ("exif", "image_conversion", "media_thumbnail", "face_detection", "face_embedding", "hls_streaming")
"""Plugins that want to see something; `hash` takes any file."""

FIELDS = {"image_conversion": {"format": "webp"}, "media_thumbnail": {"width": "64"}}
"""Form fields without which a plugin has nothing to do."""


@dataclass(frozen=True, slots=True)
class HostileFile:
    """A file, and how every one of some plugins ends that is given it.

    Attributes:
        name: what it is sent as.
        reason, says: of the job's end: the stable word, and a part of the sentence.
        to: the plugins.
    """

    name: str
    make: Callable[[], bytes]
    reason: str
    says: str
    to: tuple[str, ...]


def files() -> list[HostileFile]:
    """One of every kind."""
    return [
        HostileFile("empty.png", bytes, "unsupported_media", "an empty file", VISUAL),
        HostileFile("cut-off.jpg", lambda: _half(photo("JPEG")), "bad_media", "cut off", PIXELS),
        HostileFile("cut-off.png", lambda: _half(photo("PNG")), "bad_media", "cut off", PIXELS),
        HostileFile("cut-off.webp", lambda: _half(photo("WEBP")), "bad_media", "cut off", PIXELS),
        HostileFile("header-only.jpg", lambda: photo("JPEG")[:30], "bad_media", "cut off", IMAGES),
        HostileFile("claims-too-much.jpg", lambda: jpeg_claiming(60_000, 60_000), "too_large", "3600000000 pix", IMAGES),
        HostileFile("claims-more-than-it-has.jpg", lambda: jpeg_claiming(9_000, 9_000), "bad_media", "short", IMAGES),
        HostileFile("claims-more-than-it-has.png", lambda: png(9_000, 9_000, bytes(999)), "bad_media", "cut", PIXELS),
        HostileFile("bomb.png", bomb, "too_large", "100010000 pixels", IMAGES),
        HostileFile("10000-frames.gif", lambda: gif(10_000), "too_large", "2000 frames", IMAGES),
        HostileFile("large-frames.gif", lambda: gif(2, side=60_000), "too_large", "3600000000 pixels", IMAGES),
        HostileFile("drawing.png", lambda: SVG, "unsupported_media", "an SVG drawing", VISUAL),
        HostileFile("document.png", lambda: PDF, "unsupported_media", "a PDF document", VISUAL),
        HostileFile("archive.jpg", lambda: b"PK\x03\x04" + bytes(200), "unsupported_media", "a ZIP archive", VISUAL),
        HostileFile("noise.jpg", lambda: bytes(range(256)) * 99, "unsupported_media", "of unknown kind", VISUAL),
        HostileFile("no-video.mp4", lambda: sound("mp4"), "unsupported_media", "has sound, but no video", VIDEOS),
        HostileFile("no-video.webm", lambda: sound("webm"), "unsupported_media", "has sound, but no video", VIDEOS),
        HostileFile("no-index.mp4", lambda: _half(film()), "bad_media", "cut off", VIDEOS),
        HostileFile("index-only.mp4", index_of_film, "bad_media", "damaged", ("hash", "media_thumbnail", "hls_streaming")),
    ]  # fmt: skip


# ---------------------------------------------------------------- pictures

SVG = b"<?xml version='1.0'?><svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"
PDF = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF"


@cache
def photo(format_: str = "PNG", width: int = 240, height: int = 180) -> bytes:
    """A sound picture, too lively to be packed into a few bytes."""
    image = Image.effect_noise((width // 4, height // 4), 64).resize((width, height)).convert("RGB")
    content = io.BytesIO()
    image.save(content, format_)
    return content.getvalue()


def png(width: int, height: int, rows: bytes) -> bytes:
    """A PNG that claims a size, whatever there is in it."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", zlib.compress(rows)) + _chunk(b"IEND", b"")


@cache
def bomb() -> bytes:
    """A hundred megapixels in some hundred kilobytes, all of them there."""
    return png(10_000, 10_001, bytes(10_001 * (1 + 3 * 10_000)))


def jpeg_claiming(width: int, height: int) -> bytes:
    """A small JPEG whose header says otherwise."""
    content = photo("JPEG")
    place = content.index(b"\xff\xc0") + 5
    return content[:place] + struct.pack(">HH", height, width) + content[place + 4 :]


def gif(frames: int, *, side: int = 2) -> bytes:
    """An animation of dots, on a canvas that may be large."""
    head = b"GIF89a" + struct.pack("<HHBBB", side, side, 0x80, 0, 0) + bytes(3) + b"\xff\xff\xff"
    control = b"\x21\xf9\x04\x00\x05\x00\x00\x00"
    place = b"\x2c" + struct.pack("<HHHHB", 0, 0, 1, 1, 0)
    dark, light = b"\x02\x02\x44\x01\x00", b"\x02\x02\x4c\x01\x00"
    return head + b"".join(control + place + (light if n % 2 else dark) for n in range(frames)) + b";"


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _half(content: bytes) -> bytes:
    return content[: len(content) // 2]


# ---------------------------------------------------------------- videos


@cache
def film() -> bytes:
    """Two seconds; the index is at the end."""
    return _ffmpeg("mp4", "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25:duration=2", "-pix_fmt", "yuv420p")


@cache
def index_of_film() -> bytes:
    """The index is at the beginning, and nothing follows it."""
    source = ("-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25:duration=2", "-pix_fmt", "yuv420p")
    content = _ffmpeg("mp4", *source, "-movflags", "+faststart")
    return content[: content.index(b"mdat") + 4]


@cache
def sound(container: str) -> bytes:
    """What calls itself a video and is a tone."""
    return _ffmpeg(container, "-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000", "-t", "1")


def _ffmpeg(container: str, *arguments: str) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"made.{container}")
        command = [imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-loglevel", "error", *arguments, str(path)]
        subprocess.run(command, check=True, capture_output=True, timeout=60)
        return path.read_bytes()


# ---------------------------------------------------------------- tokens

LATER, EARLIER = 4_000_000_000, 1_000_000_000
_UNKNOWN, _EXPIRED = "Could not validate credentials", "JWT token has expired"


@dataclass(frozen=True, slots=True)
class HostileToken:
    """A token, and the sentence it is refused with."""

    token: str
    says: str


def tokens(keys: Path, good: str) -> dict[str, HostileToken]:
    """Tokens made with the yard's own key, with another one, without any, and from a good one.

    Args:
        keys: the yard's folder of keys.
        good: a token of a user without rights.
    """
    own, strange = SigningKey.of(keys), SigningKey(ECKey.generate_key(CURVE))
    head, body, signature = good.split(".")
    claims = json.loads(_decode(body))
    admin = {**claims, "is_admin": True, "exp": LATER}
    unsigned = f"{_encode({'alg': 'none', 'typ': 'JWT'})}.{_encode(admin)}"
    swapped = f"{_encode({'alg': 'HS256', 'typ': 'JWT', 'kid': own.kid})}.{_encode(admin)}"
    stamp = hmac.new(own.public_pem.encode(), swapped.encode(), hashlib.sha256).digest()

    def sign(key: SigningKey, **changes: object) -> str:
        return key.sign(json.dumps({**claims, **changes}).encode())

    return {
        "expired": HostileToken(sign(own, exp=EARLIER), _EXPIRED),
        "forged": HostileToken(sign(strange, exp=LATER), _UNKNOWN),
        "forged in our key's name": HostileToken(_renamed(sign(strange, exp=LATER), kid=own.kid), _UNKNOWN),
        "forged with its own key in it": HostileToken(_renamed(sign(strange, exp=LATER), jwk=strange.jwk), _UNKNOWN),
        "unsigned": HostileToken(f"{unsigned}.", _UNKNOWN),
        "unsigned, with a signature": HostileToken(f"{unsigned}.{signature}", _UNKNOWN),
        "signed with the public key as a secret": HostileToken(f"{swapped}.{_encode(stamp)}", _UNKNOWN),
        "promoted": HostileToken(f"{head}.{_encode(admin)}.{signature}", _UNKNOWN),
        "without an end": HostileToken(own.sign(b'{"id":"1","permissions":[],"is_admin":true}'), "JWT payload is invalid"),
        "with a number for a name": HostileToken(sign(own, id=1), "JWT payload is invalid"),
        "of nobody": HostileToken(sign(own, id="999999999", exp=LATER), _UNKNOWN),
        "no token": HostileToken("a.b.c", _UNKNOWN),
        "a long one": HostileToken("e" * 10_000, _UNKNOWN),
    }  # fmt: skip


def _renamed(token: str, **fields: object) -> str:
    """A token whose header was changed after it was signed."""
    head, rest = token.split(".", 1)
    return f"{_encode({**json.loads(_decode(head)), **fields})}.{rest}"


def _encode(value: object) -> str:
    content = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
