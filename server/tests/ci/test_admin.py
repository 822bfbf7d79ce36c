"""``ci-admin`` as operators type it, over a real yard."""

import asyncio
import json
import re
import shutil
import subprocess
import sys
import tempfile
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from runyard.database import open_database
from runyard.database.embedded import EmbeddedPostgres
from runyard.identity.keys import checksum_ok
from runyard.identity.open import open_identity
from runyard.services.ci.admin import app
from runyard.settings import Settings

UNKNOWN = "3f0e7c3c-1111-4222-8333-444455556666"
UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"


@pytest.fixture(scope="module")
def data_dir():
    folder = Path(tempfile.mkdtemp(prefix="runyard-admin-", dir="/tmp"))
    folder.chmod(0o711)
    server = EmbeddedPostgres(folder)
    server.acquire()
    yield folder
    server.release()
    shutil.rmtree(folder)


@pytest.fixture
def settings(data_dir, monkeypatch):
    """Settings of a yard without users."""
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.delenv("RUNYARD_DATABASE_URL", raising=False)
    settings = Settings(data_dir=data_dir)

    async def clean():
        async with open_database(settings, application="clean") as database:
            await database.execute("DELETE FROM users")

    asyncio.run(clean())
    return settings


@pytest.fixture
def admin(settings):
    def run(*arguments, code=0):
        result = CliRunner().invoke(app, ["--data", str(settings.data_dir), *arguments])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == code, result.output
        return SimpleNamespace(out=result.stdout, err=result.stderr)

    return run


def field(text, name):
    return re.search(rf"^{name}: (.+)$", text, re.MULTILINE)[1]


@pytest.fixture
def ada(admin):
    return field(admin("user", "create", "--name", "Ada", "--email", "ada@example.com").out, "ID")


@pytest.fixture
def bob(admin):
    return field(admin("user", "create", "--name", "Bob", "--email", "bob@example.com").out, "ID")


def make_key(admin, email="ada@example.com", name="laptop", *more):
    return field(admin("key", "create", "--email", email, "--name", name, *more).out, "API Key")


def key_ids(admin, *options):
    return [key["id"] for key in json.loads(admin("key", "list", "--json", *options).out)]


def authenticate(settings, key):
    async def attempt():
        async with open_identity(settings, application="test") as store:
            return await store.authenticate(key)

    return asyncio.run(attempt())


# ---------------------------------------------------------------- users


def test_creating_a_user_prints_id_name_and_email(admin):
    out = admin("user", "create", "--name", "Ada Lovelace", "--email", "ada@example.com").out
    assert "created successfully" in out.splitlines()[0]
    assert re.fullmatch(UUID, field(out, "ID"))
    assert field(out, "Name") == "Ada Lovelace"
    assert field(out, "Email") == "ada@example.com"


def test_a_second_user_with_the_email_is_refused(admin, ada):
    said = admin("user", "create", "--name", "Imposter", "--email", "ada@example.com", code=1)
    assert said.err.startswith("Error: ")
    assert "already exists" in said.err
    assert said.out == ""


def test_a_bad_email_is_refused(admin):
    assert "Invalid email" in admin("user", "create", "--name", "Ada", "--email", "not-an-email", code=1).err


def test_users_are_listed_in_columns_newest_first(admin, ada, bob):
    lines = admin("user", "list").out.split("\n")
    assert lines[0] == lines[-2] == lines[-1] == ""
    assert lines[1] == f"{'ID':<38} {'Name':<20} {'Email':<30} {'Status':<10}"
    assert lines[2] == "-" * 100
    assert lines[3] == f"{bob:<38} {'Bob':<20} {'bob@example.com':<30} {'Active':<10}"
    assert lines[4].startswith(ada)
    assert len(lines) == 7


def test_users_are_listed_as_json(admin, ada):
    out = admin("user", "list", "--json").out
    (user,) = json.loads(out)
    assert list(user) == ["id", "name", "email", "created_at", "is_active"]
    assert user["id"] == ada
    assert user["is_active"] is True
    assert user["created_at"].endswith("+00:00")
    assert datetime.fromisoformat(user["created_at"]).tzinfo
    assert out.startswith('[\n  {\n    "id"')


def test_lists_of_nothing_say_so(admin):
    assert admin("user", "list").out == "No users found.\n"
    assert admin("key", "list").out == "No API keys found.\n"
    assert json.loads(admin("user", "list", "--json").out) == []
    assert json.loads(admin("key", "list", "--json").out) == []


