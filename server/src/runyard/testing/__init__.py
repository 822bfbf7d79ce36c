"""Yards for tests, ours and yours: a pytest plugin with the fixture ``yard``, and a proxy that breaks connections.

::

    def test_my_client(yard):
        user = yard.user()
        subprocess.run(["ci", "list"], env=user.environment, check=True)

Installed with the server (entry point ``pytest11``), so a test suite needs nothing but the fixture's name.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from runyard.testing.running import RunningYard


@pytest.fixture(scope="session")
def yard_database(testrun_uid: str) -> Iterator[str]:
    """URL of an embedded Postgres that all processes of this test run share."""
    from runyard.testing.running import shared_postgres  # noqa: PLC0415  (keeps the plugin light for other suites)

    with shared_postgres(testrun_uid) as url:
        yield url


@pytest.fixture(scope="session")
def yard(yard_database: str) -> Iterator[RunningYard]:
    """A yard that serves on a free port with one worker, for the whole test session of this process."""
    from runyard.testing.running import RunningYard  # noqa: PLC0415

    with RunningYard(database_url=yard_database) as running:
        yield running


@pytest.fixture(scope="session")
def testrun_uid(request: pytest.FixtureRequest) -> str:
    """One word for this test run, the same in all its processes (pytest-xdist has a fixture of the same name)."""
    config = request.config
    return str(getattr(config, "workerinput", {}).get("testrunuid") or f"{id(config):x}")
