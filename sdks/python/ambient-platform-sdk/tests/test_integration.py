"""The client against a real server: `pytest -m integration`, with `AMBIENT_TOKEN` and `AMBIENT_PROJECT` set.

Any server will do, also one that has the original interface only. Nothing is waited for: its agents may be busy.
"""

import os
import uuid

import pytest

import ambient_platform as ap
from ambient_platform import AmbientClient, CreateSessionRequest

URL, TOKEN, PROJECT = (os.environ.get(f"AMBIENT_{name}") for name in ("API_URL", "TOKEN", "PROJECT"))

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(not (TOKEN and PROJECT), reason="set AMBIENT_TOKEN and AMBIENT_PROJECT (and AMBIENT_API_URL)"),
]


@pytest.fixture
def real():
    with AmbientClient(URL or "http://localhost:8080", TOKEN, PROJECT) as client:
        yield client


def test_a_session_is_created_found_and_listed(real):
    task = f"Say hello to {uuid.uuid4()}"
    created = real.create_session(CreateSessionRequest(task=task))
    found = real.get_session(created.id)
    assert (found.id, found.task) == (created.id, task)
    assert found.status in {ap.StatusPending, ap.StatusRunning, ap.StatusCompleted, ap.StatusFailed}
    assert created.id in [session.id for session in real.list_sessions().items]


def test_what_is_not_there_is_not_found(real):
    with pytest.raises(ap.SessionNotFoundError):
        real.get_session("session-1234567-none")


def test_another_token_is_refused(real):
    with AmbientClient(real.base_url, "sha256~" + "a" * 43, PROJECT) as stranger, pytest.raises(ap.AuthenticationError):
        stranger.list_sessions()
