"""The users of a yard, in the database."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final
from uuid import UUID, uuid4

import asyncpg

from runyard.clock import Clock
from runyard.database import Connection, Database
from runyard.identity.checks import as_uuid, checked_email, checked_login, checked_name, checked_permissions, storable
from runyard.identity.errors import AlreadyExists, InactiveUser, InvalidCredential, LastAdmin, NotFound
from runyard.identity.model import User
from runyard.identity.passwords import Passwords

SELECT: Final = "SELECT id, number, name, login, email, is_admin, is_active, permissions, created_at FROM users"
LARGEST: Final = 2**31 - 1


class Users:
    """People and programs that may have credentials. ``changed`` is told at once who did."""

    def __init__(
        self, database: Database, *, clock: Clock, passwords: Passwords, changed: Callable[[UUID], None]
    ) -> None:
        self._database = database
        self._clock = clock
        self._passwords = passwords
        self._changed = changed

    async def create(
        self,
        name: str,
        *,
        login: str | None = None,
        email: str | None = None,
        password: str | None = None,
        is_admin: bool = False,
        is_active: bool = True,
        permissions: Iterable[str] = (),
    ) -> User:
        """Add a user.

        Args:
            name: what people call them; need not be unique.
            login: what they sign in with; unique.
            email: unique; upper and lower case are different. One may sign in with it, too.
            password: for signing in; a user without one only has keys.
            is_admin: whether they may administer the yard.
            is_active: whether their credentials are accepted.
            permissions: words of the services, such as ``ai_inference_support``.

        Raises:
            InvalidValue: one of these cannot be used; ``InvalidEmail`` if it is the email.
            AlreadyExists: the login or the email is taken.
        """
        user_id = uuid4()
        name = checked_name("name", name)
        login = None if login is None else checked_login(login)
        email = None if email is None else checked_email(email)
        permissions = checked_permissions(permissions)
        password_hash = None if password is None else await self._passwords.hash(password)
        try:
            await self._database.execute(
                """
                INSERT INTO users (id, name, login, email, password_hash, is_admin, is_active, permissions, created_at)
                VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (id) DO NOTHING
                """,
                user_id,
                name,
                login,
                email,
                password_hash,
                is_admin,
                is_active,
                permissions,
                self._clock(),
            )
        except asyncpg.UniqueViolationError as error:
            taken = f"email {email!r}" if error.constraint_name == "users_email_key" else f"login {login!r}"
            raise AlreadyExists(f"A user with the {taken} already exists.") from None
        return await self.get(user_id)

    async def ensure(self, connection: Connection, logins: Iterable[str]) -> dict[str, UUID]:
        """The users with these logins by login; those that aren't there are made. Inside somebody's transaction.

        Raises:
            InvalidValue: one of these can't be a login.
        """
        wanted = [checked_login(login) for login in logins]
        await connection.execute(
            """
            INSERT INTO users (id, name, login, created_at)
            SELECT gen_random_uuid(), login, login, $2 FROM unnest($1::text[]) AS wanted (login)
            WHERE NOT EXISTS (SELECT FROM users u WHERE u.login = wanted.login)  -- numbers are not for nothing
            ON CONFLICT (login) DO NOTHING
            """,
            wanted,
            self._clock(),
        )
        rows = await connection.fetch("SELECT login, id FROM users WHERE login = ANY($1)", wanted)
        return dict(rows)

    async def get(self, user_id: UUID) -> User:
        """The user with this id.

        Raises:
            NotFound: there is none.
        """
        return await self._one("id = $1", user_id)

    async def by_number(self, number: int) -> User:
        """The user with this number.

        Raises:
            NotFound: there is none.
        """
        if not 0 < number <= LARGEST:
            raise NotFound("User", number)
        return await self._one("number = $1", number)

    async def by_email(self, email: str) -> User:
        """The user with exactly this email.

        Raises:
            NotFound: there is none.
        """
        return await self._one("email = $1", email)

    async def find(self, reference: str) -> User:
        """The user whose id, login or email is ``reference``. No two users can share one.

        Raises:
            NotFound: there is none.
        """
        user_id = as_uuid(reference)
        if user_id is not None:
            return await self.get(user_id)
        return await self._one(
            "login = $1 OR email = $1",
            reference,
            hint="Give a login, an email or an id of: runyard user list",
        )

    async def all(self) -> list[User]:
        """All users, the newest first."""
        rows = await self._database.fetch(f"{SELECT} ORDER BY created_at DESC, id DESC")
        return [_user(row) for row in rows]

    async def page(self, *, skip: int = 0, limit: int | None = None) -> list[User]:
        """Up to ``limit`` users after the first ``skip``, the oldest first."""
        rows = await self._database.fetch(f"{SELECT} ORDER BY number OFFSET $1 LIMIT $2", skip, limit)
        return [_user(row) for row in rows]

    async def any_admin(self) -> bool:
        """Whether there is an active admin who has a login."""
        found = await self._database.fetchval(
            "SELECT EXISTS (SELECT FROM users WHERE is_admin AND is_active AND login IS NOT NULL)"
        )
        return bool(found)

    async def update(
        self,
        user_id: UUID,
        *,
        password: str | None = None,
        permissions: Iterable[str] | None = None,
        is_active: bool | None = None,
        is_admin: bool | None = None,
    ) -> User:
        """Change what is given, all of it or nothing.

        Args:
            user_id: whom to change.
            password: what they sign in with from now on.
            permissions: all that they have from now on.
            is_active: whether their credentials are accepted.
            is_admin: whether they may administer the yard.

        Raises:
            NotFound: there is no such user.
            InvalidValue: one of these cannot be used.
            LastAdmin: nobody could administer the yard any more.
        """
        values = {
            "password_hash": None if password is None else await self._passwords.hash(password),
            "permissions": None if permissions is None else checked_permissions(permissions),
            "is_active": is_active,
            "is_admin": is_admin,
        }
        given = {column: value for column, value in values.items() if value is not None}
        if given:
            changes = ", ".join(f"{column} = ${place}" for place, column in enumerate(given, 2))

            async def work(connection: Connection) -> None:
                if False in {is_active, is_admin}:
                    await _keep_an_admin(connection, but=user_id)
                await connection.execute(f"UPDATE users SET {changes} WHERE id = $1", user_id, *given.values())

            await self._database.transaction(work)
            self._changed(user_id)
        return await self.get(user_id)

    async def deactivate(self, user_id: UUID) -> User:
        """Refuse this user's credentials from now on.

        Raises:
            NotFound: there is no such user.
            LastAdmin: nobody could administer the yard any more.
        """
        return await self.update(user_id, is_active=False)

    async def activate(self, user_id: UUID) -> User:
        """Accept this user's credentials again.

        Raises:
            NotFound: there is no such user.
        """
        return await self.update(user_id, is_active=True)

    async def delete(self, user_id: UUID) -> None:
        """Remove the user, their keys and memberships. Their jobs stay and are nobody's.

        Raises:
            NotFound: there is no such user.
            LastAdmin: nobody could administer the yard any more.
        """
        await self.get(user_id)

        async def work(connection: Connection) -> None:
            await _keep_an_admin(connection, but=user_id)
            await connection.execute("DELETE FROM users WHERE id = $1", user_id)

        await self._database.transaction(work)
        self._changed(user_id)

    async def sign_in(self, login_or_email: str, password: str) -> User:
        """The user with this login or email and this password. Nobody counts how often it fails here.

        Raises:
            InvalidCredential: no such user, no password or another one; all take the same effort.
            InactiveUser: both are right, and the user was deactivated.
        """
        row = await self._database.fetchrow(
            "SELECT id, password_hash FROM users WHERE login = $1 OR email = $1", storable(login_or_email)
        )
        stored: str | None = row["password_hash"] if row is not None else None
        if not await self._passwords.verify(password, stored) or row is None or stored is None:
            raise InvalidCredential("password")
        user = await self.get(row["id"])
        if not user.is_active:
            raise InactiveUser
        if self._passwords.outdated(stored):
            await self._database.execute(
                "UPDATE users SET password_hash = $3 WHERE id = $1 AND password_hash = $2",
                user.id,
                stored,
                await self._passwords.hash(password),
            )
        return user

    async def _one(self, condition: str, value: str | int | UUID, *, hint: str = "") -> User:
        row = await self._database.fetchrow(
            f"{SELECT} WHERE {condition}", storable(value) if isinstance(value, str) else value
        )
        if row is None:
            raise NotFound("User", value, hint)
        return _user(row)


def _user(row: asyncpg.Record) -> User:
    return User(**{**row, "permissions": tuple(row["permissions"])})


async def _keep_an_admin(connection: Connection, *, but: UUID) -> None:
    """Refuse if ``but`` is the only active admin. Admins stay locked, so that two can't leave at once."""
    admins = await connection.fetch(
        """
        SELECT id, COALESCE(login, email, id::text) AS label FROM users
        WHERE is_admin AND is_active ORDER BY number FOR UPDATE
        """
    )
    if [admin["id"] for admin in admins] == [but]:
        raise LastAdmin(admins[0]["label"])
