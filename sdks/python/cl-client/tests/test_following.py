"""No completion is missed, none is told twice, whatever happens to the broker."""

import asyncio

import httpx
import pytest

from cl_client import AuthenticationError, JobFailedError, JobNotFoundError, JWTAuthProvider, MQTTJobMonitor

DEADLINE = 10


async def test_a_job_is_told_from_its_first_state_to_its_whole_end(told_yard, broker, connect, photo, told):
    client = connect(told_yard, port=broker.port)
    progress, end = told(), told()
    job = await client.hash.compute(photo, on_progress=progress, on_complete=end)
    await told_yard.change(job.job_id, status="processing")
    await told_yard.change(job.job_id, progress=40)
    await told_yard.finish(job.job_id)
    await end.until()
    assert [(one.status, one.progress) for one in progress] == [
        ("queued", 0),
        ("processing", 0),
        ("processing", 40),
        ("completed", 100),
    ]
    assert end[0].task_output == {"media_type": "image", "phash": "ff00"}
    assert end[0].params["output_path"] == "output/hash.json"


async def test_events_of_the_channel_need_no_further_request(told_yard, broker, connect, photo, told):
    client = connect(told_yard, port=broker.port)
    end = told()
    job = await client.hash.compute(photo, on_complete=end)
    asked = len(told_yard.requests)
    await told_yard.finish(job.job_id)
    await end.until()
    assert len(told_yard.requests) == asked


async def test_a_job_that_ends_before_its_submission_is_answered_is_told(told_yard, broker, connect, photo, told):
    told_yard.on_submit = [told_yard.finish]
    client = connect(told_yard, port=broker.port)
    end = told()
    await client.hash.compute(photo, on_complete=end)
    await end.until()
    assert (await client.hash.compute(photo, wait=True, timeout=DEADLINE)).succeeded
    assert len(end) == 1


async def test_waiting_is_ended_by_the_event(told_yard, broker, connect, photo):
    client = connect(told_yard, port=broker.port)
    job = await client.submit("hash", photo)
    waiting = asyncio.create_task(job.result(timeout=DEADLINE))
    await told_yard.change(job.id, status="processing")
    await told_yard.finish(job.id)
    assert (await waiting).status == "completed"
    assert told_yard.seen("GET /jobs/.*") == []


async def test_a_repeated_end_is_told_once(told_yard, broker, connect, photo, told):
    client = connect(told_yard, port=broker.port)
    first, second = told(), told()
    job = await client.hash.compute(photo, on_complete=first)
    await told_yard.finish(job.job_id)
    await told_yard.publish(job.job_id)
    another = await client.hash.compute(photo, on_complete=second)
    await told_yard.finish(another.job_id)
    await second.until()
    assert len(first) == 1


async def test_a_server_of_the_original_kind_is_followed_by_its_shared_topic(told_yard, broker, connect, photo, told):
    told_yard.original = True
    client = connect(told_yard, port=broker.port)
    progress, end = told(), told()
    job = await client.hash.compute(photo, on_progress=progress, on_complete=end)
    await asyncio.wait_for(subscribed(client, "inference/events"), DEADLINE)
    await told_yard.change(job.job_id, status="processing")
    await told_yard.change(job.job_id, progress=40)
    await told_yard.finish(job.job_id)
    await end.until()
    assert [one.progress for one in progress] == sorted(one.progress for one in progress)
    assert end[0].task_output["phash"] == "ff00"  # the event doesn't have it; the record does


async def test_the_original_word_for_failure_ends_a_job(told_yard, broker, connect, photo):
    told_yard.original = True
    client = connect(told_yard, port=broker.port)

    async def fail(job_id):
        await told_yard.change(job_id, status="error", error_message="Truncated File Read")

    told_yard.on_submit = [fail]
    with pytest.raises(JobFailedError, match="Truncated File Read") as caught:
        await client.hash.compute(photo, wait=True, timeout=DEADLINE)
    assert caught.value.job.error_message == "Truncated File Read"


async def test_an_end_that_comes_while_the_broker_is_away_is_told(told_yard, broker, connect, photo, told):
    client = connect(told_yard, port=broker.port)
    end = told()
    job = await client.hash.compute(photo, on_complete=end)
    told_yard.mqtt = None
    await broker.stop()
    await told_yard.finish(job.job_id)
    await end.until()
    assert end[0].task_output is not None


