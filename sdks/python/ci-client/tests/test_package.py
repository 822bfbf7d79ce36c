"""What `ci submit test` sends: which files, in what bytes."""

import hashlib
import io
import os
import subprocess
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ci_client.errors import PackageError
from ci_client.package import build_package
from ci_client.selection import select_files
from ci_client.upload import MultipartBody


def write(root, *paths):
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(path)


def chosen(root):
    return [file.name for file in select_files(root).files]


@pytest.fixture
def repository(tmp_path):
    """An empty git repository, deaf to the user's git settings."""
    root = tmp_path / "repository"
    root.mkdir()
    subprocess.run(["git", "init", "-q", root], check=True, timeout=30)
    return root


def git(root, *arguments):
    subprocess.run(["git", "-C", root, *arguments], check=True, timeout=30, capture_output=True)


def test_git_lists_the_files_tracked_or_new_but_not_ignored(repository):
    write(repository, "a.py", "new.py", "out/x.bin", "gone.py", "deep/b.py")
    (repository / ".gitignore").write_text("out/\n")
    git(repository, "add", "a.py", "gone.py")
    (repository / "gone.py").unlink()
    assert chosen(repository) == ["a.py", "deep/b.py", "new.py"]


def test_a_folder_inside_a_repository_is_a_project_of_its_own(repository):
    write(repository, "top.py", "part/a.py", "part/skip.log")
    (repository / ".gitignore").write_text("*.log\n")
    assert chosen(repository / "part") == ["a.py"]


def test_repositories_in_repositories_are_followed(repository):
    write(repository, "a.py", "inner/b.py", "inner/c.log")
    git(repository / "inner", "init", "-q")
    (repository / "inner" / ".gitignore").write_text("*.log\n")
    assert chosen(repository) == ["a.py", "inner/b.py"]


def test_names_that_git_would_quote_are_read_right(repository):
    write(repository, "grüße äöü.py", 'quote".py')
    assert chosen(repository) == ["grüße äöü.py", 'quote".py']


def test_without_git_the_ignore_files_are_read_here(tmp_path):
    write(
        tmp_path,
        "a.py",
        "a.log",
        "keep.log",
        "sub/b.log",
        "sub/c.py",
        "sub/d.tmp",
        "out/x.py",
        "deep/out/y.py",
    )
    (tmp_path / ".gitignore").write_text("*.log\n!keep.log\n/out/\n*.tmp\n")
    (tmp_path / "sub" / ".gitignore").write_text("c.py\n!d.tmp\n")
    assert chosen(tmp_path) == ["a.py", "deep/out/y.py", "keep.log", "sub/d.tmp"]


@pytest.mark.parametrize("in_git", [True, False])
def test_ciignore_has_the_last_word(repository, in_git):
    write(repository, "a.py", "data/big.csv", ".coveragerc", ".github/x.yml", "__pycache__/a.pyc", ".secret")
    if not in_git:
        import shutil

        shutil.rmtree(repository / ".git")
    (repository / ".ciignore").write_text("data/\n!.coveragerc\n!.github/\n!.github/**\n!.git/\n")
    assert chosen(repository) == [".coveragerc", ".github/x.yml", "a.py"]


def test_links_out_of_the_project_are_reported(tmp_path):
    write(tmp_path, "secret", "project/a.py")
    (tmp_path / "project" / "link").symlink_to("../secret")
    (tmp_path / "project" / "loop").symlink_to("loop")
    (tmp_path / "project" / "inner").symlink_to(".")
    selection = select_files(tmp_path / "project")
    assert [file.name for file in selection.files] == ["a.py"]
    assert dict(selection.left_out)["link"] == "a link that leaves the project"
    assert dict(selection.left_out)["inner"] == "a link to a folder"


def test_a_package_is_the_same_bytes_for_the_same_files(tmp_path):
    digests = set()
    for number in range(2):
        root = tmp_path / str(number)
        write(root, *(["b.py", "a.py"] if number else ["a.py", "b.py"]))
        os.utime(root / "a.py", (number, number))
        with build_package(root) as package:
            digests.add(package.digest)
            package.file.seek(0)
            content = package.file.read()
            assert len(content) == package.size
            assert package.digest == "sha256:" + hashlib.sha256(content).hexdigest()
    assert len(digests) == 1


def test_what_is_compressed_already_is_stored(tmp_path):
    write(tmp_path, "photo.JPG", "text.py")
    with build_package(tmp_path) as package, zipfile.ZipFile(package.file) as archive:
        kinds = {entry.filename: entry.compress_type for entry in archive.infolist()}
    assert kinds == {"photo.JPG": zipfile.ZIP_STORED, "text.py": zipfile.ZIP_DEFLATED}


def test_large_files_go_through_in_blocks(tmp_path):
    content = os.urandom(1024) * 3000
    (tmp_path / "big.bin").write_bytes(content)
    steps = []
    with build_package(tmp_path, on_progress=lambda *at: steps.append(at)) as package:
        assert zipfile.ZipFile(package.file).read("big.bin") == content
    assert [done for done, _ in steps] == [1 << 20, 2 << 20, len(content)]


def test_names_that_are_not_utf8_are_refused_with_a_name(tmp_path):
    (tmp_path / "a.py").write_text("")
    with open(os.fsencode(tmp_path) + b"/bad\xff.py", "w"):
        pass
    with pytest.raises(PackageError, match="bad"):
        build_package(tmp_path)


def test_nothing_left_after_ignoring_is_nothing_to_send(tmp_path):
    write(tmp_path, "a.py")
    (tmp_path / ".ciignore").write_text("*\n")
    with pytest.raises(PackageError, match="nothing to send"):
        build_package(tmp_path)


@given(
    content=st.binary(max_size=2000),
    fields=st.dictionaries(st.sampled_from(["options", "digest"]), st.text()),
)
def test_a_multipart_body_is_as_long_as_it_says_each_time(content, fields):
    body = MultipartBody(fields, file=io.BytesIO(content), size=len(content))
    first, second = b"".join(body), b"".join(body)
    assert first == second
    assert len(first) == len(body)
    assert content in first
