"""Workspaces: repositories from a real server, in the real sandbox, kept among a real job's files."""

from __future__ import annotations

import asyncio
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest

from runyard.sandbox import SandboxUnavailable, probe
from runyard.services.sessions.words import CLONE, PATCH, Reason, Tells
from runyard.services.sessions.workspace import Workspace, WorkspaceFailed

from .conftest import DEADLINE, Desk
from .git_server import git

SHOP = {
    "README.md": "# Shop\n",
    "src/shop.py": "def price():\n    return 1\n",
    "data/logo.bin": bytes(range(256)) * 8,
    "run.sh": "echo hi\n",
    ".gitignore": "*.log\n",
}


def shop(desk: Desk) -> Path:
    return desk.git.make("shop", dict(SHOP))


async def use(workspace: Workspace, name: str, **arguments: object) -> str:
    result = await workspace.call(name, arguments)
    assert result.ok, result.content
    return result.content


async def refused(workspace: Workspace, name: str, **arguments: object) -> str:
    result = await workspace.call(name, arguments)
    assert not result.ok, result.content
    return result.content


def applied(tmp_path: Path, source: Path, patch: bytes) -> Path:
    """A fresh copy of a repository with a patch on it."""
    copy = tmp_path / "copy"
    git(tmp_path, "clone", "-q", str(source), str(copy))
    git(copy, "apply", "-", stdin=patch)
    return copy


async def test_a_workspace_has_the_repository_and_tells_of_it(desk: Desk):
    commit = git(shop(desk), "rev-parse", "HEAD")
    async with desk.job() as ctx, desk.open("shop", ctx=ctx) as workspace:
        (clone,) = workspace.clones
        assert (clone.fetched.commit, clone.fetched.branch, clone.fetched.files) == (commit, "main", len(SHOP))
        assert clone.folder == workspace.folder
        told = await desk.told(ctx, Tells.REPO)
        assert [(one["name"], one["state"]) for one in told] == [("shop", "cloning"), ("shop", "ready")]
        assert (told[1]["commit"], told[1]["branch"], told[1]["url"]) == (commit, "main", desk.git.address("shop"))
        assert "Receiving objects" in await desk.printed(ctx)
        assert (await use(workspace, "read", path="src/shop.py")) == SHOP["src/shop.py"]
        assert "src/\n  shop.py  26" in await use(workspace, "list")
        assert "src/shop.py:2:     return 1" in await use(workspace, "search", pattern=r"return \d")


async def test_changes_become_a_patch_that_git_applies(desk: Desk, tmp_path: Path):
    source = shop(desk)
    async with desk.job() as ctx, desk.open("shop", ctx=ctx) as workspace:
        await use(workspace, "edit", path="src/shop.py", old="return 1", new="return 2")
        await use(workspace, "write", path="docs/new file.md", content="Grüße\n")
        await use(
            workspace,
            "run",
            command="rm README.md; head -c 300 /dev/zero > data/logo.bin; chmod +x run.sh; touch x.log",
        )
        assert "+    return 2" in await use(workspace, "diff")
        kept = await workspace.save()
        patch = await desk.file(ctx, PATCH.format(name="shop"))
    assert kept.repositories[0].patched
    copy = applied(tmp_path, source, patch)
    assert (copy / "src/shop.py").read_text() == "def price():\n    return 2\n"
    assert (copy / "docs/new file.md").read_text() == "Grüße\n"
    assert (copy / "data/logo.bin").read_bytes() == bytes(300)
    assert (copy / "run.sh").stat().st_mode & 0o111
    assert not (copy / "README.md").exists()
    assert not (copy / "x.log").exists()


async def test_a_session_goes_on_from_what_was_kept(desk: Desk):
    shop(desk)
    async with desk.job() as ctx:
        async with desk.open("shop", ctx=ctx) as workspace:
            await use(workspace, "edit", path="src/shop.py", old="1", new="7")
            await use(
                workspace,
                "run",
                command="git rm -q README.md; printf '\\0\\1' > data/new.bin; mkdir -p $PWD/../artifacts/deep; echo done > ../artifacts/deep/report.txt",
            )
            kept = await workspace.save()
        desk.git.seen.clear()
        async with desk.open("shop", ctx=ctx, kept=kept) as workspace:
            assert desk.git.seen == []
            assert "return 7" in await use(workspace, "read", path="src/shop.py")
            listed = await use(workspace, "list", path=workspace.root, depth=3)
            assert "new.bin  2" in listed
            assert "report.txt  5" in listed
            assert "README.md" not in listed
            assert (await use(workspace, "run", command="git log --oneline | wc -l; git status --short")).split() == [
                "1", "D", "README.md", "M", "src/shop.py", "??", "data/new.bin", "[exit", "code", "0]",
            ]  # fmt: skip
            assert await workspace.save() == kept
        assert await desk.file(ctx, "artifacts/deep/report.txt") == b"done\n"


