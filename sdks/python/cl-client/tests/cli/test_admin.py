"""`cl-admin`: the original commands as they always were, and what makes them pleasant."""

import io
import json
from dataclasses import replace

import pytest

from cl_client import admin_cli


@pytest.fixture
def plain(home, capfd):
    """`cl-admin` with nobody in the environment."""

    def plain(*arguments):
        capfd.readouterr()
        code = admin_cli.main([str(argument) for argument in arguments])
        out, err = capfd.readouterr()
        return code, out, err

    return plain


def named(server, name):
    return next(user for user in server.users if user.username == name)


def test_the_original_way_to_say_who_one_is(plain, server):
    who = ["--auth-url", server.url, "--username", "admin", "--password", "secret"]
    assert plain(*who, "users", "delete", "ada")[:2] == (0, "✓ User ada deleted (ID 2)\n")
    assert plain("users", "list") == (
        2, "", "✗ Who are you? Give --username, or set CL_USERNAME, or sign in with: cl_client login\n",
    )  # fmt: skip


def test_the_password_may_come_from_stdin(plain, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("secret\nnewpw\n"))
    code, out, _ = plain("--username", "admin", "--password", "-", "users", "create", "bob", "--password", "-")
    assert (code, out) == (0, "✓ User bob created (ID 3)\n")


def test_users_are_listed_over_all_pages(admin, server):
    ada = named(server, "ada")
    server.users += [replace(ada, id=number, username=f"user{number}", permissions=[]) for number in range(3, 250)]
    code, out, _ = admin("users", "list")
    rows = [line.split() for line in out.splitlines()]
    assert code == 0
    assert rows[0] == ["ID", "Username", "Admin", "Active", "Permissions"]
    assert rows[2:4] == [["1", "admin", "yes", "yes", "-"], ["2", "ada", "no", "yes", "ai_inference_support"]]
    assert rows[-1][1] == "user249"
    assert len(json.loads(admin("users", "list", "--json")[1])) == 249
    assert admin("users", "delete", "user249")[0] == 0


def test_create_takes_a_comma_list_and_admin(admin, server):
    code, out, _ = admin("users", "create", "bob", "--password", "pw", "--permissions", "a, b", "--admin")
    bob = named(server, "bob")
    assert (code, out) == (0, "✓ User bob created (ID 3)\n")
    assert (bob.password, bob.permissions, bob.is_admin) == ("pw", ["a", "b"], True)
    code, out, err = admin("users", "create", "bob", "--password", "pw")
    assert (code, out) == (1, "")
    assert err.startswith("✗ Username already registered")


def test_update_changes_what_is_given(admin, server):
    assert admin("users", "update", "ada", "--permissions", "x,y", "--admin", "true")[0] == 0
    ada = named(server, "ada")
    assert (ada.permissions, ada.is_admin, ada.password) == (["x", "y"], True, "pw")
    code, out, _ = admin(
        "users", "update", "ada", "--permissions", "", "--admin", "false", "--active", "false", "--json"
    )
    assert code == 0
    assert json.loads(out)["permissions"] == []
    assert (ada.permissions, ada.is_admin, ada.is_active) == ([], False, False)
    assert admin("users", "update", "ada")[0] == 2


def test_show_and_password(admin, server):
    code, out, _ = admin("users", "show", "ada")
    assert code == 0
    assert "ai_inference_support" in out
    assert admin("users", "password", "ada", "--password", "new")[1] == "✓ User ada has a new password (ID 2)\n"
    assert named(server, "ada").password == "new"


@pytest.mark.parametrize(
    "command", [["show"], ["delete"], ["update", "--admin", "true"], ["password", "--password", "x"]]
)
def test_an_unknown_user_is_1(admin, command):
    verb, *options = command
    assert admin("users", verb, "nobody", *options) == (1, "", "✗ User not found: nobody\n")


def test_a_wrong_password_is_1_without_a_traceback(plain):
    code, out, err = plain("--username", "admin", "--password", "wrong", "users", "list")
    assert (code, out) == (1, "")
    assert err.startswith("✗ Authentication failed: Incorrect username or password")


def test_who_is_no_admin_is_told(plain):
    code, _, err = plain("--username", "ada", "--password", "pw", "users", "list")
    assert code == 1
    assert "doesn't have enough privileges" in err


@pytest.mark.parametrize(
    "words",
    [
        ["config", "--compute-url", "URL", "set-guest-mode", "compute", "off"],
        ["config", "set-guest-mode", "compute", "off", "--compute-url", "URL"],
        ["--compute-url", "URL", "config", "set-guest-mode", "compute", "off"],
        ["config", "--store-url", "URL", "set-guest-mode", "store", "off"],
    ],
)
def test_addresses_stand_before_or_after_the_subcommand(admin, server, monkeypatch, words):
    monkeypatch.delenv("COMPUTE_URL")
    code, out, _ = admin(*[server.url if word == "URL" else word for word in words])
    service = "store" if "store" in words else "compute"
    assert (code, out) == (0, f"✓ Guest mode of {service} is off\n")
    assert server.guest_mode is False


def test_a_missing_address_is_1(plain, monkeypatch):
    monkeypatch.delenv("COMPUTE_URL")
    missing = (1, "", "Error: --compute-url required for compute service\n")
    assert plain("config", "get-guest-mode", "--service", "compute") == missing
    assert (
        plain("config", "get-guest-mode", "--service", "store")[2] == "Error: --store-url required for store service\n"
    )


def test_reading_guest_mode_needs_nobody(plain, server):
    assert plain("config", "get-guest-mode", "--service", "compute") == (0, "Guest mode of compute is on.\n", "")
    server.guest_mode = False
    _, out, _ = plain("config", "get-guest-mode", "--service", "compute", "--json")
    assert json.loads(out) == {"service": "compute", "guest_mode": False}


def test_config_show(admin):
    code, out, _ = admin("config", "show")
    assert code == 0
    assert "Guest mode" in out
    assert json.loads(admin("config", "show", "--json")[1])["updated_by"] == "1"


def test_storage_and_cleanup(admin, server):
    server.add("hash").upload = b"1234"
    _, out, _ = admin("jobs", "storage")
    assert "4 B" in out
    assert json.loads(admin("jobs", "storage", "--json")[1]) == {"total_size": 4, "job_count": 1}
    assert admin("jobs", "cleanup", "--days", "3")[0] == 2
    assert admin("jobs", "cleanup", "--days", "3", "--yes")[:2] == (0, "✓ 1 jobs removed, 2.0 kB freed\n")
    assert admin("jobs", "cleanup", "--days", "-1", "--yes")[0] == 2


def test_the_sign_in_of_cl_client_counts(plain, run, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("secret\n"))
    assert run("login", "admin", "--password", "-")[0] == 0
    assert plain("users", "show", "ada")[0] == 0


def test_help_and_version(plain):
    assert plain("--version")[1] == "cl-admin 0.1.0\n"
    assert "users" in plain("--help")[1]
