"""What identity refuses, and why.

    IdentityError
    ├── CredentialError            who calls could not be established
    │   ├── InvalidCredential      malformed, unknown, revoked or expired key; wrong name or password
    │   └── InactiveUser           the credential is good, its user was deactivated
    ├── Forbidden                  who calls is known and may not do this
    ├── InvalidValue               a name, password or time that cannot be used
    │   └── InvalidEmail
    ├── NotFound                   no such user, project or key
    ├── AlreadyExists              the name or email is taken
    ├── NotAMember                 the user is not in the project
    └── KeyEnded                   the key was revoked or has expired, so it cannot be rotated

Their texts are meant for people and never hold a secret.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

Refusal: TypeAlias = Literal["malformed", "unknown", "revoked", "expired", "password"]


class IdentityError(Exception):
    """Base of everything identity refuses."""


class CredentialError(IdentityError):
    """The caller could not be established."""


class InvalidCredential(CredentialError):
    """The key, or the name and password, are not good.

    ``reason`` is for the log: a caller is never told more than that the credential is invalid.
    """

    def __init__(self, reason: Refusal) -> None:
        super().__init__("Invalid or revoked credential.")
        self.reason = reason


class InactiveUser(CredentialError):
    """The credential is good, but its user was deactivated."""

    def __init__(self) -> None:
        super().__init__("The user is inactive.")


class Forbidden(IdentityError):
    """The caller is known and may not do this."""


class InvalidValue(IdentityError):
    """A value that cannot be used; the text says which and what would do."""


class InvalidEmail(InvalidValue):
    """Not the shape of an email address."""

    def __init__(self, email: str) -> None:
        super().__init__(f"Invalid email: {email!r}. Write it as name@example.com.")


class NotFound(IdentityError):
    """There is no such user, project or key."""

    def __init__(self, noun: Literal["User", "Project", "API key"], reference: object, hint: str = "") -> None:
        super().__init__(f"{noun} {str(reference)!r} not found.{hint and ' '}{hint}")
        self.noun = noun


class AlreadyExists(IdentityError):
    """The name or email belongs to somebody already."""


class NotAMember(IdentityError):
    """The user is not in the project."""

    def __init__(self, user: str, project: str) -> None:
        super().__init__(
            f"User {user!r} is not a member of project {project!r}. "
            f"Add them with: runyard project add {project} --member {user}"
        )


class KeyEnded(IdentityError):
    """The key was revoked or has expired."""

    def __init__(self, key: object, ended: Literal["revoked", "expired"]) -> None:
        super().__init__(f"API key {str(key)!r} is {ended}, so it cannot be rotated. Create a new one instead.")
