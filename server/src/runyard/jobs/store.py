"""The SQL of jobs: one method per thing that can happen to a job, named by intent.

Methods are safe to repeat when a connection breaks during COMMIT: each is guarded by the job's id, state, attempt or
batch.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Final, Literal, cast
from uuid import UUID, uuid4

import asyncpg
import msgspec

from runyard.artifacts import attaching
from runyard.clock import Clock
from runyard.database import Connection, Database
from runyard.jobs import events as codec
from runyard.jobs.errors import AttemptLost, IdempotencyReused, JobEnded, JobNotFound
from runyard.jobs.model import JOB_COLUMNS, LOG, MESSAGE, Event, Job, NewJob, Once, job_from_row
from runyard.jobs.queue import ENTRY_TABLE, Queue
from runyard.jobs.states import State

CHANNEL: Final = "runyard"
"""NOTIFY channel. Payloads: ``event <job> <seq> <kind>``, with ``queued`` behind it when there is an entry in the queue
for workers to take, ``cancel <job>`` and ``schedule <schedule>``.
"""

PAGE: Final = 256
"""Events read at a time: at most 16 MiB of output."""

Awaits = Literal["children", "message", "news", "time"]

_json = msgspec.json.encode

_NEW: Final = """
    SELECT $2::text, $1::uuid, $6::int, NULL::interval WHERE NOT EXISTS (SELECT FROM jobs WHERE id = $1)
        AND NOT EXISTS (SELECT FROM idempotency WHERE scope = $11::text AND key = $12::text)
