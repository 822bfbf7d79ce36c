"""The plugin `hash`."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import imagehash
import pytest
from PIL import Image, ImageEnhance
from PIL.ImageOps import mirror

from runyard.services.compute.media.perceptual import perceptual_hashes
from runyard.services.compute.plugin import MediaError
from runyard.services.compute.plugins.hash import hash_media

from .media import FORMATS, MODES, camera_exif, encoded, in_mode, photo, png, run, turned
from .videos import copied, film

NAMES = ("phash", "dhash", "ahash", "whash", "colorhash")


def distance(one: str, other: str) -> int:
    """Bits that differ."""
    return (int(one, 16) ^ int(other, 16)).bit_count()


def test_digests_of_an_image(tmp_path: Path) -> None:
    content = encoded(photo(), "PNG")
    found = run(hash_media, tmp_path, content)
    assert (found.media_type, found.algorithm) == ("image", "sha512_image")
    assert found.hash_value == hashlib.sha512(photo().tobytes()).hexdigest()
    assert found.sha256 == hashlib.sha256(content).hexdigest()
    assert found.md5 == hashlib.md5(content).hexdigest()
    assert {len(getattr(found, name)) for name in NAMES[:4]} == {16}
    assert len(found.colorhash) == 11


@pytest.mark.parametrize("algorithm", ["md5", "sha256"])
def test_other_algorithms_are_of_the_file(algorithm: str, tmp_path: Path) -> None:
    content = encoded(photo(), "JPEG")
    found = run(hash_media, tmp_path, content, algorithm=algorithm)
    assert (found.algorithm, found.hash_value) == (algorithm, hashlib.new(algorithm, content).hexdigest())
    assert found.phash is not None


def test_the_file_holds_the_result_and_the_time_it_took(tmp_path: Path) -> None:
    found = run(hash_media, tmp_path, encoded(photo(), "JPEG"))
    written = json.loads((tmp_path / "output/hash.json").read_text())
    assert written.pop("process_time") > 0
    assert written == found.model_dump()


def test_metadata_changes_the_file_not_what_is_seen(tmp_path: Path) -> None:
    plain = run(hash_media, tmp_path, encoded(photo(), "JPEG"))
    noted = run(hash_media, tmp_path, encoded(photo(), "JPEG", exif=camera_exif(1)))
    assert plain.hash_value == noted.hash_value
    assert plain.sha256 != noted.sha256


def test_a_picture_stored_on_its_side_looks_the_same(tmp_path: Path) -> None:
    upright, sideways = run(hash_media, tmp_path, turned(1)), run(hash_media, tmp_path, turned(6))
    assert all(distance(getattr(upright, name), getattr(sideways, name)) <= 2 for name in NAMES)
    assert upright.hash_value != sideways.hash_value


@pytest.mark.parametrize(
    "alter",
    [
        lambda image: image.resize((160, 120)),
        lambda image: image.resize((960, 720)),
        lambda image: ImageEnhance.Brightness(image).enhance(0.9),
    ],
)
def test_a_picture_that_looks_alike_has_nearly_the_same_hashes(alter: Callable[[Image.Image], Image.Image]) -> None:
    one, other, mirrored = (perceptual_hashes(image) for image in (photo(), alter(photo()), mirror(photo())))
    for name in NAMES[:4]:
        assert distance(getattr(one, name), getattr(other, name)) <= 8
        assert distance(getattr(one, name), getattr(mirrored, name)) > 10


def test_small_pictures_have_the_hashes_of_imagehash() -> None:
    image = photo(120, 90)
    found = perceptual_hashes(image)
    assert found.phash == str(imagehash.phash(image))
    assert found.dhash == str(imagehash.dhash(image))
    assert found.ahash == str(imagehash.average_hash(image))
    assert distance(found.whash, str(imagehash.whash(image))) <= 1, "the same but for rounding"
    assert perceptual_hashes(photo(40, 40)).colorhash == str(imagehash.colorhash(photo(40, 40)))


@pytest.mark.parametrize("format_", FORMATS)
def test_every_format_is_looked_at(format_: str, tmp_path: Path) -> None:
    found = run(hash_media, tmp_path, encoded(photo(), format_))
    assert distance(found.phash, perceptual_hashes(photo()).phash) <= 6


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_is_looked_at(mode: str) -> None:
    assert len(perceptual_hashes(in_mode(mode)).phash) == 16


@pytest.mark.parametrize("size", [(1, 1), (1, 3000), (7, 5), (3000, 2)])
def test_odd_shapes_are_looked_at(size: tuple[int, int]) -> None:
    assert len(perceptual_hashes(Image.new("RGB", size, (9, 99, 199))).whash) == 16


def test_a_video_is_known_by_its_key_frames(tmp_path: Path) -> None:
    plain = run(hash_media, tmp_path, film(tmp_path / "a.mp4").read_bytes())
    noted = run(
        hash_media, tmp_path, copied(tmp_path / "a.mp4", tmp_path / "b.mp4", "-metadata", "title=Test").read_bytes()
    )
    assert (plain.media_type, plain.algorithm) == ("video", "sha512_video")
    assert plain.hash_value == noted.hash_value
    assert plain.sha256 != noted.sha256
    assert plain.phash in plain.frames
    assert len(plain.frames) == 8
    assert len(set(plain.frames)) > 1


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"", "file"),
        (b"words", "text"),
        ("Grüße aus Köln".encode("latin-1"), "text"),
        (b"\xff\xfe\x00\xd8", "text"),
        (b"https://example.org/", "url"),
        (b"ID3\x04" + bytes(50), "audio"),
        (b"%PDF-1.4", "file"),
        (b"<svg/>", "text"),
        (b"\xff\x0a\x00", "image"),
    ],
)
def test_what_cannot_be_seen_has_digests_only(content: bytes, kind: str, tmp_path: Path) -> None:
    found = run(hash_media, tmp_path, content)
    assert (found.media_type, found.algorithm) == (kind, "sha512_generic")
    assert found.hash_value == hashlib.sha512(content).hexdigest()
    assert [getattr(found, name) for name in NAMES] == [None] * 5


def test_damaged_pictures_are_refused(tmp_path: Path) -> None:
    content = encoded(photo(), "JPEG")
    for bad in (content[: len(content) // 2], png(100, 100, b"\0" * 301)):
        with pytest.raises(MediaError, match="damaged or cut off"):
            run(hash_media, tmp_path, bad)
