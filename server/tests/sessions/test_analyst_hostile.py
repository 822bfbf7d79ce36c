"""Trees that mean harm: links, special files, endless names and files, texts that take parsers apart."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from runyard.services.sessions.analyst import Analysis, Limits, as_json, brief, from_json, markdown, summary
from runyard.services.sessions.analyst.languages import BY_NAME
from runyard.services.sessions.analyst.syntax import count

from .analyst_repositories import commit, facts_of, git, repository, write


def test_links_are_counted_and_never_followed(tmp_path: Path):
    outside = write(tmp_path / "outside", {"secret.py": "def stolen(): ...\n"})
    root = write(tmp_path / "r", {"a.py": "x = 1\n"})
    (root / "folder").symlink_to(outside)
    (root / "file.py").symlink_to(outside / "secret.py")
    (root / "loop").symlink_to(".")
    (root / "inside.py").symlink_to("a.py")
    (root / "gone").symlink_to("nowhere")
    facts = facts_of(root)
    assert {each.nature: each.files for each in facts.inventory.natures} == {"text": 1, "link": 5}
    assert facts.python is not None
    assert facts.python.functions == 0
    assert {each.place.path for each in facts.exposures.first if "leads out" in each.kind} == {"folder", "file.py"}


@pytest.mark.parametrize("name", ["README.md", "pyproject.toml", ".gitattributes", "LICENSE", "package.json"])
def test_a_link_in_the_place_of_a_known_file_is_not_read(tmp_path: Path, name: str):
    outside = write(tmp_path / "outside", {"x": '# Stolen\n[project]\nname = "stolen"\n'})
    root = write(tmp_path / "r", {"a.py": "x = 1\n"})
    (root / name).symlink_to(outside / "x")
    assert b"stolen" not in as_json(Analysis(repositories=(facts_of(root),))).lower()


def test_special_files_are_not_opened(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe.py")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "socket.py"))
        assert facts_of(tmp_path).inventory.count("special") == 2


def test_a_submodules_pointer_is_counted_and_not_entered(tmp_path: Path):
    inner = repository(tmp_path / "inner", {"a.py": "x = 1\n"})
    outer = repository(tmp_path / "outer", {"b.py": "x = 1\n"})
    git(outer, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(inner), "sub")
    commit(outer, "Sub")
    facts = facts_of(outer)
    assert {each.nature: each.files for each in facts.inventory.natures} == {"text": 2, "submodule": 1}
    assert "1 submodule was not fetched." in facts.unseen


def test_large_and_binary_files_are_counted_and_not_read(tmp_path: Path):
    write(tmp_path, {"large.py": "x = 1\n" * 1000, "picture.png": b"\x89PNG\0\0", "a.py": "x = 1\n"})
    with (tmp_path / "huge.bin").open("wb") as file:
        file.truncate(1 << 40)
    facts = facts_of(tmp_path, limits=Limits(text=4096))
    assert {each.nature: each.files for each in facts.inventory.natures} == {"text": 1, "binary": 2, "large": 1}
    assert facts.inventory.largest[0].size == 1 << 40
    assert "1 file larger than 4,096 bytes was not read." in facts.unseen


@pytest.mark.parametrize(
    ("content", "lines"),
    [(b"", 0), (b"x", 1), (b"x\r\ny\r\n", 2), (b"x\ry", 2), ("x\n\n".encode("utf-16"), 2), (b"\xef\xbb\xbfx = 1\n", 1), (b"\xff\xfe", 0), (b"caf\xe9 = 1\n", 1)],
)  # fmt: skip
def test_every_encoding_and_line_end_is_read(tmp_path: Path, content: bytes, lines: int):
    found = facts_of(write(tmp_path, {"a.py": content})).languages
    assert [each.lines for each in found] == [lines]


def test_files_nobody_may_read_are_said_to_be_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    write(tmp_path, {"closed.py": "x = 1\n", "open.py": "x = 1\n"})
    real = os.open

    def refuse(path, flags, *args, **more):
        if path == "closed.py":
            raise PermissionError(13, "refused")
        return real(path, flags, *args, **more)

    monkeypatch.setattr(os, "open", refuse)  # root may read everything
    facts = facts_of(tmp_path)
    assert facts.inventory.count("unreadable") == 1
    assert "1 file can't be read." in facts.unseen


def test_folders_nobody_may_open_are_said_to_be_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    write(tmp_path, {"closed/a.py": "x = 1\n", "open/b.py": "x = 1\n"})
    real = os.open

    def refuse(path, flags, *args, **more):
        if path == "closed":
            raise PermissionError(13, "refused")
        return real(path, flags, *args, **more)

    monkeypatch.setattr(os, "open", refuse)  # root may open everything
    facts = facts_of(tmp_path)
    assert facts.inventory.files == 1
    assert "1 folder can't be opened." in facts.unseen


def test_nesting_has_a_limit_that_is_named(tmp_path: Path):
    write(tmp_path, {"a/b/c/d.py": "x = 1\n", "e.py": "x = 1\n"})
    facts = facts_of(tmp_path, limits=Limits(depth=2))
    assert facts.inventory.files == 1
    assert "1 folder lower than 2 levels was not entered." in facts.unseen


def test_a_path_longer_than_the_system_takes_is_walked(tmp_path: Path):
    here = os.open(tmp_path, os.O_RDONLY)
    for _ in range(40):
        os.mkdir("d" * 200, dir_fd=here)
        inner = os.open("d" * 200, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = inner
    os.close(os.open("deep.py", os.O_CREAT | os.O_WRONLY, dir_fd=here))
    os.close(here)
    assert facts_of(tmp_path).inventory.files == 1


def test_the_number_of_files_has_a_limit_that_is_named(tmp_path: Path):
    facts = facts_of(write(tmp_path, {f"{number}.py": "" for number in range(30)}), limits=Limits(files=10))
    assert facts.inventory.files == 10
    assert "Only the first 10 files were looked at." in facts.unseen


def test_time_has_a_limit_that_is_named(tmp_path: Path):
    write(tmp_path, {"a.py": "", "b.py": ""})
    from runyard.services.sessions.analyst import Repository, analyse

    ticks = iter(range(1000))
    found = analyse(Repository(name="r", path=tmp_path), limits=Limits(seconds=1), monotonic=lambda: float(next(ticks)))
    assert "Time ran out after 1 seconds; later files were not looked at." in found.repositories[0].unseen


BOMBS = {
    "deep.py": "(" * 100_000,
    "minus.py": "x = " + "-" * 100_000 + "1",
    "dots.py": "a" + ".b" * 100_000,
    "plus.py": "1" + "+1" * 100_000,
    "call.py": "x" + "()" * 100_000,
    "elif.py": "if 1: pass\n" + "elif 1: pass\n" * 10_000,
    "nul.py": "x = 1 # \ufeff\n",
    "quotes.py": '"""' * 9_999,
    "package.json": "[" * 100_000,
    "pyproject.toml": "a = " + "[" * 100_000,
    "Cargo.toml": "[" + "a." * 50_000 + "b]",
    "pom.xml": '<!DOCTYPE x [<!ENTITY a "b"><!ENTITY c "&a;&a;">]><project>&c;</project>',
    "sub/pom.xml": "<a>" * 100_000,
    "setup.py": "setup(" * 500,
    "setup.cfg": "[options]\ninstall_requires = %(" + "x" * 10_000,
    "requirements.txt": "a" * 200_000 + "\n-r " * 1_000,
    "go.mod": "require (" * 10_000,
    "Gemfile": "gem '" * 10_000 + "group do\n" * 10_000,
    "Makefile": "a" * 100_000 + "\n" + "b " * 50_000 + ":\n",
    "docker-compose.yml": "services:\n" + " " * 50_000 + "x:\n",
    "README.md": "#" * 100_000 + "[" * 50_000 + "![" * 50_000 + "<!--" * 10_000,
    ".gitattributes": "*" * 5_000 + " linguist-vendored\n" + "a*a*a*a*a*a*a*a linguist-generated\n" * 500,
    "a.js": "/*" * 100_000 + "`" * 99_999,
    "b.rs": 'r#"' * 100_000,
    "todo.c": "// " + "TODO(" * 50_000,
    "LICENSE": "permission " * 50_000,
    "key.pem": "-----BEGIN RSA PRIVATE KEY-----\n" * 10_000,
    "urls.txt": "a://" * 50_000 + "b:c" * 50_000,
}


