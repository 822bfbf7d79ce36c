"""The document of `pie`: its code blocks run as they stand, and every row of its tables holds.

They name no server but the default one, so the yard of this module is on its port, with the user that they sign in as.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import zipfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from blake3 import blake3

import pie
import pie_client
from pie import Event, ParsedPrivateKey, PieClient
from runyard.testing.running import RunningYard
from tests.conformance.inferlets import programs
from tests.conformance.inferlets.signing import KINDS, WEAK, ssh_keygen

from .blocks import blocks_of, run_fragment, run_program, unconfigured
from .ports import alone

pytestmark = [pytest.mark.xdist_group("default-ports"), pytest.mark.timeout(300)]

BLOCKS = blocks_of("inferlets.md")
CLIENT = Path(__file__).parents[2] / "sdks/python/pie-client"
DEADLINE = 60.0
URL = "ws://127.0.0.1:8080"
ENDS = {"Completed", "Aborted", "Exception", "ServerError", "OutOfResources"}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where `username` lives, with keys of all kinds as ``ssh-keygen`` makes them."""
    folder = tmp_path_factory.mktemp("home")
    (folder / ".ssh").mkdir(mode=0o700)
    for kind, options in KINDS.items():
        ssh_keygen(folder / ".ssh" / f"id_{kind}", *options)
    return folder


@pytest.fixture(scope="module")
def yard(yard_database: str, home: Path) -> Iterator[RunningYard]:
    running = RunningYard(database_url=yard_database, settings={"inferlets_port": "8080", "inferlet_processes": "1"})
    keys = {kind: (home / f".ssh/id_{kind}.pub").read_text().strip() for kind in KINDS}
    users = running.data_dir / "authorized_users.toml"
    users.write_text("[users.username.keys]\n" + "".join(f'{kind} = "{line}"\n' for kind, line in keys.items()))
    users.chmod(0o600)
    with alone(8080), running:
        yield running


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A program where the reader of the document has one."""
    folder = tmp_path_factory.mktemp("files")
    (folder / "my_program.wasm").write_bytes(programs.ECHO)
    (folder / "Pie.toml").write_text('[package]\nname = "lab/echo"\nversion = "1.0.0"\n')
    return folder


@pytest.fixture(autouse=True)
def environment(yard: RunningYard, home: Path, files: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Somebody who has configured nothing, among their files; for programs, and for fragments in this process."""
    found = unconfigured(home)
    for name in set(os.environ) - set(found):
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.chdir(files)
    return found


@pytest.fixture
async def client(environment: dict[str, str]) -> AsyncIterator[PieClient]:
    """A client as in the Quick Start, with a deadline for all that a test does with it."""
    async with asyncio.timeout(DEADLINE), PieClient(URL) as client:
        await client.authenticate("username", ParsedPrivateKey.from_file("~/.ssh/id_ed25519"))
        yield client


# ---------------------------------------------------------------- whole programs


def test_installation(tmp_path: Path, environment: dict[str, str]) -> None:
    """What `pip install -e .` asks of a package, and what it does with the answer; pip itself would need an index."""
    assert BLOCKS["Installation"] == "pip install -e .\n"
    build = "import sys; from hatchling.build import build_editable; print(build_editable(sys.argv[1]))"
    built = run_program(sys.executable, "-c", build, tmp_path, cwd=CLIENT, env=environment)
    assert built.returncode == 0, built.stderr
    with zipfile.ZipFile(tmp_path / built.stdout.split()[-1]) as wheel:
        wheel.extractall(tmp_path / "site")
    look = "import site, sys; site.addsitedir(sys.argv[1]); import pie, pie_client; print(pie.__file__)"
    found = run_program(sys.executable, "-c", look, tmp_path / "site", cwd=tmp_path, env=environment)
    assert found.stdout.strip() == str(CLIENT / "src/pie/__init__.py"), found.stderr


def test_quick_start(files: Path, environment: dict[str, str]) -> None:
    """Only the hash is filled in."""
    program = BLOCKS["Quick Start"].replace('"..."', f'"{blake3(programs.ECHO).hexdigest()}"')
    assert program != BLOCKS["Quick Start"]
    done = run_program(sys.executable, "-c", program, cwd=files, env=environment)
    assert (done.returncode, done.stdout, done.stderr) == (0, "Received: Message - hello\n", "")


