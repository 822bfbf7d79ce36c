"""The operator's verbs, as typed: what they print where, and how they end."""

import asyncio
import json
from types import SimpleNamespace

import pytest
import typer
from typer.testing import CliRunner

from runyard.database import open_database
from runyard.identity.authorized_users import follow_authorized_users
from runyard.identity.keys import checksum_ok
from runyard.identity.open import open_identity
from runyard.identity.verbs import verbs

UNKNOWN = "3f0e7c3c-1111-4222-8333-444455556666"


@pytest.fixture
def runyard(settings):
    async def clean():
        async with open_database(settings, application="clean") as database:
            await database.execute("DELETE FROM users")
            await database.execute("DELETE FROM projects")
            await database.execute("DELETE FROM credentials")

    asyncio.run(clean())
    app = typer.Typer(pretty_exceptions_enable=False, rich_markup_mode=None)
    for name, verb in verbs(lambda: open_identity(settings, application="verbs")).items():
        app.add_typer(verb, name=name)

    def run(*arguments, stdin=None, code=0):
        result = CliRunner().invoke(app, arguments, input=stdin)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == code, result.output
        return SimpleNamespace(out=result.stdout, err=result.stderr)

    return run


def signs_in(settings, name, password):
    async def attempt():
        async with open_identity(settings, application="sign in") as store:
            return await store.users.sign_in(name, password)

    return asyncio.run(attempt())


def bearer(settings, token):
    async def attempt():
        async with open_identity(settings, application="bearer") as store:
            return await store.authenticate(token)

    return asyncio.run(attempt())


def test_an_added_user_signs_in_with_the_password_from_stdin(runyard, settings):
    said = runyard("user", "add", "ada", "--password-stdin", "--admin", "--email", "ada@example.com", stdin="s3cret\n")
    user = signs_in(settings, "ada", "s3cret")
    assert str(user.id) in said.out
    assert user.is_admin
    assert "s3cret" not in said.out + said.err


def test_a_user_added_twice_is_refused_by_name(runyard):
    runyard("user", "add", "ada")
    said = runyard("user", "add", "ada", code=1)
    assert said.err == "Error: A user with the login 'ada' already exists.\n"
    assert said.out == ""


def test_an_empty_password_is_refused(runyard):
    assert "Error: No password" in runyard("user", "add", "ada", "--password-stdin", stdin="", code=1).err


def test_a_password_is_changed(runyard, settings):
    runyard("user", "add", "ada", "--password-stdin", stdin="old")
    runyard("user", "password", "ada", "--password-stdin", stdin="new\r\n")
    assert signs_in(settings, "ada", "new").login == "ada"
    assert "--password-stdin" in runyard("user", "password", "ada", code=2).err


def test_users_are_listed_newest_first_as_table_and_json(runyard):
    assert "No users yet" in runyard("user", "list").out
    for name in ("ada", "bob"):
        runyard("user", "add", name)
    table = runyard("user", "list").out.splitlines()
    assert table[0].split() == ["ID", "NUMBER", "LOGIN", "NAME", "EMAIL", "ADMIN", "PERMISSIONS", "STATUS", "CREATED"]
    assert [line.split()[2] for line in table[1:]] == ["bob", "ada"]
    listed = json.loads(runyard("user", "list", "--json").out)
    assert [user["login"] for user in listed] == ["bob", "ada"]
    rights = {"is_admin", "is_active", "permissions"}
    assert set(listed[0]) == {"id", "number", "name", "login", "email", "created_at"} | rights


def test_a_user_is_deactivated_and_activated(runyard):
    runyard("user", "add", "ada")
    assert json.loads(runyard("user", "deactivate", "ada", "--json").out)["is_active"] is False
    assert "inactive" in runyard("user", "list").out
    assert "activated" in runyard("user", "activate", "ada").out
    assert "inactive" not in runyard("user", "list").out


def test_a_user_is_added_with_permissions_which_change(runyard):
    said = runyard("user", "add", "ada", "--permission", "ai_inference_support", "--permission", "read:jobs", "--json")
    assert json.loads(said.out)["permissions"] == ["ai_inference_support", "read:jobs"]
    assert "ai_inference_support,read:jobs" in runyard("user", "list").out
    changed = runyard("user", "permissions", "ada", "a, b").out
    assert changed == "User 'ada' has these permissions: a, b.\n"
    assert runyard("user", "permissions", "ada", "").out == "User 'ada' has these permissions: none.\n"


def test_a_user_is_promoted_demoted_and_deleted(runyard):
    for name in ("ada", "bob"):
        runyard("user", "add", name)
    assert runyard("user", "promote", "ada").out == "User 'ada' is an admin.\n"
    for leave in ("demote", "delete", "deactivate"):
        assert "last active admin" in runyard("user", leave, "ada", code=1).err
    runyard("user", "promote", "bob")
    assert runyard("user", "demote", "ada").out == "User 'ada' is no admin.\n"
    assert runyard("user", "delete", "ada").out == "User 'ada' deleted.\n"
    assert [user["login"] for user in json.loads(runyard("user", "list", "--json").out)] == ["bob"]
    assert "'ada' not found" in runyard("user", "delete", "ada", code=1).err


