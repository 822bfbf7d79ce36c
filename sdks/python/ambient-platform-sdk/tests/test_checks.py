"""What can't work is found before anything is sent, and said."""

import pytest

from ambient_platform import AmbientClient, CreateSessionRequest, RepoHTTP

JWT = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJl"


def made(**given):
    arguments = {"base_url": "http://localhost:8080", "token": "your-token", "project": "your-project", **given}
    client = AmbientClient(**arguments)
    client.close()
    return client


@pytest.mark.parametrize(
    "token",
    ["your-token", "your-bearer-token", "sha256~" + "a" * 43, JWT, "ghp_" + "a" * 36, "gho_" + "A1" * 20, "plainkey12"],
)
def test_tokens_that_may_be_one(token):
    assert made(token=token).token == token


@pytest.mark.parametrize(
    ("token", "words"),
    [
        ("", "Token cannot be empty"),
        (None, "Token cannot be empty"),
        ("short", "Token appears too short to be valid"),
        ("Your-Token-Here", "Token appears to be a placeholder value"),
        ("BEARER", "Token appears to be a placeholder value"),
        ("AMBIENT_TOKEN=sha256~abcdefghijklm", "Token contains 'AMBIENT_TOKEN=' prefix"),
        ("Bearer sha256~abcdefghijklmnop", "white space"),
        ("sha256~abcdefghijklmnop\n", "white space or control characters"),
        ("sha256~abcdéfghijklmnop", "white space or control characters"),
        ("sha256~short", "looks like an OpenShift token"),
        ("ghp_tooshort12", "looks like a GitHub token"),
        ("eyJhbGciOiJFUzI1NiJ9.eyJzdWIi", "looks like a JWT"),
        ("aaaaa..bbbbbb", "looks like a JWT"),
    ],
)
def test_tokens_that_cannot_be_one(token, words):
    with pytest.raises(ValueError, match=words) as raised:
        made(token=token)
    assert not token or token not in str(raised.value) or token.lower() == "short"


@pytest.mark.parametrize("project", ["a", "your-project-name", "a1-b2", "x" * 63])
def test_projects_that_may_be_one(project):
    assert made(project=project).project == project


@pytest.mark.parametrize(
    ("project", "words"),
    [
        ("", "Project cannot be empty"),
        (None, "Project cannot be empty"),
        ("my project", "Project must contain only alphanumeric characters, hyphens, and underscores"),
        ("x" * 64, "Project name cannot exceed 63 characters"),
        ("My-Project", "Project must be a valid Kubernetes namespace name"),
        ("-x", "not '-x'"),
        ("a_b", "Project must be a valid Kubernetes namespace name"),
    ],
)
def test_projects_that_cannot_be_one(project, words):
    with pytest.raises(ValueError, match=words):
        made(project=project)


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("http://localhost:8080/", "http://localhost:8080"),
        ("https://your-platform.example.com", "https://your-platform.example.com"),
        ("https://host/ambient//", "https://host/ambient"),
        ("http://[::1]:8080", "http://[::1]:8080"),
    ],
)
def test_addresses_that_may_be_one(url, kept):
    assert made(base_url=url).base_url == kept


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("", "Base URL cannot be empty"),
        ("localhost", "Base URL must include scheme"),
        ("http://", "Base URL must include scheme"),
        ("ftp://host", "Base URL scheme must be http or https"),
        ("http://host?x=1", "must end with its path"),
        ("http://host:port", "Base URL is no address"),
        ("http://[::1", "Base URL is no address"),
    ],
)
def test_addresses_that_cannot_be_one(url, words):
    with pytest.raises(ValueError, match=words):
        made(base_url=url)


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        (CreateSessionRequest(task=" \n"), "^Task cannot be empty$"),
        (CreateSessionRequest(task="x" * 50_001), "^Task exceeds maximum length of 50,000 characters$"),
        (CreateSessionRequest("x", repos=[RepoHTTP("")]), "^Repository 0: Repository URL cannot be empty$"),
        (CreateSessionRequest("x", repos=[RepoHTTP("http://a/b"), RepoHTTP("git@github.com:a/b.git")]),
         r"^Repository 1: Unsupported URL scheme:  \(must be http or https\)$"),
        (CreateSessionRequest("x", repos=[RepoHTTP("file:///etc")]), "Unsupported URL scheme: file"),
        (CreateSessionRequest("x", repos=[RepoHTTP("https://user:secret@host/a")]), "must not hold a user or a token"),
        (CreateSessionRequest("x", labels={"a=b": "c"}), "label's name"),
        (CreateSessionRequest("x", timeout=0), "timeout has to be more than 0, not 0"),
        (CreateSessionRequest("x", max_turns=-1), "max_turns has to be more than 0, not -1"),
    ],
)  # fmt: skip
def test_requests_that_cannot_be_one(client, server, request_, words):
    with pytest.raises(ValueError, match=words):
        client.create_session(request_)
    assert server.requests == []


def test_any_model_may_be_asked_for():
    CreateSessionRequest("x", model="my-own-model").validate()
    RepoHTTP("http://localhost:3000/a.git").validate()


@pytest.mark.parametrize("session_id", ["", ".", ".."])
def test_ids_lead_nowhere_else(client, server, session_id):
    with pytest.raises(ValueError, match="Session ID cannot be"):
        client.get_session(session_id)
    assert server.requests == []


def test_ids_are_quoted(client, server):
    session_id = "a/../b?c=d#e%2F é"
    server.add(session_id)
    assert client.get_session(session_id).id == session_id
    assert server.requests[0].path == "/v1/sessions/a%2F..%2Fb%3Fc%3Dd%23e%252F%20%C3%A9"


def test_other_arguments(client):
    with pytest.raises(ValueError, match="Message cannot be empty"):
        client.send_message("x", " ")
    with pytest.raises(ValueError, match="limit has to be 1 to 500, not 501"):
        client.list_sessions(limit=501)
    with pytest.raises(ValueError, match="can't be negative"):
        client.wait_for_completion("x", timeout=-1)


def test_the_environment_is_asked_for_what_is_missing(monkeypatch):
    with pytest.raises(ValueError, match="^AMBIENT_TOKEN environment variable is required$"):
        AmbientClient.from_env()
    monkeypatch.setenv("AMBIENT_TOKEN", JWT)
    monkeypatch.setenv("AMBIENT_PROJECT", "")
    with pytest.raises(ValueError, match="^AMBIENT_PROJECT environment variable is required$"):
        AmbientClient.from_env()
    with AmbientClient.from_env(project="given", timeout=5.0) as client:
        assert (client.base_url, client.project, client.timeout) == ("http://localhost:8080", "given", 5.0)
