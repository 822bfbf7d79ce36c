"""History from real git: renames, merges, shallow clones, odd names, and git that fails."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from runyard.services.sessions.analyst import GitFailed, Limits, LocalGit, Repository, analyse
from runyard.services.sessions.analyst.facts import History
from runyard.services.sessions.analyst.git import _ENVIRONMENT

from .analyst_repositories import commit, facts_of, git, repository

DAY = 86_400
START = 1_700_000_000


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return repository(tmp_path / "r", {"old.py": "".join(f"line {number}\n" for number in range(20)), "other": "x\n"})


def past(folder: Path, **limits: int) -> History:
    return facts_of(folder, limits=Limits(**limits)).history


def test_a_renamed_file_keeps_its_past(folder: Path):
    git(folder, "mv", "old.py", "new.py")
    commit(folder, "Rename")
    with (folder / "new.py").open("a") as file:
        file.write("more\n")
    commit(folder, "Grow")
    assert {each.path: (each.commits, each.added, each.deleted) for each in past(folder).hot} == {
        "new.py": (3, 21, 0), "other": (1, 1, 0),
    }  # fmt: skip


def test_a_file_that_is_gone_is_said_to_be(folder: Path):
    git(folder, "rm", "--quiet", "old.py")
    commit(folder, "Remove")
    assert {each.path: each.exists for each in past(folder).hot} == {"old.py": False, "other": True}


def test_authors_dates_and_merges_are_gits(folder: Path):
    git(folder, "checkout", "--quiet", "-b", "side")
    commit(folder, "Side", {"side": "x\n"}, author="Grace", at=START + 2 * DAY)
    git(folder, "checkout", "--quiet", "main")
    git(folder, "merge", "--quiet", "--no-ff", "-m", "Merge", "side", author="Ada", at=START + 3 * DAY)
    found = past(folder)
    assert (found.commits, found.read, found.merges, found.branch) == (3, 3, 1, "main")
    assert [(each.name, each.commits) for each in found.authors] == [("Ada", 2), ("Grace", 1)]
    assert found.first is not None
    assert found.last is not None
    assert (found.first.at, found.first.subject) == ("2023-11-14T22:13:20Z", "Begin")
    assert (found.last.at, found.last.subject) == ("2023-11-17T22:13:20Z", "Merge")
    assert found.days == 3


def test_binary_files_change_without_lines(folder: Path):
    commit(folder, "Binary", {"b.bin": b"\0\1\2"})
    assert {(each.path, each.added) for each in past(folder).hot} >= {("b.bin", 0)}


def test_a_shallow_clone_says_so_and_does_not_call_its_edge_a_change(folder: Path, tmp_path: Path):
    commit(folder, "Second", {"other": "y\n"})
    commit(folder, "Third", {"other": "z\n"})
    git(tmp_path, "clone", "--quiet", "--depth", "2", folder.as_uri(), "shallow")
    facts = facts_of(tmp_path / "shallow")
    found = facts.history
    assert (found.shallow, found.commits, found.first) == (True, 2, None)
    assert [(each.path, each.commits) for each in found.hot] == [("other", 1)]
    assert facts.unseen == ("The clone is shallow: of the history only 2 commits can be seen.",)


def test_only_the_latest_commits_are_read_and_that_is_said(folder: Path):
    for number in range(4):
        commit(folder, f"Change {number}", {"other": f"{number}\n"})
    facts = facts_of(folder, limits=Limits(commits=2))
    assert (facts.history.commits, facts.history.read, facts.history.first) == (5, 2, None)
    assert [(each.path, each.commits) for each in facts.history.hot] == [("other", 2)]
    assert "Of 5 commits the latest 2 were read." in facts.unseen


def test_names_with_line_ends_and_escape_codes_are_escaped(folder: Path):
    commit(
        folder,
        "Odd\x1b[31m",
        {"a\nb": "x\n", "c\x1b[2J": "x\n", "d\\n": "x\n", "e\u202e": "x\n"},
        author="Eve\x1b[0m\u202e",
    )
    facts = facts_of(folder)
    names = {"a\\nb", "c\\x1b[2J", "d\\\\n", "e\\u202e"}
    assert names <= {each.path for each in facts.history.hot if each.exists}
    assert facts.history.last is not None
    assert facts.history.last.subject == "Odd[31m"
    assert facts.history.last.author == "Eve[0m"


def test_a_commit_from_before_time_is_survived(folder: Path):
    commit(folder, "Late", at=4_102_444_800)
    assert past(folder).days == (4_102_444_800 - START) // DAY


def test_too_much_history_is_given_up_with_a_word(folder: Path):
    facts = facts_of(folder, limits=Limits(history=50))
    assert facts.history.problem == "git printed more than 50 bytes"
    assert facts.inventory.files == 2


def test_git_that_fails_costs_the_history_only(folder: Path):
    def broken(arguments: Sequence[str]) -> Iterator[bytes]:
        yield b"100644 "
        raise GitFailed(f"no {arguments[0]} today")

    facts = analyse(Repository(name="r", path=folder, git=broken)).repositories[0]
    assert facts.inventory.files == 2
    assert facts.history.problem == "no rev-list today"
    assert facts.unseen == (
        "Git did not say which files belong to the repository (no ls-files today); all that lie there count.",
        "The history could not be read: no rev-list today.",
    )


@pytest.mark.parametrize("answer", [b"", b"nonsense", b"\x00" * 50, b"\x01\x00\x01", b"1\t2\t\x00", b"\xff\xfe\t\x00"])
def test_git_that_talks_nonsense_is_survived(folder: Path, answer: bytes):
    def nonsense(arguments: Sequence[str]) -> Iterator[bytes]:
        yield {"rev-list": b"7", "rev-parse": b"true"}.get(arguments[0], answer)

    assert analyse(Repository(name="r", path=folder, git=nonsense)).repositories[0].history.read <= 7


def test_git_is_ended_when_it_takes_too_long(folder: Path):
    git(folder, "config", "alias.wait", "!tail -f /dev/null | cat")
    with pytest.raises(GitFailed, match=r"took more than 0\.2 seconds"):
        list(LocalGit(folder, seconds=0.2)(("wait",)))


def test_git_that_is_not_there_is_said_to_be_so(folder: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(_ENVIRONMENT, "PATH", str(folder))
    assert past(folder).problem == "git can't be started: No such file or directory"


def test_git_runs_no_program_that_a_repository_names(folder: Path):
    marks = folder.parent / "ran"
    for setting in ("core.fsmonitor", "core.pager", "diff.external", "core.sshCommand"):
        git(folder, "config", setting, f"touch {marks}; false")
    (folder / ".gitattributes").write_text("* diff=x\n")
    git(folder, "config", "diff.x.textconv", f"touch {marks}; cat")
    assert past(folder).commits == 1
    assert not marks.exists()


def test_a_folder_inside_another_repository_has_no_history_of_its_own(folder: Path):
    inner = folder / "inner"
    inner.mkdir()
    (inner / "a.py").write_text("x = 1\n")
    found = analyse(Repository(name="inner", path=inner, git=LocalGit(inner))).repositories[0]
    assert found.history.problem == "git rev-list ended with exit code 128"
