"""What the services offer to runs: what they take is checked, and a real worker does it."""

from __future__ import annotations

import io
import time
import zipfile
from uuid import UUID, uuid4

import httpx
import msgspec
import pytest

from runyard.jobs import Asked, Offer, Unservable
from runyard.offers import offered
from runyard.services.ci.options import read_options
from runyard.services.inferlets.programs import Programs
from runyard.services.runs.engine.catalogue import Catalogue
from runyard.services.runs.engine.checking import problems
from runyard.services.sessions.agents.models import read_models
from runyard.services.sessions.order import Order
from runyard.testing.running import RunningYard
from runyard.yard import Yard

from .model import action, spec

FILE = {"sha256": "0" * 64, "name": "a.png", "size": 3}
MARK = {"$file": FILE}


@pytest.fixture(scope="module")
async def catalogue(parts: Yard) -> Catalogue:
    programs = Programs(parts.database, parts.artifacts, None, clock=parts.clock)  # type: ignore[arg-type]
    return Catalogue.of(offered(parts, programs=programs, models=read_models(parts.settings)))


@pytest.fixture(scope="module")
async def owner(parts: Yard) -> UUID:
    return (await parts.identity.users.create("Ada", email=f"ada-{uuid4().hex[:8]}@example.com")).id


async def ask(offer: Offer, owner: UUID, **given: object):
    value = msgspec.convert(given, offer.input)
    return await offer.request(Asked(input=value, owner=owner, tenant="project:ws-x", key="run/a"))


def test_every_service_offers_something(catalogue: Catalogue) -> None:
    media = {f"media:{name}" for name in ("hash", "exif", "thumbnail", "image_conversion", "hls_streaming")}
    assert set(catalogue.offers) >= media | {"test:run", "program:run", "session:run"}


@pytest.mark.parametrize(
    ("operation", "given", "problem"),
    [
        ("test:run", {"package": MARK, "tests": ["a"], "python": "3.12"}, None),
        ("test:run", {"package": MARK, "python": "three"}, "input.python"),
        ("media:thumbnail", {"file": MARK, "width": 100}, None),
        ("media:thumbnail", {"file": MARK, "width": "wide"}, "input.width"),
        ("media:hash", {"file": MARK, "algorithm": "md5"}, None),
        ("media:hash", {"file": MARK, "algorithm": "md4"}, "input.algorithm"),
        ("media:hash", {"algorithm": "md5"}, "input.file"),
        ("program:run", {"program": "std/hello", "arguments": ["a"], "limits": {"fuel": 10}}, None),
        ("program:run", {"program": ""}, "input.program"),
        ("session:run", {"task": "Look", "repositories": [{"url": "https://example.com/a.git"}]}, None),
        ("session:run", {"task": " "}, "input.task"),
    ],
)
def test_inputs_are_checked_when_a_workflow_is_saved(
    catalogue: Catalogue, operation: str, given: dict[str, object], problem: str | None
) -> None:
    found = problems(spec(action("a", operation, input=given)), catalogue)
    assert list(found) == ([] if problem is None else [f"actions.0.{problem}"]), found


def test_outputs_have_types_that_references_are_checked_by(catalogue: Catalogue) -> None:
    first = action("t", "media:thumbnail", input={"file": MARK})
    good = action("p", "program:run", input={"program": {"$ref": "actions.t.output.thumbnail_path"}})
    assert problems(spec(first, good), catalogue) == {}
    bad = action("p", "program:run", input={"program": {"$ref": "actions.t.output.width"}})
    assert list(problems(spec(first, bad), catalogue)) == ["actions.1.input.program"]


async def test_a_test_run_is_the_job_that_the_service_makes_itself(catalogue: Catalogue, owner: UUID) -> None:
    new = await ask(catalogue.offers["test:run"], owner, package=FILE, tests=["a"], env={"X": "1"})
    assert (new.kind, new.params["package"], new.artifacts) == (
        "ci.test",
        {"sha256": FILE["sha256"], "size": 3},
        {".package": (FILE["sha256"], "application/zip")},
    )
    options = read_options(new.params["options"])
    assert (options.tests, options.env) == (("a",), {"X": "1"})
    with pytest.raises(Unservable, match="reserved"):
        await ask(catalogue.offers["test:run"], owner, package=FILE, env={"RUNYARD_X": "1"})


async def test_a_media_job_says_where_things_are(catalogue: Catalogue, owner: UUID) -> None:
    new = await ask(catalogue.offers["media:thumbnail"], owner, file=FILE, width=64)
    assert new.kind == "compute.media_thumbnail"
    assert new.params["file"] == {"name": "a.png", "sha256": FILE["sha256"], "size": 3}
    assert (new.params["params"]["input_path"], new.params["params"]["width"]) == ("input/a.png", 64)
    with pytest.raises(Unservable, match="width is 0"):
        await ask(catalogue.offers["media:thumbnail"], owner, file=FILE, width=0)


