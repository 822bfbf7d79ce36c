from __future__ import annotations

from http import HTTPStatus
from typing import Any, cast
from urllib.parse import quote

import httpx

from ... import errors
from ...client import AuthenticatedClient
from ...models.evidence_category import EvidenceCategory
from ...models.evidence_entry_list_response import EvidenceEntryListResponse
from ...models.problem_details import ProblemDetails
from ...types import UNSET, Response, Unset


def _get_kwargs(
    workspace_id: str,
    *,
    run_id: str | Unset = UNSET,
    plan_id: str | Unset = UNSET,
    work_item_id: str | Unset = UNSET,
    category: EvidenceCategory | Unset = UNSET,
    limit: int | Unset = 50,
    cursor: str | Unset = UNSET,
) -> dict[str, Any]:

    params: dict[str, Any] = {}

    params["runId"] = run_id

    params["planId"] = plan_id

    params["workItemId"] = work_item_id

    json_category: str | Unset = UNSET
    if not isinstance(category, Unset):
        json_category = category.value

    params["category"] = json_category

    params["limit"] = limit

    params["cursor"] = cursor

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/v1/workspaces/{workspace_id}/evidence".format(
            workspace_id=quote(str(workspace_id), safe=""),
        ),
        "params": params,
    }
    return _kwargs


def _parse_response(response: httpx.Response) -> EvidenceEntryListResponse | ProblemDetails:
    if response.status_code == 200:
        response_200 = EvidenceEntryListResponse.from_dict(response.json())

        return response_200

    return errors.problem(response)


def _build_response(response: httpx.Response) -> Response[EvidenceEntryListResponse | ProblemDetails]:
    parsed = _parse_response(response)
    return Response(HTTPStatus(response.status_code), response.content, response.headers, parsed)


def sync_detailed(
    workspace_id: str,
    *,
    client: AuthenticatedClient,
    run_id: str | Unset = UNSET,
    plan_id: str | Unset = UNSET,
    work_item_id: str | Unset = UNSET,
    category: EvidenceCategory | Unset = UNSET,
    limit: int | Unset = 50,
    cursor: str | Unset = UNSET,
) -> Response[EvidenceEntryListResponse | ProblemDetails]:
    """The workspace's evidence.

    Raises:
        errors.UnexpectedStatus: the answer is not in the contract.
        httpx.TransportError: there was no answer, or not in time.
    """

    asked = _get_kwargs(
        workspace_id=workspace_id,
        run_id=run_id,
        plan_id=plan_id,
        work_item_id=work_item_id,
        category=category,
        limit=limit,
        cursor=cursor,
    )
    return _build_response(client.get_httpx_client().request(**asked))


def sync(
    workspace_id: str,
    *,
    client: AuthenticatedClient,
    run_id: str | Unset = UNSET,
    plan_id: str | Unset = UNSET,
    work_item_id: str | Unset = UNSET,
    category: EvidenceCategory | Unset = UNSET,
    limit: int | Unset = 50,
    cursor: str | Unset = UNSET,
) -> EvidenceEntryListResponse:
    """The workspace's evidence.

    Raises:
        errors.ApiError: the server says no; the module has the kinds.
        errors.UnexpectedStatus: the answer is not in the contract.
        httpx.TransportError: there was no answer, or not in time.
    """

    answer = sync_detailed(
        workspace_id=workspace_id,
        client=client,
        run_id=run_id,
        plan_id=plan_id,
        work_item_id=work_item_id,
        category=category,
        limit=limit,
        cursor=cursor,
    )
    return cast("EvidenceEntryListResponse", errors.success(answer, return_problems=client.return_problems))


async def asyncio_detailed(
    workspace_id: str,
    *,
    client: AuthenticatedClient,
    run_id: str | Unset = UNSET,
    plan_id: str | Unset = UNSET,
    work_item_id: str | Unset = UNSET,
    category: EvidenceCategory | Unset = UNSET,
    limit: int | Unset = 50,
    cursor: str | Unset = UNSET,
) -> Response[EvidenceEntryListResponse | ProblemDetails]:
    """The workspace's evidence.

    Raises:
        errors.UnexpectedStatus: the answer is not in the contract.
        httpx.TransportError: there was no answer, or not in time.
    """

    asked = _get_kwargs(
        workspace_id=workspace_id,
        run_id=run_id,
        plan_id=plan_id,
        work_item_id=work_item_id,
        category=category,
        limit=limit,
        cursor=cursor,
    )
    return _build_response(await client.get_async_httpx_client().request(**asked))


async def asyncio(
    workspace_id: str,
    *,
    client: AuthenticatedClient,
    run_id: str | Unset = UNSET,
    plan_id: str | Unset = UNSET,
    work_item_id: str | Unset = UNSET,
    category: EvidenceCategory | Unset = UNSET,
    limit: int | Unset = 50,
    cursor: str | Unset = UNSET,
) -> EvidenceEntryListResponse:
    """The workspace's evidence.

    Raises:
        errors.ApiError: the server says no; the module has the kinds.
        errors.UnexpectedStatus: the answer is not in the contract.
        httpx.TransportError: there was no answer, or not in time.
    """

    answer = await asyncio_detailed(
        workspace_id=workspace_id,
        client=client,
        run_id=run_id,
        plan_id=plan_id,
        work_item_id=work_item_id,
        category=category,
        limit=limit,
        cursor=cursor,
    )
    return cast("EvidenceEntryListResponse", errors.success(answer, return_problems=client.return_problems))
