from __future__ import annotations

from http import HTTPStatus
from typing import Any, cast
from urllib.parse import quote

import httpx

from ... import errors
from ...client import AuthenticatedClient
from ...models.problem_details import ProblemDetails
from ...models.service_account import ServiceAccount
from ...types import Response


def _get_kwargs(
    workspace_id: str,
    client_id: str,
) -> dict[str, Any]:

    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/v1/workspaces/{workspace_id}/service-accounts/{client_id}".format(
            workspace_id=quote(str(workspace_id), safe=""),
            client_id=quote(str(client_id), safe=""),
        ),
    }
    return _kwargs


def _parse_response(response: httpx.Response) -> ProblemDetails | ServiceAccount:
    if response.status_code == 200:
        response_200 = ServiceAccount.from_dict(response.json())

        return response_200

    return errors.problem(response)


def _build_response(response: httpx.Response) -> Response[ProblemDetails | ServiceAccount]:
    parsed = _parse_response(response)
    return Response(HTTPStatus(response.status_code), response.content, response.headers, parsed)


def sync_detailed(
    workspace_id: str,
    client_id: str,
    *,
    client: AuthenticatedClient,
) -> Response[ProblemDetails | ServiceAccount]:
    """One of them.

    Raises:
        errors.UnexpectedStatus: the answer is not in the contract.
        httpx.TransportError: there was no answer, or not in time.
    """

    asked = _get_kwargs(
        workspace_id=workspace_id,
        client_id=client_id,
    )
    return _build_response(client.get_httpx_client().request(**asked))


def sync(
    workspace_id: str,
    client_id: str,
    *,
    client: AuthenticatedClient,
) -> ServiceAccount:
    """One of them.

    Raises:
        errors.ApiError: the server says no; the module has the kinds.
        errors.UnexpectedStatus: the answer is not in the contract.
        httpx.TransportError: there was no answer, or not in time.
    """

    answer = sync_detailed(
        workspace_id=workspace_id,
        client_id=client_id,
        client=client,
    )
    return cast("ServiceAccount", errors.success(answer, return_problems=client.return_problems))


async def asyncio_detailed(
    workspace_id: str,
    client_id: str,
    *,
    client: AuthenticatedClient,
) -> Response[ProblemDetails | ServiceAccount]:
    """One of them.

    Raises:
        errors.UnexpectedStatus: the answer is not in the contract.
        httpx.TransportError: there was no answer, or not in time.
    """

    asked = _get_kwargs(
        workspace_id=workspace_id,
        client_id=client_id,
    )
    return _build_response(await client.get_async_httpx_client().request(**asked))


async def asyncio(
    workspace_id: str,
    client_id: str,
    *,
    client: AuthenticatedClient,
) -> ServiceAccount:
    """One of them.

    Raises:
        errors.ApiError: the server says no; the module has the kinds.
        errors.UnexpectedStatus: the answer is not in the contract.
        httpx.TransportError: there was no answer, or not in time.
    """

    answer = await asyncio_detailed(
        workspace_id=workspace_id,
        client_id=client_id,
        client=client,
    )
    return cast("ServiceAccount", errors.success(answer, return_problems=client.return_problems))
