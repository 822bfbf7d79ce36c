"""Which key and which server are used, and why."""

import pytest

from ci_client._wire.profiles import ConfigFile
from ci_client.errors import UsageError
from ci_client.settings import resolve


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "config"
    path.write_text(
        "api_key=plain\nprofile=staging\n"
        "[profile staging]\nserver_url=http://staging\napi_key=staged\n"
        "[profile prod]\nserver_url=http://prod\napi_key=produced\n"
        "[profile keyless]\nserver_url=http://keyless\n"
    )
    path.chmod(0o600)
    return ConfigFile(path)


@pytest.mark.parametrize(
    ("flags", "environment", "server", "key"),
    [
        ({}, {}, "http://staging", "staged"),
        ({"api_key": "flag"}, {"CI_API_KEY": "env"}, "http://staging", "flag"),
        ({}, {"CI_API_KEY": "env"}, "http://staging", "env"),
        ({"api_key": ""}, {"CI_API_KEY": "", "CI_SERVER_URL": ""}, "http://staging", "staged"),
        (
            {"profile": "prod"},
            {"CI_API_KEY": "env", "CI_SERVER_URL": "http://env"},
            "http://prod",
            "produced",
        ),
        ({"profile": "prod", "server": "http://flag"}, {}, "http://flag", "produced"),
        ({"profile": "keyless"}, {"CI_API_KEY": "env"}, "http://keyless", "env"),
        ({}, {"CI_PROFILE": "prod"}, "http://prod", "produced"),
        # A profile's key goes to the profile's own server only, unless the profile was named on the command line.
        ({}, {"CI_SERVER_URL": "http://env"}, "http://env", "plain"),
        ({"server": "http://flag"}, {}, "http://flag", "plain"),
    ],
)
def test_the_order_of_precedence(file, flags, environment, server, key):
    settings = resolve(**flags, environment=environment, file=file)
    assert (settings.server_url, settings.key.value) == (server, key)
    assert key not in repr(settings)


def test_without_anything_there_is_the_default_server_and_no_key(tmp_path):
    settings = resolve(environment={}, file=ConfigFile(tmp_path / "none"))
    assert (settings.server_url, settings.key.value) == ("http://localhost:8000", None)
    assert settings.key.source == "not set"


def test_an_unknown_profile_is_an_error_that_lists_the_known(file):
    with pytest.raises(UsageError, match=r"no profile 'nope' \(known: keyless, prod, staging\)"):
        resolve(profile="nope", environment={}, file=file)
