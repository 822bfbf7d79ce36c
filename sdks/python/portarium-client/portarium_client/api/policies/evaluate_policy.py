from __future__ import annotations

from http import HTTPStatus
from typing import Any, cast
from urllib.parse import quote
from uuid import uuid4

import httpx

from ... import errors
from ...client import AuthenticatedClient
from ...models.evaluate_policy_request import EvaluatePolicyRequest
from ...models.policy_decision import PolicyDecision
from ...models.problem_details import ProblemDetails
from ...types import UNSET, Response, Unset


def _get_kwargs(
    workspace_id: str,
    *,
    body: EvaluatePolicyRequest,
    idempotency_key: str | Unset = UNSET,
) -> dict[str, Any]:
    headers: dict[str, Any] = {}
    if not isinstance(idempotency_key, Unset):
        headers["Idempotency-Key"] = idempotency_key

    headers.setdefault("Idempotency-Key", str(uuid4()))  # so that it may be tried again

    _kwargs: dict[str, Any] = {
        "method": "post",
        "url": "/v1/workspaces/{workspace_id}/policy/evaluate".format(
            workspace_id=quote(str(workspace_id), safe=""),
        ),
    }
    _kwargs["json"] = body.to_dict()

    headers["Content-Type"] = "application/json"

    _kwargs["headers"] = headers
    return _kwargs


def _parse_response(response: httpx.Response) -> PolicyDecision | ProblemDetails:
    if response.status_code == 200:
        response_200 = PolicyDecision.from_dict(response.json())

        return response_200

    return errors.problem(response)


def _build_response(response: httpx.Response) -> Response[PolicyDecision | ProblemDetails]:
    parsed = _parse_response(response)
    return Response(HTTPStatus(response.status_code), response.content, response.headers, parsed)


def sync_detailed(
    workspace_id: str,
    *,
    client: AuthenticatedClient,
    body: EvaluatePolicyRequest,
    idempotency_key: str | Unset = UNSET,
) -> Response[PolicyDecision | ProblemDetails]:
    """Ask whether something may be done: a gate for tools. The answer is recorded; it opens no approval.

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
    body: EvaluatePolicyRequest,
    idempotency_key: str | Unset = UNSET,
) -> PolicyDecision:
    """Ask whether something may be done: a gate for tools. The answer is recorded; it opens no approval.

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
    return cast("PolicyDecision", errors.success(answer, return_problems=client.return_problems))


async def asyncio_detailed(
    workspace_id: str,
    *,
    client: AuthenticatedClient,
    body: EvaluatePolicyRequest,
    idempotency_key: str | Unset = UNSET,
) -> Response[PolicyDecision | ProblemDetails]:
    """Ask whether something may be done: a gate for tools. The answer is recorded; it opens no approval.

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
    body: EvaluatePolicyRequest,
    idempotency_key: str | Unset = UNSET,
) -> PolicyDecision:
    """Ask whether something may be done: a gate for tools. The answer is recorded; it opens no approval.

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
    return cast("PolicyDecision", errors.success(answer, return_problems=client.return_problems))