@pytest.mark.timeout(60)
def test_texts_made_to_take_parsers_apart_are_survived(tmp_path: Path):
    facts = facts_of(repository(tmp_path / "r", BOMBS))
    assert facts.inventory.files == len(BOMBS)
    assert facts.python is not None
    assert facts.python.unparsed_count >= 5
    analysis = Analysis(repositories=(facts,))
    assert from_json(as_json(analysis)) == analysis
    assert markdown(analysis, "What is it?")
    assert brief(analysis, "What is it?")


@pytest.mark.timeout(60)
@pytest.mark.parametrize("language", BY_NAME)
def test_no_text_makes_counting_slow(language: str):
    """Every mark there is, a hundred thousand times: a pattern that goes back and forth would take hours."""
    for mark in ("/*", '"', "'", "`", '"""', 'r#"', 'R"x(', "{-", "<!--", "(*", "\\", "--[[", "[[", "#|", " ", "\t"):
        count(mark * 100_000, BY_NAME[language].syntax)


def test_names_that_are_no_text_are_shown_as_bytes(tmp_path: Path):
    (tmp_path / os.fsdecode(b"caf\xe9.py")).write_text("def f(): ...\n")
    (tmp_path / "a\nb|c`d.py").write_text("# TODO: x\n")
    (tmp_path / ("x" * 250 + ".py")).write_text("def g(): ...\n")
    facts = facts_of(tmp_path)
    assert {each.path for each in facts.inventory.largest} == {"caf\\xe9.py", "a\\nb|c`d.py", "x" * 250 + ".py"}
    page = markdown(Analysis(repositories=(facts,)))
    assert "``a\\nb\\|c`d.py:1``" in page
    assert page.isascii() or all(char.isprintable() or char == "\n" for char in page)


