"""Repositories made by somebody who means harm: nothing of them runs, nothing leads out, and the session says what is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from runyard.services.sessions.words import Tells
from runyard.services.sessions.workspace import WorkspaceFailed

from .conftest import Desk
from .git_server import GitServer, git
from .test_workspace import refused, use


def publish(server: GitServer, name: str, *entries: tuple[str, str, str], files: bytes = b"x\n") -> None:
    """A repository whose only commit has a tree of these entries: mode, object or content, name. Nothing checks them."""
    work = server.make(name)
    tree = b""
    for mode, content, path in sorted(entries, key=lambda entry: entry[2] + ("/" if entry[0] == "40000" else "")):
        number = content if len(content) == 40 else git(work, "hash-object", "-w", "--stdin", stdin=content.encode())
        tree += f"{mode} ".encode() + path.encode(errors="surrogateescape") + b"\0" + bytes.fromhex(number)
    root = git(work, "hash-object", "-w", "-t", "tree", "--literally", "--stdin", stdin=tree)
    git(work, "update-ref", "HEAD", git(work, "commit-tree", "-m", "trap", root))
    server.push(work)


def inner_tree(server: GitServer, name: str, path: str, content: str = "x\n") -> str:
    """A tree of one file, in the repository that :func:`publish` is going to make of the same name."""
    work = server.folder / "trees"
    if not work.exists():
        work.mkdir()
        git(work, "init", "-q")
    blob = git(work, "hash-object", "-w", "--stdin", stdin=content.encode())
    return git(work, "mktree", stdin=f"100644 blob {blob}\t{path}\n".encode())


async def refusal(desk: Desk, name: str) -> str:
    with pytest.raises(WorkspaceFailed) as caught:
        async with desk.open(name):
            pass
    return str(caught.value)


@pytest.mark.parametrize("name", ["..", ".", ".git", ".GIT", "git~1", ".g\u200cit", "a/b"])
async def test_names_that_lead_elsewhere_are_refused(desk: Desk, name: str):
    publish(desk.git, "trap", ("100644", "x\n", name), ("100644", "x\n", "fine"))
    text = await refusal(desk, "trap")
    assert "can't be cloned" in text
    assert "fatal: " in text or "error: " in text


async def test_odd_names_survive_and_are_shown_escaped(desk: Desk):
    names = [
        "a\nb",
        "\x1b[31mred",
        "-rf",
        "--help",
        "a b",
        "\u202etxt",
        "x\udcff",
        "CON",
        "$(id)",
        "a;b",
        "'q'",
        "*",
        ":(top)",
    ]
    publish(desk.git, "odd", *(("100644", f"it is {number}\n", name) for number, name in enumerate(names)))
    async with desk.job() as ctx, desk.open("odd", ctx=ctx) as workspace:
        listed = await use(workspace, "list")
        assert len(listed.split("\n")) == len(names)
        assert "\x1b" not in listed
        assert "\\x1b[31mred  8" in listed
        found = await use(workspace, "search", pattern="it is")
        assert len(found.split("\n")) == len(names)
        for name in ("-rf", "a b", "$(id)", "*", ":(top)"):
            assert (await use(workspace, "read", path=name)).startswith("it is")
        await use(workspace, "run", command='for f in *; do echo more >> "./$f"; done')
        patch = await use(workspace, "diff")
        assert patch.count("+more") == len(names)
        kept = await workspace.save()
    assert kept.repositories[0].patched


async def test_links_out_are_shown_but_not_followed(desk: Desk):
    publish(
        desk.git,
        "links",
        ("120000", "/etc/passwd", "passwd"),
        ("120000", "../../../../etc", "etc"),
        ("120000", "/proc/self/environ", "environ"),
        ("120000", "round", "round"),
        ("120000", "fine", "inside"),
        ("100644", "hello\n", "fine"),
    )
    async with desk.open("links") as workspace:
        assert "passwd -> /etc/passwd" in await use(workspace, "list")
        for path in ("passwd", "etc/passwd", "environ"):
            assert "leads out of the workspace" in await refused(workspace, "read", path=path)
            assert "leads out of the workspace" in await refused(workspace, "write", path=path, content="x")
        assert "can't be read" in await refused(workspace, "read", path="round")
        assert await use(workspace, "read", path="inside") == "hello\n"
        assert await use(workspace, "search", pattern="root:|hello") == "fine:1: hello"
        (facts,) = (await workspace.analyse()).repositories
        assert facts.inventory.files == 6


async def test_submodules_are_named_and_left_alone(desk: Desk, tmp_path: Path):
    desk.git.make("inner", {"a.txt": "1\n"})
    modules = f'[submodule "inner"]\n\tpath = inner\n\turl = {desk.git.address("inner")}\n\tupdate = !touch /tmp/ran\n'
    publish(
        desk.git,
        "outer",
        ("100644", modules.replace("\tupdate = !touch /tmp/ran\n", ""), ".gitmodules"),
        ("160000", "1" * 40, "inner"),
    )
    async with desk.job() as ctx, desk.open("outer", ctx=ctx) as workspace:
        assert workspace.clones[0].fetched.submodules == 1
        notes = [note["content"] for note in await desk.told(ctx, Tells.NOTE)]
        assert notes == ["outer has 1 submodule: not fetched, left empty."]
        assert not [path for _, path, _ in desk.git.seen if "inner" in path]
        assert "[Nothing has been changed in outer.]" in await use(workspace, "diff")
    publish(desk.git, "worse", ("100644", modules, ".gitmodules"), ("160000", "1" * 40, "inner"))
    assert "gitmodulesUpdate" in await refusal(desk, "worse")
    publish(
        desk.git,
        "worst",
        ("100644", modules.replace(desk.git.url, "-u./x"), ".gitmodules"),
        ("160000", "1" * 40, "inner"),
    )
    assert "gitmodules" in await refusal(desk, "worst")


async def test_attributes_neither_run_nor_convert_anything(desk: Desk):
    attributes = (
        "* filter=trap diff=trap merge=trap ident\n*.txt filter=lfs text eol=crlf working-tree-encoding=UTF-16\n"
    )
    publish(
        desk.git,
        "attributes",
        ("100644", attributes, ".gitattributes"),
        ("100644", "$Id$ hello\n", "a.py"),
        ("100644", "one\r\ntwo\n", "mixed.txt"),
    )
    async with desk.open("attributes") as workspace:
        assert await use(workspace, "read", path="a.py") == "$Id$ hello\n"
        await use(workspace, "run", command="touch *; git add -A; git diff --cached --exit-code")
        assert "[Nothing has been changed in attributes.]" in await use(workspace, "diff")
        await use(workspace, "write", path="b.txt", content="x\n")
        await use(workspace, "edit", path="mixed.txt", old="one\n", new="1\n")
        patch = await use(workspace, "diff")
        assert "+x\n" in patch
        assert "-one\r\n+1\r\n two\n" in patch


async def test_whatever_lies_in_the_tree_there_is_a_patch(desk: Desk):
    desk.git.make("shop", {"a.txt": "1\n"})
    async with desk.open("shop") as workspace:
        await use(
            workspace,
            "run",
            command="echo 2 >> a.txt; touch git~1 unreadable 'a:b' 'CON'; chmod 000 unreadable; mkdir .GIT closed; "
            "touch .GIT/config closed/x; chmod 000 closed; mkfifo pipe; ln -s nowhere dangling; ln -s . round; "
            "python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind(\"socket\")' || true",
        )
        patch = await use(workspace, "diff")
        assert "+2\n" in patch
        assert "+nowhere" in patch
        assert (await workspace.save()).repositories[0].patched


async def test_settings_and_hooks_of_the_server_stay_there(desk: Desk, tmp_path: Path):
    desk.git.make("shop", {"a.txt": "1\n"})
    bare = desk.git.folder / "shop.git"
    for name in ("core.fsmonitor", "core.sshCommand", "core.gitProxy", "uploadpack.packObjectsHook", "core.pager"):
        git(bare, "config", name, f"touch {tmp_path}/ran; false")
    (bare / "hooks").mkdir(exist_ok=True)
    for hook in ("post-checkout", "pre-commit", "post-index-change"):
        (bare / "hooks" / hook).write_text("#!/bin/sh\ntouch /tmp/ran\n")
        (bare / "hooks" / hook).chmod(0o755)
    git(bare, "config", "--unset", "core.fsmonitor")
    async with desk.open("shop") as workspace:
        said = await use(
            workspace, "run", command="cat .git/config; ls .git/hooks 2>&1; git commit -q --allow-empty -m x; ls /tmp"
        )
        for word in ("sshCommand", "gitProxy", "packObjectsHook", "ran", "post-checkout"):
            assert word not in said


async def test_a_repository_inside_is_only_files(desk: Desk):
    work = desk.git.make("outer", {"a.txt": "1\n"})
    files = {
        "trap/HEAD": "ref: refs/heads/main\n",
        "trap/config": "[core]\n\trepositoryformatversion = 0\n\tbare = false\n\tworktree = ..\n\tfsmonitor = touch /workspace/ran\n",
        "trap/objects/.keep": "",
        "trap/refs/heads/.keep": "",
    }
    desk.git.commit(work, dict(files))
    async with desk.open("outer") as workspace:
        assert "fsmonitor:" not in await use(workspace, "search", pattern="fsmonitor", path="trap")
        await use(
            workspace,
            "run",
            command="git init -q made; cd made; echo x > f; git add f; git commit -qm x; git init -q ../unborn",
        )
        patch = await use(workspace, "diff")
        assert "Subproject" not in patch
        assert "ran" not in await use(workspace, "list", path=workspace.root, depth=1)


async def test_cases_collide_nowhere(desk: Desk):
    publish(desk.git, "cases", ("100644", "upper\n", "README"), ("100644", "lower\n", "readme"))
    async with desk.open("cases") as workspace:
        assert await use(workspace, "read", path="README") == "upper\n"
        assert await use(workspace, "read", path="readme") == "lower\n"


async def test_a_path_that_is_a_link_out_is_no_folder(desk: Desk):
    publish(desk.git, "links", ("120000", "/etc", "src"))
    with pytest.raises(WorkspaceFailed, match="there is no folder 'src' in 'links'"):
        async with desk.open(desk.repository("links", path="src")):
            pass


async def test_expressions_that_never_end_are_ended(desk: Desk, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("runyard.services.sessions.workspace.workspace.TOOL_SECONDS", 0.5)
    publish(desk.git, "slow", ("100644", "a" * 40 + "!\n", "a.txt"))
    async with desk.open("slow") as workspace:
        assert "it took more than 0.5 seconds" in await refused(workspace, "search", pattern="(a+)+$")
        assert "a.txt" in await use(workspace, "list")


async def test_files_of_any_kind_are_read_within_bounds(desk: Desk):
    publish(
        desk.git,
        "files",
        ("100644", "x" * 3_000_000 + "\nsecond\n", "wide.txt"),
        ("100644", "".join(f"{number}\n" for number in range(200_000)), "long.txt"),
        ("100644", "a\0b", "binary"),
    )
    async with desk.open("files") as workspace:
        wide = await use(workspace, "read", path="wide.txt")
        assert wide.startswith("x" * 2000 + "… [a line of 3000001 bytes]\nsecond")
        long = await workspace.call("read", {"path": "long.txt", "offset": 150_000, "limit": 2})
        assert long.content == "149999\n150000\n[Lines 150000 to 150001; there are more: go on with offset 150002.]"
        assert long.truncated
        assert "has 200000 lines" in await refused(workspace, "read", path="long.txt", offset=300_000)
        assert "is binary (3 bytes)" in await refused(workspace, "read", path="binary")
        await use(
            workspace, "run", command="mkfifo pipe; ln -s /dev/zero zero; truncate -s 3G hole; seq 1000000 > huge.txt"
        )
        assert "no plain file" in await refused(workspace, "read", path="pipe")
        assert "can't be written" in await refused(workspace, "write", path="pipe", content="x")
        assert "leads out" in await refused(workspace, "read", path="zero")
        found = await workspace.call("search", {"pattern": "^77777$"})
        assert "long.txt:77778: 77777" in found.content
        assert found.content.endswith("[1 of the files is larger than 4194304 bytes and was not searched.]")
        assert found.truncated
