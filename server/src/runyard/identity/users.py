"""The users of a yard, in the database."""

from __future__ import annotations

from typing import Final
from uuid import UUID, uuid4

import asyncpg

from runyard.clock import Clock
from runyard.database import Database
from runyard.identity.checks import as_uuid, checked_email, checked_login, checked_name, storable
from runyard.identity.errors import AlreadyExists, InactiveUser, InvalidCredential, NotFound
from runyard.identity.model import User
from runyard.identity.passwords import Passwords

SELECT: Final = "SELECT id, name, login, email, is_admin, is_active, created_at FROM users"


class Users:
    """People and programs that may have credentials. Nothing of a user is ever deleted here."""

    def __init__(self, database: Database, *, clock: Clock, passwords: Passwords) -> None:
        self._database = database
        self._clock = clock
        self._passwords = passwords

    async def create(
        self,
        name: str,
        *,
        login: str | None = None,
        email: str | None = None,
        password: str | None = None,
        is_admin: bool = False,
    ) -> User:
        """Add a user.

        Args:
            name: what people call them; need not be unique.
            login: what they sign in with; unique.
            email: unique; upper and lower case are different. One may sign in with it, too.
            password: for signing in; a user without one only has keys.
            is_admin: whether they may administer the yard.

        Raises:
            InvalidValue: one of these cannot be used; ``InvalidEmail`` if it is the email.
            AlreadyExists: the login or the email is taken.
        """
        user = User(
            id=uuid4(),
            name=checked_name("name", name),
            login=None if login is None else checked_login(login),
            email=None if email is None else checked_email(email),
            is_admin=is_admin,
            is_active=True,
            created_at=self._clock(),
        )
        password_hash = None if password is None else await self._passwords.hash(password)
        try:
            await self._database.execute(
                """
                INSERT INTO users (id, name, login, email, password_hash, is_admin, is_active, created_at)
                VALUES ($1, $2, $3, $4, $5, $6, true, $7) ON CONFLICT (id) DO NOTHING
                """,
                user.id,
                user.name,
                user.login,
                user.email,
                password_hash,
                user.is_admin,
                user.created_at,
            )
        except asyncpg.UniqueViolationError as error:
            taken = f"email {user.email!r}" if error.constraint_name == "users_email_key" else f"login {user.login!r}"
            raise AlreadyExists(f"A user with the {taken} already exists.") from None
        return user

    async def get(self, user_id: UUID) -> User:
        """The user with this id.

        Raises:
            NotFound: there is none.
        """
        return await self._one("id = $1", user_id)

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
        return [User(**row) for row in rows]

    async def deactivate(self, user_id: UUID) -> User:
        """Refuse this user's credentials from now on.

        Raises:
            NotFound: there is no such user.
        """
        return await self._set_active(user_id, active=False)

    async def activate(self, user_id: UUID) -> User:
        """Accept this user's credentials again.

        Raises:
            NotFound: there is no such user.
        """
        return await self._set_active(user_id, active=True)

    async def set_password(self, user_id: UUID, password: str) -> None:
        """Give the user this password in place of any other.

        Raises:
            NotFound: there is no such user.
            InvalidValue: the password cannot be used.
        """
        password_hash = await self._passwords.hash(password)
        done = await self._database.execute("UPDATE users SET password_hash = $2 WHERE id = $1", user_id, password_hash)
        if done == "UPDATE 0":
            raise NotFound("User", user_id)

    async def sign_in(self, login_or_email: str, password: str) -> User:
        """The user with this login or email and this password.

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

    async def _one(self, condition: str, value: str | UUID, *, hint: str = "") -> User:
        row = await self._database.fetchrow(
            f"{SELECT} WHERE {condition}", storable(value) if isinstance(value, str) else value
        )
        if row is None:
            raise NotFound("User", value, hint)
        return User(**row)

    async def _set_active(self, user_id: UUID, *, active: bool) -> User:
        await self._database.execute("UPDATE users SET is_active = $2 WHERE id = $1", user_id, active)
        return await self.get(user_id)
