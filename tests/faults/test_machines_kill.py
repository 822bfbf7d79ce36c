"""kill -9 of the server and the worker while a machine is at work for a run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from runyard.testing.running import RunningYard, wait_until

from ..conformance.runs.conftest import inhabited, token_of
from .test_kill import kill_server, kill_worker

pytestmark = [pytest.mark.kill, pytest.mark.slow]

WORKSPACE = "ws-killed"
PROGRAM = """
    import json, pathlib, sys
    with open("begun", "a") as begun:
        print("once", file=begun)
    open(json.load(sys.stdin)["gate"]).read()
    print(json.dumps({"done": True}))
"""


class Site:
    """A yard with a workspace, an administrator of it and a machine."""

    def __init__(self, yard: RunningYard, folder: Path) -> None:
        self.yard, self.folder = yard, folder
        self._keys = inhabited(yard, WORKSPACE)
        self.machine = self.ask("POST", "/machines", {"hostname": "forge"})["machineId"]
        token = self.ask("POST", f"/machines/{self.machine}/enrolment")["token"]
        (folder / "program.py").write_text(textwrap.dedent(PROGRAM))
        command = json.dumps([sys.executable, "program.py"])
        (folder / "machine.toml").write_text(f'[operations."thing:wait"]\ncommand = {command}\nfolder = "{folder}"\n')
        os.mkfifo(folder / "gate")
        self._argv = [sys.executable, "-m", "runyard", "machine", "run", "--table", str(folder / "machine.toml")]
        self._argv += ["--url", yard.url, "--state", str(folder / "state.json"), "--token", token]

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """The machine, in a process of its own."""
        with (self.folder / "log").open("wb") as log, subprocess.Popen(self._argv, stderr=log) as process:
            try:
                yield
            finally:
                process.kill()

    def ask(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {token_of(self.yard, self._keys)}"}
        url = f"{self.yard.url}/v1/workspaces/{WORKSPACE}{path}"
        answer = httpx.request(method, url, json=body, headers=headers, timeout=60, trust_env=False)
        assert answer.is_success, answer.text
        found: dict[str, Any] = answer.json()
        return found

    @property
    def begun(self) -> list[str]:
        file = self.folder / "begun"
        return file.read_text().split() if file.exists() else []


@pytest.mark.parametrize("kill", [kill_server, kill_worker])
def test_what_a_machine_has_begun_ends_once_and_its_run_goes_on(
    yard_database: str, tmp_path: Path, kill: Callable[[RunningYard], None]
) -> None:
    """Invariant 1."""
    with RunningYard(database_url=yard_database, settings={"heartbeat_seconds": "1.5"}) as yard:
        site = Site(yard, tmp_path)
        given = {"machineId": site.machine, "action": "thing:wait", "input": {"gate": "gate"}}
        action = {"actionId": "wait", "order": 1, "portFamily": "ItsmItOps", "operation": "machine:invoke"}
        flow = {"name": "Wait", "executionTier": "Auto", "actions": [action | {"input": given}]}
        workflow = site.ask("POST", "/workflows", flow)["workflowId"]
        with site.at_work():
            wait_until(lambda: site.ask("GET", f"/machines/{site.machine}").get("operations"), "the machine to enrol")
            run = site.ask("POST", "/runs", {"workflowId": workflow})["runId"]
            wait_until(lambda: site.begun, "the machine to begin")
            kill(yard)
            (site.folder / "gate").write_text("go")
            wait_until(lambda: site.ask("GET", f"/runs/{run}")["status"] == "Succeeded", "the run to end")
        assert site.begun == ["once"]
        invocations = site.ask("GET", f"/machines/{site.machine}/invocations")["items"]
        assert [(one["status"], one["output"]) for one in invocations] == [("completed", {"done": True})]
        assert site.ask("GET", "/evidence/verification")["verified"]
