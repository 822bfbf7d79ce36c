from __future__ import annotations

from http import HTTPStatus
from typing import Any, cast
from urllib.parse import quote

import httpx

from ... import errors
from ...client import AuthenticatedClient
from ...models.agent_heartbeat import AgentHeartbeat
from ...models.heartbeat_request import HeartbeatRequest
from ...models.problem_details import ProblemDetails
from ...types import Response


def _get_kwargs(
    workspace_id: str,
    agent_id: str,
    *,
    body: HeartbeatRequest,
) -> dict[str, Any]:
    headers: dict[str, Any] = {}

    _kwargs: dict[str, Any] = {
        "method": "post",
        "url": "/v1/workspaces/{workspace_id}/agents/{agent_id}/heartbeat".format(
            workspace_id=quote(str(workspace_id), safe=""),
            agent_id=quote(str(agent_id), safe=""),
        ),
    }
    _kwargs["json"] = body.to_dict()

    headers["Content-Type"] = "application/json"

    _kwargs["headers"] = headers
    return _kwargs


def _parse_response(response: httpx.Response) -> AgentHeartbeat | ProblemDetails:
    if response.status_code == 200:
        response_200 = AgentHeartbeat.from_dict(response.json())

        return response_200

    return errors.problem(response)


def _build_response(response: httpx.Response) -> Response[AgentHeartbeat | ProblemDetails]:
    parsed = _parse_response(response)
    return Response(HTTPStatus(response.status_code), response.content, response.headers, parsed)


def sync_detailed(
    workspace_id: str,
    agent_id: str,
    *,
    client: AuthenticatedClient,
    body: HeartbeatRequest,
) -> Response[AgentHeartbeat | ProblemDetails]:
    """Hear that an agent lives, and how it is. Its machine may say so for it.

    Raises:
        errors.UnexpectedStatus: the answer is not in the contract.
        httpx.TransportError: there was no answer, or not in time.
    """

    asked = _get_kwargs(
        workspace_id=workspace_id,
        agent_id=agent_id,
        body=body,
    )
    return _build_response(client.get_httpx_client().request(**asked))


def sync(
    workspace_id: str,
    agent_id: str,
    *,
    client: AuthenticatedClient,
    body: HeartbeatRequest,
) -> AgentHeartbeat:
    """Hear that an agent lives, and how it is. Its machine may say so for it.

    Raises:
        errors.ApiError: the server says no; the module has the kinds.
        errors.UnexpectedStatus: the answer is not in the contract.
        httpx.TransportError: there was no answer, or not in time.
    """

    answer = sync_detailed(
        workspace_id=workspace_id,
        agent_id=agent_id,
        client=client,
        body=body,
    )
    return cast("AgentHeartbeat", errors.success(answer, return_problems=client.return_problems))


async def asyncio_detailed(
    workspace_id: str,
    agent_id: str,
    *,
    client: AuthenticatedClient,
    body: HeartbeatRequest,
) -> Response[AgentHeartbeat | ProblemDetails]:
    """Hear that an agent lives, and how it is. Its machine may say so for it.

    Raises:
        errors.UnexpectedStatus: the answer is not in the contract.
        httpx.TransportError: there was no answer, or not in time.
    """

    asked = _get_kwargs(
        workspace_id=workspace_id,
        agent_id=agent_id,
        body=body,
    )
    return _build_response(await client.get_async_httpx_client().request(**asked))


async def asyncio(
    workspace_id: str,
    agent_id: str,
    *,
    client: AuthenticatedClient,
    body: HeartbeatRequest,
) -> AgentHeartbeat:
    """Hear that an agent lives, and how it is. Its machine may say so for it.

    Raises:
        errors.ApiError: the server says no; the module has the kinds.
        errors.UnexpectedStatus: the answer is not in the contract.
        httpx.TransportError: there was no answer, or not in time.
    """

    answer = await asyncio_detailed(
        workspace_id=workspace_id,
        agent_id=agent_id,
        client=client,
        body=body,
    )
    return cast("AgentHeartbeat", errors.success(answer, return_problems=client.return_problems))
