"""Who may read what, without a broker."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from runyard.identity import Forbidden, InvalidCredential
from runyard.services.compute.mqtt.access import (
    GUESTS,
    YARD,
    Caller,
    SharedEvents,
    broker_secret,
    may,
    shared_events,
    who,
)
from runyard.services.compute.mqtt.broker_url import BrokerUrl, InvalidBrokerUrl, broker_url
from runyard.settings import Settings
from runyard.yard import Yard

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
ADA = Caller(7)


def allowed(
    caller: Caller, topic: str, action: str = "subscribe", *, guests: bool = True, shared: SharedEvents = "all"
) -> bool:
    return may(caller, action, topic, now=NOW, guests=guests, shared_events=shared)  # type: ignore[arg-type]


@pytest.mark.parametrize("topic", ["inference/workers/w-1", "inference/events", "runyard/users/7/-/x", "anything"])
@pytest.mark.parametrize("caller", [ADA, GUESTS])
def test_only_the_yard_publishes(caller: Caller, topic: str) -> None:
    assert not allowed(caller, topic, "publish")
    assert allowed(YARD, topic, "publish")


@pytest.mark.parametrize(
    ("filter_", "ada", "guest"),
    [
        ("inference/workers/+", True, True),
        ("inference/workers/w-1", True, True),
        ("inference/events", True, True),
        ("runyard/users/7/channel1/+", True, False),
        ("runyard/users/7/+/some-job", True, False),
        ("runyard/users/7/#", True, False),
        ("runyard/users/0/channel1/+", False, True),
        ("runyard/users/8/channel1/+", False, False),
        ("runyard/users/77/channel1/+", False, False),
        ("runyard/users/7", False, False),
        ("runyard/users/+/channel1/+", False, False),
        ("runyard/users/#", False, False),
        ("runyard/+/7/channel1/+", False, False),
        ("+/users/7/channel1/+", False, False),
        ("runyard/#", False, False),
        ("inference/workers/#", False, False),
        ("inference/workers/+/+", False, False),
        ("inference/+", False, False),
        ("inference/#", False, False),
        ("+/events", False, False),
        ("#", False, False),
        ("+", False, False),
        ("$SYS/#", False, False),
        ("$share/g/inference/events", False, False),
        ("", False, False),
    ],
)
def test_what_may_be_subscribed_to(filter_: str, ada: bool, guest: bool) -> None:
    assert (allowed(ADA, filter_), allowed(GUESTS, filter_)) == (ada, guest)
    assert allowed(YARD, filter_)


def test_guests_that_are_shut_out_receive_no_jobs_any_more() -> None:
    assert not allowed(GUESTS, "runyard/users/0/channel1/x", "receive", guests=False)
    assert allowed(GUESTS, "inference/workers/w-1", "receive", guests=False)
    assert allowed(ADA, "runyard/users/7/channel1/x", "receive", guests=False)


def test_the_topic_of_all_can_be_closed() -> None:
    assert not allowed(ADA, "inference/events", shared="off")
    assert not allowed(ADA, "inference/events", "receive", shared="off")


def test_an_expired_token_reads_nothing() -> None:
    expired, good = Caller(7, until=NOW), Caller(7, until=NOW + timedelta(seconds=1))
    for topic in ("runyard/users/7/-/x", "inference/events", "inference/workers/w-1"):
        assert not allowed(expired, topic, "receive")
        assert allowed(good, topic, "receive")


async def test_who_a_client_is(mqtt_yard: Yard) -> None:
    identity = mqtt_yard.identity
    user = await identity.users.create(name="Ada", login="ada-who")
    token = await identity.tokens.issue(user)
    key = (await identity.keys.issue(user.id, kind="ry")).secret.reveal()

    async def found(username: str | None, password: str | None) -> Caller:
        return await who(username, password, secret="s3cret", authenticate=identity.authenticate)

    assert await found(None, None) == GUESTS
    assert await found("worker", "s3cret") == YARD
    by_token = await found("anything", token)
    assert by_token.number == user.number
    assert by_token.until is not None
    assert by_token.until > mqtt_yard.clock()
    assert await found("worker", token) == by_token
    assert await found("", key) == Caller(user.number)
    for username, password in (("ada", "s3cret"), ("ada", ""), ("ada", None), ("worker", "S3cret"), (None, "x")):
        with pytest.raises(InvalidCredential):
            await found(username, password)


async def test_a_key_of_one_project_does_not_read_its_users_events(mqtt_yard: Yard) -> None:
    identity = mqtt_yard.identity
    user = await identity.users.create(name="Eve", login="eve-project")
    await identity.projects.add("apollo", members={user.id: "member"})
    key = (await identity.keys.issue(user.id, kind="ry", project="apollo")).secret.reveal()
    with pytest.raises(Forbidden, match="one project"):
        await who("x", key, secret="s", authenticate=identity.authenticate)


def test_the_brokers_secret_is_made_once_and_kept_private(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        secrets = set(pool.map(lambda _: broker_secret(tmp_path), range(8)))
    assert len(secrets) == 1
    assert len(secrets.pop()) > 40
    path = tmp_path / "keys" / "broker.secret"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert [one.name for one in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, "all"),
        ({"host": "0.0.0.0"}, "guests"),
        ({"mqtt_url": SecretStr("mqtt://127.0.0.1")}, "all"),
        ({"mqtt_url": SecretStr("mqtt://broker.example.com")}, "guests"),
        ({"mqtt_url": SecretStr("off")}, "all"),
        ({"host": "0.0.0.0", "mqtt_shared_events": "all"}, "all"),
        ({"mqtt_shared_events": "off"}, "off"),
    ],
)
def test_whose_jobs_everybody_is_told_of(settings: dict[str, object], expected: str) -> None:
    assert shared_events(Settings(**settings)) == expected  # type: ignore[arg-type]


def test_a_url_names_a_broker() -> None:
    url = BrokerUrl.parse("mqtts://ada:p%40ss@broker.example.com")
    assert (url.host, url.port, url.tls, url.username, url.password) == (
        "broker.example.com",
        8883,
        True,
        "ada",
        "p@ss",
    )
    assert str(url) == "mqtts://broker.example.com:8883"
    assert "p@ss" not in repr(url)
    assert str(BrokerUrl.parse("mqtt://[::1]:2000/")) == "mqtt://[::1]:2000"
    assert broker_url(Settings(mqtt_url=SecretStr("off"))) is None
    assert broker_url(Settings(mqtt_url=None)) is None


@pytest.mark.parametrize(
    "bad",
    [
        "http://ada:hidden@host", "mqtt://", "mqtt://ada:hidden@host:port", "mqtt://host:99999", "mqtt://host/topic",
        "host:1883", "", "mqtt://ada:hid@den@", "mqtt://host?x=1",
    ],
)  # fmt: skip
def test_what_names_no_broker_is_refused_without_its_password(bad: str) -> None:
    with pytest.raises(InvalidBrokerUrl, match="is no URL of a broker") as refused:
        BrokerUrl.parse(bad)
    assert "hid" not in str(refused.value)
    assert "mqtt://user:password@host:1883" in str(refused.value)
