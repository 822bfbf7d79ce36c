"""The file an operator keeps of users and their SSH keys: whom it lets in, what is wrong in it."""

import os
from itertools import pairwise

import pytest
from structlog.testing import capture_logs

from runyard.identity import AuthorizedUsersUnusable, InvalidCredential
from runyard.identity.authorized_users import follow_authorized_users
from runyard.identity.store import IdentityStore

from .signing import CHALLENGE, LINE, OTHER, P256, RSA, SIGNATURE, line_of, pem_of
from .test_repeats import Twice


@pytest.fixture
def file(tmp_path):
    return tmp_path / "authorized_users.toml"


def write(file, text, mode=0o600):
    file.write_text(text)
    file.chmod(mode)


async def enters(store, login):
    return await store.ssh_keys.authenticate(login, signed=CHALLENGE, signature=SIGNATURE, address="::1")


async def keys(store):
    return {(key.user, key.name): (key.line, key.source) for key in await store.ssh_keys.all()}


async def test_no_file_names_nobody(store, file):
    with capture_logs() as logs:
        assert await follow_authorized_users(store.ssh_keys, file) == 0
    assert (await store.users.all(), logs) == ([], [])


async def test_users_are_made_and_let_in(store, file):
    write(file, f'[users.alice.keys]\nlaptop = "{LINE} me"\nci = """{pem_of(RSA)}"""\n[users.bob.keys]\n[users.carol]')
    assert await follow_authorized_users(store.ssh_keys, file) == 3
    alice = await store.users.find("alice")
    assert (alice.name, alice.login, alice.is_admin, alice.is_active) == ("alice", "alice", False, True)
    assert await keys(store) == {("alice", "laptop"): (LINE, "file"), ("alice", "ci"): (line_of(RSA), "file")}
    assert (await enters(store, "alice")).user_id == alice.id
    with pytest.raises(InvalidCredential):
        await enters(store, "bob")


async def test_users_that_exist_keep_what_they_are(store, file):
    root = await store.users.create("Root of it all", login="root", is_admin=True)
    write(file, f'[users.root.keys]\nlaptop = "{LINE}"')
    await follow_authorized_users(store.ssh_keys, file)
    assert await store.users.all() == [root]
    assert (await enters(store, "root")).is_admin


async def test_a_deactivated_user_stays_so(store, file):
    alice = await store.users.create("Alice", login="alice", is_active=False)
    write(file, f'[users.alice.keys]\nlaptop = "{LINE}"')
    await follow_authorized_users(store.ssh_keys, file)
    assert await store.users.all() == [alice]


STATES = {
    "one": {("alice", "a"): LINE, ("bob", "b"): LINE},
    "another name": {("alice", "other"): LINE, ("bob", "b"): LINE},
    "two": {("alice", "a"): LINE, ("alice", "b"): line_of(OTHER)},
    "swapped": {("alice", "b"): LINE, ("alice", "a"): line_of(OTHER)},
    "none": {},
    "another key": {("alice", "a"): line_of(P256)},
}


@pytest.mark.parametrize(("before", "after"), [*pairwise(STATES), ("two", "none"), ("one", "one")])
async def test_keys_are_what_the_file_says_last(store, file, before, after):
    for state in (before, after):
        lines = [f'[users.{user}.keys]\n{name} = "{line}"' for (user, name), line in STATES[state].items()]
        write(file, "\n".join(dict.fromkeys("\n".join(lines).splitlines())))
        await follow_authorized_users(store.ssh_keys, file)
        assert await keys(store) == {key: (line, "file") for key, line in STATES[state].items()}


async def test_who_left_the_file_stays_a_user_without_its_keys(store, file):
    write(file, f'[users.alice.keys]\nlaptop = "{LINE}"')
    await follow_authorized_users(store.ssh_keys, file)
    file.unlink()
    with capture_logs() as logs:
        await follow_authorized_users(store.ssh_keys, file)
    assert [(log["event"], log["added"], log["removed"]) for log in logs] == [("authorized_users", 0, 1)]
    assert await store.ssh_keys.all() == []
    assert [user.login for user in await store.users.all()] == ["alice"]


async def test_a_second_start_changes_nothing(store, file, clock):
    write(file, f'[users.alice.keys]\nlaptop = "{LINE}"')
    await follow_authorized_users(store.ssh_keys, file)
    await enters(store, "alice")
    before = await store.ssh_keys.all()
    clock.advance(hours=1)
    with capture_logs() as logs:
        await follow_authorized_users(store.ssh_keys, file)
    assert (await store.ssh_keys.all(), logs) == (before, [])


async def test_starts_use_up_no_numbers_of_users(store, file):
    write(file, "[users.alice]\n")
    for _ in range(3):
        await follow_authorized_users(store.ssh_keys, file)
    alice = await store.users.find("alice")
    assert (await store.users.create("Bob")).number == alice.number + 1


