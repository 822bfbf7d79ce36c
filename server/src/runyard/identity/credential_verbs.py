"""The operator's verbs ``runyard credential``: what sessions may name to get at private repositories."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final, TypeAlias

import typer

from runyard.identity.console import AsJson, OpenStore, answer, fail, moment, secret, table, work
from runyard.identity.model import REPOSITORY_USER, RepositoryCredential

if TYPE_CHECKING:
    from runyard.identity.store import IdentityStore

INPUT: Final = 64 * 1024
"""Bytes read in search of a token; identity refuses long ones with a better message."""

Name: TypeAlias = Annotated[str, typer.Argument(metavar="NAME", help="What sessions call it.")]
OfProject: TypeAlias = Annotated[
    str | None, typer.Option("--project", help="The only project whose sessions may name it; all by default.")
]


def credential_verbs(open_store: OpenStore) -> typer.Typer:
    """``credential add``, ``list``, ``remove``."""
    app = typer.Typer(help="Logins for private repositories, which sessions name.", no_args_is_help=True)

    @app.command()
    def add(
        name: Name,
        *,
        host: Annotated[str, typer.Option(help="Where it is sent, and nowhere else: github.com")],
        user: Annotated[str, typer.Option(help="What the host wants beside the token.")] = REPOSITORY_USER,
        project: OfProject = None,
        as_json: AsJson = False,
    ) -> None:
        """Keep a token, which is read from standard input. One of the same name is replaced."""
        token = _token()
        kept = work(
            open_store,
            lambda store: store.credentials.add(name, token, host=host, username=user, project=project),
        )
        answer(kept, f"Credential {kept.name!r} of {_reach(kept)} is kept for {kept.host}.", as_json=as_json)

    @app.command("list")
    def list_(*, as_json: AsJson = False) -> None:
        """List credentials by name, without their tokens."""

        async def look(store: IdentityStore) -> list[RepositoryCredential]:
            return await store.credentials.all()

        found = work(open_store, look)
        answer(found, _table(found), as_json=as_json)

    @app.command()
    def remove(name: Name, *, project: OfProject = None, as_json: AsJson = False) -> None:
        """Forget a credential. Sessions that have cloned with it go on."""
        gone = work(open_store, lambda store: store.credentials.remove(name, project=project))
        answer(gone, f"Credential {gone.name!r} of {_reach(gone)} removed.", as_json=as_json)

    return app


def _token() -> str:
    """The token on standard input, without what surrounds it; asked for at a terminal."""
    token = secret("Token", longest=INPUT).strip()
    if not token:
        fail("No token came from standard input. Pipe one into: runyard credential add NAME --host HOST")
    return token


def _reach(credential: RepositoryCredential) -> str:
    return "all projects" if credential.project is None else f"project {credential.project!r}"


def _table(credentials: list[RepositoryCredential]) -> str:
    if not credentials:
        return "No credentials. Add one with: runyard credential add NAME --host github.com < token"
    rows = (
        (each.name, each.project or "all", each.host, each.username, moment(each.changed_at, missing="-"))
        for each in credentials
    )
    return table(("NAME", "PROJECT", "FOR", "USER", "CHANGED"), rows)
