from __future__ import annotations

from http import HTTPStatus
from io import BytesIO
from typing import Any, cast
from urllib.parse import quote

import httpx

from ... import errors
from ...client import AuthenticatedClient
from ...models.problem_details import ProblemDetails
from ...types import File, Response


def _get_kwargs(
    workspace_id: str,
    sha256: str,
) -> dict[str, Any]:

    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/v1/workspaces/{workspace_id}/files/{sha256}".format(
            workspace_id=quote(str(workspace_id), safe=""),
            sha256=quote(str(sha256), safe=""),
        ),
    }
    return _kwargs


def _parse_response(response: httpx.Response) -> File | ProblemDetails:
    if response.status_code == 200:
        response_200 = File(payload=BytesIO(response.content))

        return response_200

    return errors.problem(response)


def _build_response(response: httpx.Response) -> Response[File | ProblemDetails]:
    parsed = _parse_response(response)
    return Response(HTTPStatus(response.status_code), response.content, response.headers, parsed)


def sync_detailed(
    workspace_id: str,
    sha256: str,
    *,
    client: AuthenticatedClient,
) -> Response[File | ProblemDetails]:
    """The content of a file that was uploaded, or that an action of a run has made.

    Raises:
        errors.UnexpectedStatus: the answer is not in the contract.
        httpx.TransportError: there was no answer, or not in time.
    """

    asked = _get_kwargs(
        workspace_id=workspace_id,
        sha256=sha256,
    )
    return _build_response(client.get_httpx_client().request(**asked))


def sync(
    workspace_id: str,
    sha256: str,
    *,
    client: AuthenticatedClient,
) -> File:
    """The content of a file that was uploaded, or that an action of a run has made.

    Raises:
        errors.ApiError: the server says no; the module has the kinds.
        errors.UnexpectedStatus: the answer is not in the contract.
        httpx.TransportError: there was no answer, or not in time.
    """

    answer = sync_detailed(
        workspace_id=workspace_id,
        sha256=sha256,
        client=client,
    )
    return cast("File", errors.success(answer, return_problems=client.return_problems))


async def asyncio_detailed(
    workspace_id: str,
    sha256: str,
    *,
    client: AuthenticatedClient,
) -> Response[File | ProblemDetails]:
    """The content of a file that was uploaded, or that an action of a run has made.

    Raises:
        errors.UnexpectedStatus: the answer is not in the contract.
        httpx.TransportError: there was no answer, or not in time.
    """

    asked = _get_kwargs(
        workspace_id=workspace_id,
        sha256=sha256,
    )
    return _build_response(await client.get_async_httpx_client().request(**asked))


async def asyncio(
    workspace_id: str,
    sha256: str,
    *,
    client: AuthenticatedClient,
) -> File:
    """The content of a file that was uploaded, or that an action of a run has made.

    Raises:
        errors.ApiError: the server says no; the module has the kinds.
        errors.UnexpectedStatus: the answer is not in the contract.
        httpx.TransportError: there was no answer, or not in time.
    """

    answer = await asyncio_detailed(
        workspace_id=workspace_id,
        sha256=sha256,
        client=client,
    )
    return cast("File", errors.success(answer, return_problems=client.return_problems))