def test_a_project_is_made_filled_listed_and_left(runyard):
    for name in ("ada", "bob"):
        runyard("user", "add", name)
    assert "No projects" in runyard("project", "list").out
    runyard("project", "add", "apollo", "--member", "ada", "--admin", "bob")
    runyard("project", "add", "gemini", "--member", "ada")
    assert "ada, bob (admin)" in runyard("project", "list").out
    assert [each["name"] for each in json.loads(runyard("project", "list", "--user", "bob", "--json").out)] == [
        "apollo"
    ]
    left = json.loads(runyard("project", "remove-member", "apollo", "bob", "--json").out)
    assert left["members"] == {"ada": "member"}
    again = runyard("project", "add", "apollo", "--member", "bob").out
    assert again == "Project 'apollo', members: ada, bob.\n"


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        (("project", "add", "Apollo"), "'Apollo'"),
        (("project", "add", "apollo", "--member", "zoe"), "'zoe'"),
        (("token", "create", "--user", "zoe"), "'zoe'"),
        (("key", "revoke", UNKNOWN), UNKNOWN),
        (("key", "rotate", UNKNOWN), UNKNOWN),
        (("user", "add", "a@b.example"), "'a@b.example'"),
        (("user", "add", "ada", "--email", "nonsense"), "'nonsense'"),
    ],
)
def test_a_refusal_names_the_value_on_stderr_and_exits_1(runyard, arguments, names):
    said = runyard(*arguments, code=1)
    assert said.err.startswith("Error: ")
    assert names in said.err
    assert said.out == ""


@pytest.mark.parametrize(
    "arguments",
    [
        ("user", "add"),
        ("token", "create"),
        ("key", "revoke", "not-an-id"),
        ("key", "create", "--user", "ada", "--expires", "soon"),
        ("key", "create", "--user", "ada", "--expires", "999999999w"),
    ],
)
def test_wrong_usage_exits_2(runyard, arguments):
    assert "Error" in runyard(*arguments, code=2).err


def test_stdout_of_token_create_is_the_token_alone(runyard, settings):
    runyard("user", "add", "ada")
    runyard("project", "add", "apollo", "--member", "ada")
    said = runyard("token", "create", "--user", "ada", "--project", "apollo", "--expires", "90d")
    token = said.out.removesuffix("\n")
    assert token.startswith("ry_")
    assert checksum_ok(token)
    assert token not in said.err
    assert bearer(settings, token).project == "apollo"
    assert "'apollo' only" in said.err


def test_a_token_for_a_strangers_project_says_how_to_join(runyard):
    runyard("user", "add", "ada")
    runyard("project", "add", "apollo")
    said = runyard("token", "create", "--user", "ada", "--project", "apollo", code=1)
    assert "runyard project add apollo --member ada" in said.err


def test_a_key_is_created_listed_rotated_and_revoked(runyard, settings):
    runyard("user", "add", "ada")
    assert "No keys." in runyard("key", "list").out
    made = json.loads(runyard("key", "create", "--user", "ada", "--name", "laptop", "--json").out)
    assert bearer(settings, made["key"]).name == "ada"
    rotated = runyard("key", "rotate", made["id"], "--overlap", "2h")
    assert bearer(settings, rotated.out.strip()).name == "ada"
    assert made["hint"] in rotated.err
    assert runyard("key", "revoke", made["id"]).out == f"Key {made['hint']} of ada revoked.\n"
    listed = json.loads(runyard("key", "list", "--user", "ada", "--json").out)
    assert [key["state"] for key in listed] == ["active", "revoked"]
    assert listed[0]["rotated_from"] == made["id"]
    assert made["key"] not in runyard("key", "list").out + runyard("key", "list", "--json").out


def test_a_key_about_to_expire_is_pointed_out_in_the_list(runyard):
    runyard("user", "add", "ada")
    runyard("key", "create", "--user", "ada", "--expires", "3d")
    assert "This API key expires in 3 days" in runyard("key", "list").out


