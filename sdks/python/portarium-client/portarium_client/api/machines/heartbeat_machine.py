from __future__ import annotations

from http import HTTPStatus
from typing import Any, cast
from urllib.parse import quote

import httpx

from ... import errors
from ...client import AuthenticatedClient
from ...models.heartbeat_request import HeartbeatRequest
from ...models.machine_heartbeat import MachineHeartbeat
from ...models.problem_details import ProblemDetails
from ...types import Response


def _get_kwargs(
    workspace_id: str,
    machine_id: str,
    *,
    body: HeartbeatRequest,
) -> dict[str, Any]:
    headers: dict[str, Any] = {}

    _kwargs: dict[str, Any] = {
        "method": "post",
        "url": "/v1/workspaces/{workspace_id}/machines/{machine_id}/heartbeat".format(
            workspace_id=quote(str(workspace_id), safe=""),
            machine_id=quote(str(machine_id), safe=""),
        ),
    }
    _kwargs["json"] = body.to_dict()

    headers["Content-Type"] = "application/json"

    _kwargs["headers"] = headers
    return _kwargs


def _parse_response(response: httpx.Response) -> MachineHeartbeat | ProblemDetails:
    if response.status_code == 200:
        response_200 = MachineHeartbeat.from_dict(response.json())

        return response_200

    return errors.problem(response)


def _build_response(response: httpx.Response) -> Response[MachineHeartbeat | ProblemDetails]:
    parsed = _parse_response(response)
    return Response(HTTPStatus(response.status_code), response.content, response.headers, parsed)


def sync_detailed(
    workspace_id: str,
    machine_id: str,
    *,
    client: AuthenticatedClient,
    body: HeartbeatRequest,
) -> Response[MachineHeartbeat | ProblemDetails]:
    """Hear that a machine lives, and how it is.

    Raises:
        errors.UnexpectedStatus: the answer is not in the contract.
        httpx.TransportError: there was no answer, or not in time.
    """

    asked = _get_kwargs(
        workspace_id=workspace_id,
        machine_id=machine_id,
        body=body,
    )
    return _build_response(client.get_httpx_client().request(**asked))


def sync(
    workspace_id: str,
    machine_id: str,
    *,
    client: AuthenticatedClient,
    body: HeartbeatRequest,
) -> MachineHeartbeat:
    """Hear that a machine lives, and how it is.

    Raises:
        errors.ApiError: the server says no; the module has the kinds.
        errors.UnexpectedStatus: the answer is not in the contract.
        httpx.TransportError: there was no answer, or not in time.
    """

    answer = sync_detailed(
        workspace_id=workspace_id,
        machine_id=machine_id,
        client=client,
        body=body,
    )
    return cast("MachineHeartbeat", errors.success(answer, return_problems=client.return_problems))


async def asyncio_detailed(
    workspace_id: str,
    machine_id: str,
    *,
    client: AuthenticatedClient,
    body: HeartbeatRequest,
) -> Response[MachineHeartbeat | ProblemDetails]:
    """Hear that a machine lives, and how it is.

    Raises:
        errors.UnexpectedStatus: the answer is not in the contract.
        httpx.TransportError: there was no answer, or not in time.
    """

    asked = _get_kwargs(
        workspace_id=workspace_id,
        machine_id=machine_id,
        body=body,
    )
    return _build_response(await client.get_async_httpx_client().request(**asked))


async def asyncio(
    workspace_id: str,
    machine_id: str,
    *,
    client: AuthenticatedClient,
    body: HeartbeatRequest,
) -> MachineHeartbeat:
    """Hear that a machine lives, and how it is.

    Raises:
        errors.ApiError: the server says no; the module has the kinds.
        errors.UnexpectedStatus: the answer is not in the contract.
        httpx.TransportError: there was no answer, or not in time.
    """

    answer = await asyncio_detailed(
        workspace_id=workspace_id,
        machine_id=machine_id,
        client=client,
        body=body,
    )
    return cast("MachineHeartbeat", errors.success(answer, return_problems=client.return_problems))
