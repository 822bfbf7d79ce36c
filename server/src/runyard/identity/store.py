"""The identity of one yard: its users, projects, keys and tokens over one database."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING
from uuid import UUID

from runyard.clock import Clock
from runyard.database import Database, Signals
from runyard.identity.api_keys import ApiKeys
from runyard.identity.callers import Callers
from runyard.identity.credentials import Credentials
from runyard.identity.errors import CredentialError, InvalidCredential
from runyard.identity.members import Members
from runyard.identity.model import User
from runyard.identity.passwords import AT_ONCE, Passwords
from runyard.identity.principal import Credential, Principal
from runyard.identity.projects import Projects
from runyard.identity.service_accounts import ServiceAccount, ServiceAccounts
from runyard.identity.ssh_keys import SshKeys
from runyard.identity.throttle import Throttle, network_of
from runyard.identity.tokens import Tokens
from runyard.identity.users import Users
from runyard.identity.workspace_tokens import WorkspaceTokens, is_workspace_token
from runyard.identity.workspace_users import WorkspaceUsers
from runyard.identity.workspaces import Workspaces
from runyard.settings import Settings

if TYPE_CHECKING:
    from runyard.identity.strangers import Strangers


class IdentityStore:
    """What the yard knows of who may call. Each of its parts owns its tables.

    Args:
        database: where it is kept.
        settings: ages, limits, and the folder of the keys that sign tokens and seal credentials.
        clock: tells the time, in UTC.
        passwords: how passwords are hashed.
    """

    def __init__(
        self, database: Database, settings: Settings, *, clock: Clock, passwords: Passwords | None = None
    ) -> None:
        self._callers = Callers(database, clock=clock)
        self._throttle = Throttle(settings.login_attempts, clock=clock)
        self._signing_in = asyncio.Semaphore(AT_ONCE)
        self.members = Members(database, clock=clock)
        changed = self.changed
        self.users = Users(database, clock=clock, passwords=passwords or Passwords(), changed=changed)
        self.projects = Projects(database, clock=clock, changed=changed)
        self.keys = ApiKeys(database, clock=clock, warn_days=settings.key_warn_days)
        self.ssh_keys = SshKeys(database, self.users, self._callers, self._throttle, clock=clock)
        self.credentials = Credentials(database, settings.data_dir / "keys", clock=clock)
        self.workspaces = Workspaces(database, changed=changed)
        self.workspace_users = WorkspaceUsers(database, changed=changed)
        self.service_accounts = ServiceAccounts(database, clock=clock, changed=changed)
        self.tokens = Tokens(settings.data_dir / "keys", clock=clock, minutes=settings.token_minutes)
        self.strangers = _strangers(database, settings, self._callers, clock)
        self.workspace_tokens = WorkspaceTokens(self.tokens, clock=clock, minutes=settings.token_minutes)

    async def listen(self, signals: Signals) -> None:
        """Remember the users behind tokens and keys from now on, as long as ``signals`` tells when they change."""
        await self._callers.listen(signals)
        await self.members.listen(signals)
        if self.strangers is not None:
            await self.strangers.listen(signals)
        await self.keys.listen(signals)

    async def authenticate(self, presented: str, *, machines: bool = False) -> Principal:
        """Who the bearer of this token or API key is.

        Args:
            presented: the token or key.
            machines: whether a machine is let in: only where it fetches its work.

        Raises:
            InvalidCredential: malformed, forged, unknown, revoked or expired.
            InactiveUser: it is good, and its user was deactivated.
        """
        if presented.count(".") != 2:  # a JWT has two dots, an API key none
            return await self.keys.authenticate(presented)
        if self.strangers is not None and self.strangers.issuer.issued(presented):
            return await self._in_workspace(await self.strangers.authenticate(presented), machines=machines)
        if is_workspace_token(presented):
            said = await self.workspace_tokens.verify(presented)
            principal = replace(
                await self._callers.find(said.number),
                credential=Credential(kind="token", expires_at=said.expires_at, scopes=said.scopes),
                project=said.workspace,
            )
            return await self._in_workspace(principal, machines=machines)
        claims = await self.tokens.verify(presented)
        principal = await self._callers.find(claims.number)
        return replace(principal, credential=Credential(kind="token", expires_at=claims.expires_at))

    async def sign_in(self, login_or_email: str, password: str, *, address: str) -> User:
        """The user with this login or email and this password.

        Args:
            login_or_email: who they say they are.
            password: how they prove it.
            address: where they are, as the connection tells; what a request says of itself proves nothing.

        Raises:
            TooManyAttempts: this name or address failed too often.
            InvalidCredential: no such user, no password or another one; all take the same effort.
            InactiveUser: both are right, and the user was deactivated.
        """
        self._throttle.check(login_or_email, address)
        async with self._signing_in:
            self._throttle.check(login_or_email, address)  # others failed meanwhile
            try:
                user = await self.users.sign_in(login_or_email, password)
            except CredentialError:
                self._throttle.failed(login_or_email, address)
                raise
        self._throttle.succeeded(login_or_email)
        return user

    async def exchange(self, client_id: str, secret: str, *, address: str) -> ServiceAccount:
        """The service account with this id and secret; ``address`` is as for :meth:`sign_in`.

        Nobody guesses such a secret, so failures only count for this id at this address: strangers can't lock a program
        out, nor one with an old secret the others beside it.

        Raises:
            TooManyAttempts: this id failed too often from this address.
            InvalidCredential: there is none, or none that works.
        """
        who = f"{network_of(address)} {client_id}"
        self._throttle.check(who)
        try:
            account = await self.service_accounts.authenticate(client_id, secret)
        except CredentialError:
            self._throttle.failed(who)
            raise
        self._throttle.succeeded(who)
        return account

    async def close(self) -> None:
        """Write what is still to be written. The database stays open."""
        await self.keys.close()

    def changed(self, user_id: UUID) -> None:
        """Something about this user has changed, or is about to: look it up again. Other processes hear by NOTIFY."""
        self._callers.forget(user_id)
        self.members.forget(user_id)
        if self.strangers is not None:
            self.strangers.forget(user_id)
        self.keys.forget(user_id)

    async def _in_workspace(self, principal: Principal, *, machines: bool) -> Principal:
        """Somebody with a token of one workspace: as what they take part there now, and nowhere else."""
        assert principal.project is not None
        member = await self.members.member(principal.project, principal.user_id)
        if member is None or not member.active:
            raise InvalidCredential("revoked")
        if member.kind == "machine" and not machines:
            raise InvalidCredential("audience")
        standing = principal.projects.get(principal.project)
        if standing is None and member.kind != "machine":
            raise InvalidCredential("revoked")
        credential = replace(
            principal.credential,
            kind="token" if member.kind == "user" else "service_account",
            scopes=frozenset(member.roles & (principal.credential.scopes or frozenset())),
        )
        projects = {} if standing is None else {principal.project: standing}
        return replace(principal, credential=credential, projects=projects, is_admin=False)


def _strangers(database: Database, settings: Settings, callers: Callers, clock: Clock) -> Strangers | None:
    """People whom the issuer of the settings vouches for, if there is one."""
    if settings.runs_oidc_issuer is None:
        return None
    from runyard.identity.issuer import Issuer  # noqa: PLC0415  (loads an HTTP client, which few yards have a use for)
    from runyard.identity.strangers import Strangers  # noqa: PLC0415

    secret = settings.runs_oidc_client_secret
    issuer = Issuer(
        settings.runs_oidc_issuer,
        client_id=settings.runs_oidc_client_id,
        client_secret=None if secret is None else secret.get_secret_value(),
        jwks_uri=settings.runs_jwks_uri,
        audience=settings.runs_audience,
        clock=clock,
    )
    return Strangers(database, issuer, callers, clock=clock)