def test_quick_start_without_a_key(files: Path, environment: dict[str, str]) -> None:
    """What its comment says of servers that don't ask for one, as a yard does with strangers of its own machine."""
    program = BLOCKS["Quick Start"].replace('"..."', f'"{blake3(programs.ECHO).hexdigest()}"')
    for line in ('key = ParsedPrivateKey.from_file("~/.ssh/id_ed25519")', 'await client.authenticate("username", key)'):
        assert line in program
        program = program.replace(line, "pass")
    program = program.replace(
        '# await client.authenticate("any_username")', 'await client.authenticate("any_username")'
    )
    done = run_program(sys.executable, "-c", program, cwd=files, env=environment)
    assert (done.returncode, done.stdout, done.stderr) == (0, "Received: Message - hello\n", "")


async def test_keys_from_files_and_from_texts(home: Path, client: PieClient) -> None:
    content = (home / ".ssh/id_ed25519").read_text()
    made = await run_fragment(BLOCKS["ParsedPrivateKey"], ParsedPrivateKey=ParsedPrivateKey, key_content=content)
    async with PieClient(URL) as other:
        await other.authenticate("username", made["key"])
        await other.ping()


def test_the_example(files: Path, home: Path, environment: dict[str, str]) -> None:
    """`main.py`, which the document promises."""
    (files / "once.wasm").write_bytes(programs.COMPONENT_ECHO)
    key = home / ".ssh/id_ed25519"
    done = run_program(sys.executable, CLIENT / "main.py", "once.wasm", "username", key, cwd=files, env=environment)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "Message: hello\nCompleted: \n"


# ---------------------------------------------------------------- PieClient


@pytest.mark.parametrize("kind", KINDS)
async def test_authenticate(kind: str) -> None:
    async with asyncio.timeout(DEADLINE), PieClient(URL) as client:
        await client.authenticate("username", ParsedPrivateKey.from_file(f"~/.ssh/id_{kind}"))
        await client.ping()


async def test_authenticate_is_always_required() -> None:
    async with asyncio.timeout(DEADLINE), PieClient(URL, reconnect=0) as client:
        with pytest.raises(pie.PieError):
            await client.list_instances()


async def test_authenticate_with_a_foreign_key(tmp_path: Path) -> None:
    key = ssh_keygen(tmp_path / "foreign", "-t", "ed25519")
    async with asyncio.timeout(DEADLINE), PieClient(URL, reconnect=0) as client:
        with pytest.raises(pie.AuthenticationError):
            await client.authenticate("username", ParsedPrivateKey.from_file(key.path))


async def test_internal_authenticate(yard: RunningYard) -> None:
    token = (yard.data_dir / "keys/internal.token").read_text().strip()
    async with asyncio.timeout(DEADLINE), PieClient(URL) as client:
        await client.internal_authenticate(token)
        await client.ping()


async def test_upload_program_and_program_exists(client: PieClient, files: Path) -> None:
    wasm, manifest = files / "my_program.wasm", files / "Pie.toml"
    await client.upload_program(str(wasm), str(manifest))
    assert await client.program_exists("lab/echo")
    assert await client.program_exists("lab/echo", wasm, manifest)
    (files / "other.wasm").write_bytes(programs.HELLO)
    assert not await client.program_exists("lab/echo", files / "other.wasm", manifest)
    assert not await client.program_exists("lab/absent")
    assert await client.program_exists(blake3(programs.ECHO).hexdigest())


async def test_launch_instance(client: PieClient) -> None:
    """By hash and by name; with arguments; detached. The order of arguments is the document's."""
    digest = await client.upload_program(programs.ARGUMENTS, '[package]\nname = "lab/args"\nversion = "1.0.0"\n')
    for program in (digest, "lab/args", "lab/args@1.0.0"):
        instance = await client.launch_instance(program, ["a", "b"], False)
        assert [await instance.recv() for _ in range(3)] == [
            (Event.Message, "a"), (Event.Message, "b"), (Event.Completed, ""),
        ]  # fmt: skip


