"""A client's configuration file: `key=value` lines, and `[profile NAME]` sections that each name a server and its key.

The first lines are the original format of `~/.ci/config`, read by its rules: no spaces around `=`, no quotes, the first
`api_key=` wins, unknown lines are left alone. A file without sections therefore means what it always meant.
"""

from __future__ import annotations

import os
import re
import stat
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from .errors import UsageError

_SECTION = re.compile(r"\[profile ([^\]\s]+)\]")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_SETTING = re.compile(r"[a-z_]+")

ADDING = "ci profile add {name} --server URL"
"""The command that adds a profile, for messages."""


@dataclass(frozen=True, slots=True)
class Profile:
    """A named server and the key for it. Either may be missing. `also` is what else its section says."""

    name: str
    server_url: str | None = None
    api_key: str | None = field(default=None, repr=False)
    also: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Config:
    """What the file says. `current` is the name of the profile in use, or None."""

    api_key: str | None = field(default=None, repr=False)
    current: str | None = None
    profiles: dict[str, Profile] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    adding: str = ADDING

    def profile(self, name: str) -> Profile:
        """The named profile.

        Raises:
            UsageError: there is none of that name.
        """
        try:
            return self.profiles[name]
        except KeyError:
            known = ", ".join(sorted(self.profiles)) or "none yet"
            raise UsageError(
                f"There is no profile {name!r} (known: {known}). Add it with: {self.adding.format(name=name)}"
            ) from None


class ConfigFile:
    """The file at `path`. It is replaced whole, atomically and readable by its owner only.

    Args:
        path: where it is.
        adding: the command that adds a profile, with `{name}`, for messages.
    """

    def __init__(self, path: Path, *, adding: str = ADDING) -> None:
        self.path = path
        self.adding = adding

    def read(self) -> Config:
        """What the file says; an absent or unreadable file says nothing."""
        try:
            text = self.path.read_text(encoding="utf-8", errors="replace")
            mode = self.path.stat().st_mode
        except FileNotFoundError:
            return Config(adding=self.adding)
        except OSError as error:
            return Config(warnings=(f"{self.path} cannot be read: {error.strerror}",), adding=self.adding)
        config = replace(parse(text), adding=self.adding)
        if os.name == "posix" and mode & (stat.S_IRWXG | stat.S_IRWXO) and _holds_a_key(config):
            warning = f"{self.path} holds an API key and others may read it; run: chmod 600 {self.path}"
            return replace(config, warnings=(warning,))
        return config

    def save(self, profile: Profile) -> None:
        """Add the profile; one of the same name is replaced."""
        if not _NAME.fullmatch(profile.name):
            raise UsageError(f"{profile.name!r} is no profile name: use letters, digits, '.', '_' and '-'")
        section = [f"[profile {profile.name}]"]
        if profile.server_url:
            section.append(f"server_url={profile.server_url}")
        if profile.api_key:
            section.append(f"api_key={profile.api_key}")
        section += [f"{name}={value}" for name, value in profile.also.items() if value]
        for line in section:
            if "\n" in line or "\r" in line:
                raise UsageError(f"profile {profile.name!r}: a value may not contain a line break")
        self._write([*self._lines_without(profile.name), *section])

    def remove(self, name: str) -> None:
        """Forget the profile, and that it was in use."""
        config = self.read()
        config.profile(name)
        lines = self._lines_without(name)
        self._write(_without_current(lines) if config.current == name else lines)

    def use(self, name: str | None) -> None:
        """Make the profile the one in use; None goes back to using none."""
        lines = _without_current(self._lines())
        if name is not None:
            self.read().profile(name)
            lines.insert(0, f"profile={name}")
        self._write(lines)

    def _lines(self) -> list[str]:
        try:
            return self.path.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
        except FileNotFoundError:
            return []

    def _lines_without(self, name: str) -> list[str]:
        kept = []
        section: str | None = None
        for line in self._lines():
            match = _SECTION.fullmatch(line.strip())
            if match:
                section = match[1]
            if section != name:
                kept.append(line)
        return kept

    def _write(self, lines: list[str]) -> None:
        folder = self.path.parent
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        # mkstemp makes the file 0600 from the start: not even for a moment may others read the key.
        handle, temporary = tempfile.mkstemp(dir=folder, prefix=".config-")
        try:
            with os.fdopen(handle, "w", encoding="utf-8", errors="surrogateescape") as file:
                file.write("".join(f"{line}\n" for line in lines))
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).replace(self.path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise


def parse(text: str) -> Config:
    """Read the file's text."""
    api_key: str | None = None
    current: str | None = None
    profiles: dict[str, Profile] = {}
    section: str | None = None
    for raw in text.splitlines():
        line = raw.strip()
        match = _SECTION.fullmatch(line)
        if match:
            section = match[1]
            profiles.setdefault(section, Profile(section))
            continue
        name, equals, value = line.partition("=")
        value = value.strip()
        if not equals or not value:
            continue
        if section is None:
            if name == "api_key":
                api_key = api_key or value
            elif name == "profile":
                current = current or value
        else:
            profiles[section] = _with(profiles[section], name, value)
    return Config(api_key, current, profiles)


def _with(profile: Profile, name: str, value: str) -> Profile:
    """The profile with one more line of its section; of two lines of one name the first counts."""
    if name == "server_url":
        return replace(profile, server_url=profile.server_url or value)
    if name == "api_key":
        return replace(profile, api_key=profile.api_key or value)
    if not _SETTING.fullmatch(name):
        return profile
    return replace(profile, also={**profile.also, name: profile.also.get(name, value)})


def _without_current(lines: list[str]) -> list[str]:
    """Drop `profile=` lines, which count only above the first section."""
    top = next((index for index, line in enumerate(lines) if _SECTION.fullmatch(line.strip())), len(lines))
    return [line for line in lines[:top] if not line.strip().startswith("profile=")] + lines[top:]


def _holds_a_key(config: Config) -> bool:
    return bool(config.api_key) or any(profile.api_key for profile in config.profiles.values())
