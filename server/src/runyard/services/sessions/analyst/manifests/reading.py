"""What a reader of a manifest finds, and how it says that it can't read one."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from runyard.services.sessions.analyst.facts import Dependency
from runyard.services.sessions.analyst.names import line


class Unreadable(Exception):
    """The file isn't what its name says."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a manifest names."""

    name: str = ""
    licence: str = ""
    runtime: list[Dependency] = field(default_factory=list)
    development: list[Dependency] = field(default_factory=list)
    optional: list[Dependency] = field(default_factory=list)
    project: bool = False
    """It describes a project, though it may have no dependencies."""
    problem: str = ""

    @property
    def counts(self) -> bool:
        """Whether there is anything in it to speak of."""
        return bool(self.project or self.runtime or self.development or self.optional or self.problem)

    def too_many(self, limit: int) -> str:
        """A sentence about a list that is longer than is kept."""
        longest = max(len(self.runtime), len(self.development), len(self.optional))
        return f"it names {longest:,} dependencies, of which {limit:,} were kept" if longest > limit else ""

    def for_developers(self) -> Found:
        """The same, where the file's name says that it is for developers only."""
        return replace(self, runtime=[], development=[*self.development, *self.runtime])


def dependency(name: object, version: object = "", group: str = "") -> Dependency:
    """A dependency whose words are safe to print."""
    return Dependency(name=line(str(name)), version=line(str(version)), group=line(group))


def table(value: object) -> dict[str, object]:
    """A table as it should be; anything else is an empty one."""
    return {str(key): each for key, each in value.items()} if isinstance(value, dict) else {}


def texts(value: object) -> list[str]:
    """The strings of a list; anything else is an empty one."""
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []


def text(value: object) -> str:
    """A string made safe; anything else is an empty one."""
    return line(value) if isinstance(value, str) else ""
