"""What the auth service takes and answers, as typed values."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, Field


class TokenResponse(BaseModel):
    """A token; never shown in a repr."""

    access_token: str = Field(repr=False)
    token_type: str = "bearer"  # noqa: S105 - a word of OAuth, no secret


class PublicKeyResponse(BaseModel):
    """The key that tokens are verified with, in PEM."""

    public_key: str
    algorithm: str


class UserResponse(BaseModel):
    """A user, as the server tells it."""

    id: int
    username: str
    is_admin: bool = False
    is_active: bool = True
    created_at: datetime
    permissions: list[str] = []


class UserCreateRequest(BaseModel):
    """A user to be made."""

    username: str
    password: str = Field(repr=False)
    is_admin: bool = False
    is_active: bool = True
    permissions: list[str] = []

    def to_api_payload(self) -> dict[str, str | bool]:
        """The form to send."""
        return {
            "username": self.username,
            "password": self.password,
            "is_admin": self.is_admin,
            "is_active": self.is_active,
            "permissions": ",".join(self.permissions),
        }


class UserUpdateRequest(BaseModel):
    """What to change of a user; None leaves it as it is."""

    password: str | None = Field(default=None, repr=False)
    permissions: list[str] | None = None
    is_active: bool | None = None
    is_admin: bool | None = None

    def to_api_payload(self) -> dict[str, str | bool]:
        """The form to send."""
        payload: dict[str, str | bool] = {}
        if self.password is not None:
            payload["password"] = self.password
        if self.permissions is not None:
            # An empty form value counts as absent, so an empty list is spelled out.
            payload["permissions"] = ",".join(self.permissions) or "[]"
        if self.is_active is not None:
            payload["is_active"] = self.is_active
        if self.is_admin is not None:
            payload["is_admin"] = self.is_admin
        return payload