"""
"""What :data:`_SUBMIT` enqueues: nothing that is there already."""

_SUBMIT: Final = f"""
    {{entry}}, job AS (
        INSERT INTO jobs (id, kind, owner, tenant, params, priority, max_attempts, parent, entry, created_at, last_seq)
        SELECT $1, $2, $3, $4, $5, $6, $7, $8, id, $9, 1 FROM entry ON CONFLICT (id) DO NOTHING RETURNING {JOB_COLUMNS}
    ), event AS (
        INSERT INTO events (job, seq, at, type, body) SELECT id, 1, $9, 'state', $10 FROM job
        RETURNING pg_notify('{CHANNEL}', 'event ' || job || ' 1 ' || $2 || ' queued')
    ), key AS (
        INSERT INTO idempotency (scope, key, fingerprint, job, created_at)
        SELECT $11, $12, $13, id, $9 FROM job WHERE $12 IS NOT NULL
    ), artifact AS (
        {attaching("SELECT id, file.*, $9 FROM job, unnest($14::text[], $15::text[], $16::text[]) AS file")}
    )"""

_CLAIM: Final = f"""
    WITH job AS (
        UPDATE jobs SET state = 'running', attempt = attempt + 1, batch = 0, last_seq = last_seq + 1,
            started_at = coalesce(started_at, $3), claim = $4
        WHERE id = $1 AND entry = $2 AND state = 'queued' AND NOT cancelling RETURNING {JOB_COLUMNS}
    ), event AS (
        INSERT INTO events (job, seq, at, type, body) SELECT id, last_seq, $3, 'state',
            '\\x00'::bytea || convert_to('{{"state":"running","attempt":' || attempt || '}}', 'UTF8') FROM job
    ) SELECT *, pg_notify('{CHANNEL}', 'event ' || id || ' ' || last_seq || ' ' || kind) FROM job"""

_SEND: Final = f"""
    WITH job AS (
        UPDATE jobs SET last_seq = last_seq + 1 WHERE id = $1 AND (state = 'running' OR $4) RETURNING id, last_seq, kind
    ), event AS (
        INSERT INTO events (job, seq, at, type, body) SELECT id, last_seq, $2, '{MESSAGE}', $3 FROM job
    ) SELECT last_seq AS seq, pg_notify('{CHANNEL}', 'event ' || id || ' ' || last_seq || ' ' || kind) FROM job"""

_APPEND: Final = f"""
    WITH job AS (
        UPDATE jobs SET last_seq = last_seq + cardinality($4::text[]), batch = batch + 1, log_bytes = log_bytes + $7,
            progress = coalesce($8, progress)
        WHERE id = $1 AND attempt = $2 AND batch = $3 AND state = 'running' RETURNING last_seq, kind
    ), event AS (
        INSERT INTO events (job, seq, at, type, body)
        SELECT $1, job.last_seq - cardinality($4::text[]) + new.n, new.at, new.type, new.body
        FROM job, unnest($4::text[], $5::timestamptz[], $6::bytea[]) WITH ORDINALITY AS new(type, at, body, n)
    ) SELECT last_seq, pg_notify('{CHANNEL}', 'event ' || $1::uuid || ' ' || last_seq || ' ' || kind) FROM job"""

_FINISH: Final = f"""
    WITH job AS (
        UPDATE jobs SET state = $3, ended_at = $4, result = $5, error = $6, awaits = NULL, last_seq = last_seq + 1,
            progress = CASE WHEN $3 = 'succeeded' THEN 100 ELSE progress END
        WHERE id = $1 AND attempt = $2 AND ended_at IS NULL AND state = $8 RETURNING id, last_seq, kind
    ), event AS (
        INSERT INTO events (job, seq, at, type, body) SELECT id, last_seq, $4, 'state', $7 FROM job
    ) SELECT last_seq, pg_notify('{CHANNEL}', 'event ' || id || ' ' || last_seq || ' ' || kind) FROM job"""

_MOVE: Final = f"""
    WITH job AS (
        UPDATE jobs SET state = $3, entry = $4, awaits = $5, losses = losses + $6, last_seq = last_seq + 1,
            checkpoint = CASE WHEN $7 THEN $8 ELSE checkpoint END
        WHERE id = $1 AND attempt = $2 AND state = $9 RETURNING id, last_seq, kind
    ), event AS (
        INSERT INTO events (job, seq, at, type, body) SELECT id, last_seq, $10, 'state', $11 FROM job
    ) SELECT last_seq, pg_notify('{CHANNEL}', 'event ' || id || ' ' || last_seq || ' ' || kind
        || CASE WHEN $4::bigint IS NULL THEN '' ELSE ' queued' END) FROM job"""


@dataclass(frozen=True, slots=True)
class Submission:
    """A request for work as a part of somebody's own statement.

    Attributes:
        job: the id the job will have.
        parts: of the statement's WITH.
        values: of the parameters in there, from the first on.
    """

    job: UUID
    parts: str
    values: tuple[object, ...]


class JobStore:
    """Everything that can happen to a job, as transactions.

    Args:
        clock: the present, in UTC.
        max_attempts: starts a job may have when workers are lost; see :attr:`runyard.settings.Settings.max_attempts`.
    """

    def __init__(self, database: Database, queue: Queue, *, clock: Clock, max_attempts: int) -> None:
        self.database = database
        self._queue = queue
        self.clock = clock
        self._max_attempts = max_attempts
        self._submission = _SUBMIT.format(entry=queue.entry(_NEW))

    # ---------------------------------------------------------------- asking for work

    async def submit(self, new: NewJob, *, connection: Connection | None = None) -> Job:
        """Keep a request for work; when this returns, the job survives whatever happens.

        Args:
            connection: joins its open transaction: the job is there once that commits, and never if it doesn't.

        Raises:
            IdempotencyReused: the key was used for another request.
            JobEnded: the parent has ended or is being cancelled; it gets no more children.
        """
        job = uuid4()
        if connection is not None:
            return await self._submit(connection, new, job)
        try:
            if new.parent is None:
                return await self._submit(self.database, new, job)
            return await self.database.transaction(lambda connection: self._submit(connection, new, job))
        except asyncpg.UniqueViolationError:  # the same request is being made this moment
            if (known := await self._same_request(self.database, new)) is None:
                raise
            return known

    def submission(self, new: NewJob, job: UUID | None = None) -> Submission:
        """The same for somebody who has more to write and saves a round trip so.

        The request has neither a key nor a parent: nobody looks here whether it is there already, or may be made.
        """
        job = job or uuid4()
        files = [(name, digest, content_type) for name, (digest, content_type) in new.artifacts.items()]
        values = (
            job, new.kind, new.owner, new.tenant, new.params, new.priority, self._max_attempts, new.parent,
            self.clock(), codec.pack(_json({"state": State.QUEUED})), _scope(new), new.idempotency_key,
            new.fingerprint, *([one[column] for one in files] for column in range(3)),
        )  # fmt: skip
        return Submission(job, self._submission, values)

    async def _submit(self, where: Database | Connection, new: NewJob, job: UUID) -> Job:
        if new.parent is not None:
            if (known := await self._same_request(where, new)) is not None:
                return known
            await self._refuse_orphan(where, new.parent)
        submission = self.submission(new, job)
        row = await where.fetchrow(f"WITH {submission.parts} SELECT * FROM job", *submission.values)
        if row is not None:
            return job_from_row(row)
        if (known := await self._same_request(where, new)) is not None:
            return known
        return await self.get(job)  # an earlier try was committed

    async def _refuse_orphan(self, where: Database | Connection, parent: UUID) -> None:
        """Lock the parent against a cancellation, which either sees the new child or is seen here."""
        row = await where.fetchrow("SELECT state, cancelling, ended_at FROM jobs WHERE id = $1 FOR SHARE", parent)
        if row is None:
            raise JobNotFound(parent)
        if row["cancelling"] or row["ended_at"] is not None:
            raise JobEnded(parent, State.CANCELLED if row["cancelling"] else row["state"])

    async def _same_request(self, where: Database | Connection, new: NewJob) -> Job | None:
        if new.idempotency_key is None:
            return None
        row = await where.fetchrow(
            f"SELECT fingerprint, {JOB_COLUMNS} FROM jobs JOIN"
            " (SELECT fingerprint, job FROM idempotency WHERE scope = $1 AND key = $2) AS kept ON kept.job = jobs.id",
            _scope(new), new.idempotency_key,
        )  # fmt: skip
        if row is None:
            return None
        if row["fingerprint"] != new.fingerprint:
            raise IdempotencyReused(new.idempotency_key)
        return job_from_row(row)

    # ---------------------------------------------------------------- looking

    async def get(self, job: UUID) -> Job:
        """The job as it stands now.

        Raises:
            JobNotFound: there is none.
        """
        row = await self.database.fetchrow(f"SELECT {JOB_COLUMNS} FROM jobs WHERE id = $1", job)
        if row is None:
            raise JobNotFound(job)
        return job_from_row(row)

    async def get_many(self, jobs: Collection[UUID]) -> Sequence[Job]:
        """Those of the jobs that exist, as they stand now."""
        rows = await self.database.fetch(f"SELECT {JOB_COLUMNS} FROM jobs WHERE id = ANY($1)", list(jobs))
        return [job_from_row(row) for row in rows]

    async def unsettled(self, prefix: str, *, since: datetime) -> Sequence[UUID]:
        """Jobs whose kind begins with ``prefix`` and that may have changed after a time, the oldest first."""
        rows = await self.database.fetch(
            "SELECT id FROM jobs WHERE starts_with(kind, $1) AND (ended_at > $2 OR"
            " (ended_at IS NULL AND (state <> 'queued' OR attempt > 0 OR created_at > $2))) ORDER BY created_at",
            prefix, since,
        )  # fmt: skip
        return [row["id"] for row in rows]

    async def list(
        self,
        *,
        kinds: Sequence[str],
        owner: UUID | None = None,
        tenant: str | None = None,
        states: Sequence[State] = tuple(State),
        failed_with: Sequence[str] | None = None,
        failed_without: Sequence[str] | None = None,
        since: datetime | None = None,
        before: tuple[datetime, UUID] | None = None,
        limit: int | None = None,
    ) -> list[Job]:
        """Jobs of an owner or tenant, newest first.

        Args:
            failed_with: of failed jobs, only those with one of these error codes.
            failed_without: of failed jobs, none with one of these error codes.
            since: only jobs made at or after this time.
            before: ``(created_at, id)`` of the last job of the page before.
            limit: most jobs to return; None for all.
        """
        conditions, values = ["kind = ANY($1)", "state = ANY($2)"], [list(kinds), [str(state) for state in states]]
        for condition, value in (
            ("owner = ${}", owner),
            ("tenant = ${}", tenant),
            ("state <> 'failed' OR error->>'code' = ANY(${})", failed_with),
            ("state <> 'failed' OR error->>'code' <> ALL(${})", failed_without),
            ("created_at >= ${}", since),
            ("created_at <= ${}", before[0] if before else None),
            ("id < ${} OR created_at < $PREVIOUS", before[1] if before else None),
        ):
            if value is not None:
                values.append(value)  # type: ignore[arg-type]
                text = condition.format(len(values)).replace("PREVIOUS", str(len(values) - 1))
                conditions.append(f"({text})")
        values.append(limit)  # type: ignore[arg-type]
        rows = await self.database.fetch(
            f"SELECT {JOB_COLUMNS} FROM jobs WHERE {' AND '.join(conditions)}"
            f" ORDER BY created_at DESC, id DESC LIMIT ${len(values)}",
            *values,
        )
        return [job_from_row(row) for row in rows]

    async def queue_position(self, job: Job) -> int | None:
        """How many jobs of its kind start before it, plus one; None unless it is queued."""
        if job.state is not State.QUEUED:
            return None
        ahead = await self.database.fetchval(
            "SELECT count(*) FROM jobs WHERE kind = $1 AND state = 'queued'"
            " AND (priority > $2 OR (priority = $2 AND (created_at, id) < ($3, $4)))",
            job.kind, job.priority, job.created_at, job.id,
        )  # fmt: skip
        return cast("int", ahead) + 1

    async def events(self, job: UUID, after: int, *, limit: int = PAGE) -> Sequence[Event]:
        """The events after number ``after`` that are still in the database, in order."""
        rows = await self.database.fetch(
            "SELECT seq, at, type, body FROM events WHERE job = $1 AND seq > $2 ORDER BY seq LIMIT $3",
            job,
            after,
            limit,
        )
        return [Event(row["seq"], row["at"], row["type"], codec.unpack(row["body"])) for row in rows]

    # ---------------------------------------------------------------- running

    async def claim(self, job: UUID, entry: int) -> Job | None:
        """Start a job for the worker that drew ``entry``; None when there is nothing to do.

        A job that is still marked running was lost by its worker: it starts again, or fails once it has been lost
        ``max_attempts`` times.
        """
        claim = uuid4()  # tells a claim of ours that broke during COMMIT from that of a lost worker
        row = await self.database.fetchrow(_CLAIM, job, entry, self.clock(), claim)
        if row is not None:
            return job_from_row(row)
        return await self.database.transaction(lambda connection: self._claim_odd(connection, job, entry, claim))

    async def _claim_odd(self, connection: Connection, job: UUID, entry: int, claim: UUID) -> Job | None:
        row = await connection.fetchrow(f"SELECT {JOB_COLUMNS}, entry, claim FROM jobs WHERE id = $1 FOR UPDATE", job)
        if row is None or row["entry"] != entry:
            return None  # the job has another entry by now; this one is a leftover
        found = job_from_row(row)
        if found.state.ended:
            return None
        if row["claim"] == claim:
            return found
        if found.cancelling:
            await self._finish(connection, found, State.CANCELLED, None, {"code": "cancelled", "message": "Cancelled."})
            return None
        lost = found.state is State.RUNNING
        if lost and found.losses + 1 >= found.max_attempts:
            message = f"The worker was lost {found.losses + 1} times while it ran this job."
            await self._finish(connection, found, State.FAILED, None, {"code": "worker_lost", "message": message})
            return None
        if found.state is not State.QUEUED:
            await self._move(connection, found, State.QUEUED, entry=entry, losses=int(lost))
        row = await connection.fetchrow(_CLAIM, job, entry, self.clock(), claim)
        return None if row is None else job_from_row(row)

    async def append(
        self, job: UUID, attempt: int, batch: int, new: Sequence[tuple[datetime, str, bytes]], *,
        progress: int | None = None,
    ) -> int:  # fmt: skip
        """Add events (time, type, body) to a running job and return the number of the last one.

        Args:
            attempt: the attempt that writes; a newer one fences it off.
            batch: how many appends this attempt has made; makes a repeated append a no-op.

        Raises:
            AttemptLost: the job belongs to another attempt now, or has ended.
        """
        row = await self.database.fetchrow(
            _APPEND, job, attempt, batch, [kind for _, kind, _ in new], [at for at, _, _ in new],
            [codec.pack(body) for _, _, body in new], sum(len(body) for _, kind, body in new if kind == LOG), progress,
        )  # fmt: skip
        if row is None:
            row = await self.database.fetchrow(
                "SELECT last_seq FROM jobs WHERE id = $1 AND attempt = $2 AND batch = $3 AND state = 'running'",
                job, attempt, batch + 1,
            )  # fmt: skip
        if row is None:
            raise AttemptLost
        return cast("int", row["last_seq"])

    async def checkpoint(self, job: Job, value: object) -> None:
        """Keep what the executor needs to go on after a restart."""
        kept = await self.database.fetchval(
            "UPDATE jobs SET checkpoint = $3 WHERE id = $1 AND attempt = $2 AND state = 'running' RETURNING id",
            job.id, job.attempt, value,
        )  # fmt: skip
        if kept is None:
            raise AttemptLost

    async def finish(
        self,
        job: Job,
        state: State,
        *,
        result: Mapping[str, object] | None = None,
        error: Mapping[str, object] | None = None,
    ) -> None:
        """End a job: the final state and the final event commit together, exactly once.

        Raises:
            AttemptLost: the job belongs to another attempt now, or has ended otherwise.
        """
        if job.parent is None:
            row = await self.database.fetchrow(_FINISH, *self._finish_values(job, state, result, error))
        else:
            row = await self.database.transaction(
                lambda connection: self._finish(connection, job, state, result, error)
            )
        if row is None:
            await self._earlier_try(job, state)

    async def _earlier_try(self, job: Job, *states: State) -> None:
        """Nothing was changed: either an earlier try of the very same change was committed, or the attempt is lost."""
        now = await self.get(job.id)
        if now.attempt != job.attempt or now.state not in states:
            raise AttemptLost

    def _finish_values(
        self, job: Job, state: State, result: Mapping[str, object] | None, error: Mapping[str, object] | None
    ) -> tuple[object, ...]:
        body = {"state": state} if error is None else {"state": state, "error": error}
        return job.id, job.attempt, str(state), self.clock(), result, error, codec.pack(_json(body)), str(job.state)

    async def _finish(
        self, connection: Connection, job: Job, state: State, result: Mapping[str, object] | None,
        error: Mapping[str, object] | None,
    ) -> asyncpg.Record | None:  # fmt: skip
        if job.parent is not None:
            # The parent's row is locked first, whatever its state: a parent about to suspend either sees this child
            # ended or is already waiting when we look.
            await connection.fetchval("SELECT 1 FROM jobs WHERE id = $1 FOR UPDATE", job.parent)
        row = await connection.fetchrow(_FINISH, *self._finish_values(job, state, result, error))
        if row is not None and job.parent is not None:
            await self._wake(connection, job.parent, "children", "news")
        return row

    # ---------------------------------------------------------------- waiting and going on

    async def requeue(self, job: Job, *, delay: timedelta | None = None, lost: bool = False) -> None:
        """Give a running job back to the queue; ``lost`` counts towards ``max_attempts``.

        Raises:
            AttemptLost: the job belongs to another attempt now, or has ended.
        """

        async def work(connection: Connection) -> None:
            entry = await self._queue.enqueue(connection, job.kind, job.id, priority=job.priority, delay=delay)
            if not await self._move(connection, job, State.QUEUED, entry=entry, losses=int(lost)):
                raise _AlreadyCommitted

        try:
            await self.database.transaction(work)
        except _AlreadyCommitted:
            await self._earlier_try(job, State.QUEUED)

    async def suspend(
        self, job: Job, awaits: Awaits, *, checkpoint: object, delay: timedelta | None = None, after: int = 0,
        children: Collection[UUID] = (),
    ) -> None:  # fmt: skip
        """Let a running job wait without a process, until its children have ended, a message has come, or a time.

        Args:
            awaits: ``"news"`` is the end of any one child, or a message.
            checkpoint: what the executor will need when it goes on.
            delay: longest to wait; required for ``"time"``.
            after: number of the last message already handled.
            children: for ``"news"``, those that the executor believes to be open: one that isn't any more is news.

        Raises:
            AttemptLost: the job belongs to another attempt now, or has ended.
        """

        async def work(connection: Connection) -> None:
            await connection.fetchval("SELECT 1 FROM jobs WHERE id = $1 FOR UPDATE", job.id)
            ready = await self._has_come(connection, job.id, awaits, after, children)
            entry = None
            if ready or delay is not None:
                entry = await self._queue.enqueue(
                    connection, job.kind, job.id, priority=job.priority, delay=None if ready else delay
                )
            if not await self._move(
                connection, job, State.QUEUED if ready else State.WAITING,
                entry=entry, awaits=None if ready else awaits, checkpoint=(checkpoint,),
            ):  # fmt: skip
                raise _AlreadyCommitted

        try:
            await self.database.transaction(work)
        except _AlreadyCommitted:
            await self._earlier_try(job, State.QUEUED, State.WAITING)

    async def send(
        self, job: UUID, body: Mapping[str, object], *, once: Once | None = None, connection: Connection | None = None
    ) -> int:
        """Add a message to a job that hasn't ended, wake it if it waits for one, and return the event's number.

        Args:
            job: whose message it is.
            body: what it says; plain JSON data.
            once: for senders who may repeat themselves: the message is added the first time only.
            connection: joins its open transaction: the message is there once that commits, and never if it doesn't.

        Raises:
            JobNotFound, JobEnded: there is nobody to send to.
            IdempotencyReused: the sender has used the key for another message to the job.
        """
        stored = codec.pack(_json({"id": str(uuid4()), **body}))
        if connection is not None:
            return await self._send(connection, job, stored, once)
        # Most jobs that are talked to are running: one statement then, tried once. Whatever else is the case, or has
        # become of it, is found out the careful way.
        sent = None if once is not None else await self.database.try_once(_SEND, job, self.clock(), stored, False)
        if sent is not None:
            return cast("int", sent["seq"])
        return await self.database.transaction(lambda connection: self._send(connection, job, stored, once))

    async def _send(self, connection: Connection, job: UUID, stored: bytes, once: Once | None) -> int:
        state = await connection.fetchval("SELECT state FROM jobs WHERE id = $1 FOR UPDATE", job)
        if state is None:
            raise JobNotFound(job)
        if (sent := await _sent_before(connection, job, stored, once)) is not None:
            return sent
        if State(state).ended:
            raise JobEnded(job, state)
        seq = cast("int", await connection.fetchval(_SEND, job, self.clock(), stored, True))
        if once is not None:
            await connection.execute(
                "INSERT INTO idempotency (scope, key, fingerprint, job, seq, created_at)"
                " VALUES ($1, $2, $3, $4, $5, $6)",
                f"{once.sender}/{job}", once.key, once.fingerprint, job, seq, self.clock(),
            )  # fmt: skip
        await self._wake(connection, job, "message", "news")
        return seq

    async def cancel(self, job: UUID) -> Job:
        """Cancel a job and its children: at once when no process holds it, else as soon as its worker has stopped it.

        Raises:
            JobNotFound, JobEnded: there is nothing to cancel.
        """

        async def work(connection: Connection) -> Job:
            row = await connection.fetchrow(f"SELECT {JOB_COLUMNS} FROM jobs WHERE id = $1 FOR UPDATE", job)
            if row is None:
                raise JobNotFound(job)
            found = job_from_row(row)
            if found.state.ended and not (found.state is State.CANCELLED and found.cancelling):
                raise JobEnded(job, found.state)
            await connection.execute("UPDATE jobs SET cancelling = true WHERE id = $1", job)
            if found.state in {State.QUEUED, State.WAITING}:
                await self._finish(
                    connection, found, State.CANCELLED, None, {"code": "cancelled", "message": "Cancelled."}
                )
            await connection.execute("SELECT pg_notify($1, $2)", CHANNEL, f"cancel {job}")
            return found

        await self.database.transaction(work)
        children = await self.database.fetch("SELECT id FROM jobs WHERE parent = $1 AND ended_at IS NULL", job)
        for child in children:
            try:
                await self.cancel(child["id"])
            except JobEnded:
                continue
        return await self.get(job)

    async def delete(self, job: UUID) -> None:
        """Remove a job with all that hangs on it, in whatever state it is. A worker that runs it is told to stop.

        Raises:
            JobNotFound: there is none.
        """
        if not await self._delete("id = $1", job):
            raise JobNotFound(job)

    async def delete_ended(self, kinds: Sequence[str], *, before: datetime) -> int:
        """Remove jobs of these kinds that have ended and were made before a time; return how many."""
        return await self._delete("kind = ANY($1) AND created_at < $2 AND ended_at IS NOT NULL", list(kinds), before)

    async def _delete(self, condition: str, *values: object) -> int:
        async def work(connection: Connection) -> int:
            rows = await connection.fetch(f"DELETE FROM jobs WHERE {condition} RETURNING id, parent", *values)
            ids = [row["id"] for row in rows]
            for parent in sorted({row["parent"] for row in rows} - {None}):
                await self._wake(connection, parent, "children", "news")
            await connection.execute("DELETE FROM events WHERE job = ANY($1)", ids)
            await connection.execute(
                "SELECT pg_notify($1, 'cancel ' || id) FROM unnest($2::uuid[]) AS id", CHANNEL, ids
            )
            return len(ids)

        return await self.database.transaction(work)

    async def _has_come(
        self, connection: Connection, job: UUID, awaits: Awaits, after: int, children: Collection[UUID] = ()
    ) -> bool:
        if awaits == "time":
            return False
        if awaits == "children":
            return bool(
                await connection.fetchval(
                    "SELECT NOT EXISTS (SELECT FROM jobs WHERE parent = $1 AND ended_at IS NULL)", job
                )
            )
        ended = awaits == "news" and await connection.fetchval(
            "SELECT count(*) < $2 FROM jobs WHERE id = ANY($1) AND ended_at IS NULL",
            list(children), len(children),
        )  # fmt: skip
        return bool(ended) or bool(
            await connection.fetchval(
                "SELECT EXISTS (SELECT FROM events WHERE job = $1 AND seq > $2 AND type = 'message')", job, after
            )
        )

    async def _wake(self, connection: Connection, job: UUID, *of: Awaits) -> None:
        """Queue a job that waits for one of these, if it has come. For a message or news the call itself says so."""
        row = await connection.fetchrow(
            f"SELECT {JOB_COLUMNS} FROM jobs WHERE id = $1 AND state = 'waiting' AND awaits = ANY($2) FOR UPDATE",
            job,
            list(of),
        )
        if row is None or (row["awaits"] == "children" and not await self._has_come(connection, job, "children", 0)):
            return
        found = job_from_row(row)
        entry = await self._queue.enqueue(connection, found.kind, job, priority=found.priority)
        await self._move(connection, found, State.QUEUED, entry=entry)

    async def _move(
        self, connection: Connection, job: Job, state: State, *, entry: int | None = None, awaits: Awaits | None = None,
        losses: int = 0, checkpoint: tuple[object] | None = None,
    ) -> bool:  # fmt: skip
        row = await connection.fetchrow(
            _MOVE, job.id, job.attempt, str(state), entry, awaits, losses, checkpoint is not None,
            checkpoint[0] if checkpoint else None, str(job.state), self.clock(),
            codec.pack(_json({"state": state, "awaits": awaits} if awaits else {"state": state})),
        )  # fmt: skip
        return row is not None

    # ---------------------------------------------------------------- finding what was lost

    async def recover(self) -> int:
        """Queue again every open job that has lost its queue entry, wake waiters whose children have ended.

        Nothing should ever be found here: it is the net under the queue, swept every few seconds. Returns how many
        were found.
        """
        lost = await self.database.fetch(
            f"SELECT {JOB_COLUMNS}, entry FROM jobs"
            " WHERE (state IN ('queued', 'running') OR (state = 'waiting' AND entry IS NOT NULL))"
            f" AND NOT EXISTS (SELECT FROM {ENTRY_TABLE} AS kept WHERE kept.id = jobs.entry)"
        )
        for row in lost:
            await self.database.transaction(partial(self._reenter, job_from_row(row), row["entry"]))
        waiting = await self.database.fetch(
            "SELECT id FROM jobs AS parent WHERE state = 'waiting' AND awaits = 'children'"
            " AND NOT EXISTS (SELECT FROM jobs WHERE jobs.parent = parent.id AND ended_at IS NULL)"
        )
        for row in waiting:
            await self.database.transaction(partial(self._wake_parent, row["id"]))
        return len(lost) + len(waiting)

    async def _wake_parent(self, job: UUID, connection: Connection) -> None:
        await self._wake(connection, job, "children")

    async def _reenter(self, job: Job, old: int | None, connection: Connection) -> None:
        entry = await self._queue.enqueue(connection, job.kind, job.id, priority=job.priority)
        await connection.execute(
            "UPDATE jobs SET entry = $3 WHERE id = $1 AND entry IS NOT DISTINCT FROM $2 AND ended_at IS NULL",
            job.id, old, entry,
        )  # fmt: skip
        word = f"event {job.id} {job.last_seq} {job.kind} queued"
        await connection.execute("SELECT pg_notify($1, $2)", CHANNEL, word)


class _AlreadyCommitted(Exception):
    """Nothing is left to change, perhaps because an earlier try of this very transaction was committed after all."""


def _scope(new: NewJob) -> str:
    return f"{new.owner}/{new.kind}"


async def _sent_before(connection: Connection, job: UUID, stored: bytes, once: Once | None) -> int | None:
    """The number of this very message, if the job has it already."""
    if once is None:
        found = await connection.fetchval(
            "SELECT seq FROM events WHERE job = $1 AND type = $2 AND body = $3", job, MESSAGE, stored
        )
        return cast("int | None", found)
    row = await connection.fetchrow(
        "SELECT fingerprint, seq FROM idempotency WHERE scope = $1 AND key = $2", f"{once.sender}/{job}", once.key
    )
    if row is not None and row["fingerprint"] != once.fingerprint:
        raise IdempotencyReused(once.key)
    return None if row is None else cast("int", row["seq"])


__all__ = ["CHANNEL", "PAGE", "Awaits", "JobStore"]
