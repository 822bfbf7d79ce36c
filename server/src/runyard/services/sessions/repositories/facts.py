"""What is known about a repository once it is here, and what is kept of it."""

from __future__ import annotations

from typing import Final

import msgspec

NOTHING: Final = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
"""SHA-256 of an empty file."""


class Fetched(msgspec.Struct, frozen=True, kw_only=True):
    """What the fetching process found.

    Attributes:
        branch: None when the repository has none: an empty one, or a tag was asked for.
        commit: None in a repository without commits.
        size: bytes of all files.
        submodules: repositories in it, which are not fetched.
        problem: why it can't be worked on; nothing else counts then.
    """

    branch: str | None = None
    commit: str | None = None
    object_format: str = "sha1"
    files: int = 0
    size: int = 0
    submodules: int = 0
    problem: str = ""


class Clone(msgspec.Struct, frozen=True, kw_only=True):
    """A repository in the workspace. ``folder`` is the task's place in it, as the agent sees it."""

    name: str
    url: str
    folder: str
    fetched: Fetched


class KeptClone(msgspec.Struct, frozen=True, kw_only=True):
    """A repository among the job's files: digests of its packed clone and of the patch, where there are changes."""

    name: str
    fetched: Fetched
    clone: str
    patch: str | None = None

    @property
    def patched(self) -> bool:
        """Whether there is a patch with something in it."""
        return self.patch is not None and self.patch != NOTHING


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """A workspace among the job's files, as of one moment: plain JSON data for a checkpoint.

    Attributes:
        outputs: digests of the files made for the user, by name.
    """

    repositories: tuple[KeptClone, ...] = ()
    outputs: dict[str, str] = {}
