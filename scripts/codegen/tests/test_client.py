"""What the client does beside asking: errors, retries, pages, tokens, events. The transport is the seam."""

from __future__ import annotations

import asyncio
import json
import pickle
from collections.abc import Callable, Iterator
from threading import Barrier, Thread
from typing import Any

import httpx
import pytest

import portarium_client
from portarium_client import (
    AuthenticatedClient,
    ClientCredentials,
    Retries,
    aiter_events,
    aiterate,
    await_run,
    errors,
    events,
    iter_events,
    iterate,
    wait_for_run,
)
from portarium_client.api.approvals import decide_approval
from portarium_client.api.machines import deregister_machine, update_machine
from portarium_client.api.runs import get_run, list_runs, start_run
from portarium_client.models import (
    ApprovalDecision,
    DecideApprovalRequest,
    ProblemDetails,
    RunV1,
    StartRunRequest,
    UpdateMachineRequest,
)

Answering = Callable[[httpx.Request], httpx.Response]

RUN: dict[str, Any] = {
    "schemaVersion": 1, "runId": "run-1", "workspaceId": "ws", "workflowId": "wf", "correlationId": "c",
    "executionTier": "Auto", "initiatedByUserId": "u", "status": "Running", "createdAtIso": "2026-02-16T00:00:00.000Z",
}  # fmt: skip
AT_ONCE = Retries(attempts=3, first_wait=0, longest_wait=5)


def client(answering: Answering, **options: Any) -> AuthenticatedClient:
    transport = httpx.MockTransport(answering)
    options = {"token": "t", **options}
    return AuthenticatedClient(base_url="http://yard", httpx_args={"transport": transport}, **options)


def problem(status: int, **more: Any) -> httpx.Response:
    headers = more.pop("headers", {})
    body = {"type": "https://portarium.dev/problems/x", "title": "No", "status": status, **more}
    return httpx.Response(status, json=body, headers=headers)


def answers(*given: httpx.Response | Exception) -> tuple[list[httpx.Request], Answering]:
    """One answer after the other, and what was asked."""
    asked: list[httpx.Request] = []
    left = list(given)

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(httpx.Request(request.method, request.url, headers=request.headers, content=request.read()))
        found = left.pop(0)
        if isinstance(found, Exception):
            raise found
        return found

    return asked, answer


# -------------------------------------------------------------------- answers and errors


def test_all_is_what_is_public() -> None:
    for name in portarium_client.__all__:
        assert getattr(portarium_client, name)


def test_input_is_parameters_on_the_wire() -> None:
    asked, answer = answers(httpx.Response(201, json=RUN))
    run = start_run.sync("ws", client=client(answer), body=StartRunRequest("wf", input={"amount": 5000}))
    assert isinstance(run, RunV1)
    assert json.loads(asked[0].content) == {"workflowId": "wf", "parameters": {"amount": 5000}}


def test_parameters_and_input_have_to_agree() -> None:
    assert StartRunRequest("wf", {"a": 1}, input={"a": 1}).input == {"a": 1}
    with pytest.raises(TypeError, match="two names"):
        StartRunRequest("wf", {"a": 1}, input={"a": 2})
    assert StartRunRequest.from_dict({"workflowId": "wf", "inputPayload": {"a": 1}}).parameters == {"a": 1}


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, errors.BadRequest), (401, errors.Unauthorized), (403, errors.Forbidden), (404, errors.NotFound),
        (409, errors.Conflict), (412, errors.PreconditionFailed), (413, errors.PayloadTooLarge),
        (415, errors.UnsupportedMediaType), (422, errors.ValidationFailed), (429, errors.RateLimited),
        (500, errors.ServerError), (503, errors.ServiceUnavailable), (418, errors.ApiError),
    ],
)  # fmt: skip
def test_a_problem_is_an_error_of_its_kind(status: int, kind: type[errors.ApiError]) -> None:
    answer = problem(status, detail="Because.", errors={"a": ["b"]}, headers={"X-Correlation-Id": "c-7"})
    with pytest.raises(kind) as caught:
        get_run.sync("ws", "run-1", client=client(lambda _: answer))
    assert type(caught.value) is kind
    assert (caught.value.status_code, caught.value.correlation_id) == (status, "c-7")
    assert caught.value.errors == {"a": ["b"]}
    assert "Because." in str(caught.value)
    assert "a: b" in str(caught.value)


async def test_a_problem_is_an_error_without_blocking_too() -> None:
    with pytest.raises(errors.RateLimited) as caught:
        await get_run.asyncio("ws", "run-1", client=client(lambda _: problem(429, headers={"Retry-After": "7"})))
    assert caught.value.retry_after == 7


def test_detailed_functions_return_problems() -> None:
    response = get_run.sync_detailed("ws", "run-1", client=client(lambda _: problem(404)))
    assert response.status_code == 404
    assert isinstance(response.parsed, ProblemDetails)


