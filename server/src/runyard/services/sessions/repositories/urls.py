"""Which addresses, branches and folders may be asked for, as far as their text tells."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final
from urllib.parse import SplitResult, unquote, urlsplit

from runyard.sandbox.hosts import Hosts, why_internal

LONGEST: Final = 2048
LONGEST_NAME: Final = 64
RESERVED: Final = frozenset({"artifacts"})
"""Folders of the workspace that are no repositories."""

PORTS: Final = {"http": 80, "https": 443}

_HOST: Final = re.compile(r"(?=.{1,253}$)[A-Za-z0-9_]([A-Za-z0-9._-]*[A-Za-z0-9_])?\.?")
_FORBIDDEN_IN_BRANCH: Final = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//")


class BadRepository(ValueError):
    """It can't be asked for; the text says what is wrong, without a secret that may stand in the URL."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where a repository is."""

    url: str
    scheme: str
    host: str
    port: int


def read_url(url: str, *, hosts: Hosts) -> Address:
    """A repository's URL. Names are not looked up: where they lead is seen when they are.

    Raises:
        BadRepository: nothing may be fetched from there.
    """
    if not url or len(url) > LONGEST or not url.isprintable() or any(char in url for char in ' \\"<>'):
        raise BadRepository(
            f"A repository's URL has up to {LONGEST} printable characters and no blank: {_safe(url)!r}."
        )
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise BadRepository(f"{_safe(url)!r} is no URL: {error}.") from None
    _check_form(url, parts)
    host = (parts.hostname or "").rstrip(".")
    port = PORTS[parts.scheme] if port is None else port
    if not hosts.named(host, port) and (why := _internal_text(host)):
        raise BadRepository(f"{_safe(url)!r} is {why}; an operator can allow it by name (RUNYARD_SESSION_HOSTS).")
    return Address(url=url, scheme=parts.scheme, host=host, port=port)


def check_branch(branch: str) -> None:
    """Git's own rules for names of branches and tags.

    Raises:
        BadRepository: it can't be one.
    """
    parts = branch.split("/")
    if (
        not branch
        or len(branch) > 255
        or not branch.isprintable()
        or branch.startswith("-")
        or branch.endswith(".")
        or _FORBIDDEN_IN_BRANCH.search(branch)
        or any(not part or part.startswith(".") or part.endswith(".lock") for part in parts)
    ):
        raise BadRepository(f"{branch[:255]!r} can't be the name of a branch.")


def check_path(path: str) -> None:
    """A folder in a repository.

    Raises:
        BadRepository: it can't be one.
    """
    parts = path.split("/")
    if not path or len(path) > 1024 or not path.isprintable() or {"", ".", "..", ".git"} & set(parts):
        raise BadRepository(f"{path[:1024]!r} is no folder in a repository: write it as 'server/src'.")


def folder_names(urls: Sequence[str]) -> list[str]:
    """A folder for each repository, by the last part of its URL; no two are alike, not even on a Mac."""
    names: list[str] = []
    taken = set(RESERVED)
    for url in urls:
        last = unquote(urlsplit(url).path).rstrip("/").rpartition("/")[2].removesuffix(".git")
        stem = re.sub(r"[^A-Za-z0-9._-]+", "-", last).strip(".-")[:LONGEST_NAME] or "repository"
        name, count = stem, 1
        while name.lower() in taken:
            count += 1
            name = f"{stem}-{count}"
        taken.add(name.lower())
        names.append(name)
    return names


def _check_form(url: str, parts: SplitResult) -> None:
    if parts.scheme not in PORTS:
        kind = f"{parts.scheme}://" if parts.scheme and "://" in url else "that kind of"
        raise BadRepository(f"Repositories come over https:// or http://, not {kind} address: {_safe(url)!r}.")
    if "@" in parts.netloc:
        raise BadRepository(
            f"The URL of {parts.hostname or ''!r} has a user name or password in it. Tasks hold no secrets: ask the "
            "operator to keep a credential (`runyard credential add`) and name it in `credential`."
        )
    host = parts.hostname or ""
    if not (_HOST.fullmatch(host) or (":" in host and _is_address(host))):
        raise BadRepository(f"{_safe(url)!r} has no host that could be reached.")
    if parts.port == 0:
        raise BadRepository(f"{_safe(url)!r} has no port that could be reached.")
    if parts.query or parts.fragment or "?" in url or "#" in url:
        raise BadRepository(f"A repository's URL has no `?` or `#`: {_safe(url)!r}.")
    if not parts.path.strip("/"):
        raise BadRepository(f"{_safe(url)!r} names a host, but no repository on it.")


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _internal_text(host: str) -> str | None:
    """Why a host is internal, where its text alone tells."""
    name = host.lower()
    if name == "localhost" or name.endswith((".localhost", ".local", ".internal")):
        return "an internal name"
    return why_internal(ip_address(host)) if _is_address(host) else None


def _safe(url: str) -> str:
    """The URL without what may be a secret in it."""
    return re.sub(r"//[^/@\s]*@", "//", url[:LONGEST])
