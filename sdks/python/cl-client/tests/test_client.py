"""The calls: what is sent, what is read, which error it is."""

from unittest.mock import AsyncMock, MagicMock, patch

import httpx
import pytest

import cl_client
from cl_client import (
    AuthenticationError,
    ComputeClient,
    JobNotFoundError,
    ServerConfig,
    ServerPref,
    StatusError,
)
from cl_client.exceptions import ComputeClientError, PermissionError, WorkerUnavailableError
from cl_client.results import EmbeddingResult, HashResult, PluginResult

REFUSED = httpx.ConnectError("no")
REFUSED.__cause__ = ConnectionRefusedError()


async def test_making_a_client_connects_to_nothing():
    client = ComputeClient("http://yard.invalid", mqtt_broker="broker.invalid", mqtt_port=1)
    assert client.base_url == "http://yard.invalid"
    assert client.timeout == 30.0
    assert client._mqtt._link.state == "idle"
    await client.close()


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ({}, ("http://env:2", "env", 1884)),
        ({"server_config": ServerConfig(compute_url="http://c/", mqtt_broker="c")}, ("http://c", "c", 1883)),
        ({"server_pref": ServerPref(compute_url="http://p", mqtt_url="mqtt://p:9")}, ("http://p", "p", 9)),
        ({"base_url": "http://b", "mqtt_url": "mqtt://u:7"}, ("http://b", "u", 7)),
        ({"mqtt_broker": "m", "mqtt_port": 5}, ("http://env:2", "m", 5)),
    ],
)
async def test_arguments_win_over_configuration_over_environment(monkeypatch, options, found):
    monkeypatch.setenv("COMPUTE_URL", "http://env:2")
    monkeypatch.setenv("MQTT_BROKER_HOST", "env")
    monkeypatch.setenv("MQTT_BROKER_PORT", "1884")
    async with ComputeClient(**options) as client:
        assert (client.base_url, client._mqtt.broker, client._mqtt.port) == found


async def test_a_token_never_shows_in_a_repr(connect, yard, token_of):
    token = token_of()
    assert token not in repr(connect(yard, token=token))


async def test_a_job_that_is_not_there_is_no_http_error(connect, yard):
    with pytest.raises(JobNotFoundError, match="no-such-job") as caught:
        await connect(yard).get_job("no-such-job")
    assert not isinstance(caught.value, httpx.HTTPStatusError)
    assert isinstance(caught.value.__cause__, httpx.HTTPStatusError)
    assert (caught.value.job_id, caught.value.request_id) == ("no-such-job", "req-1")


@pytest.mark.parametrize(("status", "error"), [(401, AuthenticationError), (403, PermissionError), (500, StatusError)])
async def test_other_errors_are_http_errors_with_the_servers_words(connect, yard, status, error):
    answer = httpx.Response(status, json={"detail": "Because.", "code": "why"}, headers={"X-Request-Id": "req-2"})
    yard.fault("GET /jobs/x", answer)
    with pytest.raises(httpx.HTTPStatusError, match=r"Because\.; request id req-2") as caught:
        await connect(yard).get_job("x")
    assert type(caught.value) is error
    assert isinstance(caught.value, ComputeClientError)
    assert caught.value.response.status_code == status
    assert (caught.value.code, caught.value.detail, caught.value.request_id) == ("why", "Because.", "req-2")


async def test_field_errors_become_a_sentence(connect, yard):
    detail = [{"type": "greater_than", "loc": ["body", "width"], "msg": "Input should be greater than 0", "input": "0"}]
    yard.fault("POST /jobs/media_thumbnail", httpx.Response(422, json={"detail": detail}))
    with pytest.raises(StatusError, match="width: Input should be greater than 0"):
        await connect(yard).media_thumbnail.generate(b"x", width=0)


async def test_something_that_is_not_json_names_the_address(connect, yard):
    yard.fault("GET /capabilities", httpx.Response(200, text="<html>", headers={"Content-Type": "text/html"}))
    with pytest.raises(ComputeClientError, match=r"http://yard/capabilities .*\(text/html\).*is this the right server"):
        await connect(yard).get_capabilities()


