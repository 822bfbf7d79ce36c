"""``POST /v1/auth/token``: a program's id and secret for a token of its workspace, by RFC 6749, 4.4."""

from __future__ import annotations

import base64
from typing import Final, Literal, TypeAlias
from urllib.parse import parse_qsl, unquote_plus

import msgspec
from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import ValidationError

from runyard.identity import CredentialError
from runyard.identity.service_accounts import ServiceAccount
from runyard.services.runs.api.edge import ground, router
from runyard.services.runs.api.limits import count
from runyard.services.runs.models.auth import TokenRequest, TokenResponse
from runyard.services.runs.refused import Refused
from runyard.services.runs.words import Role
from runyard.web.bodies import JSON, read_body

LIMIT: Final = 64 * 1024
FORM: Final = "application/x-www-form-urlencoded"
UNSTORED: Final = {"Cache-Control": "no-store", "Pragma": "no-cache"}

Error: TypeAlias = Literal[
    "invalid_request", "invalid_client", "invalid_grant", "unsupported_grant_type", "invalid_scope"
]

_SCHEMA: Final = {"$ref": "#/components/schemas/TokenRequest"}

routes: APIRouter = router("Auth", prefix="/v1/auth")


@routes.post(
    "/token",
    operation_id="createToken",
    response_model=TokenResponse,
    openapi_extra={
        "requestBody": {"required": True, "content": {FORM: {"schema": _SCHEMA}, JSON: {"schema": _SCHEMA}}},
        "security": [],
    },
)
async def create_token(request: Request) -> Response:
    """Exchange client credentials for a token. They come in the body, or by HTTP Basic."""
    count(request, ground.of(request), None)
    asked = await _read(request)
    if asked.grant_type != "client_credentials":
        raise _refused("unsupported_grant_type", f"grant_type is {asked.grant_type[:100]!r}. Use client_credentials.")
    client_id, secret = _credentials(request, asked)
    identity = ground.of(request).yard.identity
    address = "" if request.client is None else request.client.host
    try:
        account = await identity.exchange(client_id, secret, address=address)
    except CredentialError:
        raise _refused("invalid_client", "No service account that works has this id and secret.") from None
    member = await identity.members.member(account.workspace, account.user_id)
    if member is None:
        raise _refused("invalid_client", "The service account's workspace has ended.")
    if asked.workspace_id not in {None, account.workspace}:
        raise _refused("invalid_grant", "The service account belongs to another workspace.")
    token = await identity.workspace_tokens.issue(
        member,
        number=account.number,
        scopes=_scopes(asked.scope, account),
        client_id=account.client_id,
        until=account.expires_at,
    )
    answer = TokenResponse(access_token=token.token, expires_in=token.expires_in, scope=" ".join(token.scopes))
    return Response(answer.model_dump_json(), media_type=JSON, headers=UNSTORED)


async def _read(request: Request) -> TokenRequest:
    media = request.headers.get("content-type", FORM).partition(";")[0].strip().lower()
    body = await read_body(request, limit=LIMIT)
    fields: object
    try:
        if media == FORM:
            pairs = parse_qsl(body.decode(), max_num_fields=32)
            fields = dict(pairs)
            if len(fields) < len(pairs):
                raise _refused("invalid_request", "A field is there twice. Send each one once.")
        elif media == JSON:
            fields = msgspec.json.decode(body)
        else:
            raise Refused("unsupported-media-type", f"The body is {media[:100]!r}. Send {FORM} or {JSON}.")
        if isinstance(fields, dict) and "workspaceId" in fields:
            fields.setdefault("workspace_id", fields["workspaceId"])
        return TokenRequest.model_validate(fields)
    except (ValueError, RecursionError) as error:
        if isinstance(error, ValidationError):
            raise _refused("invalid_request", "; ".join(_said(error))) from None
        raise _refused("invalid_request", f"The body can't be read as {media}.") from None


def _said(error: ValidationError) -> list[str]:
    return [f"{'.'.join(map(str, each['loc'])) or 'body'}: {each['msg']}" for each in error.errors(include_input=False)]


def _credentials(request: Request, asked: TokenRequest) -> tuple[str, str]:
    """Id and secret, from the one place where they are."""
    scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        if asked.client_secret is not None:
            raise _refused("invalid_request", "Send the secret in the body or by HTTP Basic, not both.")
        try:
            client_id, _, secret = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
        except ValueError:
            raise _refused("invalid_client", "The Authorization header is no HTTP Basic.") from None
        if asked.client_id not in {None, unquote_plus(client_id)}:
            raise _refused("invalid_request", "The body names another client than HTTP Basic does.")
        return unquote_plus(client_id), unquote_plus(secret)
    if not asked.client_id or not asked.client_secret:
        raise _refused("invalid_client", "Send client_id and client_secret, in the body or by HTTP Basic.")
    return asked.client_id, asked.client_secret


def _scopes(scope: str | None, account: ServiceAccount) -> list[Role] | None:
    """The roles that the token is to be for; None for all of the account's."""
    if scope is None:
        return None
    wanted = [role for role in account.roles if role in scope.split()]
    if len(wanted) < len(set(scope.split())):
        has = ", ".join(account.roles) or "none"
        raise _refused("invalid_scope", f"The scope is {scope[:100]!r}. The service account has these roles: {has}.")
    return wanted


def _refused(error: Error, detail: str) -> Refused:
    """A problem with OAuth's own word for it."""
    if error == "invalid_client":
        headers = {**UNSTORED, "WWW-Authenticate": 'Basic realm="runyard", charset="UTF-8"'}
        return Refused("unauthorized", detail, headers=headers, extra={"error": error})
    return Refused("bad-request", detail, headers=UNSTORED, extra={"error": error})
