"""`AuthClient`: the endpoints of the auth service, one method each. It remembers no token."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import httpx
from pydantic import TypeAdapter

from ._version import USER_AGENT
from ._wire.httpx_shell import Caller
from ._wire.retry import RetryPolicy
from .auth_models import (
    PublicKeyResponse,
    TokenResponse,
    UserCreateRequest,
    UserResponse,
    UserUpdateRequest,
)
from .http_utils import answer_of, body_of, tls
from .server_config import ServerConfig

_USERS = TypeAdapter(list[UserResponse])


class AuthClient:
    """The auth service. Close it, or use it in an `async with` block.

    Args:
        base_url: its address; the one of `server_config` otherwise.
        server_config: where the services are; read from the environment otherwise.
        timeout: seconds for each phase of a request.
        retry: how often and how long failed calls are repeated.
        transport: instead of the network; for proxies and tests.
    """

    def __init__(
        self,
        base_url: str | None = None,
        server_config: ServerConfig | None = None,
        timeout: float = 60.0,
        *,
        retry: RetryPolicy | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        config = server_config or ServerConfig.from_env()
        self.base_url = (base_url or config.auth_url).rstrip("/")
        self._caller = Caller(policy=retry or RetryPolicy())
        self._session = httpx.AsyncClient(
            base_url=self.base_url,
            timeout=timeout,
            headers={"User-Agent": USER_AGENT},
            transport=transport,
            verify=tls(),
        )

    def __repr__(self) -> str:
        return f"AuthClient({self.base_url!r})"

    async def __aenter__(self) -> AuthClient:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._session.aclose()

    async def login(self, username: str, password: str) -> TokenResponse:
        """A token for a name and a password.

        Raises:
            AuthenticationError: they don't fit.
        """
        form = {"username": username, "password": password}
        body = await self._json(lambda: self._session.post("/auth/token", data=form))
        return TokenResponse.model_validate(body)

    async def refresh_token(self, token: str) -> TokenResponse:
        """A new token, with its full lifetime, for one that is still good.

        Raises:
            AuthenticationError: it isn't good any more.
        """
        body = await self._json(lambda: self._session.post("/auth/token/refresh", headers=_bearer(token)))
        return TokenResponse.model_validate(body)

    async def get_public_key(self) -> PublicKeyResponse:
        """The key that tokens are verified with."""
        return PublicKeyResponse.model_validate(await self._json(lambda: self._session.get("/auth/public-key")))

    async def get_current_user(self, token: str) -> UserResponse:
        """Whose token it is."""
        body = await self._json(lambda: self._session.get("/users/me", headers=_bearer(token)))
        return UserResponse.model_validate(body)

    async def create_user(self, token: str, user_create: UserCreateRequest) -> UserResponse:
        """Make a user.

        Raises:
            StatusError: 400, the name is taken.
            PermissionError: the token isn't an admin's.
        """
        form = user_create.to_api_payload()
        body = await self._json(
            lambda: self._session.post("/users/", data=form, headers=_bearer(token)), replayable=False
        )
        return UserResponse.model_validate(body)

    async def list_users(self, token: str, skip: int = 0, limit: int = 100) -> list[UserResponse]:
        """A page of the users, oldest first."""
        page = {"skip": skip, "limit": limit}
        return _USERS.validate_python(
            await self._json(lambda: self._session.get("/users/", params=page, headers=_bearer(token)))
        )

    async def get_user(self, token: str, user_id: int) -> UserResponse:
        """One user."""
        body = await self._json(lambda: self._session.get(f"/users/{user_id}", headers=_bearer(token)))
        return UserResponse.model_validate(body)

    async def update_user(self, token: str, user_id: int, user_update: UserUpdateRequest) -> UserResponse:
        """Change what the request names."""
        form = user_update.to_api_payload()
        body = await self._json(lambda: self._session.put(f"/users/{user_id}", data=form, headers=_bearer(token)))
        return UserResponse.model_validate(body)

    async def delete_user(self, token: str, user_id: int) -> None:
        """Remove a user."""
        await answer_of(
            self._caller,
            lambda: self._session.delete(f"/users/{user_id}", headers=_bearer(token)),
            replayable=False,
        )

    async def _json(self, attempt: Callable[[], Awaitable[httpx.Response]], *, replayable: bool = True) -> object:
        return body_of(await answer_of(self._caller, attempt, replayable=replayable))


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}
