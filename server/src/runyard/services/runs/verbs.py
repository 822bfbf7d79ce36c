"""``runyard workspace`` and ``runyard service-account``: the first steps of governed work, for the operator."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Final, TypeAlias, TypeVar

import typer

from runyard.clock import utc_now
from runyard.identity.console import age, answer, fail, moment, note, table, work
from runyard.identity.errors import NotFound
from runyard.identity.roles import WorkspaceRole

if TYPE_CHECKING:
    from runyard.database import Connection, Database
    from runyard.identity.service_accounts import IssuedAccount, ServiceAccount
    from runyard.identity.store import IdentityStore
    from runyard.identity.workspace_users import WorkspaceUser
    from runyard.identity.workspaces import Workspace
    from runyard.services.runs.ledger import Ledger
    from runyard.settings import Settings

T = TypeVar("T")

LISTS: Final = {"Workspace": "runyard workspace list", "Service account": "runyard service-account list {workspace}"}
"""Which verb says what there is, of what wasn't found."""

AsJson: TypeAlias = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Id: TypeAlias = Annotated[str, typer.Argument(metavar="WORKSPACE", help="Its id, such as ws-acme.")]
Client: TypeAlias = Annotated[str, typer.Argument(metavar="CLIENT", help="Its id, see: runyard service-account list")]
Roles: TypeAlias = Annotated[
    list[WorkspaceRole], typer.Option("--role", help="What they are there for. May be repeated.")
]
Expires: TypeAlias = Annotated[
    timedelta | None,
    typer.Option(parser=age, metavar="AGE", help="How long it works, such as 90d; for ever by default."),
]


@dataclass(frozen=True, slots=True)
class Desk:
    """Where the operator works: changes and their evidence are one transaction, here as everywhere."""

    database: Database
    identity: IdentityStore
    ledger: Ledger

    async def change(self, workspace: str, summary: str, task: Callable[[Connection], Awaitable[T]]) -> T:
        """Do ``task`` and have it proven that the operator did."""
        from runyard.services.runs.evidence.entry import SYSTEM  # noqa: PLC0415

        async def inside(connection: Connection) -> T:
            try:
                done = await task(connection)
            except NotFound as error:
                if error.noun not in LISTS:
                    raise
                fail(f"{error} Those that exist: {LISTS[error.noun].format(workspace=workspace)}")
            book = await self.ledger.open(connection, workspace)
            book.record("System", f"The operator of the yard {summary}.", actor=SYSTEM, correlation_id="operator")
            await book.close()
            return done

        return await self.database.transaction(inside)


@asynccontextmanager
async def open_desk(settings: Settings) -> AsyncIterator[Desk]:
    """The yard that ``settings`` describe, whether a server runs or not."""
    from runyard.database import open_database  # noqa: PLC0415  (help texts need none of these)
    from runyard.identity.store import IdentityStore  # noqa: PLC0415
    from runyard.services.runs.ledger import Ledger  # noqa: PLC0415

    async with open_database(settings, application="runyard cli") as database:
        identity = IdentityStore(database, settings, clock=utc_now)
        try:
            yield Desk(database, identity, Ledger(utc_now))
        finally:
            await identity.close()


def workspace_verbs(load: Callable[[], Settings]) -> typer.Typer:
    """``workspace create``, ``list``, ``add-user``."""
    app = typer.Typer(help="Places for governed work.", no_args_is_help=True)

    def opened() -> AbstractAsyncContextManager[Desk]:
        return open_desk(load())

    @app.command()
    def create(
        workspace: Id,
        *,
        admin: Annotated[str, typer.Option(metavar="EMAIL", help="Who is to administer it; made if unknown.")],
        name: Annotated[str | None, typer.Option(help="What people call it; its id by default.")] = None,
        as_json: AsJson = False,
    ) -> None:
        """Make a workspace, of a project if there is one of that name."""

        async def make(desk: Desk) -> tuple[Workspace, WorkspaceUser]:
            async def task(connection: Connection) -> tuple[Workspace, WorkspaceUser]:
                now, identity = utc_now(), desk.identity
                made = await identity.workspaces.create(connection, workspace, name or workspace, now=now, adopt=True)
                first = [WorkspaceRole.ADMIN]
                return made, await identity.workspace_users.add(connection, made.id, admin, roles=first, now=now)

            return await desk.change(workspace, "made the workspace", task)

        made, user = work(opened, make)
        answer(asdict(made), f"Workspace {made.id!r} made, with {user.email} as its admin.", as_json=as_json)
        note(f"A token for them: runyard token create --user {user.email} --project {made.id}")

    @app.command("list")
    def list_(*, as_json: AsJson = False) -> None:
        """List workspaces."""
        found = work(opened, lambda desk: desk.identity.workspaces.all())
        answer([asdict(each) for each in found], _workspace_table(found), as_json=as_json)

    @app.command()
    def add_user(
        workspace: Id,
        email: Annotated[str, typer.Argument(metavar="EMAIL", help="Who is to take part; made if unknown.")],
        *,
        role: Roles,
        as_json: AsJson = False,
    ) -> None:
        """Let somebody take part in a workspace."""

        async def add(desk: Desk) -> WorkspaceUser:
            async def task(connection: Connection) -> WorkspaceUser:
                await desk.identity.workspaces.get(workspace, connection)
                users = desk.identity.workspace_users
                return await users.add(connection, workspace, email, roles=role, now=utc_now())

            return await desk.change(workspace, "let somebody take part", task)

        user = work(opened, add)
        answer(asdict(user), f"{user.email} takes part in {workspace!r} as {', '.join(user.roles)}.", as_json=as_json)

    return app