async def test_a_broker_that_comes_back_is_listened_to_again(told_yard, broker, connect, photo, told):
    client = connect(told_yard, port=broker.port)
    end = told()
    job = await client.hash.compute(photo, on_complete=end)
    await broker.stop()
    await broker.start()
    await broker.subscribed(client._mqtt._channel_topic())
    await told_yard.finish(job.job_id)
    await end.until()
    assert end[0].succeeded


async def test_a_job_submitted_elsewhere_is_followed(told_yard, broker, connect, told):
    job_id = told_yard.add()
    client = connect(told_yard, port=broker.port)
    end = told()
    client.subscribe_job_updates(job_id=job_id, on_progress=lambda job: None, on_complete=end)
    await asyncio.wait_for(subscribed(client, f"runyard/users/0/+/{job_id}"), DEADLINE)
    await told_yard.finish(job_id)
    await end.until()
    assert end[0].succeeded


async def test_an_end_with_a_partial_record_is_completed_by_asking(told_yard, broker, connect, photo, told):
    client = connect(told_yard, port=broker.port)
    end = told()
    job = await client.hash.compute(photo, on_complete=end)
    await told_yard.finish(job.job_id, tell=False)
    small = {**told_yard.jobs[job.job_id], "task_output": None, "partial": True}
    topic = f"runyard/users/0/{client._mqtt.channel}/{job.job_id}"
    await told_yard.mqtt.publish(topic, small)
    await end.until()
    assert end[0].task_output["phash"] == "ff00"


async def test_without_a_broker_the_server_holds_its_answer(yard, connect, photo, told):
    client = connect(yard)
    progress, end = told(), told()
    job = await client.hash.compute(photo, on_progress=progress, on_complete=end)
    await progress.until(1)
    await yard.change(job.job_id, status="processing", progress=10)
    await progress.until(2)
    await yard.finish(job.job_id)
    await end.until()
    assert [one.progress for one in progress] == [0, 10, 100]


async def test_waiting_works_without_a_broker(yard, connect, photo):
    client = connect(yard)

    async def later(job_id):
        asyncio.get_running_loop().call_soon(lambda: asyncio.ensure_future(yard.finish(job_id)))

    yard.on_submit = [later]
    assert (await client.hash.compute(photo, wait=True, timeout=DEADLINE)).succeeded


async def test_a_broker_that_refuses_connections_costs_nothing_but_the_events(yard, connect, photo):
    yard.on_submit = [yard.finish]
    client = connect(yard, port=9)  # nobody listens there
    assert (await client.hash.compute(photo, wait=True, timeout=DEADLINE)).succeeded


async def test_waiting_too_long_raises_the_builtin_error(told_yard, broker, connect, photo):
    client = connect(told_yard, port=broker.port)
    with pytest.raises(TimeoutError, match=r"Job .* timeout after 0\.05s \(status: queued\)"):
        await client.hash.compute(photo, wait=True, timeout=0.05)
    assert client._mqtt._job_subscriptions == {}


async def test_a_deleted_job_ends_the_wait(yard, connect, photo):
    client = connect(yard)

    job = await client.submit("hash", photo)
    waiting = asyncio.create_task(job.result(timeout=DEADLINE))
    await job.delete()
    yard.changed.set()
    with pytest.raises(JobNotFoundError):
        await waiting


async def test_who_follows_a_deleted_job_is_told_that_it_is_gone(yard, connect, told):
    client = connect(yard)
    error = told()
    client.subscribe_job_updates("no-such-job", on_complete=lambda job: None, on_error=error)
    await error.until()
    assert isinstance(error[0], JobNotFoundError)


async def test_events_of_a_handle_end_with_the_end(told_yard, broker, connect, photo):
    client = connect(told_yard, port=broker.port)
    job = await client.submit("hash", photo)
    seen = []
    async for event in job.events():
        seen.append(event.status)
        if event.status == "queued":
            await told_yard.change(job.id, status="processing")
        elif event.status == "processing":
            await told_yard.finish(job.id)
    assert seen == ["queued", "processing", "completed"]


