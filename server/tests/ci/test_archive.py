"""Unpacking: good archives whole, bad ones not at all."""

from __future__ import annotations

import io
import os
import stat
import struct
import zipfile
import zlib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runyard.services.ci.archive import ArchiveLimits, BadPackage, Unpacked, unpack

LIMITS = ArchiveLimits(entries=100, file_size=1 << 20, total_size=4 << 20, ratio=50, ratio_from=64 << 10)


def archive(*members: tuple[str | zipfile.ZipInfo, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as file:
        for name, content in members:
            file.writestr(name, content)
    return buffer.getvalue()


def member(name: str, *, mode: int = 0o100644, **fields: int) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.create_system = 3
    info.external_attr = mode << 16
    for field, value in fields.items():
        setattr(info, field, value)
    return info


def refused(content: bytes, folder: Path, limits: ArchiveLimits = LIMITS) -> BadPackage:
    target = folder / "project"
    before = set(folder.rglob("*"))
    with pytest.raises(BadPackage) as caught:
        unpack(io.BytesIO(content), target, limits=limits)
    assert set(folder.rglob("*")) == before
    return caught.value


def test_a_project_is_unpacked_as_it_was(tmp_path: Path) -> None:
    content = archive(
        ("requirements.txt", b"pytest\n"),
        ("src/pkg/ünïcode.py", b"x = 1\n"),
        ("empty/", b""),
        (member("run.sh", mode=0o104755), b"#!/bin/sh\n"),
    )
    target = tmp_path / "project"
    assert unpack(io.BytesIO(content), target, limits=LIMITS) == Unpacked(files=3, size=23)
    assert (target / "src/pkg/ünïcode.py").read_text() == "x = 1\n"
    assert (target / "empty").is_dir()
    assert stat.S_IMODE((target / "run.sh").stat().st_mode) == 0o755
    assert stat.S_IMODE((target / "requirements.txt").stat().st_mode) == 0o644
    assert list(tmp_path.iterdir()) == [target]


def test_a_path_is_read_and_an_empty_target_taken(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(archive(("a", b"1")))
    (tmp_path / "project").mkdir()
    assert unpack(tmp_path / "a.zip", tmp_path / "project", limits=LIMITS).files == 1


def test_what_is_in_the_target_already_is_kept(tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("kept")
    with pytest.raises(OSError):
        unpack(io.BytesIO(archive(("a", b"1"))), tmp_path, limits=LIMITS)
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("../up", "'..'"),
        ("a/../../up", "'..'"),
        ("a/..", "'..'"),
        ("/etc/passwd", "absolute"),
        ("//host/share", "absolute"),
        ("C:/windows", "drive letter"),
        ("c:file", "drive letter"),
        ("a\\b", "backslash"),
        ("..\\up", "backslash"),
        ("a\nb", "control character"),
        ("a\x1b[2Jb", "control character"),
        ("a\x7f", "control character"),
        ("./a", "'.' part"),
        ("a//b", "empty"),
        ("a/./b", "'.' part"),
        ("x" * 300, "too long"),
        ("deep/" * 250 + "a", "too long"),
    ],
)
def test_names_that_could_lead_elsewhere(tmp_path: Path, name: str, problem: str) -> None:
    error = refused(archive(("good", b"1"), (name, b"evil")), tmp_path)
    assert problem in error.problem
    assert error.entry == name
    assert repr(name) in str(error)
    assert not any(ord(char) < 32 for char in str(error))


def test_a_name_that_ends_at_a_nul(tmp_path: Path) -> None:
    content = archive(("nameXend", b"1")).replace(b"nameXend", b"name\0end")
    assert "control character" in refused(content, tmp_path).problem


@pytest.mark.parametrize(
    ("kind", "problem"),
    [
        (stat.S_IFLNK, "symbolic link"),
        (stat.S_IFIFO, "special file"),
        (stat.S_IFCHR, "special file"),
        (stat.S_IFSOCK, "special file"),
        (stat.S_IFDIR, "folder by its attributes"),
    ],
)
def test_entries_that_are_not_files(tmp_path: Path, kind: int, problem: str) -> None:
    assert problem in refused(archive((member("entry", mode=kind | 0o777), b"/etc/passwd")), tmp_path).problem


@pytest.mark.parametrize(
    ("names", "problem"),
    [
        (("a", "b", "a"), "twice"),
        (("README", "readme"), "case"),
        (("Src/a", "src/b"), "case"),
        (("caf\u00e9", "cafe\u0301"), "spelling"),
        (("a", "a/b"), "both a file and a folder"),
        (("a/b", "a"), "both a file and a folder"),
        (("a/", "a"), "both a file and a folder"),
    ],
)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_names_that_clash(tmp_path: Path, names: tuple[str, ...], problem: str) -> None:
    assert problem in refused(archive(*((name, b"") for name in names)), tmp_path).problem


def test_encrypted_entries(tmp_path: Path) -> None:
    content = bytearray(archive(("secret", b"1")))
    content[6] |= 1
    content[content.index(b"PK\1\2") + 8] |= 1
    assert "encrypted" in refused(bytes(content), tmp_path).problem


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_unusual_compression(tmp_path: Path, method: int) -> None:
    assert f"method {method}" in refused(archive(("a", b"1"), method=method), tmp_path).problem


def test_a_wrong_checksum(tmp_path: Path) -> None:
    content = archive(("a", b"right"), ("b", b"good"), method=zipfile.ZIP_STORED).replace(b"good", b"evil")
    error = refused(content, tmp_path)
    assert (error.entry, "damaged" in error.problem) == ("b", True)


@pytest.mark.parametrize(
    "content",
    [b"", b"PK", b"not a zip" * 100, archive(("a", b"1"))[:-10]],
    ids=["empty", "two bytes", "text", "cut off"],
)
def test_what_is_not_a_zip(tmp_path: Path, content: bytes) -> None:
    assert "zip archive" in refused(content, tmp_path).problem


@pytest.mark.parametrize("members", [(), (("only/", b""), ("folders/", b""))])
def test_nothing_in_it(tmp_path: Path, members: tuple[tuple[str, bytes], ...]) -> None:
    assert refused(archive(*members), tmp_path).problem == "has no files"


def test_too_many_entries(tmp_path: Path) -> None:
    assert "101 entries" in refused(archive(*((f"f{n}", b"") for n in range(101))), tmp_path).problem


def test_a_directory_too_long_to_read(tmp_path: Path) -> None:
    content = archive(*((f"{n:04}" + "x" * 500, b"") for n in range(2000)))
    assert "too long a directory" in refused(content, tmp_path).problem


def test_a_file_too_large(tmp_path: Path) -> None:
    content = archive(("big", os.urandom((1 << 20) + 1)))
    assert "limit for one file" in refused(content, tmp_path).problem


def test_all_files_too_large(tmp_path: Path) -> None:
    block = os.urandom(1 << 20)
    assert "unpacked; the limit is" in refused(archive(*((f"f{n}", block) for n in range(5))), tmp_path).problem


def test_a_bomb_by_ratio(tmp_path: Path) -> None:
    assert "50 times" in refused(archive(("bomb", bytes(1 << 20))), tmp_path).problem


def test_a_bomb_whose_header_lies(tmp_path: Path) -> None:
    content = bytearray(archive(("bomb", bytes(1 << 20))))
    for mark, offset in ((b"PK\3\4", 22), (b"PK\1\2", 24)):
        struct.pack_into("<L", content, content.index(mark) + offset, 10)
    error = refused(bytes(content), tmp_path)
    assert (error.entry, "damaged" in error.problem) == ("bomb", True)


def test_a_file_shorter_than_announced(tmp_path: Path) -> None:
    content = bytearray(archive(("short", b"1234")))
    for mark, offset in ((b"PK\3\4", 22), (b"PK\1\2", 24)):
        struct.pack_into("<L", content, content.index(mark) + offset, 10)
    assert "damaged" in refused(bytes(content), tmp_path).problem


def test_entries_that_share_their_bytes(tmp_path: Path) -> None:
    """Two directory entries for one local file, as in the archives of D. Fifield's "A better zip bomb"."""
    data = zlib.compress(b"x" * 1000)[2:-4]
    fields = (20, 0, 8, 0, 0x21, zlib.crc32(b"x" * 1000), len(data), 1000)
    local = struct.pack("<4s5H3L2H", b"PK\3\4", *fields, 1, 0) + b"a" + data
    central = b"".join(
        struct.pack("<4s6H3L5H2L", b"PK\1\2", 20, *fields, 1, 0, 0, 0, 0, 0, 0) + name for name in (b"a", b"b")
    )
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 2, 2, len(central), len(local), 0)
    error = refused(local + central + end, tmp_path)
    assert "overlaps" in error.problem


def test_an_entry_before_the_archive(tmp_path: Path) -> None:
    """A directory said to lie further back than it does moves every entry to before the first byte."""
    content = bytearray(archive(("a", b"1")))
    (offset,) = struct.unpack_from("<L", content, len(content) - 6)
    struct.pack_into("<L", content, len(content) - 6, offset + 256)
    refused(bytes(content), tmp_path)


def test_a_disk_that_is_full_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fchmod", full)
    with pytest.raises(OSError, match="No space"):
        unpack(io.BytesIO(archive(("a", b"1"))), tmp_path / "project", limits=LIMITS)
    assert list(tmp_path.iterdir()) == []


NAMES = st.lists(
    st.text(st.characters(exclude_categories=("Cc", "Cs"), exclude_characters="/\\:"), min_size=1, max_size=20).filter(
        lambda part: part not in (".", "..")
    ),
    min_size=1,
    max_size=3,
).map("/".join)
SETTINGS = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@SETTINGS
@given(st.dictionaries(NAMES, st.binary(max_size=200), min_size=1, max_size=8))
def test_any_project_comes_back_or_is_refused_whole(
    tmp_path_factory: pytest.TempPathFactory, files: dict[str, bytes]
) -> None:
    folder = tmp_path_factory.mktemp("any")
    try:
        unpack(io.BytesIO(archive(*files.items())), folder / "project", limits=LIMITS)
    except BadPackage as error:
        assert "both a file" in error.problem or "differs" in error.problem  # noqa: PT017 -- either is right
        assert list(folder.iterdir()) == []
    else:
        found = {path.relative_to(folder / "project").as_posix(): path.read_bytes() for path in walk(folder)}
        assert found == files


@SETTINGS
@given(st.data())
def test_no_damage_writes_outside_or_stays_behind(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    content = bytearray(archive(("a/one", b"1" * 50), ("two", bytes(range(50))), ("three.py", b"x" * 500)))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    folder = tmp_path_factory.mktemp("damaged")
    try:
        unpack(io.BytesIO(bytes(content)), folder / "project", limits=LIMITS)
    except BadPackage:
        assert list(folder.iterdir()) == []
    else:
        assert [path.name for path in folder.iterdir()] == ["project"]


def walk(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]
