from __future__ import annotations

from http import HTTPStatus
from typing import Any, cast
from urllib.parse import quote

import httpx

from ... import errors
from ...client import AuthenticatedClient
from ...models.adapter_registration_v1 import AdapterRegistrationV1
from ...models.problem_details import ProblemDetails
from ...types import Response


def _get_kwargs(
    workspace_id: str,
    adapter_id: str,
) -> dict[str, Any]:

    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/v1/workspaces/{workspace_id}/adapter-registrations/{adapter_id}".format(
            workspace_id=quote(str(workspace_id), safe=""),
            adapter_id=quote(str(adapter_id), safe=""),
        ),
    }
    return _kwargs


def _parse_response(response: httpx.Response) -> AdapterRegistrationV1 | ProblemDetails:
    if response.status_code == 200:
        response_200 = AdapterRegistrationV1.from_dict(response.json())

        return response_200

    return errors.problem(response)


def _build_response(response: httpx.Response) -> Response[AdapterRegistrationV1 | ProblemDetails]:
    parsed = _parse_response(response)
    return Response(HTTPStatus(response.status_code), response.content, response.headers, parsed)


def sync_detailed(
    workspace_id: str,
    adapter_id: str,
    *,
    client: AuthenticatedClient,
) -> Response[AdapterRegistrationV1 | ProblemDetails]:
    """An adapter.

    Raises:
        errors.UnexpectedStatus: the answer is not in the contract.
        httpx.TransportError: there was no answer, or not in time.
    """

    asked = _get_kwargs(
        workspace_id=workspace_id,
        adapter_id=adapter_id,
    )
    return _build_response(client.get_httpx_client().request(**asked))


def sync(
    workspace_id: str,
    adapter_id: str,
    *,
    client: AuthenticatedClient,
) -> AdapterRegistrationV1:
    """An adapter.

    Raises:
        errors.ApiError: the server says no; the module has the kinds.
        errors.UnexpectedStatus: the answer is not in the contract.
        httpx.TransportError: there was no answer, or not in time.
    """

    answer = sync_detailed(
        workspace_id=workspace_id,
        adapter_id=adapter_id,
        client=client,
    )
    return cast("AdapterRegistrationV1", errors.success(answer, return_problems=client.return_problems))


async def asyncio_detailed(
    workspace_id: str,
    adapter_id: str,
    *,
    client: AuthenticatedClient,
) -> Response[AdapterRegistrationV1 | ProblemDetails]:
    """An adapter.

    Raises:
        errors.UnexpectedStatus: the answer is not in the contract.
        httpx.TransportError: there was no answer, or not in time.
    """

    asked = _get_kwargs(
        workspace_id=workspace_id,
        adapter_id=adapter_id,
    )
    return _build_response(await client.get_async_httpx_client().request(**asked))


async def asyncio(
    workspace_id: str,
    adapter_id: str,
    *,
    client: AuthenticatedClient,
) -> AdapterRegistrationV1:
    """An adapter.

    Raises:
        errors.ApiError: the server says no; the module has the kinds.
        errors.UnexpectedStatus: the answer is not in the contract.
        httpx.TransportError: there was no answer, or not in time.
    """

    answer = await asyncio_detailed(
        workspace_id=workspace_id,
        adapter_id=adapter_id,
        client=client,
    )
    return cast("AdapterRegistrationV1", errors.success(answer, return_problems=client.return_problems))
