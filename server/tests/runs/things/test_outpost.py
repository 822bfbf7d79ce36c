"""A real ``runyard machine run``: it enrols, works, reports, and ends when it is asked to."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import stat
import sys
import textwrap
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from runs.house import House, Place
from runyard.testing.faults import Reset
from runyard.testing.proxy import FaultProxy
from runyard.testing.running import until

from .shapes import made, problem, register

DEADLINE = 90.0
ADD = """
    import json, os, sys
    asked = json.load(sys.stdin)
    print("adding", asked["numbers"], file=sys.stderr, flush=True)
    told = [name for name in os.environ if "TOKEN" in name]
    json.dump({"sum": sum(asked["numbers"]), "by": os.environ["RUNYARD_OPERATION"], "told": told}, sys.stdout)
"""
REFUSE = """
    import sys
    print("the ledger is closed", file=sys.stderr)
    sys.exit(3)
"""
WAIT = """
    import json, os, subprocess, sys
    gate = json.load(sys.stdin)["gate"]
    os.mkfifo(gate)
    child = subprocess.Popen(["sleep", "600"])
    print(f"waiting {child.pid}", file=sys.stderr, flush=True)
    open(gate).read()
    print("{}")
"""


@dataclass(slots=True)
class Running:
    """A machine at work."""

    place: Place
    id: str
    process: Process
    folder: Path
    said: list[str]

    async def ask(self, operation: str, **given: object) -> str:
        asked = {"action": operation, "input": given}
        answer = await self.place.operator.post(f"/machines/{self.id}/invocations", json=asked)
        return (await made(answer, 202))["invocationId"]

    async def events(self, invocation: str) -> list[tuple[str, dict]]:
        """All events of an invocation, to its end."""
        path = f"/machines/{self.id}/invocations/{invocation}/stream"
        return [pair async for pair in self.watch(path)]

    async def watch(self, path: str) -> AsyncIterator[tuple[str, dict]]:
        async with asyncio.timeout(DEADLINE), self.place.auditor.stream("GET", path) as answer:
            kind = ""
            async for line in answer.aiter_lines():
                if line.startswith("event: "):
                    kind = line.removeprefix("event: ")
                if line.startswith("data: "):
                    yield kind, json.loads(line.removeprefix("data: "))

    async def let_go(self, gate: str) -> None:
        """End the wait of a command at this gate."""
        await asyncio.to_thread((self.folder / gate).write_text, "go")

    async def ended(self, invocation: str) -> dict:
        await self.events(invocation)
        return (await self.place.auditor.get(f"/machines/{self.id}/invocations/{invocation}")).json()

    async def printed(self, invocation: str, word: str) -> str:
        """The line of its log with this word, once it has said it."""
        path = f"/machines/{self.id}/invocations/{invocation}/stream"
        async for kind, body in self.watch(path):
            if kind == "log" and word in body["text"]:
                return body["text"]
        raise AssertionError(f"it ended without saying {word!r}")


def write_table(folder: Path, *, slots: int = 2) -> Path:
    lines = [f"slots = {slots}"]
    for name, script in {"numbers:add": ADD, "ledger:refuse": REFUSE, "thing:wait": WAIT}.items():
        program = folder / f"{name.replace(':', '-')}.py"
        program.write_text(textwrap.dedent(script))
        command = json.dumps([sys.executable, str(program)])
        lines += [f'[operations."{name}"]', f"command = {command}", f"folder = {json.dumps(str(folder))}"]
    lines += ['[operations."thing:missing"]', 'command = ["/nowhere/to/be/found"]']
    lines += ['[operations."thing:broken"]', f"command = {json.dumps([sys.executable, '-c', '1 / 0'])}"]
    lines += ['[operations."thing:hasty"]', 'command = ["sleep", "60"]', "seconds = 0.05"]
    lines += ['[operations."text:say"]', 'command = ["echo", "hello"]', '[operations."text:list"]']
    lines += ['command = ["echo", "[1]"]', '[operations."text:nothing"]', 'command = ["true"]']
    table = folder / "machine.toml"
    table.write_text("\n".join(lines))
    return table


@asynccontextmanager
async def running(
    place: Place, folder: Path, *, hostname: str, slots: int = 2, url: str | None = None
) -> AsyncIterator[Running]:
    """A machine in a process of its own, enrolled with a new token. ``url`` is where it finds the yard."""
    machine = (await register(place, hostname))["machineId"]
    token = (await made(await place.admin.post(f"/machines/{machine}/enrolment")))["token"]
    process = await start(place, folder, write_table(folder, slots=slots), token, url=url)
    said: list[str] = []
    listening = asyncio.create_task(listen(process, said))
    try:
        await until(lambda: any("works for" in line for line in said) or process.returncode is not None, "the machine")
        assert process.returncode is None, said
        yield Running(place, machine, process, folder, said)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        await listening


async def start(place: Place, folder: Path, table: Path, token: str | None, *, url: str | None = None) -> Process:
    where = ["--url", url or place.house.url, "--state", str(folder / "state.json")]
    argv = ["machine", "run", "--table", str(table), *where]
    environment = {**os.environ} | ({} if token is None else {"RUNYARD_MACHINE_TOKEN": token})
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "runyard", *argv, stderr=PIPE, stdin=asyncio.subprocess.DEVNULL, env=environment
    )


async def listen(process: Process, said: list[str]) -> None:
    assert process.stderr is not None
    while line := await process.stderr.readline():
        said.append(line.decode())


@pytest.fixture(scope="module")
async def machine(house: House, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    place = await house.place()
    async with running(place, tmp_path_factory.mktemp("machine"), hostname="forge-1") as opened:
        yield opened


async def test_a_machine_does_what_it_is_asked_and_says_what_came_of_it(machine: Running) -> None:
    invocation = await machine.ask("numbers:add", numbers=[1, 2, 3])
    events = await machine.events(invocation)
    assert (events[0][1]["status"], events[-1][1]["status"]) == ("running", "completed")
    assert "".join(body["text"] for kind, body in events if kind == "log") == "adding [1, 2, 3]\n"
    done = await machine.ended(invocation)
    assert (done["status"], done["output"]) == (
        "completed", {"sum": 6, "by": "numbers:add", "told": []},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("operation", "code", "words"),
    [
        ("ledger:refuse", "command-failed", "the ledger is closed"),
        ("thing:missing", "not-started", "No such file"),
        ("thing:broken", "command-failed", "ZeroDivisionError"),
        ("thing:hasty", "timed-out", "0.05 s"),
        ("text:say", "bad-output", "no JSON"),
        ("text:list", "bad-output", "no object"),
    ],
)
async def test_what_goes_wrong_is_said_in_a_word_and_a_sentence(
    machine: Running, operation: str, code: str, words: str
) -> None:
    failed = await machine.ended(await machine.ask(operation))
    assert (failed["status"], failed["error"]["code"]) == ("failed", code)
    assert words in failed["error"]["message"]


async def test_a_command_that_prints_nothing_has_an_empty_output(machine: Running) -> None:
    assert (await machine.ended(await machine.ask("text:nothing")))["output"] == {}


async def test_a_cancelled_command_ends_with_all_it_has_started(machine: Running) -> None:
    invocation = await machine.ask("thing:wait", gate="never")
    child = int((await machine.printed(invocation, "waiting")).split()[1])
    path = f"/machines/{machine.id}/invocations/{invocation}/cancel"
    await made(await machine.place.operator.post(path), 200)
    await until(lambda: not alive(child), "the command's child to end")


async def test_a_machine_answers_a_connection_test_while_it_is_busy(machine: Running) -> None:
    waiting = [await machine.ask("thing:wait", gate=gate) for gate in ("left", "right")]
    for each in waiting:
        await machine.printed(each, "waiting")
    tested = (await machine.place.operator.post(f"/machines/{machine.id}/test")).json()
    assert tested["status"] in {"ok", "slow"}
    assert (await machine.place.auditor.get(f"/machines/{machine.id}")).json()["activeRunCount"] == 2
    for gate in ("left", "right"):
        await machine.let_go(gate)
    assert [(await machine.ended(each))["status"] for each in waiting] == ["completed", "completed"]


async def test_its_account_is_its_own_secret(machine: Running) -> None:
    state = machine.folder / "state.json"
    assert stat.S_IMODE(state.stat().st_mode) == 0o600
    assert json.loads(state.read_text())["client_secret"] not in "".join(machine.said)
    shown = (await machine.place.auditor.get(f"/machines/{machine.id}")).json()
    assert (shown["status"], "numbers:add" in shown["operations"]) == ("Online", True)


async def test_a_machine_that_is_asked_to_end_ends_when_its_work_has(place: Place, tmp_path: Path) -> None:
    async with running(place, tmp_path, hostname="forge-2") as machine:
        invocation = await machine.ask("thing:wait", gate="gate")
        await machine.printed(invocation, "waiting")
        machine.process.send_signal(signal.SIGTERM)
        later = await machine.ask("numbers:add", numbers=[])
        await machine.let_go("gate")
        assert (await machine.ended(invocation))["status"] == "completed"
        assert await asyncio.wait_for(machine.process.wait(), DEADLINE) == 0
        path = f"/machines/{machine.id}/invocations/{later}"
        assert (await place.auditor.get(path)).json()["status"] == "accepted"
        again = await start(place, tmp_path, tmp_path / "machine.toml", None)  # it knows who it is
        try:
            assert (await machine.ended(later))["status"] == "completed"
        finally:
            again.send_signal(signal.SIGINT)
            assert await asyncio.wait_for(again.wait(), DEADLINE) == 0


async def test_a_machine_that_is_cut_off_goes_on_and_reports_when_it_can(place: Place, tmp_path: Path) -> None:
    address = urlsplit(place.house.url)
    assert address.hostname is not None
    assert address.port is not None
    async with (
        FaultProxy(address.hostname, address.port) as way,
        running(place, tmp_path, hostname="forge-2", url=way.url) as machine,
    ):
        invocation = await machine.ask("thing:wait", gate="gate")
        await machine.printed(invocation, "waiting")
        way.refuse_connections()
        way.inject(Reset())
        await way.wait_until(lambda proxy: proxy.open_connections == 0, timeout=DEADLINE)
        await machine.let_go("gate")
        await until(lambda: any("yard_unreachable" in line for line in machine.said), "it to notice")
        way.clear()
        assert (await machine.ended(invocation))["status"] == "completed"


async def test_a_machine_that_is_asked_twice_to_end_breaks_off(place: Place, tmp_path: Path) -> None:
    async with running(place, tmp_path, hostname="forge-2") as machine:
        invocation = await machine.ask("thing:wait", gate="gate")
        child = int((await machine.printed(invocation, "waiting")).split()[1])
        machine.process.send_signal(signal.SIGTERM)
        machine.process.send_signal(signal.SIGINT)
        broken = await machine.ended(invocation)
        assert (broken["status"], broken["error"]["code"]) == ("failed", "interrupted")
        assert await asyncio.wait_for(machine.process.wait(), DEADLINE) == 0
        assert not alive(child)


async def test_what_a_machine_has_started_ends_with_it_even_if_it_is_killed(place: Place, tmp_path: Path) -> None:
    """Else it would go on, while the yard has it done anew."""
    async with running(place, tmp_path, hostname="forge-2") as machine:
        invocation = await machine.ask("thing:wait", gate="gate")
        child = int((await machine.printed(invocation, "waiting")).split()[1])
        assert alive(child)
        machine.process.kill()
        await until(lambda: not alive(child), "what it had started to end")


async def test_a_deregistered_machine_says_so_and_ends(place: Place, tmp_path: Path) -> None:
    async with running(place, tmp_path, hostname="forge-2") as machine:
        assert (await place.admin.delete(f"/machines/{machine.id}")).status_code == 204
        assert await asyncio.wait_for(machine.process.wait(), DEADLINE) == 1
        await until(lambda: machine.said[-1:], "its last words")
        assert machine.said[-1].startswith("Error: ")


async def test_without_a_token_or_a_table_it_says_what_to_do(place: Place, tmp_path: Path) -> None:
    for table, words in ((write_table(tmp_path), "runyard machine add"), (tmp_path / "none.toml", "can't be read")):
        process = await start(place, tmp_path, table, None)
        _, said = await asyncio.wait_for(process.communicate(), DEADLINE)
        assert (process.returncode, words in said.decode()) == (1, True)
    process = await start(place, tmp_path, tmp_path / "machine.toml", f"{place.id}.machine-none.ry_client_x")
    _, said = await asyncio.wait_for(process.communicate(), DEADLINE)
    assert "unknown, used or expired" in said.decode()
    assert not (tmp_path / "state.json").exists()
    problem(await place.admin.get("/machines/machine-none"), 404, "not-found")


def alive(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
