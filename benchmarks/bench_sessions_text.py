"""Text of the packaged model as a session's client gets it, over HTTP from the whole yard, against its runner alone."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import xllamacpp

from ambient_platform import AmbientClient, CreateSessionRequest, DeltaEvent
from runyard.services.sessions.agents.embedded import TALK
from runyard.settings import Settings
from runyard.testing.running import RunningYard
from runyard.text.weights import packaged_weights
from runyard.yard import Yard

ROUNDS = 10
QUESTION = "Write a poem about the sea and the people who live beside it."
PROJECT = "bench"

Ask = Callable[[], tuple[str, int]]
"""Gives an answer, and of how many tokens it is."""


def alone() -> Ask:
    """The runner in this very process, with no layer of ours."""
    weights = packaged_weights()
    assert weights is not None
    settings = Settings()
    params: Any = xllamacpp.CommonParams()
    params.model.path = str(weights.file)
    params.hostnames = [str(Path(tempfile.mkdtemp()) / "alone.sock")]
    params.n_parallel, params.n_ctx = settings.text_slots, settings.text_slots * settings.text_context
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = settings.text_threads
    params.cpuparams.poll = params.cpuparams_batch.poll = 0
    params.verbosity = 1
    server: Any = xllamacpp.Server(params)
    said = [{"role": "system", "content": TALK.system}, {"role": "user", "content": QUESTION}]
    sampling = {
        "max_tokens": TALK.max_tokens, "temperature": TALK.temperature, "top_p": TALK.top_p, "seed": TALK.seed,
    }  # fmt: skip

    def ask() -> tuple[str, int]:
        found = server.handle_chat_completions({"messages": said, **sampling})
        return cast("str", found["choices"][0]["message"]["content"]), cast("int", found["usage"]["completion_tokens"])

    return ask


def session(client: AmbientClient) -> Ask:
    """As somebody watches it: from the request to the end of the session."""

    def ask() -> tuple[str, int]:
        started = client.start_session(CreateSessionRequest(QUESTION))
        shown = "".join(event.content for event in started.events() if isinstance(event, DeltaEvent))
        found = started.get()
        assert found.usage is not None
        assert shown == found.result
        return shown, found.usage.output_tokens

    return ask


async def token(yard: Yard) -> str:
    user = await yard.identity.users.create("ada", email="ada@example.com")
    await yard.identity.projects.add(PROJECT, members={user.id: "member"})
    return (await yard.identity.keys.issue(user.id, kind="openshift")).secret.reveal()


def main() -> None:
    with (
        RunningYard() as yard,
        AmbientClient(yard.inferlets_url.replace("ws://", "http://"), yard.inside(token), PROJECT) as client,
    ):
        ways = {"xllamacpp alone": alone(), "a session": session(client)}
        speeds: dict[str, list[float]] = {name: [] for name in ways}
        for ask in ways.values():
            ask()  # the first answer loads the model
        for _ in range(ROUNDS):
            for name, ask in ways.items():
                start = time.perf_counter()
                _, tokens = ask()
                speeds[name].append(tokens / (time.perf_counter() - start))
    baseline = max(speeds["xllamacpp alone"])  # other work on the machine makes answers slower, never faster
    for name, found in speeds.items():
        print(
            f"{name}: {max(found):.1f} tokens a second, {max(found) / baseline:.2f} of the runner alone"
            f" (median of {ROUNDS}: {statistics.median(found):.1f})"
        )


if __name__ == "__main__":
    main()
