from __future__ import annotations

from http import HTTPStatus
from typing import Any, cast
from urllib.parse import quote

import httpx

from ... import errors
from ...client import AuthenticatedClient
from ...models.problem_details import ProblemDetails
from ...models.work_item_assignment_v1 import WorkItemAssignmentV1
from ...types import Response


def _get_kwargs(
    workspace_id: str,
    work_item_id: str,
) -> dict[str, Any]:

    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/v1/workspaces/{workspace_id}/work-items/{work_item_id}/assignment".format(
            workspace_id=quote(str(workspace_id), safe=""),
            work_item_id=quote(str(work_item_id), safe=""),
        ),
    }
    return _kwargs


def _parse_response(response: httpx.Response) -> ProblemDetails | WorkItemAssignmentV1:
    if response.status_code == 200:
        response_200 = WorkItemAssignmentV1.from_dict(response.json())

        return response_200

    return errors.problem(response)


def _build_response(response: httpx.Response) -> Response[ProblemDetails | WorkItemAssignmentV1]:
    parsed = _parse_response(response)
    return Response(HTTPStatus(response.status_code), response.content, response.headers, parsed)


def sync_detailed(
    workspace_id: str,
    work_item_id: str,
    *,
    client: AuthenticatedClient,
) -> Response[ProblemDetails | WorkItemAssignmentV1]:
    """Who works on it.

    Raises:
        errors.UnexpectedStatus: the answer is not in the contract.
        httpx.TransportError: there was no answer, or not in time.
    """

    asked = _get_kwargs(
        workspace_id=workspace_id,
        work_item_id=work_item_id,
    )
    return _build_response(client.get_httpx_client().request(**asked))


def sync(
    workspace_id: str,
    work_item_id: str,
    *,
    client: AuthenticatedClient,
) -> WorkItemAssignmentV1:
    """Who works on it.

    Raises:
        errors.ApiError: the server says no; the module has the kinds.
        errors.UnexpectedStatus: the answer is not in the contract.
        httpx.TransportError: there was no answer, or not in time.
    """

    answer = sync_detailed(
        workspace_id=workspace_id,
        work_item_id=work_item_id,
        client=client,
    )
    return cast("WorkItemAssignmentV1", errors.success(answer, return_problems=client.return_problems))


async def asyncio_detailed(
    workspace_id: str,
    work_item_id: str,
    *,
    client: AuthenticatedClient,
) -> Response[ProblemDetails | WorkItemAssignmentV1]:
    """Who works on it.

    Raises:
        errors.UnexpectedStatus: the answer is not in the contract.
        httpx.TransportError: there was no answer, or not in time.
    """

    asked = _get_kwargs(
        workspace_id=workspace_id,
        work_item_id=work_item_id,
    )
    return _build_response(await client.get_async_httpx_client().request(**asked))


async def asyncio(
    workspace_id: str,
    work_item_id: str,
    *,
    client: AuthenticatedClient,
) -> WorkItemAssignmentV1:
    """Who works on it.

    Raises:
        errors.ApiError: the server says no; the module has the kinds.
        errors.UnexpectedStatus: the answer is not in the contract.
        httpx.TransportError: there was no answer, or not in time.
    """

    answer = await asyncio_detailed(
        workspace_id=workspace_id,
        work_item_id=work_item_id,
        client=client,
    )
    return cast("WorkItemAssignmentV1", errors.success(answer, return_problems=client.return_problems))