async def test_following_twice_is_the_same_as_once(database, settings, clock, file):
    store = IdentityStore(Twice(database.pool, database.connect, timeout=database.timeout), settings, clock=clock)
    write(file, f'[users.alice.keys]\nlaptop = "{LINE}"')
    await follow_authorized_users(store.ssh_keys, file)
    assert await keys(store) == {("alice", "laptop"): (LINE, "file")}
    assert len(await store.users.all()) == 1


async def test_keys_an_operator_added_are_not_the_files(store, file):
    alice = await store.users.create("Alice", login="alice")
    await store.ssh_keys.add(alice.id, LINE, name="laptop")
    write(file, f'[users.alice.keys]\nmine = "{LINE}"\nlaptop = "{line_of(OTHER)}"\n')
    with capture_logs() as logs:
        await follow_authorized_users(store.ssh_keys, file)
    (warning,) = logs
    assert (warning["log_level"], warning["user"], warning["key"]) == ("warning", "alice", "laptop")
    file.unlink()
    await follow_authorized_users(store.ssh_keys, file)
    assert await keys(store) == {("alice", "laptop"): (LINE, "operator")}


# ------------------------------------------------------------------ what is wrong


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("users = [", "it is no TOML"),
        ("users = 1", "'users' is no table"),
        (f'[user.alice.keys]\nlaptop = "{LINE}"', "'user' means nothing here"),
        ("[users]\nalice = 1", "user 'alice' is no table"),
        ("[users.alice]\nkeys = 1", "user 'alice' is no table with the table 'keys' alone"),
        (f'[users.alice]\nkey = "{LINE}"', "user 'alice' is no table with the table 'keys' alone"),
        ('[users.alice.keys]\nlaptop = "nonsense"', "key 'laptop' of user 'alice': This is no public key"),
        ("[users.alice.keys]\nlaptop = 1", "key 'laptop' of user 'alice': It is of type int"),
        (f'[users.alice.keys]\n"" = "{LINE}"', "key '' of user 'alice': '' cannot be a key name"),
        (f'[users.alice.keys]\n" a" = "{LINE}"', "key ' a' of user 'alice': ' a' has blanks around it"),
        (f'[users.alice.keys]\na = "{LINE} x"\nb = "{LINE}"', "keys 'a' and 'b' of user 'alice' are the same"),
        (f'[users."a@b.org".keys]\nlaptop = "{LINE}"', "'a@b.org' cannot be a login"),
        ('[users."alice "]', "'alice ' has blanks around it"),
        ("[users.internal]", "'internal' cannot be a login"),
        ("[users.alice.keys]\n" + "".join(f'k{n} = ""\n' for n in range(51)), "user 'alice' has 51 keys; 50 are"),
        ("#" * (4 * 1024 * 1024 + 1), "it has more than 4194304 bytes"),
    ],
)
async def test_what_is_wrong_is_named_and_nothing_is_changed(store, file, text, says):
    write(file, f'[users.alice.keys]\nlaptop = "{LINE}"')
    await follow_authorized_users(store.ssh_keys, file)
    before = await keys(store)
    write(file, text)
    with pytest.raises(AuthorizedUsersUnusable) as caught:
        await follow_authorized_users(store.ssh_keys, file)
    assert str(caught.value).startswith(f"{file} can't be used: {says}")
    assert await keys(store) == before


async def test_what_is_no_text_is_told(store, file):
    file.write_bytes(b"\xff\xfe[\0")
    file.chmod(0o600)
    with pytest.raises(AuthorizedUsersUnusable, match="it is no TOML"):
        await follow_authorized_users(store.ssh_keys, file)


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o660, 0o602, 0o700])
async def test_a_file_that_others_may_read_is_refused(store, file, mode):
    write(file, f'[users.alice.keys]\nlaptop = "{LINE}"', mode)
    with pytest.raises(AuthorizedUsersUnusable, match=f"its mode is {mode:04o}; .* chmod 600 {file}"):
        await follow_authorized_users(store.ssh_keys, file)


async def test_a_file_its_owner_may_only_read_will_do(store, file):
    write(file, "[users.alice]", 0o400)
    assert await follow_authorized_users(store.ssh_keys, file) == 1


async def test_what_is_no_file_is_not_waited_for(store, file):
    os.mkfifo(file, 0o600)
    with pytest.raises(AuthorizedUsersUnusable, match="it is no file"):
        await follow_authorized_users(store.ssh_keys, file)
    file.unlink()
    file.mkdir(0o700)
    with pytest.raises(AuthorizedUsersUnusable, match="Is a directory"):
        await follow_authorized_users(store.ssh_keys, file)
    file.rmdir()
    file.symlink_to(file)
    with pytest.raises(AuthorizedUsersUnusable, match="Too many levels"):
        await follow_authorized_users(store.ssh_keys, file)
