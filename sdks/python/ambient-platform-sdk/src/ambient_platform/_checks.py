"""Finds what can't work before anything is sent. Everything here raises ValueError."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import quote, urlsplit

TASK_LIMIT: Final = 50_000

_PLACEHOLDERS: Final = frozenset({"your_token_here", "your-token-here", "token", "bearer"})
_FORMATS: Final = "OpenShift (sha256~...), JWT (3 base64 parts) and GitHub (ghp_, gho_, ghu_, ghs_) tokens are known"
_OPENSHIFT: Final = re.compile(r"sha256~[A-Za-z0-9_-]{13,}")
_GITHUB: Final = re.compile(r"gh[pous]_[A-Za-z0-9_]{36,}")
_JWT: Final = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
_PROJECT: Final = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")


def checked_token(token: str | None) -> str:
    """The token, if it may be one. The texts never hold it.

    Raises:
        ValueError: it is empty, a placeholder, or one of the known formats with something missing.
    """
    if not token:
        raise ValueError("Token cannot be empty")
    if token.lower() in _PLACEHOLDERS:
        raise ValueError("Token appears to be a placeholder value")
    if "AMBIENT_TOKEN=" in token:
        raise ValueError("Token contains 'AMBIENT_TOKEN=' prefix - potential format error")
    if not token.isascii() or not token.isprintable() or " " in token:
        raise ValueError("Token contains white space or control characters: give the token alone")
    if len(token) < 10:
        raise ValueError("Token appears too short to be valid")
    broken = _broken_format(token)
    if broken:
        raise ValueError(f"Token looks like {broken}, but is not a whole one. {_FORMATS}")
    return token


def _broken_format(token: str) -> str | None:
    """The format that a token begins like without keeping to it. Other kinds of tokens are the server's business."""
    if token.startswith("sha256~") and not _OPENSHIFT.fullmatch(token):
        return "an OpenShift token"
    if token.startswith(("ghp_", "gho_", "ghu_", "ghs_")) and not _GITHUB.fullmatch(token):
        return "a GitHub token"
    if (token.startswith("eyJ") or token.count(".") == 2) and not _JWT.fullmatch(token):
        return "a JWT"
    return None


def checked_project(project: str | None) -> str:
    """The project's name: a valid Kubernetes namespace.

    Raises:
        ValueError: it is none.
    """
    if not project:
        raise ValueError("Project cannot be empty")
    if not re.fullmatch(r"[A-Za-z0-9_-]+", project):
        raise ValueError("Project must contain only alphanumeric characters, hyphens, and underscores")
    if len(project) > 63:
        raise ValueError("Project name cannot exceed 63 characters")
    if not _PROJECT.fullmatch(project):
        raise ValueError(
            f"Project must be a valid Kubernetes namespace name (lower-case letters, digits and inner hyphens),"
            f" not {project!r}"
        )
    return project


def checked_base_url(url: str | None) -> str:
    """The server's address, without slashes at its end.

    Raises:
        ValueError: it is none.
    """
    if not url:
        raise ValueError("Base URL cannot be empty")
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise ValueError(f"Base URL is no address: {error}") from None
    if not parts.scheme or not host:
        raise ValueError("Base URL must include scheme (http/https) and host")
    if parts.scheme not in {"http", "https"}:
        raise ValueError("Base URL scheme must be http or https")
    if parts.query or parts.fragment:
        raise ValueError("Base URL must end with its path: no '?' and no '#'")
    return url.rstrip("/")


def check_task(task: str) -> None:
    """Refuse a blank task, and one that is too long."""
    if not task.strip():
        raise ValueError("Task cannot be empty")
    if len(task) > TASK_LIMIT:
        raise ValueError(f"Task exceeds maximum length of {TASK_LIMIT:,} characters")


def check_repository(url: str, prefix: str = "") -> None:
    """Refuse an address that no server clones from; `prefix` begins the error's text."""
    if not url.strip():
        raise ValueError(f"{prefix}Repository URL cannot be empty")
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"}:
        raise ValueError(f"{prefix}Unsupported URL scheme: {parts.scheme} (must be http or https)")
    if parts.username or parts.password:
        raise ValueError(
            f"{prefix}Repository URL must not hold a user or a token: name what the operator keeps as `credential`"
        )


def check_labels(labels: Mapping[str, str]) -> None:
    """Refuse labels that can't be asked for."""
    for name in labels:
        if not name or "=" in name:
            raise ValueError(f"{name!r} can't be a label's name: it may not be empty, or contain '='")


def file_path(name: str, what: str) -> str:
    """The name of a file, which may have folders in it, as the end of a path."""
    return "/".join(path_part(part, what) for part in name.split("/"))


def path_part(name: str, what: str) -> str:
    """A name as one part of a path; it can't lead anywhere else."""
    if not name:
        raise ValueError(f"{what} cannot be empty")
    if name in {".", ".."}:
        raise ValueError(f"{what} cannot be {name!r}")
    return quote(name, safe="")