async def test_attach_instance_and_list_instances(client: PieClient) -> None:
    program = await client.upload_program(programs.ECHO)
    detached = await client.launch_instance(program, ["x"], True)
    (found,) = [one for one in await client.list_instances() if one.id == detached.id]
    assert (found.status, list(found.arguments), found.username) == ("Detached", ["x"], "username")
    instance = await client.attach_instance(detached.id)
    await instance.send("hello")
    assert await instance.recv() == (Event.Message, "hello")
    await client.terminate_instance(detached.id)
    assert (await instance.recv())[0].name in {"Aborted", "Completed"}


async def test_ping_and_query(client: PieClient) -> None:
    await client.ping()
    assert await client.query("program_exists", "lab/absent") == (True, "false")
    successful, text = await client.query("nonsense", "record")
    assert not successful
    assert "nonsense" in text


# ---------------------------------------------------------------- Instance


@pytest.mark.parametrize("size", [0, 1, 262_144, 262_145])
async def test_upload_blob_and_recv(client: PieClient, size: int) -> None:
    instance = await client.launch_instance(await client.upload_program(programs.BLOBS))
    content = bytes(number % 256 for number in range(size))
    await instance.upload_blob(content)
    assert await instance.recv() == (Event.Blob, content)
    await instance.terminate()


async def test_terminate(client: PieClient) -> None:
    instance = await client.launch_instance(await client.upload_program(programs.SPIN))
    await instance.terminate()
    assert await instance.recv() == (Event.Aborted, "Signal termination")


# ---------------------------------------------------------------- Event types


def kill_the_process(yard: RunningYard) -> None:
    for process in yard.worker().children(recursive=True):
        if process.name().startswith("python") and "runyard.services.inferlets.runtime.host" in process.cmdline():
            process.kill()


EVENTS: dict[str, tuple[bytes, dict[str, object]]] = {
    "Message": (programs.EVERYTHING, {}),
    "Completed": (programs.HELLO, {}),
    "Aborted": (programs.STUBBORN, {}),
    "Exception": (programs.TRAP, {}),
    "ServerError": (programs.ECHO, {}),
    "OutOfResources": (programs.SPIN, {"limits": pie.Limits(fuel=10_000)}),
    "Blob": (programs.EVERYTHING, {}),
    "Stdout": (programs.EVERYTHING, {}),
    "Stderr": (programs.EVERYTHING, {}),
}


def test_the_events_are_those_of_the_document() -> None:
    assert [event.name for event in Event] == list(EVENTS)


@pytest.mark.parametrize("name", EVENTS)
async def test_every_event_comes(client: PieClient, yard: RunningYard, name: str) -> None:
    program, options = EVENTS[name]
    instance = await client.launch_instance(await client.upload_program(program), **options)  # type: ignore[arg-type]
    if name == "Aborted":
        await client.terminate_instance(instance.id, grace_seconds=0.1)
    if name == "ServerError":
        await instance.send("running?")
        assert await instance.recv() == (Event.Message, "running?")
        await asyncio.to_thread(kill_the_process, yard)
    heard = [event.name async for event, _ in instance]
    assert name in heard
    assert sum(event in ENDS for event in heard) == 1
    assert heard[-1] in ENDS


# ---------------------------------------------------------------- ParsedPrivateKey


@pytest.mark.parametrize("kind", WEAK)
def test_weak_keys_are_refused(tmp_path: Path, kind: str) -> None:
    pair = ssh_keygen(tmp_path / kind, *WEAK[kind])
    with pytest.raises(ValueError, match={"rsa-1024": "1024 bits", "p521": "secp521r1"}[kind]):
        ParsedPrivateKey.from_file(pair.path)


def test_the_module_has_the_names_of_both_generations() -> None:
    for name in ("PieClient", "ParsedPrivateKey", "Event", "Instance", "InstanceInfo", "PieError"):
        assert getattr(pie_client, name) is getattr(pie, name)


def test_ports_and_names_have_a_command_line_too(files: Path, home: Path, environment: dict[str, str]) -> None:
    """`pie ping` against the default server, with the user's own key."""
    done = subprocess.run(
        ["pie", "ping", "--username", "username"], cwd=files, env=environment, capture_output=True, text=True,
        timeout=DEADLINE, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
