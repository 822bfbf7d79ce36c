"""The whole contract, gone through by a machine: what it allows is done, what it forbids is refused, and what an answer
says follows from it does.

The same requests are sent each time: nothing here is drawn by lot.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Final
from uuid import uuid4

import httpx
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, settings
from hypothesis.internal.cache import LRUCache
from hypothesis.internal.conjecture import providers
from hypothesis.internal.constants_ast import Constants
from schemathesis.checks import CheckContext
from schemathesis.core.parameters import ParameterLocation
from schemathesis.core.transport import Response
from schemathesis.generation import GenerationMode
from schemathesis.generation.hypothesis.builder import HypothesisTestConfig, HypothesisTestMode, create_test
from schemathesis.generation.meta import TestPhase
from schemathesis.generation.overrides import with_config_headers
from schemathesis.generation.stateful import run_state_machine_as_test
from schemathesis.openapi.checks import RejectedPositiveData
from schemathesis.specs.openapi.checks import (
    ensure_resource_availability,
    ignored_auth,
    negative_data_rejection,
    positive_data_acceptance,
    use_after_free,
)

from runyard.services.runs.contract import contract, operations
from runyard.testing.running import RunningYard
from runyard.yard import Yard

from .conftest import Keys, inhabited
from .things import ADAPTER, WORKFLOW, Things

WORKSPACE: Final = "ws-schemathesis"
EVERY: Final = 8
"""Of the thousands of values at the edges of what an operation takes, one in so many is sent, the first among them."""

STREAMS: Final = ["streamWorkspaceEvents", "streamLocationEvents", "streamMachineInvocation"]
"""They go on for as long as somebody listens; ``test_api_events`` and ``test_invocations`` listen to them."""

OUTSIDE: Final = ["deleteWorkspace"]
"""It would end the workspace that everything else is tried in; ``test_members`` ends some."""

EXPLAINED: Final = {
    r"^cursor: not a cursor of this list": "cursors are ours to make, and signed",
    r"there is no (user|workforce member|policy) |no user .* takes part|is no user's id": "ids are ours to make",
    r"(Policy|Workforce member) .* not found": "they are, and nobody else's is found",
    r"^machineId: is .*; the path says ": "the path names it, so the body need not",
    r" takes the tier \w+; the agent's is \w+": "how far a tool is to be trusted is a matter of its name",
    r"has no canonical form: ": "what plans are hashed with is exact to 53 bits; JSON's numbers have no end",
    r"(expiresAtIso|dueAtIso): .* is past; it is": "no schema knows what time it is",
    r"\.condition: ": "conditions are a language of their own",
    r"\w+ is less strict than \w+, the workflow's": "which one it is to be is the workflow's to say",
    r"mean the same, and differ here": "two names of one field: one of them is enough",
    r"the actions are numbered from 1 in the order of the list": "no schema counts the items of a list",
    r"wait for each other in a circle|does not come before|there is no action |is there twice": "nor reads their ids",
    r"is not in the queue ": "who is in which queue is the yard's to know",
    r"one person can't be \d+ approvers|is missing; it says when escalateTo begins": "two fields that belong together",
    r"validToIso has to be after validFromIso|is no time of up to \d+ days": "two fields that belong together",
    r"There is no tree of \d+ entries": "the workspace has no such history yet",
    r"This is no enrolment token": "tokens are ours to make",
    r"cannot be a .* name. Use 1 to 200 printable characters": "no pattern says what is printable in every alphabet",
}
"""Well-formed requests that are refused all the same: what the answer says, and why no schema could say it before."""

UNSERVED: Final = {
    "createWorkspace": "takes an administrator of the yard",
    "createToken": "takes a program's secret",
    "enrolMachine": "takes a token that is good once",
    "completeHumanTask": "takes whoever it is assigned to",
    "retryRun": "takes a run that has ended",
    "executeApprovedAgentAction": "takes what an agent has proposed and somebody approved",
    "claimMachineInvocations": "is for machines",
    "reportMachineInvocation": "is for machines",
}
"""Operations that take more than there is here; other tests of the room have them granted."""

LENIENT: Final = {
    # a body that is missing is a file with nothing in it
    "uploadFile": [negative_data_rejection],
    # a program that was ended is still shown, with the time of its end
    **dict.fromkeys(("getServiceAccount", "revokeServiceAccount", "rotateServiceAccount"), [use_after_free]),
    # what is not found is the machine that the body names
    **dict.fromkeys(("updateAdapterRegistration", "updateAgent"), [ensure_resource_availability]),
}
"""Checks that don't fit an operation."""

