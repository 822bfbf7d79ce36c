"""Signing in, profiles, and which servers are used as whom."""

import io
import json

import pytest

from cl_client._wire.errors import UsageError
from cl_client._wire.profiles import ConfigFile
from cl_client.cli.settings import resolve


@pytest.fixture
def typed(monkeypatch):
    """What comes from stdin."""
    return lambda text: monkeypatch.setattr("sys.stdin", io.StringIO(text))


@pytest.fixture
def config(home):
    return ConfigFile(home / ".cl_client" / "config")


@pytest.fixture
def signed_in(run, typed, monkeypatch, server):
    """Ada is signed in with the profile `default`, which knows its servers."""
    typed("pw\n")
    assert run("login", "ada", "--password", "-")[0] == 0
    monkeypatch.delenv("COMPUTE_URL")
    monkeypatch.delenv("AUTH_URL")
    server.requests.clear()


def test_login_keeps_the_token_where_only_its_owner_can_read_it(run, typed, config, server):
    typed("pw\n")
    code, out, _ = run("login", "ada", "--password", "-")
    assert (code, out) == (0, f"Signed in as ada at {server.url}. The token is kept in profile default.\n")
    profile = config.read().profile("default")
    assert profile.server_url == server.url
    assert profile.also == {"auth_url": server.url, "user": "ada"}
    assert config.path.stat().st_mode & 0o777 == 0o600
    assert config.read().current == "default"
    assert profile.api_key not in out


def test_a_wrong_password_is_4_and_keeps_nothing(run, config):
    code, out, err = run("login", "ada", "--password", "wrong")
    assert (code, out) == (4, "")
    assert "Incorrect username or password" in err
    assert not config.path.exists()


@pytest.mark.parametrize("given", ["", "\n"])
def test_a_missing_password_is_wrong_usage(run, typed, given):
    typed(given)
    assert run("login", "ada", "--password", "-")[0] == 2
    assert "--password -" in run("login", "ada")[2]


def test_a_token_from_stdin_is_checked_and_kept(run, typed, config, server):
    token = server.token(server.users[1])
    typed(f"{token}\n")
    assert run("login", "--token", "--profile", "key")[0] == 0
    assert config.read().profile("key").api_key == token
    typed("nonsense\n")
    assert run("login", "--token", "--profile", "key")[0] == 4
    assert config.read().profile("key").api_key == token


def test_whoami(run, signed_in, server):
    code, out, _ = run("whoami")
    assert code == 0
    for part in ("ada", "ai_inference_support", "profile default", server.url):
        assert part in out
    assert json.loads(run("whoami", "--json")[1])["user"] == "ada"


def test_whoami_of_a_guest(run):
    code, out, _ = run("whoami")
    assert code == 0
    assert "guest" in out


def test_the_token_is_used_where_guests_are_refused(run, server, signed_in, photo):
    server.guest_mode = False
    assert run("hash", "compute", photo)[0] == 0
    assert run("logout") == (0, f"Signed out of {server.url}; profile default keeps its addresses.\n", "")
    code, _, err = run("hash", "compute", photo)
    assert code == 4
    assert "cl_client login" in err
    assert run("logout")[1] == "Nobody is signed in with profile default.\n"


def test_name_and_password_of_the_environment_are_enough(run, server, photo, monkeypatch):
    server.guest_mode = False
    monkeypatch.setenv("CL_USERNAME", "ada")
    monkeypatch.setenv("CL_PASSWORD", "pw")
    assert run("hash", "compute", photo)[0] == 0
    monkeypatch.setenv("CL_PASSWORD", "wrong")
    assert run("hash", "compute", photo)[0] == 4


def test_a_token_that_will_soon_expire_is_renewed_and_kept(run, server, config, typed, photo):
    server.token_minutes = 10
    typed("pw\n")
    run("login", "ada", "--password", "-")
    old = config.read().profile("default").api_key
    server.token_minutes = 30
    assert run("jobs", "list")[0] == 0
    renewed = config.read().profile("default").api_key
    assert renewed != old
    assert run("jobs", "list")[0] == 0
    assert config.read().profile("default").api_key == renewed


def test_an_expired_token_is_4_and_says_what_to_do(run, server, typed):
    server.token_minutes = -1
    server.user_of = lambda _: server.users[1]
    typed("pw\n")
    run("login", "ada", "--password", "-")
    code, _, err = run("jobs", "list")
    assert code == 4
    assert "has expired" in err
    assert "cl_client login" in err


def test_login_does_not_take_a_profile_over_for_another_server(run, signed_in, typed, config):
    before = config.path.read_text()
    code, _, err = run("login", "ada", "--password", "pw", "--compute-url", "http://other:8002")
    assert code == 2
    assert "--profile" in err
    assert config.path.read_text() == before


def test_profiles(run, config):
    assert "No profiles yet" in run("profiles")[1]
    assert run("profiles", "add", "lab", "--compute-url", "http://lab:8002/", "--mqtt-url", "mqtt://lab:1884")[0] == 0
    assert run("profiles", "use", "lab")[0] == 0
    code, out, _ = run("profiles")
    assert code == 0
    assert "* " in out
    assert "http://lab:8002" in out
    (row,) = json.loads(run("profiles", "list", "--json")[1])
    assert (row["name"], row["in_use"], row["signed_in"]) == ("lab", True, False)
    assert run("profiles", "use", "--none")[0] == 0
    assert run("profiles", "remove", "lab")[0] == 0
    assert config.read().profiles == {}