async def test_a_change_taken_back_leaves_an_empty_patch(desk: Desk):
    shop(desk)
    async with desk.job() as ctx, desk.open("shop", ctx=ctx) as workspace:
        await use(workspace, "write", path="new", content="x")
        await workspace.save()
        await use(workspace, "run", command="rm new")
        kept = await workspace.save()
        assert await desk.file(ctx, PATCH.format(name="shop")) == b""
        assert not kept.repositories[0].patched
    async with desk.job() as ctx, desk.open("shop", ctx=ctx) as workspace:
        await workspace.save()
        names = [artifact.name for artifact in await desk.yard.artifacts.list(ctx.job.id)]
        assert names == [CLONE.format(name="shop")]


async def test_the_patch_tells_the_truth_whatever_is_done_to_git(desk: Desk):
    shop(desk)
    async with desk.job() as ctx, desk.open("shop", ctx=ctx) as workspace:
        await use(
            workspace,
            "run",
            command="echo more >> README.md; git commit -qam mine; rm -rf .git; git init -q; git add -A",
        )
        await workspace.save()
        patch = (await desk.file(ctx, PATCH.format(name="shop"))).decode()
    assert "+more" in patch
    assert patch.count("diff --git") == 1


async def test_settings_of_the_agents_own_git_run_nothing_for_the_yard(desk: Desk):
    shop(desk)
    async with desk.job() as ctx, desk.open("shop", ctx=ctx) as workspace:
        program = f"{workspace.outputs}/ran"
        await use(
            workspace,
            "run",
            command=f"""git config core.fsmonitor 'touch {program}'; git config filter.x.clean 'touch {program}; cat'
            git config diff.x.textconv 'touch {program}'; git config diff.external 'touch {program}'
            printf '#!/bin/sh\\ntouch {program}\\n' | tee .git/hooks/post-index-change > .git/hooks/pre-commit || mkdir .git/hooks
            echo '* filter=x diff=x' > .gitattributes; echo changed >> README.md""",
        )
        await workspace.save()
        assert "+changed" in await use(workspace, "diff")
        assert "ran" not in await use(workspace, "list", path=workspace.outputs)


async def test_the_tree_may_vanish_or_turn_into_a_link(desk: Desk):
    shop(desk)
    async with desk.job() as ctx, desk.open("shop", ctx=ctx) as workspace:
        await use(workspace, "run", command="cd ..; rm -rf shop; ln -s / shop")
        await workspace.save()
        patch = (await desk.file(ctx, PATCH.format(name="shop"))).decode()
        assert patch.count("deleted file mode") == len(SHOP)
        assert "passwd" not in patch
        assert "leads out of the workspace" in await refused(workspace, "list")


async def test_commands_have_no_network_and_see_nothing_else(desk: Desk):
    shop(desk)
    async with desk.open("shop") as workspace:
        said = await refused(workspace, "run", command=f"exec 3<>/dev/tcp/{desk.git.host.replace(':', '/')}")
        assert "[exit code 1]" in said
        assert "ok" not in await refused(workspace, "run", command=f"ls {desk.yard.settings.data_dir} && echo ok")
        assert "[exit code 0]" in await use(
            workspace, "run", command="touch ~/x /tmp/y && ! touch /clones/z 2>/dev/null"
        )


async def test_a_command_is_ended_with_all_it_started_when_nobody_waits_any_more(desk: Desk):
    shop(desk)
    async with desk.open("shop") as workspace:
        heard = asyncio.Event()

        async def tell(_output: bytes) -> None:
            heard.set()

        command = "(sleep 1000; touch late) & echo here; wait"
        running = asyncio.create_task(workspace.call("run", {"command": command}, tell=tell))
        async with asyncio.timeout(DEADLINE):
            await heard.wait()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert "sleep" not in await use(workspace, "run", command="cat /proc/[0-9]*/cmdline | tr '\\0' ' '")


async def test_a_command_ends_at_its_limits(desk: Desk):
    shop(desk)
    async with desk.open("shop", session_memory=96 << 20) as workspace:
        assert "ran for more than 0.5 s" in await refused(workspace, "run", command="sleep 1000", timeout=0.5)
        hog = "python3 -c 'x = bytearray(400 << 20); input()' < /dev/zero || tail /dev/zero"
        assert "memory; the limit is 96 MiB" in await refused(workspace, "run", command=hog)
        assert "return 1" in await use(workspace, "read", path="src/shop.py")


