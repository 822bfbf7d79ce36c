"""Who calls, and what they may do: users, projects, keys, passwords and the one access decision.

Only what is light to import is here. What loads the database driver is imported by name:
``runyard.identity.store`` and ``runyard.identity.open``.
"""

from runyard.identity.access import Action, allowed, require
from runyard.identity.errors import (
    AlreadyExists,
    AuthorizedUsersUnusable,
    CredentialError,
    Forbidden,
    IdentityError,
    InactiveUser,
    InvalidCredential,
    InvalidEmail,
    InvalidPublicKey,
    InvalidValue,
    IssuerFailed,
    KeyEnded,
    LastAdmin,
    NotAMember,
    NotFound,
    SealBroken,
    SigningKeyUnusable,
    TooManyAttempts,
)
from runyard.identity.keys import Secret
from runyard.identity.model import ApiKey, IssuedKey, KeyStatus, Project, SshKey, User
from runyard.identity.principal import GUEST, OPERATOR, Credential, Principal, project_tenant, user_tenant

__all__ = [
    "GUEST",
    "OPERATOR",
    "Action",
    "AlreadyExists",
    "ApiKey",
    "AuthorizedUsersUnusable",
    "Credential",
    "CredentialError",
    "Forbidden",
    "IdentityError",
    "InactiveUser",
    "InvalidCredential",
    "InvalidEmail",
    "InvalidPublicKey",
    "InvalidValue",
    "IssuedKey",
    "IssuerFailed",
    "KeyEnded",
    "KeyStatus",
    "LastAdmin",
    "NotAMember",
    "NotFound",
    "Principal",
    "Project",
    "SealBroken",
    "Secret",
    "SigningKeyUnusable",
    "SshKey",
    "TooManyAttempts",
    "User",
    "allowed",
    "project_tenant",
    "require",
    "user_tenant",
]