def test_problems_can_be_values() -> None:
    found: object = get_run.sync("ws", "run-1", client=client(lambda _: problem(404), return_problems=True))
    assert isinstance(found, ProblemDetails)


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(502, html="<h1>Bad Gateway</h1>"),
        httpx.Response(499, json={"type": "x", "title": "y", "status": 499}),
        httpx.Response(200 + 2, json=RUN),
        httpx.Response(500, json=["no"]),
    ],
    ids=["a page", "a status nobody knows", "another success", "a list"],
)
def test_what_is_not_in_the_contract_is_said_to_be(answer: httpx.Response) -> None:
    with pytest.raises(errors.UnexpectedStatus, match=str(answer.status_code)):
        get_run.sync("ws", "run-1", client=client(lambda _: answer))


def test_what_has_no_answer_returns_nothing() -> None:
    asked, answer = answers(httpx.Response(204))
    deregister_machine.sync("ws", "a/b", client=client(answer))
    assert asked[0].url.raw_path == b"/v1/workspaces/ws/machines/a%2Fb"


@pytest.mark.parametrize(
    "error",
    [
        errors.of(
            429, ProblemDetails.from_dict({"type": "t", "title": "Slowly", "status": 429, "errors": {"a": ["b"]}}),
            {"x-correlation-id": "c", "retry-after": "7"},
        ),
        errors.UnexpectedStatus(502, b"<p>?"),
        errors.RunNotFinished("It goes on."),
    ],
    ids=lambda error: type(error).__name__,
)  # fmt: skip
def test_an_error_comes_through_another_process_as_it_is(error: Exception) -> None:
    same = pickle.loads(pickle.dumps(error))
    assert (type(same), str(same)) == (type(error), str(error))
    assert vars(same).keys() == vars(error).keys()
    if isinstance(error, errors.ApiError):
        assert (same.problem.to_dict(), same.retry_after) == (error.problem.to_dict(), error.retry_after)


def test_a_connection_shows_nothing_that_it_sends() -> None:
    connection = AuthenticatedClient("http://yard", "hush", headers={"X-Key": "hush"}, cookies={"session": "hush"})
    assert "hush" not in repr(connection)


# -------------------------------------------------------------------- keys and retries


def test_commands_have_a_key_that_stays_the_same() -> None:
    asked, answer = answers(httpx.ConnectError("gone"), problem(503), httpx.Response(201, json=RUN))
    start_run.sync("ws", client=client(answer, retries=AT_ONCE), body=StartRunRequest("wf"))
    assert len({request.headers["Idempotency-Key"] for request in asked}) == 1
    assert len(asked) == 3


def test_what_was_deleted_already_is_not_found_missing() -> None:
    asked, answer = answers(httpx.ReadTimeout("slow"), httpx.Response(204))
    deregister_machine.sync("ws", "m", client=client(answer, retries=AT_ONCE))
    assert len({request.headers["Idempotency-Key"] for request in asked}) == 1


async def test_what_was_changed_already_is_not_found_changed() -> None:
    asked, answer = answers(problem(503), problem(502), problem(409))
    with pytest.raises(errors.Conflict):
        await update_machine.asyncio(
            "ws", "m", client=client(answer, retries=AT_ONCE), body=UpdateMachineRequest(slots=2)
        )
    assert [request.method for request in asked] == ["PATCH"] * 3
    assert len({request.headers["Idempotency-Key"] for request in asked}) == 1


def test_two_commands_have_two_keys_unless_told() -> None:
    decision = DecideApprovalRequest(ApprovalDecision.APPROVED, "Fine.")
    asked, answer = answers(problem(409), problem(409), problem(409))
    for options in ({}, {}, {"idempotency_key": "mine"}):
        decide_approval.sync_detailed("ws", "a", client=client(answer), body=decision, **options)
    keys = [request.headers["Idempotency-Key"] for request in asked]
    assert len(set(keys)) == 3
    assert keys[2] == "mine"


def test_nothing_is_tried_again_unless_asked_for() -> None:
    asked, answer = answers(problem(503))
    with pytest.raises(errors.ServiceUnavailable):
        get_run.sync("ws", "run-1", client=client(answer))
    assert len(asked) == 1


async def test_what_passes_is_tried_again() -> None:
    asked, answer = answers(
        httpx.ReadTimeout("slow"), problem(429, headers={"Retry-After": "0"}), httpx.Response(200, json=RUN)
    )
    run = await get_run.asyncio("ws", "run-1", client=client(answer, retries=AT_ONCE))
    assert (run.run_id, len(asked)) == ("run-1", 3)


