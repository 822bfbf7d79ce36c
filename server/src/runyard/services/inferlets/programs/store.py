"""Where uploaded programs are kept: the bytes among the artifacts, what is known of them in a table, by tenant."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Final, cast
from uuid import UUID, uuid4

import msgspec
from blake3 import blake3

from runyard.artifacts import ArtifactStore, Blob
from runyard.clock import Clock
from runyard.database import Connection, Database
from runyard.services.inferlets.compiled import CompiledPrograms, Fetch
from runyard.services.inferlets.programs.errors import BadModule, DependencyCycle, MissingImport, NotInstalled
from runyard.services.inferlets.programs.manifest import Manifest, read_manifest
from runyard.services.inferlets.programs.names import ProgramName, Reference, read_reference, read_version
from runyard.services.inferlets.surface import BadProgram, Surface

_COLUMNS: Final = (
    "id, tenant, owner, namespace, name, version, blake3, digest, size, manifest, manifest_blake3, dependencies,"
    " surface, created_at"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """An uploaded program. ``digest`` is the SHA-256 it is kept under; a program without manifest has no name."""

    id: UUID
    tenant: str
    owner: UUID
    name: ProgramName | None
    blake3: str
    digest: str
    size: int
    manifest: str
    manifest_blake3: str
    dependencies: tuple[str, ...]
    surface: Surface
    created_at: datetime

    def __str__(self) -> str:
        return str(self.name) if self.name is not None else self.blake3


class Programs:
    """Everything that can happen to programs. No tenant learns what another has."""

    def __init__(
        self, database: Database, artifacts: ArtifactStore, compiled: CompiledPrograms, *, clock: Clock
    ) -> None:
        self._database = database
        self._artifacts = artifacts
        self._compiled = compiled
        self._clock = clock

    def expect(self) -> None:
        """Somebody has begun to send a program."""
        self._compiled.expect()

    async def survey(self, digest: str, file: BinaryIO) -> Surface:
        """Look at a program that is on its way, and compile it. Closes its file.

        Args:
            digest: its BLAKE3, which the caller has checked.

        Raises:
            BadModule: the module is none, or has nothing to run.
        """
        open_file = f"/dev/fd/{file.fileno()}"  # by whatever name it has at that time

        async def fetch(path: Path) -> None:
            await asyncio.to_thread(shutil.copyfile, open_file, path)

        with file:
            return await self._look(digest, fetch)

    async def add(
        self, *, tenant: str, owner: UUID, blob: Blob, digest: str, manifest: str,
        surveyed: Awaitable[Surface] | None = None,
    ) -> Program:  # fmt: skip
        """Keep an uploaded program, in place of one of the same name and version.

        Args:
            blob: the module, stored.
            digest: its BLAKE3, which the caller has checked.
            manifest: its text; empty for a program that is known by its digest only.
            surveyed: what :meth:`survey` says, if it was asked.

        Raises:
            BadManifest, BadName: what the manifest says can't be used.
            BadModule: the module is none, or has nothing to run.
            MissingImport: it imports what doesn't exist here.
        """
        read = read_manifest(manifest) if manifest.strip() else None
        surface = await (
            surveyed or self._look(digest, lambda path: self._artifacts.fetch_to(blob.digest, path, check=False))
        )
        if surface.missing:
            raise MissingImport(surface.missing)
        return await self._database.transaction(
            lambda connection: self._keep(connection, tenant, owner, blob, digest, manifest, read, surface)
        )

    async def _look(self, digest: str, fetch: Fetch) -> Surface:
        """What was found when the same module was uploaded before, by whomever; else what is found now."""
        found = await self._database.fetchval("SELECT surface FROM programs WHERE blake3 = $1 LIMIT 1", digest)
        if found is not None:
            return msgspec.convert(found, Surface)
        try:
            return await self._compiled.make(digest, fetch)
        except BadProgram as error:
            raise BadModule(str(error)) from error

    async def _keep(  # noqa: PLR0917
        self, connection: Connection, tenant: str, owner: UUID, blob: Blob, digest: str, text: str,
        manifest: Manifest | None, surface: Surface,
    ) -> Program:  # fmt: skip
        name = None if manifest is None else manifest.name
        arbiter = "(tenant, namespace, name, version)" if name else "(tenant, blake3) WHERE name IS NULL"
        row = await connection.fetchrow(
            f"INSERT INTO programs ({_COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)"
            f" ON CONFLICT {arbiter} DO UPDATE SET owner = EXCLUDED.owner, blake3 = EXCLUDED.blake3,"
            " digest = EXCLUDED.digest, size = EXCLUDED.size, manifest = EXCLUDED.manifest,"
            " manifest_blake3 = EXCLUDED.manifest_blake3, dependencies = EXCLUDED.dependencies,"
            f" surface = EXCLUDED.surface, created_at = EXCLUDED.created_at RETURNING {_COLUMNS}",
            uuid4(), tenant, owner, name and name.namespace, name and name.name, name and name.version, digest,
            blob.digest, blob.size, text, blake3(text.encode()).hexdigest(),
            [str(one) for one in manifest.dependencies] if manifest else [], msgspec.to_builtins(surface),
            self._clock(),
        )  # fmt: skip
        assert row is not None
        program = _program(row)
        await self._artifacts.pin(blob.digest, _holder(program), connection=connection)
        return program

    async def find(self, reference: Reference, *, tenants: Sequence[str]) -> Program:
        """The program somebody means, of the first tenant that has it. ``latest`` is the newest version.

        Raises:
            NotInstalled: none of them has it.
        """
        found = await self._candidates(reference, tenants)
        if not found:
            raise NotInstalled(str(reference))
        first = min(tenants.index(one.tenant) for one in found)
        return max((one for one in found if tenants.index(one.tenant) == first), key=_newest)

    async def exists(
        self, reference: Reference, *, tenants: Sequence[str], digest: str | None = None, manifest: str | None = None
    ) -> bool:
        """Whether a program is there, with this BLAKE3 of the module and of the manifest if they are given."""
        return any(
            (digest is None or one.blake3 == digest) and (manifest is None or one.manifest_blake3 == manifest)
            for one in await self._candidates(reference, tenants)
        )

    async def resolve(self, program: Program, *, tenants: Sequence[str]) -> list[Program]:
        """What a program depends on, directly or not: each before those that depend on it.

        Raises:
            NotInstalled: one of them is not there.
            DependencyCycle: one of them depends on itself.
        """
        order: dict[UUID, Program] = {}
        path: list[Program] = []

        async def visit(one: Program) -> None:
            if one.id in order:
                return
            if any(above.id == one.id for above in path):
                raise DependencyCycle([*(str(above) for above in path), str(one)])
            path.append(one)
            for dependency in one.dependencies:
                try:
                    found = await self.find(read_reference(dependency), tenants=tenants)
                except NotInstalled as error:
                    raise NotInstalled(error.reference, wanted_by=str(one)) from None
                await visit(found)
            path.pop()
            order[one.id] = one

        await visit(program)
        order.pop(program.id)
        return list(order.values())

    async def every(self, *, tenants: Sequence[str], limit: int = 1000) -> list[Program]:
        """Programs of some tenants, the newest upload first."""
        rows = await self._database.fetch(
            f"SELECT {_COLUMNS} FROM programs WHERE tenant = ANY($1) ORDER BY created_at DESC, id LIMIT $2",
            list(tenants), limit,
        )  # fmt: skip
        return [_program(row) for row in rows]

    async def remove(self, program: Program) -> None:
        """Forget a program. Instances of it that run or have run keep it as long as they are kept."""

        async def work(connection: Connection) -> None:
            await connection.execute("DELETE FROM programs WHERE id = $1", program.id)
            await self._artifacts.unpin(_holder(program), connection=connection)

        await self._database.transaction(work)

    async def _candidates(self, reference: Reference, tenants: Sequence[str]) -> list[Program]:
        if reference.digest is not None:
            rows: Iterable[Mapping[str, object]] = await self._database.fetch(
                f"SELECT {_COLUMNS} FROM programs WHERE tenant = ANY($1) AND blake3 = $2",
                list(tenants), reference.digest,
            )  # fmt: skip
        else:
            rows = await self._database.fetch(
                f"SELECT {_COLUMNS} FROM programs WHERE tenant = ANY($1) AND namespace = $2 AND name = $3"
                " AND ($4::text IS NULL OR version = $4)",
                list(tenants), reference.namespace, reference.name, reference.version,
            )  # fmt: skip
        return [_program(row) for row in rows]


def _newest(program: Program) -> tuple[object, ...]:
    """The newest version; of releases and prereleases a release. By digest, those with a name."""
    if program.name is None:
        return (False,)
    version = read_version(program.name.version)
    return (True, not version.prerelease, version)


def _holder(program: Program) -> str:
    return f"program:{program.id}"


def _program(row: Mapping[str, object]) -> Program:
    values = dict(row)
    namespace, name, version = (cast("str | None", values.pop(key)) for key in ("namespace", "name", "version"))
    called = None
    if namespace is not None and name is not None and version is not None:
        called = ProgramName(namespace=namespace, name=name, version=version)
    values["dependencies"] = tuple(cast("list[str]", values["dependencies"]))
    values["surface"] = msgspec.convert(values["surface"], Surface)
    return Program(name=called, **values)  # type: ignore[arg-type]
