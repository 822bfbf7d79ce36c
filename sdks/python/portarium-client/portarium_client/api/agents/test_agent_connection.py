from __future__ import annotations

from http import HTTPStatus
from typing import Any, cast
from urllib.parse import quote

import httpx

from ... import errors
from ...client import AuthenticatedClient
from ...models.connection_test_result import ConnectionTestResult
from ...models.problem_details import ProblemDetails
from ...types import Response


def _get_kwargs(
    workspace_id: str,
    agent_id: str,
) -> dict[str, Any]:

    _kwargs: dict[str, Any] = {
        "method": "post",
        "url": "/v1/workspaces/{workspace_id}/agents/{agent_id}/test".format(
            workspace_id=quote(str(workspace_id), safe=""),
            agent_id=quote(str(agent_id), safe=""),
        ),
    }
    return _kwargs


def _parse_response(response: httpx.Response) -> ConnectionTestResult | ProblemDetails:
    if response.status_code == 200:
        response_200 = ConnectionTestResult.from_dict(response.json())

        return response_200

    return errors.problem(response)


def _build_response(response: httpx.Response) -> Response[ConnectionTestResult | ProblemDetails]:
    parsed = _parse_response(response)
    return Response(HTTPStatus(response.status_code), response.content, response.headers, parsed)


def sync_detailed(
    workspace_id: str,
    agent_id: str,
    *,
    client: AuthenticatedClient,
) -> Response[ConnectionTestResult | ProblemDetails]:
    """See whether something answers at an agent's endpoint, and how fast.

    Raises:
        errors.UnexpectedStatus: the answer is not in the contract.
        httpx.TransportError: there was no answer, or not in time.
    """

    asked = _get_kwargs(
        workspace_id=workspace_id,
        agent_id=agent_id,
    )
    return _build_response(client.get_httpx_client().request(**asked))


def sync(
    workspace_id: str,
    agent_id: str,
    *,
    client: AuthenticatedClient,
) -> ConnectionTestResult:
    """See whether something answers at an agent's endpoint, and how fast.

    Raises:
        errors.ApiError: the server says no; the module has the kinds.
        errors.UnexpectedStatus: the answer is not in the contract.
        httpx.TransportError: there was no answer, or not in time.
    """

    answer = sync_detailed(
        workspace_id=workspace_id,
        agent_id=agent_id,
        client=client,
    )
    return cast("ConnectionTestResult", errors.success(answer, return_problems=client.return_problems))


async def asyncio_detailed(
    workspace_id: str,
    agent_id: str,
    *,
    client: AuthenticatedClient,
) -> Response[ConnectionTestResult | ProblemDetails]:
    """See whether something answers at an agent's endpoint, and how fast.

    Raises:
        errors.UnexpectedStatus: the answer is not in the contract.
        httpx.TransportError: there was no answer, or not in time.
    """

    asked = _get_kwargs(
        workspace_id=workspace_id,
        agent_id=agent_id,
    )
    return _build_response(await client.get_async_httpx_client().request(**asked))


async def asyncio(
    workspace_id: str,
    agent_id: str,
    *,
    client: AuthenticatedClient,
) -> ConnectionTestResult:
    """See whether something answers at an agent's endpoint, and how fast.

    Raises:
        errors.ApiError: the server says no; the module has the kinds.
        errors.UnexpectedStatus: the answer is not in the contract.
        httpx.TransportError: there was no answer, or not in time.
    """

    answer = await asyncio_detailed(
        workspace_id=workspace_id,
        agent_id=agent_id,
        client=client,
    )
    return cast("ConnectionTestResult", errors.success(answer, return_problems=client.return_problems))