@pytest.mark.parametrize(
    ("given", "tries"),
    [
        ([problem(404)], 1),
        ([problem(429, headers={"Retry-After": "3600"})], 1),
        ([problem(503)] * 3, 3),
    ],
    ids=["what doesn't pass", "a wait longer than ours", "as often as allowed"],
)
def test_there_is_an_end_to_trying(given: list[httpx.Response], tries: int) -> None:
    asked, answer = answers(*given)
    with pytest.raises(errors.ApiError):
        get_run.sync("ws", "run-1", client=client(answer, retries=AT_ONCE))
    assert len(asked) == tries


async def test_a_connection_that_stays_broken_is_said_to_be() -> None:
    asked, answer = answers(*[httpx.ConnectError("gone")] * 6)
    with pytest.raises(httpx.ConnectError):
        await get_run.asyncio("ws", "run-1", client=client(answer, retries=AT_ONCE))
    with pytest.raises(httpx.ConnectError):
        get_run.sync("ws", "run-1", client=client(answer, retries=AT_ONCE))
    assert len(asked) == 6


# -------------------------------------------------------------------- pages


def pages(*cursors: str | None) -> Answering:
    """Pages of one run each; each names the next."""
    by_cursor = {before: (n, after) for n, (before, after) in enumerate(zip((None, *cursors), cursors, strict=False))}

    def answer(request: httpx.Request) -> httpx.Response:
        number, after = by_cursor[request.url.params.get("cursor")]
        more = {} if after is None else {"nextCursor": after, "cursor": after}
        return httpx.Response(200, json={"items": [{**RUN, "runId": f"run-{number}"}], **more})

    return answer


def test_a_list_is_all_its_pages() -> None:
    found = iterate(list_runs.sync, "ws", client=client(pages("a", "b", None)), limit=1)
    assert [run.run_id for run in found] == ["run-0", "run-1", "run-2"]


async def test_a_list_is_all_its_pages_without_blocking() -> None:
    found = aiterate(list_runs.asyncio, "ws", client=client(pages("a", "b", None)), limit=1, max_items=2)
    assert [run.run_id async for run in found] == ["run-0", "run-1"]


def test_a_list_that_leads_in_a_circle_ends() -> None:
    with pytest.raises(errors.PaginationError, match="'a'"):
        list(iterate(list_runs.sync, "ws", client=client(pages("a", "a"))))


def test_no_page_is_asked_for_that_is_not_wanted() -> None:
    asked, answer = answers(httpx.Response(200, json={"items": [RUN, RUN], "nextCursor": "a"}))
    assert len(list(iterate(list_runs.sync, "ws", client=client(answer), max_items=1))) == 1
    assert len(asked) == 1


# -------------------------------------------------------------------- tokens


def test_a_function_is_asked_for_the_token_of_each_request() -> None:
    tokens = iter(["one", "two"])
    asked, answer = answers(httpx.Response(200, json=RUN), httpx.Response(200, json=RUN))
    connection = client(answer, token=lambda: next(tokens))
    for _ in range(2):
        get_run.sync("ws", "run-1", client=connection)
    assert [request.headers["Authorization"] for request in asked] == ["Bearer one", "Bearer two"]


def test_the_prefix_and_the_header_are_the_callers() -> None:
    asked, answer = answers(httpx.Response(200, json=RUN))
    get_run.sync("ws", "run-1", client=client(answer, prefix="", auth_header_name="X-Token"))
    assert asked[0].headers["X-Token"] == "t"


class Issuer:
    """Answers requests for tokens, and knows how many there were."""

    def __init__(self, expires_in: float = 3600) -> None:
        self.asked: list[httpx.Request] = []
        self._expires_in = expires_in

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        body = {"access_token": f"token-{len(self.asked)}", "token_type": "Bearer", "expires_in": self._expires_in}
        return httpx.Response(200, json=body)

    def credentials(self) -> ClientCredentials:
        http: dict[str, object] = {"transport": httpx.MockTransport(self)}
        return ClientCredentials("http://yard", "me", "secret", workspace_id="ws", http=http)


