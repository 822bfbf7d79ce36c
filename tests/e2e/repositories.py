"""A git repository that sessions can clone without the internet."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from runyard.testing.repositories import Commit, make_repository, serve_repositories

FILES = {
    "README.md": "# Orders\n\nTakes orders and counts them.\n",
    "pyproject.toml": '[project]\nname = "orders"\nversion = "1.0"\ndependencies = ["httpx>=0.28"]\n'
    '[project.scripts]\norders = "orders.main:main"\n',
    "src/orders/__init__.py": "",
    "src/orders/main.py": "def main():\n    # TODO: take orders\n    print('orders')\n",
    "tests/test_main.py": "def test_one():\n    assert True\n\n\ndef test_two():\n    assert True\n",
}


@contextmanager
def served_repository(folder: Path) -> Iterator[str]:
    """The address of a repository with :data:`FILES` on its branch ``main``."""
    files = {name: content.encode() for name, content in FILES.items()}
    commit = Commit(author="Ada", at=datetime(2026, 3, 2, 9, tzinfo=UTC), message="Orders", files=files)
    make_repository(folder / "orders.git", [commit])
    with serve_repositories(folder) as host:
        yield f"{host.url}/orders.git"