async def test_leaving_events_early_leaves_no_subscription(told_yard, broker, connect, photo):
    client = connect(told_yard, port=broker.port)
    events = (await client.submit("hash", photo)).events()
    await anext(events)
    await events.aclose()
    assert client._mqtt._job_subscriptions == {}


async def test_events_of_a_job_that_is_gone_raise(yard, connect):
    client = connect(yard)
    with pytest.raises(JobNotFoundError):
        async for _ in client.job("no-such-job").events():
            pass


async def test_coroutine_callbacks_run_in_order_and_one_that_fails_stops_nobody(
    told_yard, broker, connect, photo, told
):
    client = connect(told_yard, port=broker.port)
    steps = told()

    async def on_progress(job):
        await asyncio.sleep(0)
        steps((job.status, "progress"))
        raise RuntimeError("a bug of the caller's")

    async def on_complete(job):
        steps((job.status, "complete"))

    job = await client.hash.compute(photo, on_progress=on_progress, on_complete=on_complete)
    await told_yard.finish(job.job_id)
    await steps.until(3)
    assert steps == [("queued", "progress"), ("completed", "progress"), ("completed", "complete")]


async def test_many_jobs_at_once_are_each_told_once(told_yard, broker, connect, told):
    client = connect(told_yard, port=broker.port)
    end = told()
    jobs = [await client.hash.compute(b"a picture", on_complete=end) for _ in range(40)]
    await asyncio.gather(*(told_yard.finish(job.job_id) for job in jobs))
    await end.until(40)
    assert sorted(job.job_id for job in end) == sorted(job.job_id for job in jobs)


async def test_a_user_listens_below_the_own_number(told_yard, broker, connect, photo, told, token_of):
    told_yard.user = "7"
    client = connect(told_yard, port=broker.port, token=token_of("7"))
    end = told()
    job = await client.hash.compute(photo, on_complete=end)
    await told_yard.finish(job.job_id)
    await end.until()
    assert client.auth.get_token().encode() in broker.connects[-1]


async def test_a_channel_that_the_broker_refuses_is_not_used(told_yard, broker, connect, photo):
    client = connect(told_yard, port=broker.port)
    broker.refused.add(client._mqtt._channel_topic())
    told_yard.on_submit = [told_yard.finish]
    assert (await client.hash.compute(photo, wait=True, timeout=DEADLINE)).succeeded
    assert "Runyard-Channel" not in told_yard.seen("POST /jobs/hash")[0].headers


async def test_a_token_that_names_no_user_is_followed_by_asking(yard, connect, photo):
    yard.on_submit = [yard.finish]
    client = connect(yard, port=9, token="ry_" + "k" * 40)
    assert (await client.hash.compute(photo, wait=True, timeout=DEADLINE)).succeeded
    assert "Runyard-Channel" not in yard.seen("POST /jobs/hash")[0].headers


async def test_a_new_token_is_told_to_the_broker(told_yard, broker, connect, photo, told, token_of):
    told_yard.user = "7"
    client = connect(told_yard, port=broker.port, token=token_of("7"))
    await client.submit("hash", photo)
    client.auth._token = token_of("7", expires_in=3600)
    end = told()
    job = await client.hash.compute(photo, on_complete=end)
    await told_yard.finish(job.job_id)
    await end.until()
    assert len(broker.connects) == 3  # the yard's own, and one for each token
    assert client.auth.get_token().encode() in broker.connects[-1]


async def test_following_ends_when_the_server_refuses_us(yard, connect, token_of):
    job_id = yard.add()
    yard.token = "another"
    client = connect(yard, token=token_of())
    with pytest.raises(AuthenticationError):
        await client.wait_for_job(job_id, timeout=DEADLINE)


async def test_a_server_that_does_not_hold_answers_is_asked_ever_more_rarely(yard, connect, monkeypatch):
    yard.original = True
    job_id = yard.add()
    pauses = []

    async def sleep(seconds):
        pauses.append(seconds)
        if len(pauses) == 7:
            await yard.finish(job_id)

    client = connect(yard)
    monkeypatch.setattr("cl_client._watch.asyncio.sleep", sleep)
    await client.wait_for_job(job_id)
    assert pauses == [1.0, 1.5, 2.25, 3.375, 5.0625, 7.59375, 10.0]


