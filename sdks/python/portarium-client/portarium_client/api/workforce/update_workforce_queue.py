from __future__ import annotations

from http import HTTPStatus
from typing import Any, cast
from urllib.parse import quote

import httpx

from ... import errors
from ...client import AuthenticatedClient
from ...models.problem_details import ProblemDetails
from ...models.update_workforce_queue_request import UpdateWorkforceQueueRequest
from ...models.workforce_queue_v1 import WorkforceQueueV1
from ...types import Response


def _get_kwargs(
    workspace_id: str,
    workforce_queue_id: str,
    *,
    body: UpdateWorkforceQueueRequest,
) -> dict[str, Any]:
    headers: dict[str, Any] = {}

    _kwargs: dict[str, Any] = {
        "method": "patch",
        "url": "/v1/workspaces/{workspace_id}/workforce/queues/{workforce_queue_id}".format(
            workspace_id=quote(str(workspace_id), safe=""),
            workforce_queue_id=quote(str(workforce_queue_id), safe=""),
        ),
    }
    _kwargs["json"] = body.to_dict()

    headers["Content-Type"] = "application/json"

    _kwargs["headers"] = headers
    return _kwargs


def _parse_response(response: httpx.Response) -> ProblemDetails | WorkforceQueueV1:
    if response.status_code == 200:
        response_200 = WorkforceQueueV1.from_dict(response.json())

        return response_200

    return errors.problem(response)


def _build_response(response: httpx.Response) -> Response[ProblemDetails | WorkforceQueueV1]:
    parsed = _parse_response(response)
    return Response(HTTPStatus(response.status_code), response.content, response.headers, parsed)


def sync_detailed(
    workspace_id: str,
    workforce_queue_id: str,
    *,
    client: AuthenticatedClient,
    body: UpdateWorkforceQueueRequest,
) -> Response[ProblemDetails | WorkforceQueueV1]:
    """Change what is given.

    Raises:
        errors.UnexpectedStatus: the answer is not in the contract.
        httpx.TransportError: there was no answer, or not in time.
    """

    asked = _get_kwargs(
        workspace_id=workspace_id,
        workforce_queue_id=workforce_queue_id,
        body=body,
    )
    return _build_response(client.get_httpx_client().request(**asked))


def sync(
    workspace_id: str,
    workforce_queue_id: str,
    *,
    client: AuthenticatedClient,
    body: UpdateWorkforceQueueRequest,
) -> WorkforceQueueV1:
    """Change what is given.

    Raises:
        errors.ApiError: the server says no; the module has the kinds.
        errors.UnexpectedStatus: the answer is not in the contract.
        httpx.TransportError: there was no answer, or not in time.
    """

    answer = sync_detailed(
        workspace_id=workspace_id,
        workforce_queue_id=workforce_queue_id,
        client=client,
        body=body,
    )
    return cast("WorkforceQueueV1", errors.success(answer, return_problems=client.return_problems))


async def asyncio_detailed(
    workspace_id: str,
    workforce_queue_id: str,
    *,
    client: AuthenticatedClient,
    body: UpdateWorkforceQueueRequest,
) -> Response[ProblemDetails | WorkforceQueueV1]:
    """Change what is given.

    Raises:
        errors.UnexpectedStatus: the answer is not in the contract.
        httpx.TransportError: there was no answer, or not in time.
    """

    asked = _get_kwargs(
        workspace_id=workspace_id,
        workforce_queue_id=workforce_queue_id,
        body=body,
    )
    return _build_response(await client.get_async_httpx_client().request(**asked))


async def asyncio(
    workspace_id: str,
    workforce_queue_id: str,
    *,
    client: AuthenticatedClient,
    body: UpdateWorkforceQueueRequest,
) -> WorkforceQueueV1:
    """Change what is given.

    Raises:
        errors.ApiError: the server says no; the module has the kinds.
        errors.UnexpectedStatus: the answer is not in the contract.
        httpx.TransportError: there was no answer, or not in time.
    """

    answer = await asyncio_detailed(
        workspace_id=workspace_id,
        workforce_queue_id=workforce_queue_id,
        client=client,
        body=body,
    )
    return cast("WorkforceQueueV1", errors.success(answer, return_problems=client.return_problems))
