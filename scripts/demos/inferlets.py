"""The `inferlets` service: programs that converse, go on alone, and write with a language model."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.text import Text

from demos.row import Row
from pie import Event, ParsedPrivateKey
from pie.sync import Instance, PieClient
from runyard.testing.running import RunningYard, TestUser

TURNS = 40
WORDS = ("is", "anybody", "still", "there")
SUBJECT = "a lighthouse keeper and a lost whale"
SHOWN = 44
"""Characters of a story that the table has room for."""

TOLD = "told"
"""State of a program that has told its story: it would go on with the next subject, so it is ended."""


@dataclass(frozen=True, slots=True)
class Visitor:
    """Somebody who signs in with an SSH key."""

    url: str
    name: str
    key_path: Path

    @contextmanager
    def client(self) -> Iterator[PieClient]:
        """A client that has signed in."""
        with PieClient(self.url) as client:
            client.authenticate(self.name, ParsedPrivateKey.from_file(self.key_path))
            yield client


def visitor(yard: RunningYard, user: TestUser) -> Visitor:
    """Make the user a key, in their home below the yard's folder, and have the yard know it."""
    path = user.home / "id_ed25519"
    command = [str(Path(sys.executable).with_name("pie")), "keys", "new", str(path)]
    public = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    yard.inside(lambda inside: inside.identity.ssh_keys.add(user.id, public, name="demo"))
    return Visitor(yard.inferlets_url, user.email, path)


def rows(who: Visitor, programs: Path) -> list[Row]:
    """A row for each way of using a program."""
    echo, storyteller = programs / "echo.wat", programs / "storyteller.wat"
    work = {
        "echo.wat converses": ("completed", partial(converse, who, echo)),
        "echo.wat left alone": ("completed", partial(leave_and_return, who, echo)),
        "storyteller.wat": (TOLD, partial(tell, who, storyteller)),
    }
    return [Row(service="inferlets", name=name, good=good, run=run) for name, (good, run) in work.items()]


def converse(who: Visitor, program: Path, row: Row) -> None:
    """Say something, wait for the answer, say the next thing."""
    with who.client() as client:
        instance = client.launch_instance(client.upload_program(program))
        watch(row, instance)
        took = []
        for turn in range(TURNS):
            started = time.perf_counter()
            instance.send(f"message {turn}")
            row.note = str(instance.recv(timeout=30)[1])
            took.append(time.perf_counter() - started)
        instance.send("bye")
        finish(row, instance)
        row.result = f"{TURNS} answers, {median(took) * 1000:.1f} ms each"


def leave_and_return(who: Visitor, program: Path, row: Row) -> None:
    """Launch it detached, talk to it, hang up; come back on a new connection for what it has said."""
    with who.client() as client:
        left = client.launch_instance(client.upload_program(program), detached=True)
        watch(row, left)
        for word in (*WORDS, "bye"):
            left.send(word)
    row.note = "nobody is attached"
    with who.client() as client:
        heard = finish(row, client.attach_instance(left.id))
    row.result = f"{len(heard)} of {len(WORDS)} answers kept until somebody came back"
    if heard != list(WORDS):
        row.state, row.note = "lost", f"kept only {heard}"


def tell(who: Visitor, program: Path, row: Row) -> None:
    """Have it write something with the yard's language model."""
    with who.client() as client:
        instance = client.launch_instance(client.upload_program(program))
        watch(row, instance)
        instance.send(SUBJECT)
        event, content = instance.recv(timeout=120)
        row.note = " ".join(str(content).split())
        if event is Event.Message:
            instance.terminate()
            row.state, row.result = TOLD, row.note if len(row.note) <= SHOWN else f"{row.note[:SHOWN]}…"
        else:
            row.state = event.name.lower()


def watch(row: Row, instance: Instance) -> None:
    """Say which instance it is."""
    row.job, row.state, row.link = instance.id, "running", f"pie attach {instance.id[:8]} --after 0"


def finish(row: Row, instance: Instance) -> list[str]:
    """Listen up to the end; gives the messages."""
    said: list[str] = []
    for event, content in instance:
        row.note = str(content)
        if event is Event.Message:
            said.append(row.note)
        if event.terminal:
            row.state = event.name.lower()
    return said


def story(console: Console, rows: list[Row]) -> None:
    """Print what the model wrote."""
    row = next(row for row in rows if row.name.startswith("storyteller"))
    if row.as_expected:
        console.print(f"\n[bold]pie run storyteller.wat[/]  [dim]asked for {SUBJECT}[/]")
        console.print(Text(row.note))
