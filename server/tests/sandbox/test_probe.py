"""Which sandbox is used, and what is said when there is none (invariant 6)."""

from __future__ import annotations

from pathlib import Path

import pytest

from runyard.sandbox import SandboxUnavailable, probe
from runyard.testing.running import RunningYard, wait_until


@pytest.fixture
def bare_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine on which neither bwrap nor unshare can be found."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("runyard.sandbox.bubblewrap.find", _missing)
    monkeypatch.setattr("runyard.sandbox.staged.launch_namespaces", _missing)


def _missing(*_: object, **__: object) -> str:
    from runyard.sandbox import SandboxError

    raise SandboxError("it is not installed")


@pytest.mark.usefixtures("bare_machine")
def test_nothing_runs_unconfined_because_a_sandbox_is_missing() -> None:
    """Invariant 6: the refusal names what was tried, what helps, and the operator's override."""
    with pytest.raises(SandboxUnavailable) as refused:
        probe("auto")
    text = str(refused.value)
    for part in ("bubblewrap: it is not installed", "unshare: it is not installed", "apt install bubblewrap"):
        assert part in text
    assert "RUNYARD_SANDBOX=none" in text


@pytest.mark.usefixtures("bare_machine")
def test_no_sandbox_is_used_only_by_name() -> None:
    """Invariant 6."""
    chosen = probe("none")
    assert (chosen.name, chosen.isolated) == ("none", False)
    assert "all rights of this user" in chosen.description


def test_bubblewrap_comes_first() -> None:
    assert probe("auto").name == "bubblewrap"


def test_a_worker_says_which_sandbox_it_uses(yard: RunningYard) -> None:
    """Invariant 6: at start, in the log."""
    wait_until(lambda: '"event": "sandbox"' in yard.log, "the worker to say so")
    assert '"name": "bubblewrap"' in yard.log
