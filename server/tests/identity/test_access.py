"""Who may do what, as a table."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runyard.identity import (
    GUEST,
    OPERATOR,
    Action,
    Credential,
    Forbidden,
    Principal,
    allowed,
    project_tenant,
    require,
    user_tenant,
)

ME, OTHER = UUID(int=100), UUID(int=200)
KEY = Credential(kind="api_key", id=UUID(int=1))


def caller(**more):
    return Principal(user_id=ME, name="me", credential=KEY, **more)


USER = caller(projects={"mine": "member"})
LEAD = caller(projects={"mine": "admin"})
ADMIN = caller(is_admin=True)
READER = caller(projects={"mine": "reader"})
READERS_KEY = caller(projects={"mine": "reader"}, project="mine")
CONFINED = caller(projects={"mine": "member"}, project="mine")
LEFT = caller()
GUEST_PLACE = (GUEST.user_id, GUEST.tenant)

MY_PRIVATE = (ME, f"user:{ME}")
OTHERS_PRIVATE = (OTHER, f"user:{OTHER}")
MINE_IN_PROJECT = (ME, "project:mine")
SHARED = (OTHER, "project:mine")
FOREIGN = (OTHER, "project:theirs")
MINE_IN_FOREIGN = (ME, "project:theirs")
YARD = (None, None)

USE = {Action.READ, Action.LIST, Action.SUBMIT, Action.CANCEL}
LOOK = {Action.READ, Action.LIST}
KEEP = USE - {Action.SUBMIT}
ALL = set(Action)
MAY_ADMINISTER = {Action.ADMINISTER}
NOTHING = set()

TABLE = [
    # who, what it belongs to, what they may do
    ("a user", USER, MY_PRIVATE, USE | MAY_ADMINISTER),
    ("a user", USER, OTHERS_PRIVATE, NOTHING),
    ("a user", USER, MINE_IN_PROJECT, USE),
    ("a user", USER, SHARED, USE),
    ("a user", USER, FOREIGN, NOTHING),
    ("a user", USER, YARD, NOTHING),
    ("a user who left", LEFT, MINE_IN_FOREIGN, KEEP),
    ("a user who left", LEFT, FOREIGN, NOTHING),
    ("a project's admin", LEAD, SHARED, USE | MAY_ADMINISTER),
    ("a project's admin", LEAD, FOREIGN, NOTHING),
    ("a project's admin", LEAD, YARD, NOTHING),
    ("an admin", ADMIN, MY_PRIVATE, USE | MAY_ADMINISTER),
    ("an admin", ADMIN, OTHERS_PRIVATE, MAY_ADMINISTER),
    ("an admin", ADMIN, SHARED, MAY_ADMINISTER),
    ("an admin", ADMIN, YARD, MAY_ADMINISTER),
    ("a project's reader", READER, SHARED, LOOK),
    ("a project's reader", READER, MINE_IN_PROJECT, KEEP),
    ("a project's reader", READER, MY_PRIVATE, USE | MAY_ADMINISTER),
    ("a project's reader", READER, FOREIGN, NOTHING),
    ("a reader's key for the project", READERS_KEY, SHARED, LOOK),
    ("a reader's key for the project", READERS_KEY, MY_PRIVATE, NOTHING),
    ("a project's key", CONFINED, SHARED, USE),
    ("a project's key", CONFINED, MY_PRIVATE, NOTHING),
    ("a project's key", CONFINED, MINE_IN_FOREIGN, NOTHING),
    ("a project's key", CONFINED, (ME, None), NOTHING),
    ("a project's key", CONFINED, YARD, NOTHING),
    ("a guest", GUEST, GUEST_PLACE, USE),
    ("a guest", GUEST, MY_PRIVATE, NOTHING),
    ("a guest", GUEST, SHARED, NOTHING),
    ("a guest", GUEST, YARD, NOTHING),
    ("a user", USER, GUEST_PLACE, NOTHING),
    ("the operator", OPERATOR, OTHERS_PRIVATE, ALL),
    ("the operator", OPERATOR, YARD, ALL),
]


@pytest.mark.parametrize(("who", "principal", "place", "may"), TABLE)
@pytest.mark.parametrize("action", list(Action))
def test_access(who, principal, place, may, action):
    owner, tenant = place
    assert allowed(principal, action, owner=owner, tenant=tenant) == (action in may)


@given(
    projects=st.dictionaries(st.sampled_from("abc"), st.sampled_from(["reader", "member", "admin"])),
    is_admin=st.booleans(),
    action=st.sampled_from([Action.READ, Action.LIST, Action.SUBMIT, Action.CANCEL]),
    tenant=st.sampled_from([None, "", "user:", "project:", user_tenant(OTHER), *map(project_tenant, "abcd")]),
)
def test_what_is_somebody_elses_is_reached_through_membership_only(projects, is_admin, action, tenant):
    principal = caller(projects=projects, is_admin=is_admin)
    looks = action in LOOK
    member = tenant in {project_tenant(name) for name, role in projects.items() if looks or role != "reader"}
    assert allowed(principal, action, owner=OTHER, tenant=tenant) == member


def test_require_raises_without_telling_whose_it_is():
    require(USER, Action.READ, owner=OTHER, tenant="project:mine")
    with pytest.raises(Forbidden) as error:
        require(USER, Action.CANCEL, owner=OTHER, tenant="project:theirs")
    assert str(error.value) == "'me' may not cancel this."


def test_work_goes_to_the_private_tenant_unless_the_credential_is_confined():
    assert USER.tenant == f"user:{ME}"
    assert CONFINED.tenant == "project:mine"


def test_guest_and_operator_are_nobody_with_an_account():
    assert GUEST.user_id.version is None
    assert OPERATOR.user_id.version is None
    assert GUEST.user_id != OPERATOR.user_id
