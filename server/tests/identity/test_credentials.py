"""Credentials for private repositories: kept sealed, found by who may name them, for one host each."""

from __future__ import annotations

import os
import shutil
import stat

import pytest

from runyard.identity import InvalidValue, NotFound, SealBroken, project_tenant
from runyard.identity.credentials import NAME

TOKEN = "ghp_0123456789abcdefghijklmnopqrstuvwxyzAB"
LAB, ELSEWHERE = project_tenant("lab"), project_tenant("elsewhere")


@pytest.fixture(autouse=True)
async def blank(database, store):
    await database.execute("DELETE FROM credentials")
    await store.projects.add("lab")


@pytest.fixture
def credentials(store):
    return store.credentials


async def test_what_is_kept_can_be_revealed(credentials, clock):
    kept = await credentials.add("acme", TOKEN, host="GitHub.com")
    assert (kept.name, kept.project, kept.host, kept.username) == ("acme", None, "github.com", "x-access-token")
    assert kept.created_at == kept.changed_at == clock.now
    found, token = await credentials.reveal("acme", tenant=LAB)
    assert (found, token.reveal()) == (kept, TOKEN)
    assert await credentials.find("acme", tenant=LAB) == kept


async def test_the_database_does_not_hold_the_token(credentials, database, settings):
    await credentials.add("acme", TOKEN, host="github.com")
    row = await database.fetchrow("SELECT credentials::text AS all, sealed FROM credentials")
    assert TOKEN not in row["all"]
    assert TOKEN.encode() not in bytes(row["sealed"])
    key = settings.data_dir / "keys/credentials.key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600


async def test_a_token_is_not_shown_by_accident(credentials):
    await credentials.add("acme", TOKEN, host="github.com")
    assert TOKEN not in repr(await credentials.reveal("acme", tenant=LAB))
    assert TOKEN not in repr(await credentials.all())


async def test_a_project_has_its_own_before_those_of_all(credentials):
    everyones = await credentials.add("acme", "everyones", host="github.com")
    labs = await credentials.add("acme", "labs", host="github.com", project="lab")
    assert (await credentials.reveal("acme", tenant=LAB))[1].reveal() == "labs"
    assert (await credentials.reveal("acme", tenant=ELSEWHERE))[1].reveal() == "everyones"
    assert await credentials.all() == [everyones, labs]


async def test_nobody_else_has_a_projects_own(credentials):
    await credentials.add("labs", TOKEN, host="github.com", project="lab")
    for call in (credentials.find, credentials.reveal):
        with pytest.raises(NotFound, match="Credential 'labs' not found"):
            await call("labs", tenant=ELSEWHERE)


async def test_adding_again_replaces(credentials, clock):
    first = await credentials.add("acme", "old", host="github.com")
    clock.advance(hours=1)
    second = await credentials.add("acme", "new", host="gitlab.example:8443", username="oauth2")
    assert (second.created_at, second.changed_at) == (first.created_at, clock.now)
    found, token = await credentials.reveal("acme", tenant=LAB)
    assert (found, token.reveal()) == (second, "new")
    assert await credentials.all() == [second]


async def test_removing(credentials):
    await credentials.add("acme", TOKEN, host="github.com")
    await credentials.add("acme", TOKEN, host="github.com", project="lab")
    assert (await credentials.remove("acme", project="lab")).project == "lab"
    assert (await credentials.remove("acme")).project is None
    for project in (None, "lab"):
        with pytest.raises(NotFound):
            await credentials.remove("acme", project=project)


async def test_a_projects_credentials_end_with_it(credentials, database):
    await credentials.add("acme", TOKEN, host="github.com", project="lab")
    await database.execute("DELETE FROM projects")
    assert await credentials.all() == []


