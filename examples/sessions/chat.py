"""Talk with an agent about a repository: ``python chat.py URL [TASK]``. Each line is a message; Ctrl-D ends it."""

import sys

from ambient_platform import (
    AmbientClient,
    CreateSessionRequest,
    DeltaEvent,
    MessageEvent,
    NoteEvent,
    RepoHTTP,
    StatusEvent,
    ToolCallEvent,
)


def main(url: str, task: str) -> int:
    """Talk; gives the exit code."""
    request = CreateSessionRequest(task, repos=[RepoHTTP(url)], interactive=True)
    with AmbientClient.from_env() as client:
        session = client.start_session(request)
        for event in session.events():
            match event:
                case DeltaEvent():
                    print(event.content, end="", flush=True)
                case MessageEvent(role="assistant"):
                    print()
                case ToolCallEvent():
                    print(f"→ {event.name} {event.arguments or ''}")
                case NoteEvent():
                    print(f"! {event.content}")
                case StatusEvent(waiting="message"):
                    if line := next_line():
                        session.send(line)
                    else:
                        session.finish()
                case StatusEvent(status="failed"):
                    print(f"{event.reason}: {event.error}", file=sys.stderr)
                    return 1
    return 0


def next_line() -> str:
    """What is typed next; empty when there is no more."""
    print("> ", end="", flush=True)
    return next((line.strip() for line in iter(sys.stdin.readline, "") if line.strip()), "")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1], " ".join(sys.argv[2:]) or "What is in this repository?"))