@pytest.mark.parametrize(
    "wrong",
    [
        ["profiles", "add", "lab"],
        ["profiles", "add", "lab", "--compute-url", "lab:8002"],
        ["profiles", "add", "a b", "--compute-url", "http://lab"],
        ["profiles", "use", "nope"],
        ["profiles", "use"],
        ["profiles", "remove", "nope"],
        ["--profile", "nope", "jobs", "list"],
    ],
)
def test_profiles_that_cannot_be(run, wrong):
    code, _, err = run(*wrong)
    assert code == 2
    assert err.startswith("Error: ")


def test_an_unknown_profile_says_how_to_make_it(run):
    assert "cl_client profiles add nope --compute-url URL" in run("jobs", "list", "--profile", "nope")[2]


def test_a_profile_that_moves_to_another_server_loses_its_token(run, signed_in, config):
    assert run("profiles", "add", "default", "--compute-url", "http://other:8002")[0] == 0
    assert config.read().profile("default").api_key is None


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "config"
    path.write_text(
        "profile=staging\n"
        "[profile staging]\nserver_url=http://staging:8002\nauth_url=http://staging:8000\napi_key=staged\n"
        "[profile prod]\nserver_url=https://prod\nauth_url=https://auth.prod\nmqtt_url=mqtt://prod:1884\napi_key=produced\n"
        "[profile keyless]\nserver_url=http://keyless:8002\n"
    )
    path.chmod(0o600)
    return ConfigFile(path)


@pytest.mark.parametrize(
    ("flags", "environment", "compute", "auth", "broker", "who"),
    [
        ({}, {}, "http://staging:8002", "http://staging:8000", "mqtt://staging:1883", "staged"),
        ({"profile": "prod"}, {}, "https://prod", "https://auth.prod", "mqtt://prod:1884", "produced"),
        ({"profile": "prod"}, {"COMPUTE_URL": "http://env:1", "CL_TOKEN": "t"}, "https://prod", "https://auth.prod", "mqtt://prod:1884", "produced"),
        ({"profile": "keyless"}, {}, "http://keyless:8002", "http://keyless:8000", "mqtt://keyless:1883", None),
        ({}, {"CL_PROFILE": "prod"}, "https://prod", "https://auth.prod", "mqtt://prod:1884", "produced"),
        ({}, {"CL_TOKEN": "env"}, "http://staging:8002", "http://staging:8000", "mqtt://staging:1883", "env"),
        # The token of a profile that is only in use goes to its own servers, and to no other.
        ({}, {"COMPUTE_URL": "http://env:8002"}, "http://env:8002", "http://staging:8000", "mqtt://env:1883", None),
        ({"auth_url": "http://evil"}, {}, "http://staging:8002", "http://evil", "mqtt://staging:1883", None),
        ({"compute_url": "http://flag:1/"}, {"CL_COMPUTE_URL": "http://env"}, "http://flag:1", "http://staging:8000", "mqtt://flag:1883", None),
        ({}, {"COMPUTE_SERVER_URL": "http://old:8002", "MQTT_BROKER_HOST": "b", "MQTT_PORT": "9"}, "http://old:8002", "http://staging:8000", "mqtt://b:9", None),
        ({}, {"MQTT_URL": "mqtt://m:2", "MQTT_BROKER": "b"}, "http://staging:8002", "http://staging:8000", "mqtt://m:2", "staged"),
        ({"compute_url": "http://[::1]:8002"}, {}, "http://[::1]:8002", "http://staging:8000", "mqtt://[::1]:1883", None),
    ],
)  # fmt: skip
def test_the_order_of_precedence(file, flags, environment, compute, auth, broker, who):
    settings = resolve(**flags, environment=environment, file=file)
    assert (settings.compute.value, settings.auth.value, settings.broker.value) == (compute, auth, broker)
    assert settings.identity.token == who
    assert "staged" not in repr(settings)
    assert "produced" not in repr(settings)


def test_without_anything_everything_is_here(tmp_path):
    settings = resolve(environment={}, file=ConfigFile(tmp_path / "none"))
    assert settings.compute.value == "http://localhost:8002"
    assert settings.auth.value == "http://localhost:8000"
    assert settings.broker_address == ("localhost", 1883)
    assert settings.identity.is_guest


def test_name_and_password_come_before_a_profile_in_use(file):
    settings = resolve(environment={"CL_USERNAME": "ada", "CL_PASSWORD": "pw"}, file=file)
    assert (settings.identity.username, settings.identity.token) == ("ada", None)
    assert "pw" not in repr(settings)


@pytest.mark.parametrize("url", ["lab", "ftp://lab", "http://"])
def test_what_is_no_address_is_said_with_its_source(file, url):
    with pytest.raises(UsageError, match="COMPUTE_URL"):
        resolve(environment={"COMPUTE_URL": url}, file=file)