@pytest.mark.parametrize("by", ["id", "email"])
def test_a_user_is_shown_by_id_or_email(admin, ada, by):
    out = admin("user", "get", *((ada,) if by == "id" else ("--email", "ada@example.com"))).out
    assert [line.split(":")[0] for line in out.splitlines()] == ["ID", "Name", "Email", "Created", "Status"]
    assert field(out, "ID") == ada
    assert field(out, "Status") == "Active"


@pytest.mark.parametrize("which", [(), (UNKNOWN, "--email", "ada@example.com")])
def test_get_wants_exactly_one_of_id_and_email(admin, which):
    assert "either" in admin("user", "get", *which, code=1).err


def test_deactivating_shows_in_get_and_activating_undoes_it(admin, ada):
    assert admin("user", "deactivate", ada).out == "User deactivated: ada@example.com\n"
    assert field(admin("user", "get", ada).out, "Status") == "Inactive"
    assert "Inactive" in admin("user", "list").out
    assert admin("user", "activate", ada).out == "User activated: ada@example.com\n"
    assert field(admin("user", "get", ada).out, "Status") == "Active"


# ---------------------------------------------------------------- keys


def test_creating_a_key_shows_it_once_with_a_warning(admin, settings, ada):
    out = admin("key", "create", "--user-id", ada, "--name", "My Dev Key").out
    key = field(out, "API Key")
    assert re.fullmatch(r"ci_[A-Za-z0-9_-]{40}", key)
    assert checksum_ok(key)
    assert field(out, "Name") == "My Dev Key"
    assert field(out, "User") == "ada@example.com"
    assert "only time" in out
    assert "Expires" not in out
    assert str(authenticate(settings, key).user_id) == ada


def test_a_key_can_be_created_by_email_with_an_expiry(admin, settings, ada):
    out = admin("key", "create", "--email", "ada@example.com", "--name", "laptop", "--expires", "90d").out
    assert datetime.fromisoformat(field(out, "Expires")).tzinfo
    principal = authenticate(settings, field(out, "API Key"))
    assert principal.credential.kind == "api_key"


def test_an_inactive_user_can_still_be_given_keys(admin, ada):
    admin("user", "deactivate", ada)
    assert make_key(admin).startswith("ci_")


def test_the_keys_of_one_user_are_listed_without_the_keys(admin, ada, bob):
    make_key(admin)
    make_key(admin, "bob@example.com", "server")
    for which in (
        ("--email", "ada@example.com"),
        ("--user-id", ada),
        ("--user-id", bob, "--email", "ada@example.com"),
    ):
        out = admin("key", "list", *which).out
        lines = out.split("\n")
        assert lines[1] == f"{'ID':<38} {'Name':<25} {'User':<25} {'Status':<10}"
        assert lines[2] == "-" * 100
        assert lines[3][39:] == f"{'laptop':<25} {'ada@example.com':<25} {'Active':<10}"
        assert "ci_" not in out
        assert "server" not in out


def test_keys_are_listed_as_json_without_key_or_hash(admin, settings, ada):
    key = make_key(admin)
    authenticate(settings, key)
    out = admin("key", "list", "--json").out
    (listed,) = json.loads(out)
    assert list(listed) == ["id", "user_id", "name", "created_at", "last_used_at", "is_active"]
    assert listed["user_id"] == ada
    assert listed["name"] == "laptop"
    assert listed["is_active"] is True
    assert listed["created_at"].endswith("+00:00")
    assert listed["last_used_at"].endswith("+00:00")
    assert key not in out


def test_long_lists_add_age_use_and_expiry_but_never_the_key(admin, ada):
    key = make_key(admin, "ada@example.com", "laptop", "--expires", "3d")
    (listed,) = json.loads(admin("key", "list", "--json", "--long").out)
    assert listed["hint"] == f"{key[:7]}…{key[-4:]}"
    assert listed["age_days"] == 0
    assert "expires in 3 days" in listed["warning"]
    assert {"project", "expires_at", "revoked_at", "rotated_from"} <= set(listed)
    out = admin("key", "list", "--long").out
    assert "Last used" in out
    assert "never" in out
    assert key not in out


def test_all_keys_are_listed_with_both_users(admin, ada, bob):
    make_key(admin)
    make_key(admin, "bob@example.com")
    out = admin("key", "list").out
    assert out.index("bob@example.com") < out.index("ada@example.com")