def test_what_strangers_wrote_has_no_power_over_the_report(tmp_path: Path):
    evil = "# <script>alert(1)</script> [click](javascript:x) \x1b[2J| a | b |\n\n</td> ![x](http://evil) *bold* `code` \u202eabc\n"
    facts = facts_of(write(tmp_path, {"README.md": evil, "a.py": "# TODO: <img src=x> | \x1b[31m `\n"}))
    page = markdown(Analysis(repositories=(facts,))) + summary(Analysis(repositories=(facts,)))
    assert "\x1b" not in page
    assert "\u202e" not in page
    assert "<script" not in page
    assert "javascript:" not in page
    assert all(row.replace("\\|", "").count("|") == 4 for row in page.splitlines() if row.startswith("| TODO"))


def test_a_secret_is_named_and_never_shown(tmp_path: Path):
    secrets = {
        "private key": "-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEAsecretsecretsecret\n",
        "AWS access key": "AKIA" + "ABCDEFGHIJKLMNOP",
        "GitHub token": "ghp_" + "a1B2" * 10,
        "password in a URL": "postgres://ada:sup3rs3cret@db.internal.net/x",
        "Slack token": "xoxb-" + "1234567890-abcdefghijkl",
    }
    facts = facts_of(
        write(tmp_path, {f"src/{number}.py": f'X = """{text}"""\n' for number, text in enumerate(secrets.values())})
    )
    assert {each.kind for each in facts.exposures.first} == set(secrets)
    assert {each.place.line for each in facts.exposures.first} == {1}
    page = markdown(Analysis(repositories=(facts,))) + as_json(Analysis(repositories=(facts,))).decode()
    for text in secrets.values():
        assert text[8:30] not in page


@pytest.mark.parametrize(
    "text",
    ["-----BEGIN PRIVATE KEY-----", "https://user:password@x.org/", "postgres://a:${PASS}@db/x", "AKIA", "ghp_short"],
)
def test_what_only_looks_like_a_secret_is_none(tmp_path: Path, text: str):
    assert facts_of(write(tmp_path, {"a.py": f"X = {text!r}\n"})).exposures.total == 0
