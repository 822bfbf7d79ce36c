"""`ci completion`: a static script for bash, zsh or fish, made from the tree of arguments.

The script runs nothing of ours when a key is pressed, so completing is instant.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass

from ci_client.cli import build_parser
from ci_client.terminal import say


@dataclass(frozen=True, slots=True)
class Option:
    """An option's spellings, what it takes (None: nothing; empty: anything), and its help."""

    flags: tuple[str, ...]
    values: tuple[str, ...] | None
    help: str


@dataclass(frozen=True, slots=True)
class Words:
    """What may follow one command: further words, each with its help, options, and perhaps file names."""

    path: tuple[str, ...]
    words: tuple[tuple[str, str], ...]
    options: tuple[Option, ...]
    files: bool


def run(arguments: argparse.Namespace) -> int:
    """Print the script."""
    tree = tuple(walk(build_parser(), ()))
    say({"bash": bash, "zsh": zsh, "fish": fish}[arguments.shell](tree))
    return 0


def walk(parser: argparse.ArgumentParser, path: tuple[str, ...]) -> Iterator[Words]:
    """Every command of the tree, the root first."""
    words: list[tuple[str, str]] = []
    options = []
    below: list[tuple[str, argparse.ArgumentParser]] = []
    for action in parser._actions:  # noqa: SLF001 - argparse has no public way to read its own tree
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
            words += [(choice.dest, choice.help or "") for choice in action._choices_actions]  # noqa: SLF001
            below += action.choices.items()
        elif action.option_strings:
            values = None if action.nargs == 0 else tuple(map(str, action.choices or ()))
            options.append(Option(tuple(action.option_strings), values, action.help or ""))
        elif action.choices:
            words += [(str(choice), action.help or "") for choice in action.choices]
    files = any(action.nargs == "*" for action in parser._actions)  # noqa: SLF001
    yield Words(path, tuple(words), tuple(options), files)
    for name, child in below:
        yield from walk(child, (*path, name))


def bash(tree: tuple[Words, ...]) -> str:
    """For bash: `source <(ci completion bash)`."""
    cases = []
    values = []
    for words in tree:
        offered = " ".join(word for word, _ in words.words)
        flags = " ".join(flag for option in words.options for flag in option.flags)
        cases.append(f'        "{" ".join(words.path)}") offered="{offered}" flags="{flags}" ;;')
    for spellings, choices in _valued(tree):
        values.append(f'        {"|".join(spellings)}) offered="{" ".join(choices)}"; takes_value=1 ;;')
    return _BASH.format(commands=_commands(tree), cases="\n".join(cases), values="\n".join(values))


def zsh(tree: tuple[Words, ...]) -> str:
    """For zsh: `source <(ci completion zsh)`, or as `_ci` on the fpath."""
    cases = []
    values = []
    for words in tree:
        offered = [_zsh_quote(word, text) for word, text in words.words]
        offered += [_zsh_quote(flag, option.help) for option in words.options for flag in option.flags]
        cases.append(f'        "{" ".join(words.path)}") offered=({" ".join(offered)}) ;;')
    for flags, choices in _valued(tree):
        offered = [_zsh_quote(choice, "") for choice in choices]
        values.append(f"        {'|'.join(flags)}) offered=({' '.join(offered)}); takes_value=1 ;;")
    return _ZSH.format(commands=_commands(tree), cases="\n".join(cases), values="\n".join(values))


def fish(tree: tuple[Words, ...]) -> str:
    """For fish: `ci completion fish | source`."""
    lines = [_FISH.format(commands=_commands(tree).replace("|", " "))]
    for words in tree:
        condition = f"-n '__ci_at \"{' '.join(words.path)}\"'"
        if not words.files:
            lines.append(f"complete -c ci {condition} -f")
        for word, text in words.words:
            lines.append(f"complete -c ci {condition} -a {word} -d {_fish_quote(text)}")
        for option in words.options:
            flags = " ".join(f"-l {flag[2:]}" if flag.startswith("--") else f"-s {flag[1:]}" for flag in option.flags)
            takes = "" if option.values is None else " -r -F"
            if option.values:
                takes = f" -x -a {_fish_quote(' '.join(option.values))}"
            lines.append(f"complete -c ci {condition} {flags}{takes} -d {_fish_quote(option.help)}")
    return "\n".join(lines)


def _commands(tree: tuple[Words, ...]) -> str:
    """All command paths as one shell pattern: "submit" | "profile add" | ..."""
    return "|".join(f'"{" ".join(words.path)}"' for words in tree if words.path)


def _valued(tree: tuple[Words, ...]) -> list[tuple[tuple[str, ...], tuple[str, ...]]]:
    """Options that take a value, each once, with what they may take."""
    found = {option.flags: option.values for words in tree for option in words.options if option.values is not None}
    return list(found.items())


def _zsh_quote(word: str, text: str) -> str:
    described = f"{word}:{text}" if text else word
    return "'" + described.replace("'", "'\\''") + "'"


def _fish_quote(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


_BASH = """\
# bash completion for ci; load it with: source <(ci completion bash)
_ci() {{
    local current="${{COMP_WORDS[COMP_CWORD]}}" previous="${{COMP_WORDS[COMP_CWORD-1]}}"
    local at="" offered="" flags="" takes_value=0 index
    for ((index = 1; index < COMP_CWORD; index++)); do
        case "${{at:+$at }}${{COMP_WORDS[index]}}" in
        {commands}) at="${{at:+$at }}${{COMP_WORDS[index]}}" ;;
        esac
    done
    case "$previous" in
{values}
    esac
    if ((!takes_value)); then
        case "$at" in
{cases}
        esac
    fi
    [[ "$current" == -* ]] && offered="$flags"
    COMPREPLY=($(compgen -W "$offered" -- "$current"))
}}
complete -o default -F _ci ci"""

_ZSH = """\
#compdef ci
# zsh completion for ci; load it with: source <(ci completion zsh)
_ci() {{
    local at="" previous="${{words[CURRENT-1]}}" takes_value=0 index
    local -a offered
    for ((index = 2; index < CURRENT; index++)); do
        case "${{at:+$at }}${{words[index]}}" in
        ({commands}) at="${{at:+$at }}${{words[index]}}" ;;
        esac
    done
    case "$previous" in
{values}
    esac
    if ((!takes_value)); then
        case "$at" in
{cases}
        esac
    fi
    _describe ci offered || _files
}}
if [[ "$funcstack[1]" == _ci ]]; then
    _ci "$@"
else
    compdef _ci ci
fi"""

_FISH = """\
# fish completion for ci; load it with: ci completion fish | source
function __ci_at
    set -l at ''
    for word in (commandline -opc)[2..-1]
        switch (string trim "$at $word")
            case {commands}
                set at (string trim "$at $word")
        end
    end
    test "$at" = "$argv[1]"
end
complete -c ci -e"""