async def test_long_output_is_shown_by_its_ends_and_without_codes(desk: Desk):
    shop(desk)
    async with desk.open("shop") as workspace:
        result = await workspace.call(
            "run", {"command": "printf '\\033[31mred\\033[0m\\000'; seq 100000; echo the end"}
        )
        assert result.ok
        assert result.truncated
        assert result.content.startswith("red\N{REPLACEMENT CHARACTER}1\n2\n")
        assert "characters …]" in result.content
        assert "the end\n[exit code 0]" in result.content


async def test_wrong_calls_are_results_for_the_model(desk: Desk):
    shop(desk)
    async with desk.open("shop") as workspace:
        assert "There is no tool 'fly'; there are list, read" in await refused(workspace, "fly")
        assert "missing required field `path`" in await refused(workspace, "read")
        assert "is not there" in await refused(workspace, "list", path="nowhere")
        assert "No such file" in await refused(workspace, "read", path="nowhere.py")
        assert "leads out of the workspace" in await refused(workspace, "read", path="../../etc/passwd")
        assert "leads out of the workspace" in await refused(workspace, "write", path="/etc/passwd", content="x")
        assert "belongs to git" in await refused(workspace, "write", path=".git/config", content="x")
        assert "is no regular expression" in await refused(workspace, "search", pattern="(")
        assert "no text" in await refused(workspace, "write", path="x", content="\ud800")
        assert "NUL" in await refused(workspace, "run", command="echo \0")
        assert "can't be a path" in await refused(workspace, "read", path="a\0b")


async def test_a_hand_that_dies_is_replaced(desk: Desk):
    shop(desk)
    async with desk.open("shop") as workspace:
        await use(workspace, "write", path="new", content="x")
        hand = workspace._keeper._hand
        assert hand is not None
        await hand._companion.kill()
        async with asyncio.timeout(DEADLINE):
            await asyncio.wait({hand._companion.over})
        assert "+x" in await use(workspace, "diff")
        assert workspace._keeper._hand is not hand


async def test_several_repositories_stand_side_by_side(desk: Desk):
    shop(desk)
    desk.git.make("tools", {"a/b.txt": "b\n"})
    async with desk.job() as ctx, desk.open("shop", desk.repository("tools", path="a"), ctx=ctx) as workspace:
        assert workspace.folder == workspace.root
        assert [clone.folder for clone in workspace.clones] == [f"{workspace.root}/shop", f"{workspace.root}/tools/a"]
        await use(workspace, "write", path="tools/a/new.txt", content="new\n")
        kept = await workspace.save()
        assert [one.patched for one in kept.repositories] == [False, True]
        assert "there are: shop, tools" in await refused(workspace, "diff", repository="other")
        assert "+new" in await use(workspace, "diff", repository="tools")
        found = await use(workspace, "search", pattern="^b|Shop")
        assert found.split("\n") == ["shop/README.md:1: # Shop", "tools/a/b.txt:1: b"]
    async with desk.open(desk.repository("tools", path="a")) as workspace:
        assert await use(workspace, "read", path="b.txt") == "b\n"


async def test_a_session_without_repositories_has_a_workspace(desk: Desk):
    async with desk.open() as workspace:
        await use(workspace, "write", path="notes.txt", content="x")
        assert "notes.txt" in await use(workspace, "run", command="ls")
        assert "there are: none" in await refused(workspace, "diff")
        assert (await workspace.save()).repositories == ()


async def test_an_empty_repository_can_be_filled(desk: Desk):
    desk.git.make("empty")
    async with desk.job() as ctx:
        async with desk.open("empty", ctx=ctx) as workspace:
            assert workspace.clones[0].fetched.commit is None
            assert {"content": "empty is empty: it has no commit."} in await desk.told(ctx, Tells.NOTE)
            await use(workspace, "write", path="first.txt", content="one\n")
            assert "new file mode" in await use(workspace, "diff")
            kept = await workspace.save()
        async with desk.open("empty", ctx=ctx, kept=kept) as again:
            assert await use(again, "read", path="first.txt") == "one\n"


