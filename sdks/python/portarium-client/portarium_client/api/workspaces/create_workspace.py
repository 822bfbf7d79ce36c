from __future__ import annotations

from http import HTTPStatus
from typing import Any, cast
from uuid import uuid4

import httpx

from ... import errors
from ...client import AuthenticatedClient
from ...models.create_workspace_request import CreateWorkspaceRequest
from ...models.problem_details import ProblemDetails
from ...models.workspace import Workspace
from ...types import UNSET, Response, Unset


def _get_kwargs(
    *,
    body: CreateWorkspaceRequest,
    idempotency_key: str | Unset = UNSET,
) -> dict[str, Any]:
    headers: dict[str, Any] = {}
    if not isinstance(idempotency_key, Unset):
        headers["Idempotency-Key"] = idempotency_key

    headers.setdefault("Idempotency-Key", str(uuid4()))  # so that it may be tried again

    _kwargs: dict[str, Any] = {
        "method": "post",
        "url": "/v1/workspaces",
    }
    _kwargs["json"] = body.to_dict()

    headers["Content-Type"] = "application/json"

    _kwargs["headers"] = headers
    return _kwargs


def _parse_response(response: httpx.Response) -> ProblemDetails | Workspace:
    if response.status_code == 201:
        response_201 = Workspace.from_dict(response.json())

        return response_201

    return errors.problem(response)


def _build_response(response: httpx.Response) -> Response[ProblemDetails | Workspace]:
    parsed = _parse_response(response)
    return Response(HTTPStatus(response.status_code), response.content, response.headers, parsed)


def sync_detailed(
    *,
    client: AuthenticatedClient,
    body: CreateWorkspaceRequest,
    idempotency_key: str | Unset = UNSET,
) -> Response[ProblemDetails | Workspace]:
    """Make a workspace, with the caller as its first admin. Takes an admin of the yard.

    Raises:
        errors.UnexpectedStatus: the answer is not in the contract.
        httpx.TransportError: there was no answer, or not in time.
    """

    asked = _get_kwargs(
        body=body,
        idempotency_key=idempotency_key,
    )
    return _build_response(client.get_httpx_client().request(**asked))


def sync(
    *,
    client: AuthenticatedClient,
    body: CreateWorkspaceRequest,
    idempotency_key: str | Unset = UNSET,
) -> Workspace:
    """Make a workspace, with the caller as its first admin. Takes an admin of the yard.

    Raises:
        errors.ApiError: the server says no; the module has the kinds.
        errors.UnexpectedStatus: the answer is not in the contract.
        httpx.TransportError: there was no answer, or not in time.
    """

    answer = sync_detailed(
        client=client,
        body=body,
        idempotency_key=idempotency_key,
    )
    return cast("Workspace", errors.success(answer, return_problems=client.return_problems))


async def asyncio_detailed(
    *,
    client: AuthenticatedClient,
    body: CreateWorkspaceRequest,
    idempotency_key: str | Unset = UNSET,
) -> Response[ProblemDetails | Workspace]:
    """Make a workspace, with the caller as its first admin. Takes an admin of the yard.

    Raises:
        errors.UnexpectedStatus: the answer is not in the contract.
        httpx.TransportError: there was no answer, or not in time.
    """

    asked = _get_kwargs(
        body=body,
        idempotency_key=idempotency_key,
    )
    return _build_response(await client.get_async_httpx_client().request(**asked))


async def asyncio(
    *,
    client: AuthenticatedClient,
    body: CreateWorkspaceRequest,
    idempotency_key: str | Unset = UNSET,
) -> Workspace:
    """Make a workspace, with the caller as its first admin. Takes an admin of the yard.

    Raises:
        errors.ApiError: the server says no; the module has the kinds.
        errors.UnexpectedStatus: the answer is not in the contract.
        httpx.TransportError: there was no answer, or not in time.
    """

    answer = await asyncio_detailed(
        client=client,
        body=body,
        idempotency_key=idempotency_key,
    )
    return cast("Workspace", errors.success(answer, return_problems=client.return_problems))
