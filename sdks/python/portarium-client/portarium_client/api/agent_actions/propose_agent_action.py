from __future__ import annotations

from http import HTTPStatus
from typing import Any, cast
from urllib.parse import quote
from uuid import uuid4

import httpx

from ... import errors
from ...client import AuthenticatedClient
from ...models.agent_action_proposal import AgentActionProposal
from ...models.problem_details import ProblemDetails
from ...models.propose_agent_action_request import ProposeAgentActionRequest
from ...types import UNSET, Response, Unset


def _get_kwargs(
    workspace_id: str,
    *,
    body: ProposeAgentActionRequest,
    idempotency_key: str | Unset = UNSET,
) -> dict[str, Any]:
    headers: dict[str, Any] = {}
    if not isinstance(idempotency_key, Unset):
        headers["Idempotency-Key"] = idempotency_key

    headers.setdefault("Idempotency-Key", str(uuid4()))  # so that it may be tried again

    _kwargs: dict[str, Any] = {
        "method": "post",
        "url": "/v1/workspaces/{workspace_id}/agent-actions:propose".format(
            workspace_id=quote(str(workspace_id), safe=""),
        ),
    }
    _kwargs["json"] = body.to_dict()

    headers["Content-Type"] = "application/json"

    _kwargs["headers"] = headers
    return _kwargs


def _parse_response(response: httpx.Response) -> AgentActionProposal | ProblemDetails:
    if response.status_code == 200:
        response_200 = AgentActionProposal.from_dict(response.json())

        return response_200

    if response.status_code == 202:
        response_202 = AgentActionProposal.from_dict(response.json())

        return response_202

    return errors.problem(response)


def _build_response(response: httpx.Response) -> Response[AgentActionProposal | ProblemDetails]:
    parsed = _parse_response(response)
    return Response(HTTPStatus(response.status_code), response.content, response.headers, parsed)


def sync_detailed(
    workspace_id: str,
    *,
    client: AuthenticatedClient,
    body: ProposeAgentActionRequest,
    idempotency_key: str | Unset = UNSET,
) -> Response[AgentActionProposal | ProblemDetails]:
    """Ask whether an agent may do something: 200, it may; 202, once somebody has approved; 403, it may not.

    Raises:
        errors.UnexpectedStatus: the answer is not in the contract.
        httpx.TransportError: there was no answer, or not in time.
    """

    asked = _get_kwargs(
        workspace_id=workspace_id,
        body=body,
        idempotency_key=idempotency_key,
    )
    return _build_response(client.get_httpx_client().request(**asked))


def sync(
    workspace_id: str,
    *,
    client: AuthenticatedClient,
    body: ProposeAgentActionRequest,
    idempotency_key: str | Unset = UNSET,
) -> AgentActionProposal:
    """Ask whether an agent may do something: 200, it may; 202, once somebody has approved; 403, it may not.

    Raises:
        errors.ApiError: the server says no; the module has the kinds.
        errors.UnexpectedStatus: the answer is not in the contract.
        httpx.TransportError: there was no answer, or not in time.
    """

    answer = sync_detailed(
        workspace_id=workspace_id,
        client=client,
        body=body,
        idempotency_key=idempotency_key,
    )
    return cast("AgentActionProposal", errors.success(answer, return_problems=client.return_problems))


async def asyncio_detailed(
    workspace_id: str,
    *,
    client: AuthenticatedClient,
    body: ProposeAgentActionRequest,
    idempotency_key: str | Unset = UNSET,
) -> Response[AgentActionProposal | ProblemDetails]:
    """Ask whether an agent may do something: 200, it may; 202, once somebody has approved; 403, it may not.

    Raises:
        errors.UnexpectedStatus: the answer is not in the contract.
        httpx.TransportError: there was no answer, or not in time.
    """

    asked = _get_kwargs(
        workspace_id=workspace_id,
        body=body,
        idempotency_key=idempotency_key,
    )
    return _build_response(await client.get_async_httpx_client().request(**asked))


async def asyncio(
    workspace_id: str,
    *,
    client: AuthenticatedClient,
    body: ProposeAgentActionRequest,
    idempotency_key: str | Unset = UNSET,
) -> AgentActionProposal:
    """Ask whether an agent may do something: 200, it may; 202, once somebody has approved; 403, it may not.

    Raises:
        errors.ApiError: the server says no; the module has the kinds.
        errors.UnexpectedStatus: the answer is not in the contract.
        httpx.TransportError: there was no answer, or not in time.
    """

    answer = await asyncio_detailed(
        workspace_id=workspace_id,
        client=client,
        body=body,
        idempotency_key=idempotency_key,
    )
    return cast("AgentActionProposal", errors.success(answer, return_problems=client.return_problems))
