"""The worker's side of fetching: one sandbox process per repository, the gate it has, and what its end means."""

from __future__ import annotations

import asyncio
import base64
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec

from runyard.identity import NotFound, SealBroken
from runyard.identity.credentials import Credentials
from runyard.sandbox import Command, Exit, Limits, Mount, Sandbox, SandboxError
from runyard.sandbox.hosts import Hosts
from runyard.sandbox.python import python_environment, python_mounts
from runyard.services.sessions.errors import WorkspaceFailed
from runyard.services.sessions.order import Repository
from runyard.services.sessions.plain_files import read_plain
from runyard.services.sessions.repositories import git_settings
from runyard.services.sessions.repositories.facts import Fetched
from runyard.services.sessions.repositories.fetch import FACTS, PACKED, Errand
from runyard.services.sessions.repositories.gate import Gate
from runyard.services.sessions.repositories.output import Output
from runyard.services.sessions.repositories.urls import Address, BadRepository, check_branch, read_url
from runyard.services.sessions.words import Reason
from runyard.settings import Settings
from runyard.sizes import GIB, KIB, MIB

LONGEST_FACTS: Final = 64 * KIB
MEMORY: Final = 2 * GIB
PROCESSES: Final = 64
SLACK: Final = 16 * MIB

Log = Callable[[str], Awaitable[None]]
"""Takes whole lines, each with its end."""


class CloneFailed(WorkspaceFailed):
    """There is no working on this repository."""

    def __init__(self, text: str, *, reason: Reason = Reason.CLONE_FAILED) -> None:
        super().__init__(text, reason=reason)


@dataclass(frozen=True, slots=True)
class Place:
    """Folders of one repository: ``clone`` is what git made, ``out`` what the process leaves, ``gate`` its way out."""

    clone: Path
    out: Path
    gate: Path

    @property
    def packed(self) -> Path:
        """The clone as one file."""
        return self.out / PACKED


@dataclass(frozen=True, slots=True)
class Login:
    """What opens a private repository: a header for one place, ``https://host:port``."""

    origin: str
    user: str = field(repr=False)
    token: str = field(repr=False)

    @property
    def header(self) -> str:
        """What is sent."""
        return f"Authorization: Basic {self.encoded}"

    @property
    def encoded(self) -> str:
        """As it stands in the header."""
        return base64.b64encode(f"{self.user}:{self.token}".encode()).decode()


