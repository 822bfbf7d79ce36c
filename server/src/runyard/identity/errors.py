"""What identity refuses, and why.

    IdentityError
    ├── CredentialError            who calls could not be established
    │   ├── InvalidCredential      malformed, unknown, forged, revoked or expired; wrong name or password
    │   └── InactiveUser           the credential is good, its user was deactivated
    ├── TooManyAttempts            signing in failed too often; later again
    ├── Forbidden                  who calls is known and may not do this
    ├── InvalidValue               a name, password or time that cannot be used
    │   ├── InvalidEmail
    │   └── InvalidPublicKey       no public key, or one of a kind that isn't accepted
    ├── NotFound                   no such user, project or key
    ├── AlreadyExists              the name or email is taken
    ├── NotAMember                 the user is not in the project
    ├── IssuerFailed               the OpenID issuer can't be reached, or doesn't do what it should
    ├── KeyEnded                   the key was revoked or has expired, so it cannot be rotated
    ├── LastAdmin                  without this user nobody could administer the yard, or the workspace
    ├── SigningKeyUnusable         the keys of tokens can't be read, or don't belong together
    ├── SealBroken                 what is kept sealed can't be opened with the key that is there
    └── AuthorizedUsersUnusable    the file of users and their SSH keys can't be read, or says something wrong

Their texts are meant for people and never hold a secret.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal, TypeAlias

Noun: TypeAlias = Literal["User", "Project", "API key", "SSH key", "Credential", "Workspace", "Service account"]
Refusal: TypeAlias = Literal[
    "malformed", "unknown", "revoked", "expired", "password", "signature", "payload", "audience"
]


class IdentityError(Exception):
    """Base of everything identity refuses."""


class CredentialError(IdentityError):
    """The caller could not be established."""


class InvalidCredential(CredentialError):
    """The key, the token, or the name and password are not good.

    ``reason`` is for the log; each service decides how little of it callers are told.
    """

    def __init__(self, reason: Refusal) -> None:
        super().__init__("Invalid or revoked credential.")
        self.reason = reason


class InactiveUser(CredentialError):
    """The credential is good, but its user was deactivated."""

    def __init__(self) -> None:
        super().__init__("The user is inactive.")


class TooManyAttempts(IdentityError):
    """Signing in failed too often for this name or from this address. ``retry_after`` is in seconds."""

    def __init__(self, retry_after: int) -> None:
        super().__init__(f"Too many failed sign-ins. Try again in {retry_after} s.")
        self.retry_after = retry_after


class Forbidden(IdentityError):
    """The caller is known and may not do this."""


class InvalidValue(IdentityError):
    """A value that cannot be used; the text says which and what would do."""


class InvalidEmail(InvalidValue):
    """Not the shape of an email address."""

    def __init__(self, email: str) -> None:
        super().__init__(f"Invalid email: {email!r}. Write it as name@example.com.")


class InvalidPublicKey(InvalidValue):
    """No public key, or one of a kind that isn't accepted."""


class NotFound(IdentityError):
    """There is no such user, project or key."""

    def __init__(self, noun: Noun, reference: object, hint: str = "") -> None:
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


class IssuerFailed(IdentityError):
    """The OpenID issuer can't be reached, or doesn't do what it should; the text says what."""


class KeyEnded(IdentityError):
    """The key was revoked or has expired."""

    def __init__(self, key: object, ended: Literal["revoked", "expired"]) -> None:
        super().__init__(f"API key {str(key)!r} is {ended}, so it cannot be rotated. Create a new one instead.")


class LastAdmin(IdentityError):
    """Without this user nobody could administer the yard, or the workspace."""

    def __init__(self, user: str) -> None:
        super().__init__(f"{user!r} is the last active admin. Make another user an admin first.")


class SigningKeyUnusable(IdentityError):
    """The keys of tokens can't be read, or don't belong together. They are never replaced silently."""

    def __init__(self, path: Path, reason: str, *, way_out: str) -> None:
        super().__init__(f"{path} {reason}. {way_out}")


class SealBroken(IdentityError):
    """What is kept sealed can't be opened: the key is missing here, can't be used, or is another one."""


class AuthorizedUsersUnusable(IdentityError):
    """The file of users can't be used. The yard doesn't open then: somebody might be let in, or kept out, in error."""

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(f"{path} can't be used: {problem}")