SCHEMA: Final = schemathesis.openapi.from_dict(contract()).exclude(operation_id=[*STREAMS, *OUTSIDE])
SCHEMA.config.update(parameters={"path.workspaceId": WORKSPACE})
SCHEMA.config.phases.coverage.unexpected_methods = set()  # test_doors has those
# U+0000 is refused everywhere, in any text at any depth: a pattern for each text would say so and hide the rest.
# Generated credentials would all be refused, and nothing else be learned; `ignored_auth` sends bad ones of its own.
SCHEMA.config.generation.update(allow_x00=False, with_security_parameters=False)

NAMES: Final = sorted({*operations()} - {*STREAMS, *OUTSIDE}, key=lambda each: (each == "savePolicy", each))
"""The odd policies come last: they would deny all that follows."""

LINKED: Final = SCHEMA.exclude(operation_id=["createWorkspace"])
LINKED.config.phases.stateful.inference.algorithms = []  # only what the contract itself says

NOUNS: Final = [
    "Users", "ServiceAccounts", "Evidence", "WorkItems", "Workforce", "Location", "MapLayers", "Machines", "Agents",
    "AdapterRegistrations", "CredentialGrants", "Policies", "Workflows", "Runs", "Files",
]  # fmt: skip
STORIES: Final = 5
STEPS: Final = 8

QUIETLY: Final = settings(
    derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck), max_examples=3
)


class Caller:
    """An administrator of the workspace, who looks at each answer."""

    def __init__(self, url: str, token: str, session: requests.Session, user: str = "") -> None:
        self.user = user
        self._url, self._session = url, session
        self.signed = {"headers": {"Authorization": f"Bearer {token}"}, "timeout": 30}
        self._guarded: set[str] = set()
        self._seen: Counter[str] = Counter()
        self.served: Counter[str] = Counter()

    def post(self, path: str, content: dict) -> dict:
        """What a request makes that isn't of the machine's making."""
        answer = self._session.post(self._url + path, json=content, **self.signed)
        assert answer.status_code == 201, answer.text
        return answer.json()

    def is_due(self, case: schemathesis.Case) -> bool:
        """Whether this one of an operation's cases is sent."""
        if case.meta.phase.name is not TestPhase.COVERAGE:
            return True
        self._seen[case.operation.label] += 1
        return self._seen[case.operation.label] % EVERY == 1

    @property
    def options(self) -> dict[str, object]:
        """How a case is sent."""
        return {"base_url": self._url, "session": self._session, **self.signed}

    def look(self, answer: Response, case: schemathesis.Case, **options: object) -> None:
        """Check an answer; once for each operation, also that nobody else gets one."""
        name = case.operation.definition.raw["operationId"]
        left_out = [positive_data_acceptance, *LENIENT.get(name, ())]
        if name in self._guarded:
            left_out.append(ignored_auth)
        if answer.status_code < 300:
            self._guarded.add(name)
            self.served[name] += 1
        case.validate_response(
            answer,
            headers=self.signed["headers"],
            excluded_checks=left_out,
            additional_checks=[accepted_or_explained],
            transport_kwargs=self.options,
            **options,
        )


def accepted_or_explained(ctx: CheckContext, response: Response, case: schemathesis.Case) -> None:
    try:
        positive_data_acceptance(ctx, response, case)
    except RejectedPositiveData:
        if not all(any(re.search(each, text) for each in EXPLAINED) for text in _reasons(response.json())):
            raise


def _reasons(problem: dict) -> list[str]:
    """All that a problem says is wrong."""
    errors = problem.get("errors") or {"": [problem["detail"]]}
    return [f"{field}: {text}" for field, texts in errors.items() for text in texts]


