"""What the package is from the outside."""

import subprocess
import sys
from pathlib import Path

import pytest

import ambient_platform

ROOT = Path(__file__).parents[1]
ORIGINAL = {
    "AmbientClient", "CreateSessionRequest", "CreateSessionResponse", "SessionResponse", "SessionListResponse", "RepoHTTP",
    "ErrorResponse", "StatusPending", "StatusRunning", "StatusCompleted", "StatusFailed", "AmbientAPIError",
    "AmbientConnectionError", "SessionNotFoundError", "AuthenticationError",
}  # fmt: skip


def test_all_is_what_is_public():
    for name in ambient_platform.__all__:
        assert getattr(ambient_platform, name) is not None
    assert sorted(ambient_platform.__all__) == ambient_platform.__all__
    assert set(ambient_platform.__all__) >= ORIGINAL


def test_names_are_where_the_original_has_them():
    from ambient_platform import client, exceptions, types

    assert client.AmbientClient is ambient_platform.AmbientClient
    assert types.CreateSessionRequest is ambient_platform.CreateSessionRequest
    assert exceptions.AmbientAPIError is ambient_platform.AmbientAPIError


def test_every_error_is_public_and_drawn():
    from ambient_platform import exceptions

    for name, kind in vars(exceptions).items():
        if isinstance(kind, type) and kind.__module__ == exceptions.__name__:
            assert issubclass(kind, ambient_platform.AmbientAPIError)
            assert name in ambient_platform.__all__
            assert f" {name} " in exceptions.__doc__ or exceptions.__doc__.count(name)


def test_the_original_errors_derive_from_the_base_directly():
    for name in ("AmbientConnectionError", "SessionNotFoundError", "AuthenticationError"):
        assert getattr(ambient_platform, name).__bases__ == (ambient_platform.AmbientAPIError,)


def test_the_version_is_told_once():
    from ambient_platform._version import VERSION

    declared = (ROOT / "pyproject.toml").read_text()
    assert ambient_platform.__version__ == VERSION == "1.0.0"
    assert f'\nversion = "{VERSION}"\n' in declared


def test_httpx_is_the_only_dependency():
    assert '\ndependencies = ["httpx>=0.25"]\n' in (ROOT / "pyproject.toml").read_text()


def test_other_names_are_refused():
    with pytest.raises(AttributeError, match="AmbientServer"):
        _ = ambient_platform.AmbientServer


@pytest.mark.parametrize(
    ("imports", "absent"),
    [
        ("ambient_platform", "httpx typer rich asyncio"),
        ("ambient_platform.client, ambient_platform.async_client", "typer requests pydantic"),
        ("ambient_platform.cli", "httpx ambient_platform.client"),
    ],
)
def test_importing_loads_little(imports, absent):
    code = f"import sys, {imports}; print([name for name in {absent.split()} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
