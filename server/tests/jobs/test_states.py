"""The states of a job: one table in Python, the same in the database."""

from __future__ import annotations

from itertools import product

import asyncpg
import pytest

from runyard.jobs import TRANSITIONS, State

from .conftest import Bench

PAIRS = list(product(State, State))


async def test_the_database_has_the_same_table(bench: Bench) -> None:
    rows = await bench.yard.database.fetch(
        "SELECT was, becomes, job_may_become(was, becomes) AS may FROM unnest($1::text[], $2::text[]) AS pair(was, becomes)",
        [str(was) for was, _ in PAIRS], [str(becomes) for _, becomes in PAIRS],
    )  # fmt: skip
    assert {(row["was"], row["becomes"]): row["may"] for row in rows} == {
        (was, becomes): becomes in TRANSITIONS[was] for was, becomes in PAIRS
    }


def test_exactly_three_states_are_ends() -> None:
    assert {state for state in State if state.ended} == {State.SUCCEEDED, State.FAILED, State.CANCELLED}


@pytest.mark.parametrize(("was", "becomes"), [pair for pair in PAIRS if pair[0] != pair[1]])
async def test_the_trigger_refuses_what_the_table_refuses(bench: Bench, was: State, becomes: State) -> None:
    """Invariant 1: not even a slip in a statement can end a job twice or revive one."""
    job = await bench.submit()
    database = bench.yard.database
    path = {State.QUEUED: (), State.RUNNING: (State.RUNNING,)}.get(was, (State.RUNNING, was))
    for step in path:
        await database.execute(_SET, job.id, str(step))
    if becomes in TRANSITIONS[was]:
        await database.execute(_SET, job.id, str(becomes))
        assert (await bench.get(job)).state is becomes
    else:
        with pytest.raises(asyncpg.CheckViolationError, match=f"may not go from {was} to {becomes}"):
            await database.execute(_SET, job.id, str(becomes))


_SET = """
    UPDATE jobs SET state = $2, awaits = CASE WHEN $2 = 'waiting' THEN 'message' END,
        ended_at = CASE WHEN $2 IN ('succeeded', 'failed', 'cancelled') THEN now() END
    WHERE id = $1"""