def test_many_callers_ask_once_for_a_token() -> None:
    issuer = Issuer()
    credentials, start, found = issuer.credentials(), Barrier(8), set[str]()

    def ask() -> None:
        start.wait()
        found.add(credentials.token())

    threads = [Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (found, len(issuer.asked)) == ({"token-1"}, 1)
    assert b"client_secret=secret" in issuer.asked[0].content
    assert "secret" not in repr(credentials)


async def test_many_tasks_ask_once_for_a_token() -> None:
    issuer = Issuer()
    credentials = issuer.credentials()
    assert set(await asyncio.gather(*(credentials.token_async() for _ in range(8)))) == {"token-1"}
    assert len(issuer.asked) == 1


def test_a_token_that_has_ended_is_replaced() -> None:
    issuer = Issuer(expires_in=0)
    credentials = issuer.credentials()
    assert (credentials.token(), credentials.token()) == ("token-1", "token-2")


def test_a_token_that_is_refused_is_replaced_once() -> None:
    issuer = Issuer()
    asked, answer = answers(problem(401), httpx.Response(200, json=RUN))
    get_run.sync("ws", "run-1", client=client(answer, token=issuer.credentials()))
    assert [request.headers["Authorization"] for request in asked] == ["Bearer token-1", "Bearer token-2"]


async def test_a_token_that_is_refused_is_replaced_once_without_blocking() -> None:
    issuer = Issuer()
    asked, answer = answers(problem(401), problem(401))
    with pytest.raises(errors.Unauthorized):
        await get_run.asyncio("ws", "run-1", client=client(answer, token=issuer.credentials()))
    assert [request.headers["Authorization"] for request in asked] == ["Bearer token-1", "Bearer token-2"]


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (problem(401, error="invalid_client"), errors.Unauthorized),
        (httpx.Response(200, json={"token": "x"}), errors.UnexpectedStatus),
        (httpx.Response(200, json={"access_token": "hush", "expires_in": "soon"}), errors.UnexpectedStatus),
        (httpx.Response(502, text="?"), errors.UnexpectedStatus),
    ],
    ids=["refused", "without a token", "without an end", "of a proxy"],
)
def test_credentials_that_give_no_token_say_why(answer: httpx.Response, kind: type[Exception]) -> None:
    http: dict[str, object] = {"transport": httpx.MockTransport(lambda _: answer)}
    with pytest.raises(kind) as caught:
        ClientCredentials("http://yard", "me", "secret", http=http).token()
    assert "hush" not in str(caught.value)


# -------------------------------------------------------------------- events


class Cut(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A stream whose connection breaks after what it has said."""

    def __init__(self, text: str) -> None:
        self._text = text.encode()

    def __iter__(self) -> Iterator[bytes]:
        yield self._text
        raise httpx.ReadError("broken")

    async def __aiter__(self) -> Any:
        yield self._text
        raise httpx.ReadError("broken")


def frame(number: int, name: str = "RunStarted", run: str = "run-1") -> str:
    body = {
        "type": f"com.portarium.run.{name}",
        "subject": f"runs/{run}",
        "time": "t",
        "runid": run,
        "data": {"n": number},
    }
    return f"event: {name}\nid: {number}\ndata: {json.dumps(body)}\n\n"


def stream(text: str) -> httpx.Response:
    return httpx.Response(200, stream=Cut(f": connected\n\n{text}"), headers={"Content-Type": "text/event-stream"})


def test_a_stream_goes_on_where_it_broke() -> None:
    asked, answer = answers(stream(frame(1) + "id: 2\ndata: {"), problem(503), stream(frame(2)))
    found = iter_events(client(answer), "ws", after="0")
    assert [next(found).cursor, next(found).cursor] == ["1", "2"]
    assert [request.headers["Last-Event-ID"] for request in asked] == ["0", "1", "1"]


def test_a_stream_that_is_refused_says_so() -> None:
    with pytest.raises(errors.Forbidden):
        next(iter_events(client(lambda _: problem(403)), "ws"))


def unreachable(_: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("nobody is there")


def test_a_stream_that_never_was_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "PATIENCE", 0.1)
    with pytest.raises(httpx.ConnectError):
        next(iter_events(client(unreachable), "ws"))
    with pytest.raises(httpx.ConnectError):
        asyncio.run(anext(aiter_events(client(unreachable), "ws")))  # type: ignore[arg-type]


def waiting_for(*looks: str) -> Answering:
    """The stream tells of another run, then of the end of ours; each look at the run shows the next status."""
    left = list(looks)

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("events:stream"):
            return stream(frame(1, "RunFailed", "run-2") + frame(2, "RunSucceeded"))
        return httpx.Response(200, json={**RUN, "status": left.pop(0)})

    return answer


def test_waiting_ends_with_the_run() -> None:
    assert wait_for_run(client(waiting_for("Running", "Succeeded")), "ws", "run-1", timeout=60).status == "Succeeded"
    assert wait_for_run(client(waiting_for("Cancelled")), "ws", "run-1").status == "Cancelled"


async def test_waiting_ends_with_the_run_without_blocking() -> None:
    run = await await_run(client(waiting_for("Running", "Succeeded")), "ws", "run-1", timeout=60)
    assert run.status == "Succeeded"


async def test_waiting_ends_when_it_has_been_long_enough() -> None:
    def never(request: httpx.Request) -> httpx.Response:
        return stream("") if request.url.path.endswith("events:stream") else httpx.Response(200, json=RUN)

    with pytest.raises(errors.RunNotFinished, match="run-1"):
        wait_for_run(client(never), "ws", "run-1", timeout=0.01)
    with pytest.raises(TimeoutError):
        await await_run(client(never), "ws", "run-1", timeout=0.01)