async def test_errors_can_be_made_by_hand():
    assert AuthenticationError("no token").response.status_code == 401
    assert PermissionError("not you").response.status_code == 403
    unavailable = WorkerUnavailableError("hash", {"exif": 1})
    assert "hash" in str(unavailable)
    assert "exif" in str(unavailable)


async def test_a_refused_connection_is_tried_again(connect, yard):
    yard.fault("GET /capabilities", REFUSED, times=2)
    yard.workers = {"hash": 2}
    found = await connect(yard).get_capabilities()
    assert (found.num_workers, found.capabilities) == (1, {"hash": 2})


async def test_a_submission_is_repeated_with_its_key_and_makes_one_job(connect, yard, photo):
    client = connect(yard)
    yard.fault("POST /jobs/hash", httpx.ReadError("reset"), times=2)
    await client.hash.compute(photo)
    sent = yard.seen("POST /jobs/hash")
    assert len(sent) == 3
    assert len({request.headers["Idempotency-Key"] for request in sent}) == 1
    assert len(yard.jobs) == 1
    assert all(b"a picture" in body for body in yard.bodies[:3])


async def test_a_key_of_ones_own_gives_the_same_job(connect, yard, photo):
    client = connect(yard)
    first = await client.hash.compute(photo, idempotency_key="mine")
    second = await client.hash.compute(photo, idempotency_key="mine")
    assert first.job_id == second.job_id


async def test_jobs_are_listed_page_by_page(connect, yard):
    for _ in range(250):
        yard.add()
    client = connect(yard)
    assert len([job async for job in client.jobs()]) == 250
    assert len([job async for job in client.jobs(status="queued", limit=120)]) == 120
    assert [request.url.params["limit"] for request in yard.seen("GET /jobs")] == ["100", "100", "100", "100", "20"]
    with pytest.raises(ValueError, match="limit"):
        await anext(client.jobs(limit=0))


async def test_jobs_are_cancelled_retried_and_deleted_by_their_handle(connect, yard, photo):
    client = connect(yard)
    job = await client.submit("hash", photo)
    assert await job.status() == "queued"
    assert (await job.cancel()).reason == "cancelled"
    with pytest.raises(StatusError) as caught:
        await job.cancel()
    assert caught.value.code == "job_ended"
    with pytest.raises(cl_client.JobFailedError, match="cancelled"):
        await job.result()
    again = await job.retry()
    assert again.id != job.id
    await again.delete()
    with pytest.raises(JobNotFoundError):
        await again.record()
    assert repr(client.job("x")) == "Job('x')"


async def test_map_keeps_the_order_and_the_bound(connect, yard):
    yard.on_submit = [yard.finish]
    client = connect(yard)
    results = [job async for job in client.map("hash", [b"a", b"b", b"c"], concurrency=2, algorithm="md5")]
    assert [job.job_id for job in results] == list(yard.jobs)
    assert b'name="algorithm"\r\n\r\nmd5' in yard.bodies[0]


async def test_map_raises_or_returns_what_failed(connect, yard, tmp_path):
    yard.on_submit = [yard.finish]
    client = connect(yard)

    async def sources():
        yield b"a"
        yield tmp_path / "missing.jpg"

    outcomes = [one async for one in client.map("hash", sources(), return_exceptions=True)]
    assert isinstance(outcomes[1], FileNotFoundError)
    with pytest.raises(FileNotFoundError):
        _ = [one async for one in client.map("hash", sources())]
    with pytest.raises(ValueError, match="concurrency"):
        await anext(client.map("hash", [b"a"], concurrency=0))


async def test_leaving_a_map_early_cancels_the_rest(connect, yard):
    client = connect(yard)
    results = client.map("hash", [b"a", b"b", b"c"], concurrency=3)

    async def end_first(job_id):
        if len(yard.jobs) == 1:
            await yard.finish(job_id)

    yard.on_submit = [end_first]
    assert (await anext(results)).succeeded
    await results.aclose()
    assert len(yard.jobs) <= 3