def service_account_verbs(load: Callable[[], Settings]) -> typer.Typer:
    """``service-account create``, ``list``, ``rotate``, ``revoke``."""
    app = typer.Typer(help="Programs that take part in a workspace.", no_args_is_help=True)

    def opened() -> AbstractAsyncContextManager[Desk]:
        return open_desk(load())

    @app.command()
    def create(
        workspace: Id,
        *,
        name: Annotated[str, typer.Option(help="What you call it.")],
        role: Roles,
        expires: Expires = None,
        as_json: AsJson = False,
    ) -> None:
        """Make a service account and print its id and secret, this once."""

        async def make(desk: Desk) -> IssuedAccount:
            accounts = desk.identity.service_accounts
            return await desk.change(
                workspace,
                "made a service account",
                lambda connection: accounts.create(connection, workspace, name, roles=role, expires_in=expires),
            )

        _hand_over(work(opened, make), as_json=as_json)

    @app.command("list")
    def list_(workspace: Id, *, as_json: AsJson = False) -> None:
        """List a workspace's service accounts, those that have ended too."""
        found = work(opened, lambda desk: desk.identity.service_accounts.all(workspace))
        answer([asdict(each) for each in found], _account_table(found), as_json=as_json)

    @app.command()
    def rotate(workspace: Id, client: Client, *, as_json: AsJson = False) -> None:
        """Give a service account a new secret and print it, this once. The old one ends now."""

        async def change(desk: Desk) -> IssuedAccount:
            return await desk.change(
                workspace,
                f"gave {client} a new secret",
                lambda connection: desk.identity.service_accounts.rotate(connection, workspace, client),
            )

        _hand_over(work(opened, change), as_json=as_json)

    @app.command()
    def revoke(workspace: Id, client: Client, *, as_json: AsJson = False) -> None:
        """End a service account, and its tokens with it, now."""

        async def change(desk: Desk) -> ServiceAccount:
            return await desk.change(
                workspace,
                f"ended {client}",
                lambda connection: desk.identity.service_accounts.revoke(connection, workspace, client),
            )

        ended = work(opened, change)
        answer(asdict(ended), f"Service account {ended.name!r} ended.", as_json=as_json)

    return app


def _hand_over(issued: IssuedAccount, *, as_json: bool) -> None:
    """Print id and secret on stdout, for the only time; what people should know goes to stderr."""
    account, secret = issued.account, issued.secret.reveal()
    text = f"PORTARIUM_CLIENT_ID={account.client_id}\nPORTARIUM_CLIENT_SECRET={secret}"
    answer({**asdict(account), "client_secret": secret}, text, as_json=as_json)
    end = f"until {moment(account.expires_at, missing='')} UTC" if account.expires_at else "until it is revoked"
    roles = ", ".join(account.roles)
    note(f"It is {roles} in {account.workspace!r} and works {end}. The secret is not shown again.")


def _workspace_table(found: list[Workspace]) -> str:
    if not found:
        return "No workspaces. Make one with: runyard workspace create ws-acme --admin EMAIL"
    return table(
        ("ID", "NAME", "CREATED"), ((each.id, each.name, moment(each.created_at, missing="-")) for each in found)
    )


def _account_table(found: list[ServiceAccount]) -> str:
    if not found:
        return "No service accounts. Make one with: runyard service-account create WORKSPACE --name ci --role operator"
    rows = (
        (
            each.client_id,
            each.name,
            ",".join(each.roles) or "-",
            each.machine_id or "-",
            "ended" if each.revoked_at else "active",
            moment(each.last_used_at, missing="never"),
            moment(each.expires_at, missing="never"),
        )
        for each in found
    )
    return table(("ID", "NAME", "ROLES", "MACHINE", "STATUS", "LAST USED", "EXPIRES"), rows)
