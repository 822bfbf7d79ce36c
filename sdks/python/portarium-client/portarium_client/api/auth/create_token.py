from __future__ import annotations

from http import HTTPStatus
from typing import Any, cast

import httpx

from ... import errors
from ...client import AuthenticatedClient, Client
from ...models.problem_details import ProblemDetails
from ...models.token_request import TokenRequest
from ...models.token_response import TokenResponse
from ...types import UNSET, Response, Unset


def _get_kwargs(
    *,
    body: TokenRequest | TokenRequest | Unset = UNSET,
) -> dict[str, Any]:
    headers: dict[str, Any] = {}

    _kwargs: dict[str, Any] = {
        "method": "post",
        "url": "/v1/auth/token",
    }
    if isinstance(body, TokenRequest):
        _kwargs["data"] = body.to_dict()

        headers["Content-Type"] = "application/x-www-form-urlencoded"

    if isinstance(body, TokenRequest):
        _kwargs["json"] = body.to_dict()

        headers["Content-Type"] = "application/json"

    _kwargs["headers"] = headers
    return _kwargs


def _parse_response(response: httpx.Response) -> ProblemDetails | TokenResponse:
    if response.status_code == 200:
        response_200 = TokenResponse.from_dict(response.json())

        return response_200

    return errors.problem(response)


def _build_response(response: httpx.Response) -> Response[ProblemDetails | TokenResponse]:
    parsed = _parse_response(response)
    return Response(HTTPStatus(response.status_code), response.content, response.headers, parsed)


def sync_detailed(
    *,
    client: AuthenticatedClient | Client,
    body: TokenRequest | TokenRequest | Unset = UNSET,
) -> Response[ProblemDetails | TokenResponse]:
    """Exchange client credentials for a token. They come in the body, or by HTTP Basic.

    Raises:
        errors.UnexpectedStatus: the answer is not in the contract.
        httpx.TransportError: there was no answer, or not in time.
    """

    asked = _get_kwargs(
        body=body,
    )
    return _build_response(client.get_httpx_client().request(**asked))


def sync(
    *,
    client: AuthenticatedClient | Client,
    body: TokenRequest | TokenRequest | Unset = UNSET,
) -> TokenResponse:
    """Exchange client credentials for a token. They come in the body, or by HTTP Basic.

    Raises:
        errors.ApiError: the server says no; the module has the kinds.
        errors.UnexpectedStatus: the answer is not in the contract.
        httpx.TransportError: there was no answer, or not in time.
    """

    answer = sync_detailed(
        client=client,
        body=body,
    )
    return cast("TokenResponse", errors.success(answer, return_problems=client.return_problems))


async def asyncio_detailed(
    *,
    client: AuthenticatedClient | Client,
    body: TokenRequest | TokenRequest | Unset = UNSET,
) -> Response[ProblemDetails | TokenResponse]:
    """Exchange client credentials for a token. They come in the body, or by HTTP Basic.

    Raises:
        errors.UnexpectedStatus: the answer is not in the contract.
        httpx.TransportError: there was no answer, or not in time.
    """

    asked = _get_kwargs(
        body=body,
    )
    return _build_response(await client.get_async_httpx_client().request(**asked))


async def asyncio(
    *,
    client: AuthenticatedClient | Client,
    body: TokenRequest | TokenRequest | Unset = UNSET,
) -> TokenResponse:
    """Exchange client credentials for a token. They come in the body, or by HTTP Basic.

    Raises:
        errors.ApiError: the server says no; the module has the kinds.
        errors.UnexpectedStatus: the answer is not in the contract.
        httpx.TransportError: there was no answer, or not in time.
    """

    answer = await asyncio_detailed(
        client=client,
        body=body,
    )
    return cast("TokenResponse", errors.success(answer, return_problems=client.return_problems))
