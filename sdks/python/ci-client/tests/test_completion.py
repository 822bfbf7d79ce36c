"""Completion scripts, tried in the shells they are for."""

import shutil
import subprocess

import pexpect
import pytest

from ci_client import cli

CASES = [
    ("ci su", {"submit"}),
    ("ci submit ", {"test"}),
    ("ci submit test --a", {"--async", "--api-key"}),
    ("ci profile ", {"add", "list", "use", "remove"}),
    ("ci profile r", {"remove"}),
    ("ci completion z", {"zsh"}),
    ("ci list --exit-codes ", {"simple", "extended"}),
    ("ci wait --al", {"--all"}),
]


@pytest.fixture
def script(tmp_path, capsys):
    def script(shell):
        assert cli.main(["completion", shell]) == 0
        path = tmp_path / f"ci.{shell}"
        path.write_text(capsys.readouterr().out)
        return path

    return script


def shell(name):
    if shutil.which(name) is None:
        pytest.skip(f"{name} is not installed")
    return name


def words_of(lines):
    """The words offered, without what every command has."""
    return {line.split("\t")[0] for line in lines} - {"-h", "--help"}


@pytest.mark.parametrize(("line", "offered"), CASES)
def test_bash(script, line, offered):
    words = line.split(" ")
    quoted = " ".join(f'"{word}"' for word in words)
    program = (
        f"source {script('bash')}; COMP_WORDS=({quoted}); COMP_CWORD={len(words) - 1}; _ci; "
        'printf "%s\\n" "${COMPREPLY[@]}"'
    )
    done = subprocess.run(
        [shell("bash"), "--norc", "-c", program], capture_output=True, text=True, timeout=30, check=True
    )
    assert done.stderr == ""
    assert words_of(done.stdout.splitlines()) == offered


@pytest.mark.parametrize(("line", "offered"), CASES)
def test_fish(script, line, offered, tmp_path):
    (tmp_path / "empty").mkdir()
    program = f"source {script('fish')}; complete -C '{line}'"
    done = subprocess.run(
        [shell("fish"), "--no-config", "-c", program],
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
        cwd=tmp_path / "empty",
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)},
    )
    assert done.stderr == ""
    assert words_of(done.stdout.splitlines()) == offered


def test_zsh(script, tmp_path):
    child = pexpect.spawn(
        shell("zsh"),
        ["-f", "-i"],
        encoding="utf-8",
        timeout=20,
        dimensions=(50, 150),
        env={"TERM": "dumb", "PATH": "/usr/bin:/bin", "HOME": str(tmp_path)},
    )
    try:
        child.sendline("PS1='READY> '; unsetopt zle_bracketed_paste")
        child.expect("READY> ")
        load = f"autoload -Uz compinit && compinit -u -d {tmp_path}/dump && source {script('zsh')}"
        child.sendline(f"{load} && echo LOA''DED")
        child.expect("LOADED")
        # With one match the word is completed in place, and the shell echoes what it adds.
        for typed, added in [
            ("ci su", "bmit"),
            ("ci profile rem", "ove"),
            ("ci list --exit-codes ext", "ended"),
            ("ci submit test --asy", "nc"),
        ]:
            child.expect("READY> ")
            child.send(typed)
            child.expect_exact(typed)
            child.send("\t")
            child.expect_exact(added)
            child.send("\x15\r")  # drop the line; an interrupt could hit the shell in the middle of completing
    finally:
        child.close(force=True)