@pytest.fixture(scope="module", autouse=True)
def only_what_the_contract_says() -> Iterator[None]:
    """Hypothesis likes the constants of modules that are loaded, and which these are is up to the tests before."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(providers, "_get_local_constants", Constants)
        patch.setattr(providers, "CONSTANTS_CACHE", LRUCache(1024))
        yield


@pytest.fixture(scope="module")
def session() -> Iterator[requests.Session]:
    with requests.Session() as opened:
        opened.trust_env = False
        yield opened


@pytest.fixture(scope="module")
def keys(yard: RunningYard) -> Keys:
    return inhabited(yard, WORKSPACE)


@pytest.fixture(scope="module")
def caller(yard: RunningYard, session: requests.Session, keys: Keys) -> Caller:
    """An administrator in person: programs may not decide."""
    return Caller(yard.url, keys.people["admin"], session)


@pytest.fixture
def things(yard: RunningYard, keys: Keys) -> Iterator[Things]:
    """What there is for an operation to do something to; the next one has its own, whatever comes of these."""
    with ExitStack() as stack:
        admin, operator = (
            stack.enter_context(
                httpx.Client(
                    base_url=f"{yard.url}/v1/workspaces/{WORKSPACE}", timeout=60, trust_env=False,
                    headers={"Authorization": f"Bearer {keys.people[role]}"},
                )
            )
            for role in ("admin", "operator")
        )  # fmt: skip
        yield Things(admin, operator, workspace=WORKSPACE)


@pytest.fixture(scope="module")
def root(yard: RunningYard, session: requests.Session) -> Caller:
    """An administrator of the yard, who may make workspaces."""

    async def make(opened: Yard) -> tuple[str, str]:
        user = await opened.identity.users.create("Root", email="root@schemathesis.example", is_admin=True)
        return str(user.id), (await opened.identity.keys.issue(user.id, kind="ry")).secret.reveal()

    user, key = yard.inside(make)
    return Caller(yard.url, key, session, user)


@pytest.mark.parametrize("name", NAMES)
def test_each_operation(caller: Caller, things: Things, name: str):
    """With what is at the edges of what it takes, just beyond them, and a little from anywhere."""

    def send(case: schemathesis.Case) -> None:
        if caller.is_due(case):
            _name_what_there_is(case, things)
            caller.look(case.call(**caller.options), case)

    # Made here and not by the decorator, which would make the requests of all operations whenever tests are collected.
    operation = SCHEMA.find_operation_by_id(name)
    plan = HypothesisTestConfig(
        SCHEMA.config, list(HypothesisTestMode), explicit_settings=QUIETLY,
        override=with_config_headers(SCHEMA.config, operation=operation),
    )  # fmt: skip
    create_test(operation=operation, test_func=send, config=plan)()
    assert caller.served[name] or name in UNSERVED, "no request was granted"


def _name_what_there_is(case: schemathesis.Case, things: Things) -> None:
    """Make the ids of a request those of things that there are, where nothing is to be wrong with them."""
    whole = {place for place, part in case.meta.components.items() if part.mode is GenerationMode.POSITIVE}
    if ParameterLocation.PATH in whole:
        case.path_parameters.update(things.among(case.path_parameters.keys()))
    if ParameterLocation.BODY in whole and isinstance(case.body, dict):
        case.body.update(things.among(case.body.keys() - {"invocationId"}))  # the caller's own name for a new one


@pytest.mark.parametrize("noun", NOUNS)
def test_what_follows_from_an_answer_follows(root: Caller, noun: str):
    """Along the contract's links: what was made is there, what was removed is gone, a page leads to the next.

    Each story is of a workspace of its own, so that none depends on what another has left behind.
    """

    class Story(LINKED.include(tag=noun).as_state_machine()):
        def setup(self) -> None:
            made = root.post("/v1/workspaces", {"name": f"Story {uuid4()}"})
            self.workspace = made["workspaceId"]
            path = f"/v1/workspaces/{self.workspace}"
            self.cursors: set[str] = set()
            self.known = {"workspaceId": self.workspace}
            if noun == "Runs":
                self.known["workflowId"] = root.post(f"{path}/workflows", WORKFLOW)["workflowId"]
            if noun == "CredentialGrants":
                self.known["adapterId"] = root.post(f"{path}/adapter-registrations", ADAPTER)["adapterId"]
            if noun == "Workforce":
                self.known["linkedUserId"] = root.user

        def before_call(self, case: schemathesis.Case) -> None:
            case.path_parameters["workspaceId"] = self.workspace
            # One that comes again is answered as before, though what was made then may be gone by now.
            case.headers.pop("Idempotency-Key", None)
            if case.query.get("cursor") not in self.cursors:
                case.query.pop("cursor", None)
            if isinstance(case.body, dict):
                case.body.update({name: known for name, known in self.known.items() if name in case.body})

        def get_call_kwargs(self, case: schemathesis.Case) -> dict[str, object]:
            return root.options

        def validate_response(self, response: Response, case: schemathesis.Case, *_: object, **__: object) -> None:
            root.look(response, case, recorder=self.recorder)
            if response.headers.get("content-type", [""])[0] == "application/json":
                self.cursors.add(response.json().get("cursor"))

    before = root.served.total()
    run_state_machine_as_test(Story, settings=settings(QUIETLY, max_examples=STORIES, stateful_step_count=STEPS))
    assert root.served.total() - before >= STORIES, "the stories of this noun lead nowhere"
