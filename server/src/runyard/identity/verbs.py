"""The operator's verbs of ``runyard``: ``user``, ``project``, ``token``, ``key`` and ``credential``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Final, TypeAlias
from uuid import UUID

import typer

from runyard.identity.console import (
    AsJson,
    Expires,
    NewExpires,
    OpenStore,
    Overlap,
    answer,
    moment,
    note,
    table,
    work,
)
from runyard.identity.credential_verbs import credential_verbs
from runyard.identity.keys import KeyKind
from runyard.identity.model import OVERLAP, ApiKey, IssuedKey, KeyState, KeyStatus, Project
from runyard.identity.principal import Role
from runyard.identity.ssh_key_verbs import ssh_key_verbs
from runyard.identity.user_verbs import Reference, user_verbs

if TYPE_CHECKING:
    from runyard.identity.store import IdentityStore


class Format(StrEnum):
    """What a token looks like."""

    YARD = "yard"
    OPENSHIFT = "openshift"


KINDS: Final[Mapping[Format, KeyKind]] = {Format.YARD: "ry", Format.OPENSHIFT: "openshift"}

Standing: TypeAlias = tuple[ApiKey, KeyState, KeyStatus]

Name: TypeAlias = Annotated[str | None, typer.Option(help="What you call it.")]
Owner: TypeAlias = Annotated[str, typer.Option("--user", metavar="USER", help="Whose it is: login, email or id.")]
OnlyOf: TypeAlias = Annotated[str | None, typer.Option("--user", metavar="USER", help="Only those of this user.")]
Users: TypeAlias = Annotated[
    list[str] | None, typer.Option(metavar="USER", help="Add this user with this role. May be repeated.")
]
ProjectName: TypeAlias = Annotated[
    str, typer.Argument(metavar="PROJECT", help="Lower-case letters, digits and hyphens.")
]
KeyId: TypeAlias = Annotated[UUID, typer.Argument(metavar="ID", help="Id of the key, see: runyard key list")]


def verbs(open_store: OpenStore) -> Mapping[str, typer.Typer]:
    """The verbs by name, working on the store that ``open_store`` opens."""
    users = user_verbs(open_store)
    users.add_typer(ssh_key_verbs(open_store), name="key")
    return {
        "user": users,
        "project": project_verbs(open_store),
        "token": token_verbs(open_store),
        "key": key_verbs(open_store),
        "credential": credential_verbs(open_store),
    }


def project_verbs(open_store: OpenStore) -> typer.Typer:
    """``project add``, ``list``, ``remove-member``."""
    app = typer.Typer(help="Projects, whose members share work.", no_args_is_help=True)

    @app.command()
    def add(
        name: ProjectName, *, member: Users = None, reader: Users = None, admin: Users = None, as_json: AsJson = False
    ) -> None:
        """Make a project, or add users to it. Saying it twice changes nothing."""

        async def change(store: IdentityStore) -> Project:
            asked: dict[Role, list[str] | None] = {"reader": reader, "member": member, "admin": admin}
            roles = {(await store.users.find(user)).id: role for role, users in asked.items() for user in users or ()}
            return await store.projects.add(name, members=roles)

        project = work(open_store, change)
        answer(project, _project_line(project), as_json=as_json)

    @app.command("list")
    def list_(*, user: OnlyOf = None, as_json: AsJson = False) -> None:
        """List projects and their members."""

        async def look(store: IdentityStore) -> list[Project]:
            if user is None:
                return await store.projects.all()
            return await store.projects.of((await store.users.find(user)).id)

        projects = work(open_store, look)
        answer(projects, _project_table(projects), as_json=as_json)

    @app.command()
    def remove_member(name: ProjectName, user: Reference, *, as_json: AsJson = False) -> None:
        """Take a user out of a project. Their tokens for it end at once."""

        async def change(store: IdentityStore) -> Project:
            return await store.projects.remove_member(name, (await store.users.find(user)).id)

        project = work(open_store, change)
        answer(project, _project_line(project), as_json=as_json)

    return app


def token_verbs(open_store: OpenStore) -> typer.Typer:
    """``token create``."""
    app = typer.Typer(help="Bearer tokens for programs of any service.", no_args_is_help=True)

    @app.callback()
    def group() -> None:
        """Keep ``create`` a verb: the only command of an app would otherwise be the app itself."""

    @app.command()
    def create(
        *,
        user: Owner,
        project: Annotated[str | None, typer.Option(help="The only project it reaches.")] = None,
        name: Name = None,
        expires: Expires = None,
        shape: Annotated[
            Format,
            typer.Option("--format", help="`openshift` begins with sha256~, for programs that know only such tokens."),
        ] = Format.YARD,
        as_json: AsJson = False,
    ) -> None:
        """Make a token and print it, this once. ``runyard key`` lists, revokes and rotates tokens."""

        async def issue(store: IdentityStore) -> IssuedKey:
            owner = await store.users.find(user)
            return await store.keys.issue(owner.id, kind=KINDS[shape], name=name, project=project, expires_in=expires)

        _hand_over(work(open_store, issue), as_json=as_json)

    return app


def key_verbs(open_store: OpenStore) -> typer.Typer:
    """``key create``, ``list``, ``revoke``, ``rotate``."""
    app = typer.Typer(help="Keys of the ci service; list, end and renew all tokens.", no_args_is_help=True)

    @app.command()
    def create(*, user: Owner, name: Name = None, expires: Expires = None, as_json: AsJson = False) -> None:
        """Make a key of the ci service and print it, this once."""

        async def issue(store: IdentityStore) -> IssuedKey:
            owner = await store.users.find(user)
            return await store.keys.issue(owner.id, kind="ci", name=name, expires_in=expires)

        _hand_over(work(open_store, issue), as_json=as_json)

    @app.command("list")
    def list_(*, user: OnlyOf = None, as_json: AsJson = False) -> None:
        """List keys and tokens, the newest first. The secrets themselves are not known to the yard."""

        async def look(store: IdentityStore) -> list[Standing]:
            if user is None:
                keys = await store.keys.all()
            else:
                keys = await store.keys.of((await store.users.find(user)).id)
            return [(key, store.keys.state(key), store.keys.status(key)) for key in keys]

        keys = work(open_store, look)
        answer([_standing(*each) for each in keys], _key_table(keys), as_json=as_json)

    @app.command()
    def revoke(key: KeyId, *, as_json: AsJson = False) -> None:
        """End a key or token now."""
        revoked = work(open_store, lambda store: store.keys.revoke(key))
        answer(revoked, f"Key {revoked.hint} of {revoked.user} revoked.", as_json=as_json)

    @app.command()
    def rotate(
        key: KeyId,
        *,
        overlap: Overlap = None,
        expires: NewExpires = None,
        as_json: AsJson = False,
    ) -> None:
        """Make the successor of a key or token and print it, this once."""

        async def change(store: IdentityStore) -> tuple[IssuedKey, ApiKey]:
            issued = await store.keys.rotate(key, overlap=OVERLAP if overlap is None else overlap, expires_in=expires)
            return issued, await store.keys.get(key)

        issued, old = work(open_store, change)
        _hand_over(issued, as_json=as_json)
        note(f"The old one, {old.hint}, works until {moment(old.expires_at, missing='revoked')} UTC.")

    return app


def _hand_over(issued: IssuedKey, *, as_json: bool) -> None:
    """Print the secret on stdout, for the only time; what people should know goes to stderr."""
    key, secret = issued.key, issued.secret.reveal()
    answer({"key": secret} | asdict(key), secret, as_json=as_json)
    reach = f"reaches project {key.project!r} only" if key.project else "reaches what they reach"
    end = f"until {moment(key.expires_at, missing='')} UTC" if key.expires_at else "until it is revoked"
    note(f"It belongs to {key.user}, {reach}, and works {end}. It is not shown again.")


def _project_table(projects: list[Project]) -> str:
    if not projects:
        return "No projects. Add one with: runyard project add NAME --member USER"
    rows = ((each.name, _members(each), moment(each.created_at, missing="-")) for each in projects)
    return table(("PROJECT", "MEMBERS", "CREATED"), rows)


def _project_line(project: Project) -> str:
    return f"Project {project.name!r}, members: {_members(project)}."


def _members(project: Project) -> str:
    members = sorted(project.members.items())
    return ", ".join(user if role == "member" else f"{user} ({role})" for user, role in members) or "none"


def _key_table(keys: list[Standing]) -> str:
    if not keys:
        return "No keys."
    rows = (
        (
            str(key.id),
            key.hint,
            key.name or "-",
            key.user,
            key.project or "-",
            state,
            f"{status.age.days}d",
            moment(key.last_used_at, missing="never"),
            moment(key.expires_at, missing="never"),
        )
        for key, state, status in keys
    )
    warnings = [f"{key.hint}: {status.warning}" for key, state, status in keys if state == "active" and status.warning]
    headings = ("ID", "KEY", "NAME", "USER", "PROJECT", "STATUS", "AGE", "LAST USED", "EXPIRES")
    return "\n".join([table(headings, rows), *warnings])


def _standing(key: ApiKey, state: KeyState, status: KeyStatus) -> dict[str, object]:
    return asdict(key) | {"state": state, "age_days": status.age.days, "warning": status.warning}
