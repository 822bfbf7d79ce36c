"""What git tells of the past: who, when, and which files change most.

Git itself is run by whoever calls: it reads files of strangers, so it belongs into a sandbox.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Final, Protocol

from runyard.services.sessions.analyst.facts import AuthorCount, CommitLine, History, HotFile
from runyard.services.sessions.analyst.limits import Limits
from runyard.services.sessions.analyst.names import line, shown_path
from runyard.services.sessions.analyst.tree import Tracked

_AUTHORS: Final = 20
_HOT: Final = 20
_FILES: Final = 200_000
"""Names of files that are remembered."""
_TOKEN: Final = 1 << 20
_LOG: Final = (
    "log", "-z", "--numstat", "-M", "-l", "500", "--no-ext-diff", "--no-textconv", "--no-color", "--no-show-signature",
    "--format=%x01%H%x00%ct%x00%aN%x00%P%x00%s",
)  # fmt: skip
_NUMSTAT: Final = re.compile(rb"\n?(\d+|-)\t(\d+|-)\t(.*)", re.DOTALL)


class GitFailed(Exception):
    """Git refused or is not there; its text says why, for people."""


class Git(Protocol):
    """Runs git in a repository."""

    def __call__(self, arguments: Sequence[str]) -> Iterable[bytes]:
        """What `git ARGUMENTS` prints, in pieces.

        Raises:
            GitFailed: it ended with an error, or not in time.
        """
        ...


class TooMuch(GitFailed):
    """Git printed more than the limit."""


def files(git: Git, limits: Limits) -> tuple[Tracked, int]:
    """What the repository has, and how many submodules are in it.

    Raises:
        GitFailed: there is no telling.
    """
    paths: set[str] = set()
    submodules = 0
    for token in _tokens(git(("ls-files", "-s", "-z")), limits.history):
        stage, _, path = token.partition(b"\t")
        if stage.startswith(b"160000"):
            submodules += 1
        elif path:
            paths.add(path.decode("utf-8", "surrogateescape"))
    return Tracked(paths), submodules


def history(git: Git, limits: Limits, tracked: Tracked | None) -> History:
    """What happened, or why there is no telling."""
    try:
        commits = int(_text(git, "rev-list", "--count", "HEAD", "--"))
        shallow = _text(git, "rev-parse", "--is-shallow-repository") == "true"
        branch = _text(git, "rev-parse", "--abbrev-ref", "HEAD")
        past = _Past(shallow=shallow)
        past.read(_tokens(git((*_LOG, f"--max-count={limits.commits}", "HEAD", "--")), limits.history))
    except (GitFailed, ValueError) as error:
        return History(problem=line(str(error)) or "git gave no history")
    return past.facts(commits=commits, branch="" if branch == "HEAD" else line(branch), tracked=tracked)


class _Past:
    """Adds up commits, the latest first, so that a renamed file is known by the name it has now."""

    def __init__(self, *, shallow: bool) -> None:
        self._shallow = shallow
        self._authors: Counter[str] = Counter()
        self._names: dict[bytes, bytes] = {}
        self._files: dict[bytes, list[int]] = {}
        self._first: tuple[int, CommitLine] | None = None
        self._last: CommitLine | None = None
        self._times: list[int] = []
        self._count = self._merges = self._added = self._deleted = 0
        self._boundary = False

    def read(self, tokens: Iterator[bytes]) -> None:
        for token in tokens:
            if token.startswith(b"\x01"):
                self._commit(token[1:], [next(tokens, b"") for _ in range(4)])
            elif (match := _NUMSTAT.fullmatch(token)) is not None:
                added, deleted, path = match.groups()
                if not path:
                    old, path = next(tokens, b""), next(tokens, b"")
                    self._names[old] = self._names.get(path, path)
                self._change(path, _number(added), _number(deleted))

    def _commit(self, commit: bytes, words: list[bytes]) -> None:
        at, author, parents, subject = words
        self._count += 1
        self._merges += b" " in parents
        # The oldest commits of a shallow clone seem to add every file there is.
        self._boundary = self._shallow and not parents
        name = line(author.decode("utf-8", "replace"), limit=80)
        self._authors[name] += 1
        seconds = int(at) if at.isdigit() else 0
        found = CommitLine(
            id=commit.decode("ascii", "replace"),
            at=_moment(seconds),
            author=name,
            subject=line(subject.decode("utf-8", "replace")),
        )
        self._last = self._last or found
        self._times.append(seconds)
        if self._first is None or seconds <= self._first[0]:
            self._first = (seconds, found)

    def _change(self, path: bytes, added: int, deleted: int) -> None:
        if self._boundary:
            return
        self._added += added
        self._deleted += deleted
        name = self._names.get(path, path)
        if name in self._files or len(self._files) < _FILES:
            sums = self._files.setdefault(name, [0, 0, 0])
            sums[0] += 1
            sums[1] += added
            sums[2] += deleted

    def facts(self, *, commits: int, branch: str, tracked: Tracked | None) -> History:
        whole = self._count == commits and not self._shallow
        return History(
            commits=commits,
            read=self._count,
            merges=self._merges,
            shallow=self._shallow,
            branch=branch,
            authors=tuple(
                AuthorCount(name=name, commits=number)
                for name, number in sorted(self._authors.items(), key=lambda each: (-each[1], each[0]))[:_AUTHORS]
            ),
            author_count=len(self._authors),
            first=self._first[1] if self._first and whole else None,
            last=self._last,
            days=(max(self._times) - min(self._times)) // 86_400 if self._times else 0,
            added=self._added,
            deleted=self._deleted,
            hot=tuple(self._hot(tracked)),
        )

    def _hot(self, tracked: Tracked | None) -> Iterator[HotFile]:
        ranked = sorted(self._files.items(), key=lambda each: (-each[1][0], -(each[1][1] + each[1][2]), each[0]))
        for path, (commits, added, deleted) in ranked[:_HOT]:
            exists = tracked is None or tracked.file(path.decode("utf-8", "surrogateescape"))
            yield HotFile(path=shown_path(path), commits=commits, added=added, deleted=deleted, exists=exists)


def _tokens(pieces: Iterable[bytes], limit: int) -> Iterator[bytes]:
    """What stands between NULs."""
    rest, size = b"", 0
    for piece in pieces:
        size += len(piece)
        if size > limit:
            raise TooMuch(f"git printed more than {limit:,} bytes")
        *whole, rest = (rest + piece).split(b"\0")
        if len(rest) > _TOKEN:
            raise TooMuch(f"git printed a name of more than {_TOKEN:,} bytes")
        yield from whole
    if rest:
        yield rest


def _text(git: Git, *arguments: str) -> str:
    found = next(_tokens(git(arguments), _TOKEN), b"")
    return found.decode("utf-8", "replace").strip()


def _number(digits: bytes) -> int:
    return int(digits) if digits.isdigit() and len(digits) < 12 else 0


def _moment(seconds: int) -> str:
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (OverflowError, ValueError, OSError):
        return ""