async def test_the_server_tells_about_itself(connect, yard):
    client = connect(yard)
    info = {"status": "healthy", "service": "Task Server", "version": "v1", "guestMode": "off"}
    yard.fault("GET /", httpx.Response(200, json=info), times=2)
    assert (await client.get_server_info()).version == "v1"
    assert await client.get_guest_mode() is False
    yard.fault("PUT /admin/config/guest-mode", httpx.Response(200, json={"guest_mode": True, "message": "done"}))
    assert await client.update_guest_mode(True) is True
    assert yard.bodies[-1] == b"guest_mode=true"
    yard.fault("GET /admin/jobs/storage/size", httpx.Response(200, json={"total_size": 5, "job_count": 1}))
    assert (await client.get_storage_size()).total_size == 5
    yard.fault("DELETE /admin/jobs/cleanup", httpx.Response(200, json={"deleted_count": 2, "freed_space": 9}))
    assert (await client.cleanup_jobs(days=3)).deleted_count == 2
    assert yard.requests[-1].url.params["days"] == "3"
    yard.fault("GET /plugins", httpx.Response(200, json=[{"name": "hash", "offered": True, "missing": None}]))
    assert (await client.get_plugins())[0].offered


async def test_workers_are_asked_for_where_no_broker_tells(connect, yard):
    yard.workers = {"hash": 1}
    client = connect(yard)
    assert await client.wait_for_workers() is True
    assert await client.wait_for_workers(["hash"], timeout=1)
    with pytest.raises(WorkerUnavailableError) as caught:
        await client.wait_for_workers(["clip_embedding"], timeout=0)
    assert (caught.value.task_type, caught.value.available_capabilities) == ("clip_embedding", {"hash": 1})
    yard.fault("GET /capabilities", httpx.Response(500))
    with pytest.raises(WorkerUnavailableError):
        await client.wait_for_workers(["hash"], timeout=0)


async def test_polling_by_interval_asks_exactly_as_often_as_needed(connect, yard, monkeypatch):
    job_id = yard.add(status="processing")
    client = connect(yard)

    async def sleep(seconds):
        await yard.finish(job_id)

    monkeypatch.setattr("cl_client._waiting.asyncio.sleep", sleep)
    assert (await client.wait_for_job(job_id, poll_interval=0.1)).succeeded
    assert len(yard.seen("GET /jobs/.*")) == 2


async def test_polling_ends_in_time(connect, yard):
    job_id = yard.add(status="processing")
    with pytest.raises(TimeoutError, match=rf"Job {job_id} timeout after 0\.02s \(status: processing\)"):
        await connect(yard).wait_for_job(job_id, poll_interval=0.01, timeout=0.02)


async def test_results_are_typed_beside_the_raw_ones(connect, yard):
    job_id = yard.add()
    await yard.finish(job_id)
    job = await connect(yard).get_job(job_id)
    assert isinstance(job.typed, HashResult)
    assert job.typed.phash == job.task_output["phash"]
    assert job.output_path == "output/hash.json"
    own = job.model_copy(update={"task_type": "blur", "task_output": {"anything": 1}})
    assert type(own.typed) is PluginResult
    clip = job.model_copy(
        update={"task_type": "clip_embedding", "task_output": {"embedding_dim": 2, "normalized": True}}
    )
    assert isinstance(clip.typed, EmbeddingResult)
    assert job.model_copy(update={"task_output": None, "params": {}}).typed is None


async def test_session_and_monitor_can_be_replaced_where_original_tests_do():
    with (
        patch("cl_client.compute_client.MQTTJobMonitor") as monitor,
        patch("cl_client.compute_client.httpx.AsyncClient"),
    ):
        client = ComputeClient()
        answer = MagicMock()
        answer.json.side_effect = [
            {"job_id": "j", "task_type": "hash", "status": "processing", "created_at": 1},
            {"job_id": "j", "task_type": "hash", "status": "completed", "created_at": 1},
        ]
        client._session.get = AsyncMock(return_value=answer)
        client._session.delete = AsyncMock(return_value=MagicMock())
        assert (await client.wait_for_job("j", poll_interval=0.001)).succeeded
        client._session.get.assert_called_with("/jobs/j")
        await client.delete_job("j")
        client._session.delete.assert_called_once_with("/jobs/j")
        monitor.return_value.subscribe_job_updates.return_value = "s"
        assert client.mqtt_subscribe_job_updates(job_id="j", on_complete=print) == "s"
        client.unsubscribe("s")
        monitor.return_value.unsubscribe.assert_called_once_with("s")
        client._session.aclose = AsyncMock()
        await client.close()
        monitor.return_value.close.assert_called_once_with()
