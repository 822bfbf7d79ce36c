"""Start a workflow, follow the run to its end, and fetch the files it makes.

    python start.py preview.json project=@../calculator film=@../media/clip.mp4 --into ~

A parameter is JSON or a text; ``@`` before a path uploads that file, or a zip of that folder. Who calls, and where, is in
PORTARIUM_URL, PORTARIUM_WORKSPACE, and PORTARIUM_TOKEN or PORTARIUM_CLIENT_ID and PORTARIUM_CLIENT_SECRET.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path
from shutil import make_archive
from typing import Any

import httpx

from portarium_client import AuthenticatedClient, ClientCredentials, iter_events, iterate
from portarium_client.api.files import download_file, upload_file
from portarium_client.api.runs import get_run, start_run
from portarium_client.api.workflows import create_workflow, list_workflows, update_workflow
from portarium_client.errors import ApiError, Conflict
from portarium_client.models import CreateWorkflowRequest, StartRunRequest, UpdateWorkflowRequest
from portarium_client.types import File

URL = os.environ.get("PORTARIUM_URL", "http://localhost:8000")
WORKSPACE, TOKEN = os.environ.get("PORTARIUM_WORKSPACE", ""), os.environ.get("PORTARIUM_TOKEN", "")
CLIENT = os.environ.get("PORTARIUM_CLIENT_ID", ""), os.environ.get("PORTARIUM_CLIENT_SECRET", "")
ENDS = ("RunSucceeded", "RunFailed", "RunCancelled")


def main() -> int:
    parser = argparse.ArgumentParser(description="Start a workflow, follow the run, fetch the files it makes.")
    parser.add_argument("workflow", type=Path)
    parser.add_argument("parameters", nargs="*", metavar="NAME=VALUE")
    parser.add_argument("--into", type=Path, default=Path(), help="folder for the files; this one by default")
    asked = parser.parse_args()
    with connect() as client:
        workflow = saved(client, json.loads(asked.workflow.read_text()))
        given = dict(parameter(client, text) for text in asked.parameters)
        run = start_run.sync(WORKSPACE, client=client, body=StartRunRequest(workflow, given))
        print(run.run_id)
        for event in iter_events(client, WORKSPACE, after="0"):  # the run may have begun before we listen
            if event.run_id == run.run_id:
                print(event.time[11:19], event.type.rpartition(".")[2], event.body.get("actionid", ""), flush=True)
                if event.type.endswith(ENDS):
                    break
        run = get_run.sync(WORKSPACE, run.run_id, client=client)
        for step in run.steps or ():
            for name, file in step.files.to_dict().items() if step.files else ():
                target = asked.into / Path(name).name
                target.write_bytes(download_file.sync(WORKSPACE, file["sha256"], client=client).payload.read())
                print("→", target, file["size"])
        if run.error:
            print(run.error.message, file=sys.stderr)
        return 0 if run.status == "Succeeded" else 1


def connect() -> AuthenticatedClient:
    """A connection as whoever the environment says."""
    return AuthenticatedClient(URL, TOKEN or ClientCredentials(URL, *CLIENT))


def saved(client: AuthenticatedClient, workflow: dict[str, Any]) -> str:
    """The workflow's id; it is made, or changed to what it is now."""
    try:
        made = create_workflow.sync(WORKSPACE, client=client, body=CreateWorkflowRequest.from_dict(workflow))
        return made.workflow_id
    except Conflict:
        every = iterate(list_workflows.sync, WORKSPACE, client=client)
        known = next(one.workflow_id for one in every if one.name == workflow["name"])
        update_workflow.sync(WORKSPACE, known, client=client, body=UpdateWorkflowRequest.from_dict(workflow))
        return known


def parameter(client: AuthenticatedClient, text: str) -> tuple[str, object]:
    """Name and value; files are uploaded, and named by their digest then."""
    name, _, value = text.partition("=")
    if value.startswith("@"):
        return name, uploaded(client, Path(value[1:]))
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def uploaded(client: AuthenticatedClient, path: Path) -> dict[str, object]:
    """A file in the workspace."""
    with tempfile.TemporaryDirectory() as folder:
        if path.is_dir():
            path = Path(make_archive(f"{folder}/{path.name}", "zip", path))
        with path.open("rb") as content:
            file = upload_file.sync(WORKSPACE, client=client, body=File(content), name=path.name)
    return {"$file": file.to_dict()}


if __name__ == "__main__":
    if not (WORKSPACE and (TOKEN or all(CLIENT))):
        sys.exit("Say where, and who you are: export PORTARIUM_WORKSPACE=ws-acme, and a token or a service account")
    try:
        sys.exit(main())
    except (ApiError, httpx.TransportError) as error:
        sys.exit(f"{URL}: {error}")
    except OSError as error:
        sys.exit(str(error))
