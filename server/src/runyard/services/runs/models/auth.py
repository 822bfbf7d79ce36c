"""Tokens and sessions on the wire. The token endpoint speaks OAuth's own snake_case."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

from runyard.services.runs.models.base import Answer, Ask, Id, Iso, Maybe
from runyard.services.runs.models.users import UserRole


class TokenRequest(BaseModel):
    """Client credentials, by RFC 6749, 4.4. Id and secret may come by HTTP Basic instead."""

    model_config = ConfigDict(extra="ignore", frozen=True, strict=True)

    grant_type: Annotated[str, WithJsonSchema({"type": "string", "pattern": "^client_credentials$"})]
    client_id: Maybe[str] = None
    client_secret: Maybe[str] = None
    workspace_id: Maybe[str] = None
    scope: Maybe[str] = None


class TokenResponse(BaseModel):
    """A token of a workspace, good for ``expires_in`` seconds."""

    model_config = ConfigDict(frozen=True)

    access_token: str
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105  (what sort of token it is)
    expires_in: int
    scope: str


class CodeRequest(Ask):
    """What a browser that has been at the issuer itself brings back."""

    code: Id
    code_verifier: Annotated[str, Field(min_length=43, max_length=128)]
    state: Maybe[str] = None
    redirect_uri: Maybe[str] = None
    workspace_id: Maybe[Id] = None


class SessionClaims(Answer):
    """Whose session it is."""

    sub: Id
    workspace_id: Id
    roles: list[UserRole]
    name: str
    expires_at_iso: Maybe[Iso] = None


class Session(Answer):
    """Whether a browser has a session."""

    authenticated: bool
    claims: Maybe[SessionClaims] = None