async def test_asking_survives_answers_that_fail_to_come(yard, connect, monkeypatch):
    job_id = yard.add()
    yard.fault(f"GET /jobs/{job_id}", httpx.Response(200, json=yard.jobs[job_id]))
    yard.fault(f"GET /jobs/{job_id}", httpx.ReadError("broke off"), times=4)

    async def rest(self, limit):
        await yard.finish(job_id)

    monkeypatch.setattr("cl_client._watch.LongPoll._rest", rest)
    assert (await connect(yard).wait_for_job(job_id)).succeeded
    assert yard.faults == []


async def test_closing_ends_everything(told_yard, broker, connect, photo):
    client = connect(told_yard, port=broker.port)
    job = await client.submit("hash", photo)
    client.subscribe_job_updates(job.id, on_complete=print)
    await client.close()
    await client.close()
    assert client._mqtt._job_subscriptions == {}
    assert isinstance(client._mqtt, MQTTJobMonitor)
    assert client._mqtt._link.state == "closed"


async def test_a_look_now_and_then_finds_what_no_event_told(told_yard, broker, connect, photo, told, monkeypatch):
    monkeypatch.setattr("cl_client._watch.SWEEP", 0.05)
    client = connect(told_yard, port=broker.port)
    end = told()
    job = await client.hash.compute(photo, on_complete=end)
    told_yard.fault(f"GET /jobs/{job.job_id}", httpx.ReadTimeout("slow"), times=4)
    await told_yard.finish(job.job_id, tell=False)
    await end.until()
    assert end[0].succeeded


async def test_a_look_that_finds_no_job_ends_the_wait(told_yard, broker, connect, photo, monkeypatch):
    monkeypatch.setattr("cl_client._watch.SWEEP", 0.05)
    client = connect(told_yard, port=broker.port)
    job = await client.submit("hash", photo)
    waiting = asyncio.create_task(job.result(timeout=DEADLINE))
    del told_yard.jobs[job.id]
    with pytest.raises(JobNotFoundError):
        await waiting


async def test_an_end_whose_record_is_gone_is_told_as_far_as_it_is_known(told_yard, broker, connect, photo, told):
    client = connect(told_yard, port=broker.port)
    end = told()
    job = await client.hash.compute(photo, on_complete=end)
    small = {**told_yard.jobs.pop(job.job_id), "status": "failed", "seq": 9, "partial": True}
    await told_yard.mqtt.publish(f"runyard/users/0/{client._mqtt.channel}/{job.job_id}", small)
    await end.until()
    assert end[0].failed


async def test_asking_is_given_up_when_no_answer_comes_for_long(yard, connect, monkeypatch):
    monkeypatch.setattr("cl_client._watch.PATIENCE", -1.0)
    job_id = yard.add()
    yard.fault(f"GET /jobs/{job_id}", httpx.Response(200, json=yard.jobs[job_id]))
    yard.fault(f"GET /jobs/{job_id}", httpx.ReadError("broke off"), times=4)
    with pytest.raises(httpx.ReadError):
        await connect(yard).wait_for_job(job_id)


async def test_jobs_that_nobody_claims_are_forgotten_in_the_end(told_yard, broker, connect, monkeypatch):
    monkeypatch.setattr("cl_client._jobs._UNCLAIMED", 2)
    client = connect(told_yard, port=broker.port)
    jobs = [await client.submit("hash", b"a picture") for _ in range(4)]
    assert [client._mqtt.expected(job.id) is not None for job in jobs] == [False, False, True, True]
    await told_yard.finish(jobs[0].id)
    assert (await jobs[0].result(timeout=DEADLINE)).succeeded


async def test_a_token_that_cannot_be_renewed_leaves_the_broker_alone(yard, connect, photo):
    async def expired():
        raise ValueError("log in first")

    client = connect(yard, port=9)
    client._mqtt._auth = JWTAuthProvider(get_cached_token=lambda: "x", get_valid_token_async=expired)
    assert await client._mqtt.open_channel() is None


async def subscribed(client, topic):
    """The client has the broker's word for a subscription."""
    assert await client._mqtt._link.ready(topic, timeout=10)
