"""Logging in, staying logged in, administering users."""

import asyncio
from urllib.parse import parse_qs

import httpx
import pytest

from cl_client import (
    AuthClient,
    AuthenticationError,
    ComputeClient,
    JWTAuthProvider,
    NoAuthProvider,
    RetryPolicy,
    ServerConfig,
    SessionManager,
    StatusError,
)
from cl_client.auth_models import UserCreateRequest, UserUpdateRequest
from cl_client.exceptions import ComputeClientError

QUICK = RetryPolicy(first_delay=0.0, longest_delay=0.0)
PASSWORD = "correct horse"


class Accounts:
    """An auth service, and a compute service that takes its newest token only."""

    def __init__(self, make_token):
        self.make_token = make_token
        self.users = {1: self.user(1, "admin", is_admin=True, permissions=["*"])}
        self.requests = []
        self.forms = []
        self.lifetime = 1800
        self.count = 0
        self.token = None
        self.down = False

    @staticmethod
    def user(number, username, **fields):
        base = {"id": number, "username": username, "is_admin": False, "is_active": True}
        return {**base, "created_at": "2026-01-02T03:04:05.123456", "permissions": [], **fields}

    @property
    def transport(self):
        return httpx.MockTransport(self.handle)

    def seen(self, line):
        return [request for request in self.requests if f"{request.method} {request.url.path}" == line]

    def issue(self):
        self.count += 1
        self.token = self.make_token("1", expires_in=self.lifetime, n=self.count)
        return httpx.Response(200, json={"access_token": self.token, "token_type": "bearer"})

    async def handle(self, request):
        self.requests.append(request)
        form = {name: values[0] for name, values in parse_qs((await request.aread()).decode("latin-1")).items()}
        self.forms.append(form)
        path = request.url.path
        if self.down and path.startswith("/auth"):
            raise httpx.ReadTimeout("slow")
        if path == "/auth/token":
            if form.get("password") != PASSWORD:
                return httpx.Response(401, json={"detail": "Incorrect username or password"})
            return self.issue()
        if path == "/auth/public-key":
            return httpx.Response(200, json={"public_key": "PEM", "algorithm": "ES256"})
        if request.headers.get("Authorization") != f"Bearer {self.token}":
            return httpx.Response(401, json={"detail": "Could not validate credentials"})
        if path == "/auth/token/refresh":
            return self.issue()
        if path == "/users/me":
            return httpx.Response(200, json=self.users[1])
        if path == "/users/":
            return self.create(form) if request.method == "POST" else self.page(request)
        if path.startswith("/users/"):
            return self.one(request, int(path.rpartition("/")[2]), form)
        return httpx.Response(
            200, json={"job_id": "j", "task_type": "hash", "status": "completed", "created_at": 1, "progress": 100}
        )

    def create(self, form):
        if any(user["username"] == form["username"] for user in self.users.values()):
            return httpx.Response(400, json={"detail": "Username already registered"})
        number = max(self.users) + 1
        rights = [right for right in form.get("permissions", "").split(",") if right]
        self.users[number] = self.user(number, form["username"], permissions=rights)
        return httpx.Response(201, json=self.users[number])

    def page(self, request):
        skip, limit = int(request.url.params["skip"]), int(request.url.params["limit"])
        return httpx.Response(200, json=list(self.users.values())[skip : skip + limit])

    def one(self, request, number, form):
        if number not in self.users:
            return httpx.Response(404, json={"detail": "User not found"})
        if request.method == "DELETE":
            del self.users[number]
            return httpx.Response(204)
        if "permissions" in form:
            self.users[number]["permissions"] = [] if form["permissions"] == "[]" else form["permissions"].split(",")
        return httpx.Response(200, json=self.users[number])


@pytest.fixture
def accounts(token_of):
    return Accounts(token_of)


@pytest.fixture
async def session(accounts):
    config = ServerConfig(auth_url="http://auth", compute_url="http://yard", mqtt_broker="")
    async with SessionManager(server_config=config, transport=accounts.transport, retry=QUICK) as session:
        yield session


async def test_a_login_is_remembered_and_forgotten(session, accounts):
    assert not session.is_authenticated()
    assert await session.get_current_user() is None
    token = await session.login("admin", PASSWORD)
    assert session.is_authenticated()
    assert session.get_token() == await session.get_valid_token() == token.access_token
    user = await session.get_current_user()
    assert (user.username, user.is_admin) == ("admin", True)
    assert "admin" in repr(session)
    assert token.access_token not in repr(token) + repr(session) + repr(session.__dict__["_credentials"])
    assert PASSWORD not in repr(session.__dict__["_credentials"])
    await session.logout()
    with pytest.raises(ValueError, match="Not authenticated"):
        session.get_token()
    with pytest.raises(ValueError, match="Not authenticated"):
        await session.get_valid_token()


async def test_a_failed_login_leaves_a_guest(session):
    with pytest.raises(httpx.HTTPStatusError, match="Incorrect username or password") as caught:
        await session.login("admin", "wrong")
    assert isinstance(caught.value, AuthenticationError)
    assert not session.is_authenticated()


async def test_clients_are_a_guests_or_the_users_and_end_with_the_session(session):
    guest = session.create_compute_client()
    assert isinstance(guest.auth, NoAuthProvider)
    await session.login("admin", PASSWORD)
    client = session.create_compute_client(timeout=5)
    assert isinstance(client, ComputeClient)
    assert isinstance(client.auth, JWTAuthProvider)
    assert client.timeout == 5
    await session.close()
    assert client._session.is_closed