def test_a_revoked_key_shows_as_revoked_and_stops_working(admin, settings, ada):
    key = make_key(admin)
    (key_id,) = key_ids(admin)
    assert admin("key", "revoke", key_id).out == "API key revoked: laptop\n"
    assert "Revoked" in admin("key", "list").out
    assert json.loads(admin("key", "list", "--json").out)[0]["is_active"] is False
    with pytest.raises(Exception, match="revoked"):
        authenticate(settings, key)


def test_rotating_a_key_leaves_both_working_for_the_overlap(admin, settings, ada):
    old = make_key(admin)
    (old_id,) = key_ids(admin)
    out = admin("key", "rotate", old_id).out
    new = field(out, "API Key")
    assert field(out, "Name") == "laptop"
    assert "only time" in out
    assert "The old key works until" in out
    assert authenticate(settings, old).user_id == authenticate(settings, new).user_id
    assert len(key_ids(admin, "--user-id", ada)) == 2


def test_rotating_without_overlap_ends_the_old_key_at_once(admin, settings, ada):
    old = make_key(admin)
    admin("key", "rotate", *key_ids(admin), "--overlap", "0s", "--expires", "1w")
    with pytest.raises(Exception, match="Invalid or revoked"):
        authenticate(settings, old)
    assert "Expired" in admin("key", "list").out


def test_keys_of_an_unknown_user_id_are_none_but_an_unknown_email_is_an_error(admin):
    for user_id in (UNKNOWN, "whoever"):
        assert admin("key", "list", "--user-id", user_id).out == "No API keys found.\n"
    assert "not found" in admin("key", "list", "--email", "n@example.com", code=1).err


@pytest.mark.parametrize(
    "arguments",
    [
        ("user", "get", UNKNOWN),
        ("user", "get", "no-id"),
        ("user", "get", "--email", "n@example.com"),
        ("user", "deactivate", UNKNOWN),
        ("user", "activate", "no-id"),
        ("key", "create", "--name", "k", "--user-id", UNKNOWN),
        ("key", "create", "--name", "k", "--email", "n@example.com"),
        ("key", "revoke", UNKNOWN),
        ("key", "revoke", "no-id"),
        ("key", "rotate", UNKNOWN),
    ],
)
def test_what_does_not_exist_is_named_on_stderr_with_exit_1(admin, arguments):
    said = admin(*arguments, code=1)
    assert said.err.startswith("Error: ")
    assert "not found" in said.err
    assert arguments[-1] in said.err
    assert said.out == ""


@pytest.mark.parametrize(
    "arguments",
    [
        ("user", "create", "--name", "Ada"),
        ("user", "create", "--email", "ada@example.com"),
        ("key", "create", "--email", "ada@example.com"),
        ("key", "create", "--email", "ada@example.com", "--name", "k", "--expires", "soon"),
        ("key", "revoke"),
        ("user", "rename"),
    ],
)
def test_wrong_usage_exits_2(admin, arguments):
    assert "Usage:" in admin(*arguments, code=2).err


@pytest.mark.parametrize("which", [(), ("--user-id", UNKNOWN, "--email", "ada@example.com")])
def test_key_create_wants_exactly_one_of_id_and_email(admin, which):
    assert "either" in admin("key", "create", "--name", "k", *which, code=1).err


def test_the_command_itself_works_in_a_process_of_its_own(settings):
    command = [sys.executable, "-c", "from runyard.services.ci.admin import main; main()"]
    done = subprocess.run(
        [*command, "user", "create", "--name", "Zoë", "--email", "zoe@example.com"],
        env={
            "PATH": "/usr/bin:/bin",
            "PYTHONPATH": ":".join(sys.path),
            "PYTHONUTF8": "1",
            "RUNYARD_DATA_DIR": str(settings.data_dir),
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert field(done.stdout, "Name") == "Zoë"


def test_bad_settings_are_said_without_a_traceback(admin, monkeypatch):
    monkeypatch.setenv("RUNYARD_PORT", "many")
    said = admin("user", "list", code=1)
    assert said.err.startswith("Error: ")
    assert "port" in said.err.lower()


def test_help_does_not_wait_for_a_database_driver():
    code = (
        "import sys, runyard.services.ci.admin, runyard.identity.verbs\n"
        "print([m for m in ('asyncpg', 'argon2', 'pydantic_settings', 'fastapi') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout == "[]\n", done.stderr
