"""Completion scripts for bash, zsh and fish, made from a program's tree of commands.

A script runs nothing of the program when a key is pressed, so completing is instant.
"""

from __future__ import annotations

from dataclasses import dataclass

SHELLS = ("bash", "zsh", "fish")


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


def script(shell: str, program: str, tree: tuple[Words, ...]) -> str:
    """The script for one of `SHELLS`; `tree` holds every command of the program, the root first."""
    return {"bash": bash, "zsh": zsh, "fish": fish}[shell](program, tree)


def bash(program: str, tree: tuple[Words, ...]) -> str:
    """For bash: `source <(PROGRAM completion bash)`."""
    cases = []
    values = []
    for words in tree:
        offered = " ".join(word for word, _ in words.words)
        flags = " ".join(flag for option in words.options for flag in option.flags)
        cases.append(f'        "{" ".join(words.path)}") offered="{offered}" flags="{flags}" ;;')
    for spellings, choices in _valued(tree):
        values.append(f'        {"|".join(spellings)}) offered="{" ".join(choices)}"; takes_value=1 ;;')
    return _BASH.format(
        program=program, name=_name(program), commands=_commands(tree), cases="\n".join(cases), values="\n".join(values)
    )


def zsh(program: str, tree: tuple[Words, ...]) -> str:
    """For zsh: `source <(PROGRAM completion zsh)`, or as `_PROGRAM` on the fpath."""
    cases = []
    values = []
    for words in tree:
        offered = [_zsh_quote(word, text) for word, text in words.words]
        offered += [_zsh_quote(flag, option.help) for option in words.options for flag in option.flags]
        cases.append(f'        "{" ".join(words.path)}") offered=({" ".join(offered)}) ;;')
    for flags, choices in _valued(tree):
        offered = [_zsh_quote(choice, "") for choice in choices]
        values.append(f"        {'|'.join(flags)}) offered=({' '.join(offered)}); takes_value=1 ;;")
    return _ZSH.format(
        program=program, name=_name(program), commands=_commands(tree), cases="\n".join(cases), values="\n".join(values)
    )


def fish(program: str, tree: tuple[Words, ...]) -> str:
    """For fish: `PROGRAM completion fish | source`."""
    lines = [_FISH.format(program=program, name=_name(program), commands=_commands(tree).replace("|", " "))]
    for words in tree:
        condition = f"-n '__{_name(program)}_at \"{' '.join(words.path)}\"'"
        if not words.files:
            lines.append(f"complete -c {program} {condition} -f")
        for word, text in words.words:
            lines.append(f"complete -c {program} {condition} -a {word} -d {_fish_quote(text)}")
        for option in words.options:
            flags = " ".join(f"-l {flag[2:]}" if flag.startswith("--") else f"-s {flag[1:]}" for flag in option.flags)
            takes = "" if option.values is None else " -r -F"
            if option.values:
                takes = f" -x -a {_fish_quote(' '.join(option.values))}"
            lines.append(f"complete -c {program} {condition} {flags}{takes} -d {_fish_quote(option.help)}")
    return "\n".join(lines)


def _name(program: str) -> str:
    """The program's name as shells allow it in names of functions."""
    return program.replace("-", "_")


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
# bash completion for {program}; load it with: source <({program} completion bash)
_{name}() {{
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
complete -o default -F _{name} {program}"""

_ZSH = """\
#compdef {program}
# zsh completion for {program}; load it with: source <({program} completion zsh)
_{name}() {{
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
    _describe {program} offered || _files
}}
if [[ "$funcstack[1]" == _{name} ]]; then
    _{name} "$@"
else
    compdef _{name} {program}
fi"""

_FISH = """\
# fish completion for {program}; load it with: {program} completion fish | source
function __{name}_at
    set -l at ''
    for word in (commandline -opc)[2..-1]
        switch (string trim "$at $word")
            case {commands}
                set at (string trim "$at $word")
        end
    end
    test "$at" = "$argv[1]"
end
complete -c {program} -e"""
