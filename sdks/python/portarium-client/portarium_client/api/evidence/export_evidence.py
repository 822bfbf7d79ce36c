from __future__ import annotations

from http import HTTPStatus
from io import BytesIO
from typing import Any, cast
from urllib.parse import quote

import httpx

from ... import errors
from ...client import AuthenticatedClient
from ...models.problem_details import ProblemDetails
from ...types import UNSET, File, Response, Unset


def _get_kwargs(
    workspace_id: str,
    *,
    run_id: str | Unset = UNSET,
) -> dict[str, Any]:

    params: dict[str, Any] = {}

    params["runId"] = run_id

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/v1/workspaces/{workspace_id}/evidence/bundle".format(
            workspace_id=quote(str(workspace_id), safe=""),
        ),
        "params": params,
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
    *,
    client: AuthenticatedClient,
    run_id: str | Unset = UNSET,
) -> Response[File | ProblemDetails]:
    """Everything, or what is about one run, with proofs: a zip file for `runyard evidence verify`.

    Raises:
        errors.UnexpectedStatus: the answer is not in the contract.
        httpx.TransportError: there was no answer, or not in time.
    """

    asked = _get_kwargs(
        workspace_id=workspace_id,
        run_id=run_id,
    )
    return _build_response(client.get_httpx_client().request(**asked))


def sync(
    workspace_id: str,
    *,
    client: AuthenticatedClient,
    run_id: str | Unset = UNSET,
) -> File:
    """Everything, or what is about one run, with proofs: a zip file for `runyard evidence verify`.

    Raises:
        errors.ApiError: the server says no; the module has the kinds.
        errors.UnexpectedStatus: the answer is not in the contract.
        httpx.TransportError: there was no answer, or not in time.
    """

    answer = sync_detailed(
        workspace_id=workspace_id,
        client=client,
        run_id=run_id,
    )
    return cast("File", errors.success(answer, return_problems=client.return_problems))


async def asyncio_detailed(
    workspace_id: str,
    *,
    client: AuthenticatedClient,
    run_id: str | Unset = UNSET,
) -> Response[File | ProblemDetails]:
    """Everything, or what is about one run, with proofs: a zip file for `runyard evidence verify`.

    Raises:
        errors.UnexpectedStatus: the answer is not in the contract.
        httpx.TransportError: there was no answer, or not in time.
    """

    asked = _get_kwargs(
        workspace_id=workspace_id,
        run_id=run_id,
    )
    return _build_response(await client.get_async_httpx_client().request(**asked))


async def asyncio(
    workspace_id: str,
    *,
    client: AuthenticatedClient,
    run_id: str | Unset = UNSET,
) -> File:
    """Everything, or what is about one run, with proofs: a zip file for `runyard evidence verify`.

    Raises:
        errors.ApiError: the server says no; the module has the kinds.
        errors.UnexpectedStatus: the answer is not in the contract.
        httpx.TransportError: there was no answer, or not in time.
    """

    answer = await asyncio_detailed(
        workspace_id=workspace_id,
        client=client,
        run_id=run_id,
    )
    return cast("File", errors.success(answer, return_problems=client.return_problems))
