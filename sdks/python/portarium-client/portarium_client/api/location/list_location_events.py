from __future__ import annotations

import datetime
from http import HTTPStatus
from typing import Any, cast
from urllib.parse import quote

import httpx

from ... import errors
from ...client import AuthenticatedClient
from ...models.location_event_list_response import LocationEventListResponse
from ...models.location_purpose import LocationPurpose
from ...models.location_source_type import LocationSourceType
from ...models.problem_details import ProblemDetails
from ...types import UNSET, Response, Unset


def _get_kwargs(
    workspace_id: str,
    *,
    from_iso: datetime.datetime | Unset = UNSET,
    to_iso: datetime.datetime | Unset = UNSET,
    purpose: LocationPurpose | Unset = UNSET,
    asset_id: str | Unset = UNSET,
    site_id: str | Unset = UNSET,
    floor_id: str | Unset = UNSET,
    source_type: LocationSourceType | Unset = UNSET,
    limit: int | Unset = 50,
    cursor: str | Unset = UNSET,
) -> dict[str, Any]:

    params: dict[str, Any] = {}

    json_from_iso: str | Unset = UNSET
    if not isinstance(from_iso, Unset):
        json_from_iso = from_iso.isoformat()
    params["fromIso"] = json_from_iso

    json_to_iso: str | Unset = UNSET
    if not isinstance(to_iso, Unset):
        json_to_iso = to_iso.isoformat()
    params["toIso"] = json_to_iso

    json_purpose: str | Unset = UNSET
    if not isinstance(purpose, Unset):
        json_purpose = purpose.value

    params["purpose"] = json_purpose

    params["assetId"] = asset_id

    params["siteId"] = site_id

    params["floorId"] = floor_id

    json_source_type: str | Unset = UNSET
    if not isinstance(source_type, Unset):
        json_source_type = source_type.value

    params["sourceType"] = json_source_type

    params["limit"] = limit

    params["cursor"] = cursor

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/v1/workspaces/{workspace_id}/location-events".format(
            workspace_id=quote(str(workspace_id), safe=""),
        ),
        "params": params,
    }
    return _kwargs


def _parse_response(response: httpx.Response) -> LocationEventListResponse | ProblemDetails:
    if response.status_code == 200:
        response_200 = LocationEventListResponse.from_dict(response.json())

        return response_200

    return errors.problem(response)


def _build_response(response: httpx.Response) -> Response[LocationEventListResponse | ProblemDetails]:
    parsed = _parse_response(response)
    return Response(HTTPStatus(response.status_code), response.content, response.headers, parsed)


def sync_detailed(
    workspace_id: str,
    *,
    client: AuthenticatedClient,
    from_iso: datetime.datetime | Unset = UNSET,
    to_iso: datetime.datetime | Unset = UNSET,
    purpose: LocationPurpose | Unset = UNSET,
    asset_id: str | Unset = UNSET,
    site_id: str | Unset = UNSET,
    floor_id: str | Unset = UNSET,
    source_type: LocationSourceType | Unset = UNSET,
    limit: int | Unset = 50,
    cursor: str | Unset = UNSET,
) -> Response[LocationEventListResponse | ProblemDetails]:
    """Positions of up to seven days, by default of the last one.

    Raises:
        errors.UnexpectedStatus: the answer is not in the contract.
        httpx.TransportError: there was no answer, or not in time.
    """

    asked = _get_kwargs(
        workspace_id=workspace_id,
        from_iso=from_iso,
        to_iso=to_iso,
        purpose=purpose,
        asset_id=asset_id,
        site_id=site_id,
        floor_id=floor_id,
        source_type=source_type,
        limit=limit,
        cursor=cursor,
    )
    return _build_response(client.get_httpx_client().request(**asked))


def sync(
    workspace_id: str,
    *,
    client: AuthenticatedClient,
    from_iso: datetime.datetime | Unset = UNSET,
    to_iso: datetime.datetime | Unset = UNSET,
    purpose: LocationPurpose | Unset = UNSET,
    asset_id: str | Unset = UNSET,
    site_id: str | Unset = UNSET,
    floor_id: str | Unset = UNSET,
    source_type: LocationSourceType | Unset = UNSET,
    limit: int | Unset = 50,
    cursor: str | Unset = UNSET,
) -> LocationEventListResponse:
    """Positions of up to seven days, by default of the last one.

    Raises:
        errors.ApiError: the server says no; the module has the kinds.
        errors.UnexpectedStatus: the answer is not in the contract.
        httpx.TransportError: there was no answer, or not in time.
    """

    answer = sync_detailed(
        workspace_id=workspace_id,
        client=client,
        from_iso=from_iso,
        to_iso=to_iso,
        purpose=purpose,
        asset_id=asset_id,
        site_id=site_id,
        floor_id=floor_id,
        source_type=source_type,
        limit=limit,
        cursor=cursor,
    )
    return cast("LocationEventListResponse", errors.success(answer, return_problems=client.return_problems))


async def asyncio_detailed(
    workspace_id: str,
    *,
    client: AuthenticatedClient,
    from_iso: datetime.datetime | Unset = UNSET,
    to_iso: datetime.datetime | Unset = UNSET,
    purpose: LocationPurpose | Unset = UNSET,
    asset_id: str | Unset = UNSET,
    site_id: str | Unset = UNSET,
    floor_id: str | Unset = UNSET,
    source_type: LocationSourceType | Unset = UNSET,
    limit: int | Unset = 50,
    cursor: str | Unset = UNSET,
) -> Response[LocationEventListResponse | ProblemDetails]:
    """Positions of up to seven days, by default of the last one.

    Raises:
        errors.UnexpectedStatus: the answer is not in the contract.
        httpx.TransportError: there was no answer, or not in time.
    """

    asked = _get_kwargs(
        workspace_id=workspace_id,
        from_iso=from_iso,
        to_iso=to_iso,
        purpose=purpose,
        asset_id=asset_id,
        site_id=site_id,
        floor_id=floor_id,
        source_type=source_type,
        limit=limit,
        cursor=cursor,
    )
    return _build_response(await client.get_async_httpx_client().request(**asked))


async def asyncio(
    workspace_id: str,
    *,
    client: AuthenticatedClient,
    from_iso: datetime.datetime | Unset = UNSET,
    to_iso: datetime.datetime | Unset = UNSET,
    purpose: LocationPurpose | Unset = UNSET,
    asset_id: str | Unset = UNSET,
    site_id: str | Unset = UNSET,
    floor_id: str | Unset = UNSET,
    source_type: LocationSourceType | Unset = UNSET,
    limit: int | Unset = 50,
    cursor: str | Unset = UNSET,
) -> LocationEventListResponse:
    """Positions of up to seven days, by default of the last one.

    Raises:
        errors.ApiError: the server says no; the module has the kinds.
        errors.UnexpectedStatus: the answer is not in the contract.
        httpx.TransportError: there was no answer, or not in time.
    """

    answer = await asyncio_detailed(
        workspace_id=workspace_id,
        client=client,
        from_iso=from_iso,
        to_iso=to_iso,
        purpose=purpose,
        asset_id=asset_id,
        site_id=site_id,
        floor_id=floor_id,
        source_type=source_type,
        limit=limit,
        cursor=cursor,
    )
    return cast("LocationEventListResponse", errors.success(answer, return_problems=client.return_problems))
