"""What the face of this service stands on in an API process: the yard, its programs, and who watches what."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from uuid import UUID

from runyard.identity import Action, Principal, allowed
from runyard.identity.internal_token import InternalToken
from runyard.jobs import Job, JobNotFound
from runyard.sandbox import probe
from runyard.services.inferlets.compiled import CompiledPrograms
from runyard.services.inferlets.errors import Denied
from runyard.services.inferlets.programs import Programs
from runyard.services.inferlets.words import KIND
from runyard.services.inferlets.ws.callers import Gate
from runyard.services.inferlets.ws.cursors import Cursors
from runyard.yard import Yard


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """``watched`` counts, for each instance, the clients of this process that are attached to it."""

    yard: Yard
    gate: Gate
    programs: Programs
    cursors: Cursors
    watched: Counter[UUID] = field(default_factory=Counter)

    async def instance(self, principal: Principal, text: str, action: Action) -> Job:
        """An instance by its id, if ``principal`` may do that to it.

        Raises:
            Denied: there is none, or it is somebody else's; nobody learns which.
        """
        try:
            job = await self.yard.jobs.get(UUID(text))
            if job.kind == KIND and allowed(principal, action, owner=job.owner, tenant=job.tenant):
                return job
        except ValueError:
            raise Denied(f"{text!r:.80} is no id of an instance: a UUID is.", code="bad_message") from None
        except JobNotFound:
            pass
        raise Denied(f"You have no instance {text!r:.80}.", code="not_found")

    @contextmanager
    def watching(self, instance: UUID) -> Iterator[None]:
        """Somebody is attached to the instance."""
        self.watched[instance] += 1
        try:
            yield
        finally:
            self.watched[instance] -= 1
            if not self.watched[instance]:
                del self.watched[instance]


@asynccontextmanager
async def open_room(yard: Yard, token: InternalToken) -> AsyncIterator[Room]:
    """The service's part of an API process.

    Raises:
        SandboxUnavailable: programs can't be compiled safely on this machine.
    """
    sandbox = await asyncio.to_thread(probe, yard.settings.sandbox)
    async with CompiledPrograms.open(yard.settings, sandbox) as compiled:
        yield Room(
            yard=yard,
            gate=Gate(yard.identity, token, yard.settings),
            programs=Programs(yard.database, yard.artifacts, compiled, clock=yard.clock),
            cursors=Cursors(yard.database),
        )