@pytest.mark.parametrize(
    ("host", "url", "fits"),
    [
        ("github.com", "https://github.com/a/b", True),
        ("github.com", "https://GitHub.COM./a/b", True),
        ("github.com", "https://github.com:443/a", True),
        ("github.com", "http://github.com:80/a", True),
        ("github.com", "https://github.com:80/a", False),
        ("github.com", "https://github.com:8443/a", False),
        ("github.com", "https://api.github.com/a", False),
        ("github.com", "https://github.com.evil.example/a", False),
        ("github.com", "https://evil.example/github.com", False),
        ("github.com", "https://github.com@evil.example/", False),
        ("github.com", "https://evil.example:99999/", False),
        ("git.example:8443", "https://git.example:8443/a", True),
        ("git.example:8443", "https://git.example/a", False),
        ("[fd00::1]:3000", "http://[fd00::1]:3000/a", True),
        ("[fd00::1]:3000", "http://[fd00::1]/a", False),
        ("github.com", "not an address", False),
        ("github.com", "https://[broken", False),
    ],
)
async def test_a_credential_is_for_its_host(credentials, host, url, fits):
    assert (await credentials.add("acme", TOKEN, host=host)).fits(url) is fits


@pytest.mark.parametrize("name", ["", "A", "a_b", "-a", "a" * 64, "a\n", "../a"])
async def test_odd_names_are_refused(credentials, name):
    assert NAME.fullmatch(name) is None
    with pytest.raises(InvalidValue, match="cannot be a credential"):
        await credentials.add(name, TOKEN, host="github.com")


@pytest.mark.parametrize(
    "host", ["", "https://github.com", "github.com/acme", "a b", "git hub", "user@github.com", "x:"]
)
async def test_odd_hosts_are_refused(credentials, host):
    with pytest.raises(InvalidValue, match="is not a host"):
        await credentials.add("acme", TOKEN, host=host)


@pytest.mark.parametrize("token", ["", "two words", "line\nbreak", "ünicode", "x" * 8193])
async def test_odd_tokens_are_refused_without_being_shown(credentials, token):
    with pytest.raises(InvalidValue) as refused:
        await credentials.add("acme", token, host="github.com")
    assert not token or token not in str(refused.value)


async def test_odd_users_and_unknown_projects_are_refused(credentials):
    with pytest.raises(InvalidValue, match="beside a token"):
        await credentials.add("acme", TOKEN, host="github.com", username="a:b")
    with pytest.raises(NotFound, match="Project 'nobodys' not found"):
        await credentials.add("acme", TOKEN, host="github.com", project="nobodys")


# ------------------------------------------------------------------ the seal


@pytest.mark.parametrize(
    "change",
    [
        "host = 'evil.example'",
        "name = 'other'",
        "username = 'other'",
        "project = NULL",
        "sealed = set_byte(sealed, 20, get_byte(sealed, 20) # 1)",
    ],
)
async def test_a_token_opens_only_where_it_was_put(credentials, database, change):
    """Whoever can write the database can't have a token sent elsewhere."""
    await credentials.add("acme", TOKEN, host="github.com", project="lab")
    await database.execute(f"UPDATE credentials SET {change}")
    (found,) = await credentials.all()
    with pytest.raises(SealBroken, match="another key"):
        await credentials.reveal(found.name, tenant=LAB)


@pytest.fixture
def key(settings, credentials):
    """The file, put back as it was."""
    path = settings.data_dir / "keys/credentials.key"
    yield path
    shutil.rmtree(path.parent, ignore_errors=True)


async def test_without_the_key_there_is_no_token(credentials, key):
    """As on the machine of a worker that nobody has given it; none is made there, which would fit nothing."""
    await credentials.add("acme", TOKEN, host="github.com")
    key.unlink()
    with pytest.raises(SealBroken, match=r"credentials\.key is missing. Copy it"):
        await credentials.reveal("acme", tenant=LAB)
    assert not key.exists()


async def test_another_key_opens_nothing(credentials, key):
    await credentials.add("acme", TOKEN, host="github.com")
    key.write_bytes(os.urandom(32))
    with pytest.raises(SealBroken, match="another key"):
        await credentials.reveal("acme", tenant=LAB)


async def test_a_key_that_others_can_read_is_not_used(credentials, key):
    await credentials.add("acme", TOKEN, host="github.com")
    key.chmod(0o640)
    with pytest.raises(SealBroken, match="chmod 600"):
        await credentials.add("acme", TOKEN, host="github.com")


async def test_a_key_of_the_wrong_size_is_named(credentials, key):
    await credentials.add("acme", TOKEN, host="github.com")
    key.write_bytes(b"short")
    with pytest.raises(SealBroken, match="has 5 bytes, not 32"):
        await credentials.reveal("acme", tenant=LAB)
