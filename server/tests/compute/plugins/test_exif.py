"""The plugin `exif`."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from PIL import ExifTags, Image, ImageCms
from PIL.PngImagePlugin import PngInfo

from runyard.services.compute.media.xmp import read_xmp
from runyard.services.compute.plugin import MediaError
from runyard.services.compute.plugins.exif import Extraction, exif

from .media import FORMATS, camera_exif, encoded, photo, run
from .videos import film

TYPED = (
    "make", "model", "date_time_original", "create_date", "image_width", "image_height", "orientation", "iso", "f_number",
    "exposure_time", "focal_length", "gps_latitude", "gps_longitude", "gps_altitude", "software",
)  # fmt: skip

XMP = b"""<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/" xmp:Rating="4">
<dc:title><rdf:Alt><rdf:li xml:lang="x-default">Harbour</rdf:li></rdf:Alt></dc:title>
<dc:subject><rdf:Bag><rdf:li>sea</rdf:li><rdf:li>ships</rdf:li></rdf:Bag></dc:subject>
</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="w"?>"""


def test_what_a_camera_writes_is_typed(tmp_path: Path) -> None:
    found = run(exif, tmp_path, encoded(photo(), "JPEG", exif=camera_exif()))
    assert found.model_dump(include=set(TYPED)) == {
        "make": "Acme", "model": "Shot 3", "date_time_original": "2024:05:01 11:59:58",
        "create_date": "2024:05:01 11:59:59", "image_width": 240, "image_height": 180, "orientation": 6, "iso": 200,
        "f_number": 2.8, "exposure_time": "1/250", "focal_length": 50.0, "gps_latitude": pytest.approx(-33.8598333),
        "gps_longitude": pytest.approx(151.2111667), "gps_altitude": -58.5, "software": "Firmware 1.2",
    }  # fmt: skip
    assert (found.Make, found.Model, found.DateTime) == ("Acme", "Shot 3", "2024:05:01 12:00:00")
    assert found.GPS.model_dump() == {
        "latitude": found.gps_latitude, "longitude": found.gps_longitude, "altitude": -58.5,
        "timestamp": "2024-05-01T10:20:30Z",
    }  # fmt: skip
    assert (found.lens_model, found.media_type) == ("Lens 50", "image")


@pytest.mark.parametrize("format_", ["PNG", "WEBP", "AVIF", "TIFF", "HEIF"])
def test_every_format_that_can_hold_exif_is_read(format_: str, tmp_path: Path) -> None:
    found = run(exif, tmp_path, encoded(photo(), format_, exif=camera_exif(1).tobytes()))
    assert (found.make, found.iso, round(found.gps_latitude, 3)) == ("Acme", 200, -33.86)


def test_the_file_holds_the_same_object(tmp_path: Path) -> None:
    found = run(exif, tmp_path, encoded(photo(), "JPEG", exif=camera_exif()))
    text = (tmp_path / "output/exif_metadata.json").read_text()
    assert json.loads(text) == found.model_dump(mode="json")
    assert text.startswith('{\n  "make"')
    assert str(tmp_path) not in text


@pytest.mark.parametrize("format_", FORMATS)
def test_a_picture_without_exif_has_nulls(format_: str, tmp_path: Path) -> None:
    found = run(exif, tmp_path, encoded(photo(), format_))
    assert {name for name in TYPED if getattr(found, name) is not None} <= {
        "image_width",
        "image_height",
        "orientation",
    }
    assert (found.image_width, found.image_height, found.GPS) == (240, 180, None)


def test_tags_asked_for_come_by_their_own_names(tmp_path: Path) -> None:
    content = encoded(photo(), "JPEG", exif=camera_exif())
    found = run(exif, tmp_path, content, tags=" make, EXIF:iso,GPSLatitude, Nonsense")
    assert set(found.raw_metadata) == {"Make", "ISO", "GPSLatitude"}
    assert found.model == "Shot 3", "typed keys are filled either way"
    assert Extraction(tags="a, b,").tags == ["a", "b"]
    assert Extraction.model_validate({"tags": ["a", "b"]}).tags == ["a", "b"]


def test_everything_else_is_raw_metadata(tmp_path: Path) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    content = encoded(photo(), "JPEG", exif=camera_exif(), xmp=XMP, icc_profile=profile, comment="Ahoi")
    raw = run(exif, tmp_path, content).raw_metadata
    assert raw["EXIF:UserComment"] == "hello"
    assert raw["EXIF:MakerNote"] == "(binary, 200 bytes)"
    assert (raw["XMP:Rating"], raw["XMP:Title"], raw["XMP:Subject"]) == ("4", "Harbour", ["sea", "ships"])
    assert raw["ICC_Profile:ProfileDescription"] == "sRGB built-in"
    assert (raw["File:Comment"], raw["File:MIMEType"]) == ("Ahoi", "image/jpeg")
    info = PngInfo()
    info.add_text("Title", "Grüße", zip=True)
    assert run(exif, tmp_path, encoded(photo(), "PNG", pnginfo=info)).raw_metadata["PNG:Title"] == "Grüße"


def test_text_in_utf_8_is_repaired(tmp_path: Path) -> None:
    tags = Image.Exif()
    tags[ExifTags.Base.Artist] = "Jürgen".encode()
    tags[ExifTags.Base.XPTitle] = "Größe".encode("utf-16-le") + b"\0\0"
    raw = run(exif, tmp_path, encoded(photo(), "JPEG", exif=tags)).raw_metadata
    assert (raw["EXIF:Artist"], raw["EXIF:XPTitle"]) == ("Jürgen", "Größe")


def test_places_off_the_globe_are_no_places(tmp_path: Path) -> None:
    tags = camera_exif()
    tags.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitude] = (200.0, 0.0, 0.0)
    found = run(exif, tmp_path, encoded(photo(), "JPEG", exif=tags))
    assert (found.gps_latitude, found.GPS) == (None, None)
    north = run(exif, tmp_path, encoded(photo(), "JPEG", exif=camera_exif(latitude_ref="N")))
    assert north.gps_latitude > 0


def test_damaged_exif_leaves_the_rest(tmp_path: Path) -> None:
    content = encoded(photo(), "JPEG", exif=camera_exif())
    place = content.index(b"Exif\0\0") + 6
    found = run(exif, tmp_path, content[:place] + b"\xff" * 40 + content[place + 40 :])
    assert (found.make, found.image_width) == (None, 240)


@pytest.mark.parametrize("content", [b"", b"%PDF-1.4", b"<svg/>", b"just words"])
def test_what_is_no_picture_is_refused(content: bytes, tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="not an image or a video") as caught:
        run(exif, tmp_path, content)
    assert caught.value.reason == "unsupported_media"


def test_xmp_that_is_unsound_is_left_out() -> None:
    assert read_xmp(b"") == {}
    assert read_xmp(b"<x") == {}
    assert read_xmp(b'<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>') == {}


def test_a_video_says_the_same_in_other_words(tmp_path: Path) -> None:
    told = ["com.apple.quicktime.make=Acme", "location=-33.8600+151.2112-5.5/", "creation_time=2024-05-01T11:59:59Z"]
    options = ["-movflags", "use_metadata_tags", *(part for one in told for part in ("-metadata", one))]
    found = run(exif, tmp_path, film(tmp_path / "a.mov", options=options).read_bytes())
    assert (found.media_type, found.make, found.create_date) == ("video", "Acme", "2024:05:01 11:59:59")
    assert (found.image_width, found.image_height, found.orientation) == (320, 180, 1)
    assert (found.gps_latitude, found.gps_longitude, found.gps_altitude) == (-33.86, 151.2112, -5.5)
    assert found.raw_metadata["Video:Codec"] == "h264"
    assert found.raw_metadata["Video:Duration"] == pytest.approx(2, abs=0.1)


@pytest.mark.skipif(shutil.which("exiftool") is None, reason="compares with exiftool where it is installed")
def test_names_and_values_are_those_of_exiftool(tmp_path: Path) -> None:
    content = encoded(photo(), "JPEG", exif=camera_exif(), xmp=XMP)
    raw = run(exif, tmp_path, content).raw_metadata
    said = subprocess.run(["exiftool", "-G", "-n", "-j", tmp_path / "input"], capture_output=True, check=True).stdout
    [theirs] = json.loads(said)
    binary = {"EXIF:MakerNote"}
    names = {name for name in raw if name.partition(":")[0] in ("EXIF", "XMP", "File")} - binary
    assert len(names) > 20
    for name in names:
        ours = raw[name]
        same = pytest.approx(ours) if isinstance(ours, float) else ours
        assert (str(theirs[name]) if isinstance(same, str) else theirs[name]) == same, name
