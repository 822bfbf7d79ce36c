"""A program in Python that converses: it greets, answers every message, remembers names, and ends at "bye"."""

from wit_world import exports
from wit_world.imports import kvs, message, runtime


class Run(exports.Run):
    def run(self) -> None:
        who = " ".join(runtime.get_arguments()) or "stranger"
        visits = int(kvs.store_get(f"visits/{who}") or 0) + 1
        kvs.store_set(f"visits/{who}", str(visits))
        message.send(f"Hello, {who}! This is visit {visits}. What is on your mind?")
        heard = 0
        while (said := receive()) is not None and said != "bye":
            heard += 1
            message.send(answer(said))
        runtime.set_return(f"{heard} messages")


def receive() -> str | None:
    """The next message; none if the program should end."""
    coming = message.receive()
    coming.pollable().block()
    return coming.get()


def answer(said: str) -> str:
    words = said.split()
    if said.endswith("?"):
        return "That is a good question."
    return f"{len(words)} words about {max(words, key=len)!r}. Tell me more." if words else "Silence is an answer, too."
