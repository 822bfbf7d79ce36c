"""Providers, and what tokens say about themselves."""

import pytest

from cl_client import AuthProvider, JWTAuthProvider, NoAuthProvider, Result, ServerConfig, ServerPref, get_default_auth
from cl_client.auth import bearer_of, token_claims
from cl_client.config import ComputeClientConfig
from cl_client.exceptions import ComputeClientError


async def test_a_guest_has_no_headers():
    assert isinstance(get_default_auth(), NoAuthProvider)
    assert NoAuthProvider().get_headers() == {}
    assert repr(NoAuthProvider()) == "NoAuthProvider()"
    assert await NoAuthProvider().replace_token("any") is False


def test_a_provider_has_to_give_headers():
    with pytest.raises(TypeError):
        AuthProvider()


async def test_a_token_stays_what_it_is(token_of):
    token = token_of()
    provider = JWTAuthProvider(token=token)
    await provider.refresh_token_if_needed()
    assert provider.get_headers() == {"Authorization": f"Bearer {token}"}
    assert await provider.replace_token(token) is False
    assert token not in repr(provider)


async def test_a_token_may_come_from_elsewhere():
    async def fresh():
        return "fresh"

    provider = JWTAuthProvider(get_valid_token_async=fresh)
    with pytest.raises(ValueError, match="No token yet"):
        provider.get_token()
    await provider.refresh_token_if_needed()
    assert provider.get_token() == "fresh"
    assert JWTAuthProvider(get_cached_token=lambda: "cached").get_token() == "cached"
    assert "session" in repr(provider) or "…" in repr(provider)


def test_a_provider_needs_a_token_or_a_source():
    with pytest.raises(ValueError, match="^Either token or session_manager"):
        JWTAuthProvider()


@pytest.mark.parametrize(("left", "refresh"), [(1800, False), (59, True), (-10, True)])
def test_a_token_is_renewed_in_its_last_minute(token_of, left, refresh):
    assert JWTAuthProvider(token="t").should_refresh(token_of(expires_in=left)) is refresh


@pytest.mark.parametrize("token", ["", "no-jwt", "a.b.c", "a.bnVsbA.c", "a.eyJleHAiOiJ4In0.c", "a.eyJleHAiOjFlOTl9.c"])
def test_what_does_not_say_is_never_renewed(token):
    provider = JWTAuthProvider(token="t")
    assert provider._parse_token_expiry(token) is None
    assert provider.should_refresh(token) is False


def test_claims_are_read_unverified(token_of):
    assert token_claims(token_of("42"))["id"] == "42"
    assert bearer_of({"Authorization": "Bearer x"}) == "x"
    assert bearer_of({"Authorization": "Basic x"}) is None
    assert bearer_of({}) is None


def test_configuration_has_the_documented_defaults():
    config = ServerConfig()
    assert (config.auth_url, config.compute_url, config.store_url) == (
        "http://localhost:8000",
        "http://localhost:8002",
        "http://localhost:8001",
    )
    assert (config.mqtt_broker, config.mqtt_port, config.mqtt_url) == ("localhost", 1883, "mqtt://localhost:1883")
    assert config == ServerConfig()


@pytest.mark.parametrize(
    ("environment", "broker"),
    [
        ({"MQTT_BROKER_HOST": "d", "MQTT_BROKER": "c", "MQTT_BROKER_PORT": "1", "MQTT_PORT": "2"}, ("d", 1)),
        ({"MQTT_BROKER": "c", "MQTT_PORT": "2", "MQTT_URL": "mqtt://n:3"}, ("c", 2)),
        ({"MQTT_URL": "mqtt://n:3"}, ("n", 3)),
        ({"MQTT_URL": "mqtt://n"}, ("n", 1883)),
        ({}, ("localhost", 1883)),
    ],
)
def test_every_generation_of_names_is_read(environment, broker):
    config = ServerConfig.from_env(environment)
    assert (config.mqtt_broker, config.mqtt_port) == broker
    pref = ServerPref.from_env({**environment, "AUTH_URL": "http://a"})
    assert (pref.mqtt_broker, pref.mqtt_port, pref.auth_url) == (*broker, "http://a")


@pytest.mark.parametrize("url", ["mqtts://b", "http://b", "mqtt://", "mqtt://u:secret@b"])
def test_a_wrong_broker_is_named_without_its_secrets(url):
    with pytest.raises(ValueError, match="mqtt://host:port") as caught:
        ServerPref(mqtt_url=url)
    assert "secret" not in str(caught.value)


def test_a_wrong_port_is_named():
    with pytest.raises(ValueError, match="'x'"):
        ServerConfig.from_env({"MQTT_PORT": "x"})


def test_endpoints_are_known_by_task_type():
    assert ComputeClientConfig.get_plugin_endpoint("exif") == "/jobs/exif"
    with pytest.raises(ValueError, match=r"Unknown task type: 'blur'\. Available: clip_embedding"):
        ComputeClientConfig.get_plugin_endpoint("blur")


def test_a_result_without_a_cause_still_raises():
    with pytest.raises(ComputeClientError, match="nothing"):
        Result[int](success=True).value_or_throw()
    assert Result(success=True, data=0).value_or_throw() == 0