async def test_only_plain_files_within_limits_are_kept_for_the_user(desk: Desk):
    shop(desk)
    async with desk.job() as ctx, desk.open("shop", ctx=ctx, session_artifact_limit=1000) as workspace:
        await use(
            workspace,
            "run",
            command="cd ../artifacts; echo fine > fine.txt; ln -s /etc/passwd link; ln -s /etc folder; mkfifo pipe; "
            "head -c 2000 /dev/zero > large; touch \"$(printf 'a\\nb')\"; chmod 000 fine.txt; chmod 644 fine.txt",
        )
        kept = await workspace.save()
        await workspace.save()
        assert list(kept.outputs) == ["fine.txt"]
        notes = [str(note["content"]) for note in await desk.told(ctx, Tells.NOTE)]
        assert len(notes) == 5
        assert "The file 'large' is not kept: the limit on files (RUNYARD_SESSION_ARTIFACT_LIMIT) is reached." in notes
        assert "The file 'link' is not kept: it is no plain file." in notes


async def test_a_folder_for_the_user_that_is_a_link_leads_nowhere(desk: Desk):
    shop(desk)
    async with desk.job() as ctx, desk.open("shop", ctx=ctx) as workspace:
        await use(workspace, "run", command="echo x > ../artifacts/a; ln -s /etc ../artifacts/b")
        assert list((await workspace.save()).outputs) == ["a"]
        told = await desk.told(ctx, Tells.NOTE)
        await use(workspace, "run", command="rm -rf ../artifacts; ln -s /etc ../artifacts")
        assert (await workspace.save()).outputs == {}
        assert await desk.told(ctx, Tells.NOTE) == told


async def test_a_patch_that_is_too_large_ends_the_session(desk: Desk):
    shop(desk)
    async with desk.open("shop", session_patch_size=1000) as workspace:
        await use(workspace, "run", command="seq 1000 > new.txt")
        with pytest.raises(WorkspaceFailed, match="larger than 1,000 bytes, the limit") as caught:
            await workspace.save()
        assert caught.value.reason is Reason.AGENT_FAILED


async def test_the_analyst_counts_what_is_there_now(desk: Desk):
    shop(desk)
    async with desk.open("shop") as workspace:
        await use(workspace, "run", command="git log -1 --format=%H > ../artifacts/commit")
        (facts,) = (await workspace.analyse()).repositories
        assert facts.name == "shop"
        assert facts.inventory.files == len(SHOP)
        assert facts.history.commits == 1


async def test_a_folder_that_is_not_there_is_said(desk: Desk):
    shop(desk)
    with pytest.raises(WorkspaceFailed, match="there is no folder 'lib' in 'shop'") as caught:
        async with desk.open(desk.repository("shop", path="lib")):
            pass
    assert caught.value.reason is Reason.CLONE_FAILED


async def test_programs_may_be_run_over_the_workspace(desk: Desk):
    shop(desk)
    async with desk.open("shop") as workspace:
        argv = ("/bin/sh", "-c", 'cat "$0"; echo "$GREETING"', workspace.inside("README.md"))
        async with workspace.start(argv, env={"GREETING": "hello"}) as process:
            said = b"".join([chunk async for chunk in process.output()])
            assert (await process.wait()).code == 0
        assert said == b"# Shop\nhello\n"


@pytest.mark.parametrize("name", ["unshare", "none"])
async def test_any_sandbox_will_do(desk: Desk, name: Literal["unshare", "none"]):
    source = shop(desk)
    try:
        other = replace(desk, sandbox=probe(name))
    except SandboxUnavailable as error:
        pytest.skip(str(error))
    async with other.job() as ctx:
        async with other.open("shop", ctx=ctx) as workspace:
            await use(workspace, "edit", path="src/shop.py", old="1", new="2")
            said = await use(
                workspace, "run", command="git log --format=%H; echo made > ../artifacts/a.txt; touch ~/x $TMPDIR/x"
            )
            assert git(source, "rev-parse", "HEAD") in said
            assert (await workspace.analyse()).repositories[0].inventory.files == len(SHOP)
            kept = await workspace.save()
        async with other.open("shop", ctx=ctx, kept=kept) as workspace:
            assert "+    return 2" in await use(workspace, "diff")
            assert (await workspace.save()) == kept
        assert await other.file(ctx, "artifacts/a.txt") == b"made\n"


async def test_nothing_is_left_behind(desk: Desk):
    shop(desk)
    async with desk.open("shop") as workspace:
        await use(workspace, "run", command="mkdir locked; touch locked/x; chmod 000 locked")
    assert list(desk.folder.iterdir()) == []
    left = subprocess.run(["pgrep", "-f", str(desk.folder)], capture_output=True, check=False)
    assert left.stdout == b""