def test_a_fault_of_the_machine_is_said_without_a_traceback(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    from runyard.settings import Settings

    app = typer.Typer(pretty_exceptions_enable=False)
    settings = Settings(data_dir=blocked / "data", database_url=None)
    app.add_typer(verbs(lambda: open_identity(settings, application="verbs"))["user"])
    result = CliRunner().invoke(app, ["list"])
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: ")
    assert str(blocked) in result.stderr


LINE = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4"


def test_a_key_is_added_listed_and_removed(runyard):
    runyard("user", "add", "ada")
    added = runyard("user", "key", "add", "ada", stdin=f"{LINE} ada@laptop\n").out
    assert added.startswith("ada may sign in with key 'ada@laptop': ED25519 SHA256:")
    listed = json.loads(runyard("user", "key", "list", "ada", "--json").out)
    assert [(key["user"], key["name"], key["kind"], key["source"]) for key in listed] == [
        ("ada", "ada@laptop", "ED25519", "operator")
    ]
    assert listed[0]["fingerprint"] in runyard("user", "key", "list").out
    removed = runyard("user", "key", "remove", "ada", "ada@laptop")
    assert removed.out == f"ada may no longer sign in with key 'ada@laptop': {listed[0]['fingerprint']}\n"
    assert removed.err == ""
    assert "No SSH keys" in runyard("user", "key", "list").out


def test_a_key_comes_from_a_file_as_well(runyard, tmp_path):
    runyard("user", "add", "ada")
    (tmp_path / "id.pub").write_text(LINE)
    assert (
        "with key 'work': ED25519 SHA256:"
        in runyard("user", "key", "add", "ada", "work", "--file", str(tmp_path / "id.pub")).out
    )
    assert "can't be read" in runyard("user", "key", "add", "ada", "--file", str(tmp_path / "no.pub"), code=1).err


def test_what_is_no_key_is_refused(runyard):
    runyard("user", "add", "ada")
    for nothing in ("", b"\xff\xfe\0", "x" * 1_000_000):
        assert "This is no public key" in runyard("user", "key", "add", "ada", stdin=nothing, code=1).err
    assert "User 'bob' not found" in runyard("user", "key", "add", "bob", stdin=LINE, code=1).err
    assert "SSH key 'x' not found" in runyard("user", "key", "remove", "ada", "x", code=1).err


def test_a_private_key_given_by_mistake_is_not_shown(runyard, tmp_path):
    runyard("user", "add", "ada")
    (tmp_path / "id").write_text("-----BEGIN OPENSSH PRIVATE KEY-----\nc2VjcmV0\n-----END OPENSSH PRIVATE KEY-----\n")
    said = runyard("user", "key", "add", "ada", "--file", str(tmp_path / "id"), code=1)
    assert "This is a private key" in said.err
    assert "c2VjcmV0" not in said.err + said.out


def test_a_key_of_the_file_may_be_removed_but_comes_back(runyard, settings, tmp_path):
    file = tmp_path / "authorized_users.toml"
    file.write_text(f'[users.ada.keys]\nlaptop = "{LINE}"')
    file.chmod(0o600)

    async def start():
        async with open_identity(settings, application="start") as store:
            await follow_authorized_users(store.ssh_keys, file)

    asyncio.run(start())
    removed = runyard("user", "key", "remove", "ada", "laptop", "--json")
    assert json.loads(removed.out)["source"] == "file"
    assert "the next start brings it back" in removed.err


# ------------------------------------------------------------------ tokens in other formats, credentials


def test_a_token_in_openshifts_format_is_a_token(runyard, settings):
    runyard("user", "add", "ada")
    runyard("project", "add", "lab", "--member", "ada")
    said = runyard("token", "create", "--user", "ada", "--project", "lab", "--format", "openshift")
    token = said.out.strip()
    assert token.startswith("sha256~")
    assert checksum_ok(token)
    assert bearer(settings, token).project == "lab"
    assert token[:11] in runyard("key", "list").out
    rotated = json.loads(runyard("key", "list", "--json").out)[0]["id"]
    assert runyard("key", "rotate", rotated).out.startswith("sha256~")
    assert runyard("token", "create", "--user", "ada").out.startswith("ry_")


def test_a_token_in_no_known_format_is_refused(runyard):
    assert "openshift" in runyard("token", "create", "--user", "ada", "--format", "github", code=2).err


def test_credentials_are_added_listed_and_removed(runyard):
    runyard("project", "add", "lab")
    assert "No credentials" in runyard("credential", "list").out
    said = runyard("credential", "add", "acme", "--host", "github.com", "--project", "lab", stdin="hunter2\n")
    assert said.out == "Credential 'acme' of project 'lab' is kept for github.com.\n"
    listed = runyard("credential", "list").out
    assert "acme" in listed
    assert "hunter2" not in listed + said.out + said.err
    (kept,) = json.loads(runyard("credential", "list", "--json").out)
    assert (kept["name"], kept["project"], kept["host"]) == ("acme", "lab", "github.com")
    assert "not found" in runyard("credential", "remove", "acme", code=1).err
    assert "removed" in runyard("credential", "remove", "acme", "--project", "lab").out
    assert "No credentials" in runyard("credential", "list").out


def test_a_credential_needs_a_token_and_a_host(runyard):
    assert "No token" in runyard("credential", "add", "acme", "--host", "github.com", stdin="\n", code=1).err
    said = runyard("credential", "add", "acme", "--host", "https://github.com", stdin="x", code=1)
    assert said.err == "Error: 'https://github.com' is not a host. Write it like github.com or git.example.com:8443\n"
