from __future__ import annotations

from http import HTTPStatus
from typing import Any, cast
from urllib.parse import quote

import httpx

from ... import errors
from ...client import AuthenticatedClient
from ...models.agent_work_items import AgentWorkItems
from ...models.problem_details import ProblemDetails
from ...types import UNSET, Response, Unset


def _get_kwargs(
    workspace_id: str,
    agent_id: str,
    *,
    limit: int | Unset = 50,
    cursor: str | Unset = UNSET,
) -> dict[str, Any]:

    params: dict[str, Any] = {}

    params["limit"] = limit

    params["cursor"] = cursor

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/v1/workspaces/{workspace_id}/agents/{agent_id}/work-items".format(
            workspace_id=quote(str(workspace_id), safe=""),
            agent_id=quote(str(agent_id), safe=""),
        ),
        "params": params,
    }
    return _kwargs


def _parse_response(response: httpx.Response) -> AgentWorkItems | ProblemDetails:
    if response.status_code == 200:
        response_200 = AgentWorkItems.from_dict(response.json())

        return response_200

    return errors.problem(response)


def _build_response(response: httpx.Response) -> Response[AgentWorkItems | ProblemDetails]:
    parsed = _parse_response(response)
    return Response(HTTPStatus(response.status_code), response.content, response.headers, parsed)


def sync_detailed(
    workspace_id: str,
    agent_id: str,
    *,
    client: AuthenticatedClient,
    limit: int | Unset = 50,
    cursor: str | Unset = UNSET,
) -> Response[AgentWorkItems | ProblemDetails]:
    """The pieces of business that an agent's machine owns.

    Raises:
        errors.UnexpectedStatus: the answer is not in the contract.
        httpx.TransportError: there was no answer, or not in time.
    """

    asked = _get_kwargs(
        workspace_id=workspace_id,
        agent_id=agent_id,
        limit=limit,
        cursor=cursor,
    )
    return _build_response(client.get_httpx_client().request(**asked))


def sync(
    workspace_id: str,
    agent_id: str,
    *,
    client: AuthenticatedClient,
    limit: int | Unset = 50,
    cursor: str | Unset = UNSET,
) -> AgentWorkItems:
    """The pieces of business that an agent's machine owns.

    Raises:
        errors.ApiError: the server says no; the module has the kinds.
        errors.UnexpectedStatus: the answer is not in the contract.
        httpx.TransportError: there was no answer, or not in time.
    """

    answer = sync_detailed(
        workspace_id=workspace_id,
        agent_id=agent_id,
        client=client,
        limit=limit,
        cursor=cursor,
    )
    return cast("AgentWorkItems", errors.success(answer, return_problems=client.return_problems))


async def asyncio_detailed(
    workspace_id: str,
    agent_id: str,
    *,
    client: AuthenticatedClient,
    limit: int | Unset = 50,
    cursor: str | Unset = UNSET,
) -> Response[AgentWorkItems | ProblemDetails]:
    """The pieces of business that an agent's machine owns.

    Raises:
        errors.UnexpectedStatus: the answer is not in the contract.
        httpx.TransportError: there was no answer, or not in time.
    """

    asked = _get_kwargs(
        workspace_id=workspace_id,
        agent_id=agent_id,
        limit=limit,
        cursor=cursor,
    )
    return _build_response(await client.get_async_httpx_client().request(**asked))


async def asyncio(
    workspace_id: str,
    agent_id: str,
    *,
    client: AuthenticatedClient,
    limit: int | Unset = 50,
    cursor: str | Unset = UNSET,
) -> AgentWorkItems:
    """The pieces of business that an agent's machine owns.

    Raises:
        errors.ApiError: the server says no; the module has the kinds.
        errors.UnexpectedStatus: the answer is not in the contract.
        httpx.TransportError: there was no answer, or not in time.
    """

    answer = await asyncio_detailed(
        workspace_id=workspace_id,
        agent_id=agent_id,
        client=client,
        limit=limit,
        cursor=cursor,
    )
    return cast("AgentWorkItems", errors.success(answer, return_problems=client.return_problems))
