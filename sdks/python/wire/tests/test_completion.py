"""Completion scripts are good shell, and offer what the tree says. Clients try theirs in the shells themselves."""

import shutil
import subprocess

import pytest

from runyard_wire.completion import SHELLS, Option, Words, script

TREE = (
    Words(
        (), (("jobs", "List jobs: yours"), ("users", "Who's there")), (Option(("--help",), None, "Help."),), files=False
    ),
    Words(
        ("jobs",),
        (),
        (Option(("--status", "-s"), ("queued", "done"), "Which"), Option(("--output", "-o"), (), "Where")),
        files=True,
    ),
)


def offered(line):
    words = line.split(" ")
    quoted = " ".join(f'"{word}"' for word in words)
    program = (
        f"{script('bash', 'my-tool', TREE)}\nCOMP_WORDS=({quoted}); "
        f'COMP_CWORD={len(words) - 1}; _my_tool; printf "%s\\n" "${{COMPREPLY[@]}}"'
    )
    done = subprocess.run(["bash", "--norc", "-c", program], capture_output=True, text=True, timeout=30, check=True)
    assert done.stderr == ""
    return done.stdout.split()


def test_bash_offers_commands_options_and_values():
    assert offered("my-tool jo") == ["jobs"]
    assert offered("my-tool jobs --") == ["--status", "--output"]
    assert offered("my-tool jobs -s ") == ["queued", "done"]
    assert offered("my-tool jobs --output ") == []


@pytest.mark.parametrize("shell", SHELLS)
def test_every_script_is_good_shell(shell, tmp_path):
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    path = tmp_path / "script"
    path.write_text(script(shell, "my-tool", TREE))
    done = subprocess.run([shell, "-n", path], check=False, capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stderr) == (0, "")