async def test_a_session_has_the_yards_own_bounds(catalogue: Catalogue, owner: UUID, parts: Yard) -> None:
    new = await ask(catalogue.offers["session:run"], owner, task="Look", timeout=10**9, max_turns=3)
    order = msgspec.convert(new.params, Order)
    assert (new.kind, order.budget.seconds, order.budget.turns) == ("session.agent", parts.settings.session_timeout, 3)
    with pytest.raises(Unservable, match="no model"):
        await ask(catalogue.offers["session:run"], owner, task="Look", model="nobody")
    inside = [{"url": "http://127.0.0.1/a.git"}]
    with pytest.raises(Unservable, match="RUNYARD_SESSION_HOSTS"):
        await ask(catalogue.offers["session:run"], owner, task="Look", repositories=inside)


async def test_a_program_has_to_be_there(catalogue: Catalogue, owner: UUID) -> None:
    with pytest.raises(Unservable, match="no program 'std/nothing@latest'"):
        await ask(catalogue.offers["program:run"], owner, program="nothing")
    with pytest.raises(Unservable, match="no limit 'speed'"):
        await ask(catalogue.offers["program:run"], owner, program="nothing", limits={"speed": 1})


@pytest.mark.slow
def test_a_worker_does_what_workflows_ask_for(yard_database: str) -> None:
    """Tests of a package and the digest of a file, side by side; the digest of the report comes after both."""
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr("pyproject.toml", '[project]\nname = "x"\nversion = "1"\n')
        archive.writestr("test_x.py", "def test_it():\n    assert True\n")
    with RunningYard(database_url=yard_database) as yard:
        token = yard.inside(_workspace)
        headers = {"Authorization": f"Bearer {token}"}
        with httpx.Client(base_url=f"{yard.url}/v1/workspaces/ws-real", headers=headers, timeout=30) as client:
            file = client.post("/files", params={"name": "p.zip"}, content=package.getvalue()).json()
            mark = {"$file": {"sha256": file["sha256"], "name": file["name"], "size": file["size"]}}
            actions = [
                {"actionId": "test", "operation": "test:run", "dependsOn": [], "input": {"package": mark}},
                {"actionId": "hash", "operation": "media:hash", "input": {"file": mark, "algorithm": "sha256"}},
                {
                    "actionId": "report", "operation": "media:hash", "dependsOn": ["test", "hash"],
                    "input": {"file": {"$ref": "actions.test.files.junit.xml"}, "algorithm": "sha256"},
                },
            ]  # fmt: skip
            for place, one in enumerate(actions, 1):
                one |= {"order": place, "portFamily": "ComplianceGrc"}
            body = {"name": "Real", "executionTier": "Auto", "actions": actions}
            workflow = client.post("/workflows", json=body).raise_for_status().json()["workflowId"]
            run = client.post("/runs", json={"workflowId": workflow}).raise_for_status().json()["runId"]
            found = _ended(client, run)
            assert found["status"] == "Succeeded", found
            steps = {one["actionId"]: one for one in found["steps"]}
            assert steps["test"]["output"]["tests"]["passed"] == 1
            assert steps["hash"]["output"]["hash_value"] == file["sha256"]
            junit = steps["test"]["files"]["junit.xml"]["sha256"]
            assert found["output"]["report"]["hash_value"] == junit
            assert b"test_it" in client.get(f"/files/{junit}").content


async def _workspace(yard: Yard) -> str:
    """A workspace, and a token of its admin."""
    identity = yard.identity

    async def make(connection):
        await identity.workspaces.create(connection, "ws-real", "Real", now=yard.clock())
        return await identity.workspace_users.add(
            connection, "ws-real", "root@example.com", roles=["admin"], now=yard.clock()
        )

    user = await yard.database.transaction(make)
    return (await identity.keys.issue(user.user_id, kind="ry")).secret.reveal()


def _ended(client: httpx.Client, run: str) -> dict:
    """The run, once the stream of events has told of its end."""
    deadline = time.monotonic() + 100
    with client.stream("GET", "/events:stream", headers={"Last-Event-ID": "0"}, timeout=100) as events:
        for line in events.iter_lines():
            if time.monotonic() > deadline:
                break
            if any(f"com.portarium.run.{name}" in line for name in ("RunSucceeded", "RunFailed")):
                break
    return client.get(f"/runs/{run}").json()
