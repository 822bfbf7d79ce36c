"""A session's whole life: create it, look at it, list all, and wait for its end if MONITOR_SESSION says so."""

import os
import sys

from ambient_platform import AmbientClient, CreateSessionRequest, RepoHTTP, StatusCompleted
from ambient_platform.exceptions import AmbientAPIError


def main() -> int:
    """Run the example; gives its exit code."""
    try:
        client = AmbientClient.from_env(timeout=60.0)
    except ValueError as error:
        print(f"❌ {error}")
        return 1
    with client:
        try:
            return live(client)
        except AmbientAPIError as error:  # one that is a TimeoutError, too
            print(f"❌ {error}")
            return 1


def live(client: AmbientClient) -> int:
    """One session."""
    request = CreateSessionRequest(
        task="Analyze the repository structure and provide a summary",
        model="claude-3.5-sonnet",
        repos=[RepoHTTP(url=os.getenv("REPOSITORY", "https://github.com/ambient-code/platform"), branch="main")],
    )
    response = client.create_session(request)
    print(f"✅ Created session: {response.id}")

    session = client.get_session(response.id)
    print(f"   Status: {session.status}")

    sessions = client.list_sessions()
    print(f"   Found {len(sessions.items)} sessions (total: {sessions.total})")

    if os.getenv("MONITOR_SESSION", "").lower() not in {"true", "1", "yes"}:
        print("   Set MONITOR_SESSION=true to wait for its end")
        return 0
    print("   Waiting for its end ...")
    completed = client.wait_for_completion(response.id, poll_interval=5.0, timeout=300.0)
    if completed.status == StatusCompleted:
        print(f"✅ {completed.result}")
        return 0
    print(f"❌ Failed: {completed.error}")
    return 1


if __name__ == "__main__":
    sys.exit(main())