async def test_a_token_about_to_expire_is_renewed_once_for_all(session, accounts):
    accounts.lifetime = 30
    await session.login("admin", PASSWORD)
    accounts.lifetime = 1800
    client = session.create_compute_client()
    await asyncio.gather(*(client.get_job("j") for _ in range(20)))
    assert len(accounts.seen("POST /auth/token/refresh")) == 1


async def test_a_rejected_token_is_replaced_once_for_all(session, accounts):
    await session.login("admin", PASSWORD)
    client = session.create_compute_client()
    accounts.token = "revoked"
    await asyncio.gather(*(client.get_job("j") for _ in range(20)))
    assert len(accounts.seen("POST /auth/token")) == 2
    assert len(accounts.seen("GET /jobs/j")) > 20


async def test_a_second_rejection_is_the_callers(session, accounts, monkeypatch):
    await session.login("admin", PASSWORD)
    client = session.create_compute_client()
    monkeypatch.setattr(Accounts, "issue", lambda self: httpx.Response(200, json={"access_token": "useless"}))
    accounts.token = "revoked"
    with pytest.raises(httpx.HTTPStatusError) as caught:
        await client.get_job("j")
    assert caught.value.response.status_code == 401
    assert len(accounts.seen("GET /jobs/j")) == 2


async def test_no_replacement_leaves_the_servers_own_answer(session, accounts):
    await session.login("admin", PASSWORD)
    client = session.create_compute_client()
    session._credentials = None
    accounts.token = "revoked"
    with pytest.raises(AuthenticationError, match="Could not validate credentials"):
        await client.get_job("j")
    await session.logout()
    assert await session._replace("any") is False


async def test_a_slow_auth_service_does_not_end_a_session_that_is_still_good(session, accounts):
    accounts.lifetime = 30
    await session.login("admin", PASSWORD)
    accounts.down = True
    assert await session.get_valid_token() == session.get_token()
    session._current_token = accounts.make_token("1", expires_in=-5)
    with pytest.raises(httpx.ReadTimeout):
        await session.get_valid_token()


async def test_what_can_be_sent_once_is_not_sent_again_with_another_token(session, accounts):
    await session.login("admin", PASSWORD)
    client = session.create_compute_client()
    accounts.token = "revoked"

    async def pieces():
        yield b"once"

    with pytest.raises(AuthenticationError):
        await client.hash.compute(pieces())


async def test_the_media_store_has_its_place(session):
    with pytest.raises(RuntimeError, match="no guests"):
        session.create_store_manager()
    await session.login("admin", PASSWORD)
    with pytest.raises(ComputeClientError, match="8001"):
        session.create_store_manager()
    assert session.server_pref is session.server_config is session._config
    assert session.auth_client is session._auth_client


async def test_users_are_administered_as_the_document_shows(session):
    await session.login("admin", PASSWORD)
    token = session.get_token()
    user = await session._auth_client.create_user(
        token=token, user_create=UserCreateRequest(username="newuser", password="s", permissions=["a", "b"])
    )
    assert [one.username for one in await session._auth_client.list_users(token=token, skip=0, limit=10)] == [
        "admin",
        "newuser",
    ]
    updated = await session._auth_client.update_user(
        token=token, user_id=user.id, user_update=UserUpdateRequest(permissions=[])
    )
    assert updated.permissions == []
    assert (await session._auth_client.get_user(token, user.id)).id == user.id
    await session._auth_client.delete_user(token=token, user_id=user.id)
    with pytest.raises(StatusError, match="User not found"):
        await session._auth_client.get_user(token, user.id)


async def test_an_auth_client_stands_alone(accounts):
    async with AuthClient("http://auth/", transport=accounts.transport) as auth:
        assert repr(auth) == "AuthClient('http://auth')"
        assert (await auth.get_public_key()).algorithm == "ES256"


def test_forms_hold_what_was_given():
    create = UserCreateRequest(username="u", password="p", permissions=["a", "b"])
    assert create.to_api_payload() == {
        "username": "u",
        "password": "p",
        "is_admin": False,
        "is_active": True,
        "permissions": "a,b",
    }
    assert UserUpdateRequest().to_api_payload() == {}
    update = UserUpdateRequest(password="p", permissions=["a"], is_active=False, is_admin=True)
    assert update.to_api_payload() == {"password": "p", "permissions": "a", "is_active": False, "is_admin": True}
    assert "p'" not in repr(create) + repr(update)


async def test_the_user_manager_sees_only_users_with_its_prefix(session, accounts):
    await session.login("admin", PASSWORD)
    for number in range(2, 130):
        accounts.users[number] = Accounts.user(number, f"person{number}")
    users = session.create_user_manager(prefix="bot-")
    made = (await users.create_user("crawler", "secret", permissions=["a"])).value_or_throw()
    assert made.username == "bot-crawler"
    assert [user.username for user in (await users.list_users()).value_or_throw()] == ["bot-crawler"]
    assert (await users.get_user("crawler")).is_success
    assert (await users.update_user("crawler", permissions=["b"])).value_or_throw().permissions == ["b"]
    assert (await users.set_password("crawler", "other")).is_success
    assert (await users.delete_user("bot-crawler")).value_or_throw().id == made.id
    missing = await users.get_user("person5")
    assert missing.is_error
    assert "bot-person5" in missing.error


async def test_a_failed_command_is_a_result(session):
    users = session.create_user_manager()
    guest = await users.list_users()
    assert guest.is_error
    with pytest.raises(ValueError, match="Not authenticated"):
        guest.value_or_throw()
    await session.login("admin", PASSWORD)
    taken = await users.create_user("admin", "x")
    assert "Username already registered" in taken.error
    with pytest.raises(httpx.HTTPStatusError):
        taken.value_or_throw()