class Fetcher:
    """Fetches repositories into folders."""

    def __init__(self, settings: Settings, sandbox: Sandbox, credentials: Credentials) -> None:
        self._settings = settings
        self._sandbox = sandbox
        self._credentials = credentials
        self._hosts = Hosts.parse(settings.session_hosts)
        self.seconds = settings.session_clone_timeout
        """Longest one repository may take."""

    async def fetch(self, repository: Repository, place: Place, *, tenant: str, log: Log) -> Fetched:
        """Clone it, bare and shallow.

        Args:
            tenant: whose credentials may be used.

        Raises:
            CloneFailed: git's own words say why, or a limit.
        """
        address = self._address(repository)
        login = None if repository.credential is None else await self._login(repository, repository.credential, tenant)
        output = Output(*(() if login is None else (login.token, login.encoded)))
        limit = self._settings.session_repository_size
        only = None if login is None else (address.host.lower(), address.port)
        async with Gate.open(place.gate, hosts=self._hosts, limit=limit, only=only) as gate:
            exit_ = await self._run(self._errand(repository, place), place, output, log, login)
        if exit_.code != 0 or exit_.limit is not None:
            raise self._failure(repository, exit_, output, gate)
        facts = await asyncio.to_thread(_read_facts, place.out)
        if facts.problem:
            raise _too_large(repository, facts.problem)
        return facts

    async def unpack(self, name: str, place: Place, *, log: Log) -> None:
        """Put a kept clone (``place.packed``) where it was.

        Raises:
            CloneFailed: what was kept can't be unpacked.
        """
        output = Output()
        errand = Errand(clone=self._inside(place.clone, "/clone"), out=self._inside(place.out, "/out"))
        exit_ = await self._run(errand, place, output, log)
        if exit_.code != 0 or exit_.limit is not None:
            raise CloneFailed(f"The kept copy of {name} can't be unpacked: {exit_.message or output.complaint()}")

    def _address(self, repository: Repository) -> Address:
        try:
            address = read_url(repository.url, hosts=self._hosts)
            if repository.branch is not None:
                check_branch(repository.branch)
        except BadRepository as error:
            raise CloneFailed(str(error)) from error
        if repository.credential is None or address.scheme == "https" or self._hosts.named(address.host, address.port):
            return address
        raise CloneFailed(f"A credential is sent over https:// only, not to {repository.url!r}.")

    async def _login(self, repository: Repository, name: str, tenant: str) -> Login:
        try:
            known, token = await self._credentials.reveal(name, tenant=tenant)
        except (NotFound, SealBroken) as error:
            raise CloneFailed(str(error)) from error
        if not known.fits(repository.url):
            raise CloneFailed(f"The credential {known.name!r} is for {known.host}, not for {repository.url!r}.")
        return Login(f"{repository.url.partition('://')[0]}://{known.host}", known.username, token.reveal())

    def _errand(self, repository: Repository, place: Place) -> Errand:
        settings = self._settings
        return Errand(
            url=repository.url, branch=repository.branch or "", depth=settings.session_clone_depth,
            gate=self._inside(place.gate, "/gate"), clone=self._inside(place.clone, "/clone"),
            out=self._inside(place.out, "/out"), files=settings.session_repository_files,
            size=settings.session_repository_size,
        )  # fmt: skip

    async def _run(self, errand: Errand, place: Place, output: Output, log: Log, login: Login | None = None) -> Exit:
        command = await asyncio.to_thread(self._command, errand, place, login)
        try:
            async with self._sandbox.start(command) as process:
                async for chunk in process.output():
                    if lines := output.feed(chunk):
                        await log(lines)
                if lines := output.finish():
                    await log(lines)
                return await process.wait()
        except SandboxError as error:
            raise CloneFailed(f"The yard can't start git: {error}.") from error

    def _command(self, errand: Errand, place: Place, login: Login | None) -> Command:
        mounts = [
            Mount(source=place.clone, target=errand.clone, writable=True),
            Mount(source=place.out, target=errand.out, writable=True),
        ]
        if errand.url:
            mounts.append(Mount(source=place.gate, target=errand.gate))
            variables = git_settings.fetching(None if login is None else (login.origin, login.header))
        else:
            variables = git_settings.at_rest()
        size = self._settings.session_repository_size
        return Command(
            argv=(
                sys.executable, "-m", "runyard.services.sessions.repositories.fetch",
                msgspec.json.encode(errand).decode(),
            ),
            env={**python_environment(), **variables},
            mounts=[*(python_mounts() if self._sandbox.isolated else ()), *mounts],
            limits=Limits(
                wall=self._settings.session_clone_timeout, memory=MEMORY, processes=PROCESSES,
                file_size=2 * size + SLACK, disk=4 * size + SLACK,  # the pack, its index, and both in one file
            ),
        )  # fmt: skip

    def _failure(self, repository: Repository, exit_: Exit, output: Output, gate: Gate) -> CloneFailed:
        limit = self._settings.session_repository_size
        if gate.too_much or exit_.limit in {"disk", "file_size"}:
            return _too_large(repository, f"more than {limit:,} bytes came, which is the limit")
        if exit_.limit == "memory":
            return _too_large(repository, f"git needs more than {MEMORY:,} bytes of memory for it")
        why = gate.refusal or exit_.message or output.complaint() or f"git ended with exit code {exit_.code}"
        if exit_.limit == "wall":
            why = f"it took more than {self._settings.session_clone_timeout:g} seconds"
        elif "could not read Username" in why and repository.credential is None:
            why = (
                "it asks for a user name: either there is no such repository, or it is private; an operator can keep "
                "a credential for it (`runyard credential add`), to be named in `credential`"
            )
        elif "could not read Username" in why or "Authentication failed" in why:
            why = f"the credential {repository.credential!r} was not accepted"
        return CloneFailed(f"The repository {repository.url} can't be cloned: {why.rstrip('.')}.")

    def _inside(self, folder: Path, target: str) -> str:
        return target if self._sandbox.isolated else str(folder)


def _read_facts(folder: Path) -> Fetched:
    try:
        return msgspec.json.decode(read_plain(folder, FACTS, limit=LONGEST_FACTS), type=Fetched)
    except (OSError, msgspec.DecodeError) as error:
        raise CloneFailed(f"The fetching process left nonsense: {error}") from error


def _too_large(repository: Repository, why: str) -> CloneFailed:
    text = f"The repository {repository.url} is too large: {why}."
    return CloneFailed(text, reason=Reason.REPOSITORY_TOO_LARGE)
