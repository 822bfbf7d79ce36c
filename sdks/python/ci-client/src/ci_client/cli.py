"""The `ci` command: its arguments, its errors, its exit codes. What a command does is in `commands`.

This module loads nothing but argparse, so that `ci --help` answers at once.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from importlib import import_module
from typing import TYPE_CHECKING

from . import __version__
from ._wire.program import run_program

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import TypeGuard

    from .errors import CIError, StatusError

    _Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 - it has no public name
    Command = Callable[[argparse.Namespace], int]

PASSED, FAILED, USAGE, INFRASTRUCTURE, AUTHENTICATION, INTERRUPTED = 0, 1, 2, 3, 4, 130

_EPILOG = """\
exit codes:
  0    tests passed, or the command succeeded
  1    tests failed, or the command failed
  2    wrong usage
  3    the tests could not be run, or the server cannot be reached
  4    authentication failed
  130  interrupted with Ctrl-C

submit, wait and list use 1 instead of 3 and 4, unless --exit-codes extended is given or
CI_EXIT_CODES=extended is set.

settings:
  The API key comes from --api-key, CI_API_KEY, or ~/.ci/config; the server from --server or
  CI_SERVER_URL. `ci config explain` says which is used, and why.
"""
_STATUSES = ("queued", "running", "completed", "failed", "cancelled")
_DURATION = re.compile(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s?)?")
_AUTHENTICATION_HINT = """
You can provide an API key in one of these ways:
  --api-key <key> on the command line
  the CI_API_KEY environment variable
  a line api_key=<key> in ~/.ci/config
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    parser = build_parser()
    arguments = _parse(parser, list(sys.argv[1:] if argv is None else argv))
    if not hasattr(arguments, "command"):
        parser.print_help()
        return FAILED
    return run_program(lambda: _command(arguments.command)(arguments), lambda error: _tell(error, arguments))


def build_parser() -> argparse.ArgumentParser:
    """The whole tree of arguments; shell completion is made from it too."""
    parser = argparse.ArgumentParser(
        prog="ci",
        description="Run your project's tests on a CI server.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"ci {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", title="commands")
    _add_submit(commands)
    _add_following(commands)
    _add_list(commands)
    _add_control(commands)
    _add_results(commands)
    _add_account(commands)
    completion = _add(commands, "completion", "completion:run", "print a completion script for your shell")
    completion.add_argument("shell", choices=["bash", "zsh", "fish"], help="which shell")
    return parser


def wants_extended_codes(arguments: argparse.Namespace) -> bool:
    """Whether a command tells 3 and 4 apart from 1: the original three commands do only when asked to."""
    choice = getattr(arguments, "exit_codes", "extended") or os.environ.get("CI_EXIT_CODES")
    return choice == "extended"


def duration(text: str) -> float:
    """Seconds from `90`, `90s`, `10m`, `1h30m`."""
    match = _DURATION.fullmatch(text)
    hours, minutes, rest = match.groups(default="0") if match else ("0", "0", "0")
    seconds = int(hours) * 3600 + int(minutes) * 60 + int(rest)
    if seconds <= 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no duration; write it like 90s, 10m or 1h30m")
    return float(seconds)


def assignment(text: str) -> tuple[str, str]:
    """A name and a value from `NAME=VALUE`."""
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise argparse.ArgumentTypeError(f"{text!r} is no assignment; write it like NAME=VALUE")
    return name, value


def statuses(text: str) -> list[str]:
    """Statuses from a comma-separated list."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    unknown = [name for name in names if name not in _STATUSES]
    if unknown or not names:
        raise argparse.ArgumentTypeError(f"{text!r} is no status; known are {', '.join(_STATUSES)}")
    return names


def positive(text: str) -> int:
    """A whole number of at least 1."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number of at least 1")
    return int(text)


def _parse(parser: argparse.ArgumentParser, argv: list[str]) -> argparse.Namespace:
    """Parse; test paths may stand anywhere after `submit test`, and behind `--` even begin with a dash.

    argparse by itself takes an optional list of words only where its first word stands.
    """
    end = argv.index("--") if "--" in argv else len(argv)
    arguments, unknown = parser.parse_known_args(argv[:end])
    behind = argv[end + 1 :]
    if unknown or behind:
        takes_tests = hasattr(arguments, "tests") and not any(word.startswith("-") for word in unknown)
        if not takes_tests:
            parser.error(f"unrecognized arguments: {' '.join([*unknown, *behind])}")
        arguments.tests = [*arguments.tests, *unknown, *behind]
    return arguments


def _command(path: str) -> Command:
    module, _, name = path.partition(":")
    command: Command = getattr(import_module(f".commands.{module}", __package__), name)
    return command


def _add(commands: _Subparsers, name: str, command: str, text: str, **defaults: object) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
    parser.set_defaults(command=command, **defaults)
    return parser


def _connection(parser: argparse.ArgumentParser, *, original: bool = False) -> None:
    group = parser.add_argument_group("server")
    group.add_argument(
        "--api-key", metavar="KEY", help="API key; or set CI_API_KEY, or put api_key=KEY in ~/.ci/config"
    )
    group.add_argument("--server", metavar="URL", help="server URL; or set CI_SERVER_URL")
    group.add_argument("--profile", metavar="NAME", help="use a named profile of ~/.ci/config")
    if original:
        group.add_argument(
            "--exit-codes",
            choices=["simple", "extended"],
            help="simple: 0, 1, 2, 130; extended: also 3 and 4",
        )


def _add_submit(commands: _Subparsers) -> None:
    submit = _add(
        commands,
        "submit",
        "submit:run",
        "send the current directory and run its tests",
        prefix="Error submitting to CI server: ",
    )
    submit.add_argument("what", choices=["test"], help="what to do with the project")
    submit.add_argument("tests", nargs="*", metavar="TEST", help="paths or node ids; all tests if none is given")
    submit.add_argument("--async", dest="detach", action="store_true", help="print the job id and leave")
    submit.add_argument("--list", action="store_true", help="show what would be sent, and send nothing")
    submit.add_argument(
        "--env",
        type=assignment,
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="set a variable for the tests",
    )
    submit.add_argument("--timeout", type=duration, metavar="TIME", help="stop the tests after this long, such as 10m")
    submit.add_argument("--python", metavar="VERSION", help="Python version to run the tests with, such as 3.12")
    submit.add_argument("--network", action="store_true", help="let the tests use the network, where that is allowed")
    submit.add_argument("--idempotency-key", metavar="KEY", help="submitting again with this key gives the same job")
    submit.add_argument("--summary", action="store_true", help="end with a summary even when not on a terminal")
    _connection(submit, original=True)


def _add_following(commands: _Subparsers) -> None:
    wait = _add(commands, "wait", "wait:run", "show a job's log until it ends", prefix="Error waiting for job: ")
    wait.add_argument("job_id", help="the job")
    wait.add_argument("--all", action="store_true", help="show the log from its beginning, not only new lines")
    wait.add_argument("--summary", action="store_true", help="end with a summary even when not on a terminal")
    _connection(wait, original=True)
    watch = _add(commands, "watch", "watch:run", "watch a job's progress and its failing tests")
    watch.add_argument("job_id", help="the job")
    _connection(watch)
    _connection(_add(commands, "ui", "ui:run", "browse, watch and cancel jobs in a full-screen view"))


def _add_list(commands: _Subparsers) -> None:
    listing = _add(commands, "list", "listing:run", "list your jobs", prefix="Error fetching jobs from CI server: ")
    listing.add_argument("--json", action="store_true", help="print JSON")
    listing.add_argument(
        "--status",
        type=statuses,
        action="extend",
        default=[],
        metavar="STATUS",
        help=f"only these, separated by commas: {', '.join(_STATUSES)}",
    )
    listing.add_argument("--since", metavar="TIME", help="only jobs submitted since a time or an age, such as 2h or 7d")
    listing.add_argument("--limit", type=positive, metavar="N", help="at most so many")
    _connection(listing, original=True)


def _add_control(commands: _Subparsers) -> None:
    cancel = _add(commands, "cancel", "control:cancel", "stop a job")
    cancel.add_argument("job_id", help="the job")
    _connection(cancel)
    rerun = _add(commands, "rerun", "control:rerun", "run a job's tests again, on the same files")
    rerun.add_argument("job_id", help="the job")
    rerun.add_argument("--failed", action="store_true", help="only the tests that failed")
    _connection(rerun)


def _add_results(commands: _Subparsers) -> None:
    tests = _add(commands, "tests", "results:tests", "show a job's test results")
    tests.add_argument("job_id", help="the job")
    tests.add_argument("--failed", action="store_true", help="only failing tests, with their tracebacks")
    tests.add_argument(
        "--slowest",
        type=positive,
        nargs="?",
        const=10,
        metavar="N",
        help="the N slowest (10), the slowest first",
    )
    tests.add_argument("--json", action="store_true", help="print JSON")
    _connection(tests)
    artifacts = _add(commands, "artifacts", "results:artifacts", "list or download the files a job left behind")
    artifacts.add_argument("job_id", help="the job")
    artifacts.add_argument("--download", action="append", default=[], metavar="NAME", help="download this one")
    artifacts.add_argument("--all", action="store_true", help="download all")
    artifacts.add_argument("--output", default=".", metavar="DIR", help="where to put them (here)")
    _connection(artifacts)


def _add_account(commands: _Subparsers) -> None:
    _connection(_add(commands, "whoami", "account:whoami", "say whose key this is, how old, and until when"))
    config = commands.add_parser("config", help="look at the settings", description="Look at the settings.")
    parts = config.add_subparsers(metavar="COMMAND", required=True)
    _connection(_add(parts, "explain", "account:explain", "say which server and key are used, and why"))
    profile = commands.add_parser(
        "profile", help="manage named servers", description="Manage the named servers in ~/.ci/config."
    )
    parts = profile.add_subparsers(metavar="COMMAND", required=True)
    add = _add(parts, "add", "account:add_profile", "add a server under a name, or change it")
    add.add_argument("name", help="the profile's name")
    add.add_argument("--server", metavar="URL", help="its address")
    key = add.add_mutually_exclusive_group()
    key.add_argument("--api-key", metavar="KEY", help="its key")
    key.add_argument("--api-key-stdin", action="store_true", help="read the key from standard input")
    _add(parts, "list", "account:list_profiles", "list the profiles")
    use = _add(parts, "use", "account:use_profile", "use a profile from now on")
    chosen = use.add_mutually_exclusive_group(required=True)
    chosen.add_argument("name", nargs="?", help="the profile's name")
    chosen.add_argument("--none", action="store_true", help="go back to using none")
    remove = _add(parts, "remove", "account:remove_profile", "forget a profile")
    remove.add_argument("name", help="the profile's name")


def _tell(error: Exception, arguments: argparse.Namespace) -> int | None:
    from .errors import CIError

    if not isinstance(error, CIError):
        return None
    prefix = getattr(arguments, "prefix", "")
    print(f"Error: {_message(error, prefix)}", file=sys.stderr)
    if _is_authentication(error):
        print(_AUTHENTICATION_HINT, end="", file=sys.stderr)
    return _exit_code(error) if wants_extended_codes(arguments) else FAILED


def _message(error: CIError, prefix: str) -> str:
    from .errors import ConnectionFailed, ProtocolError, StatusError

    if _is_authentication(error):
        return f"Authentication failed: {error.status_code} {error.reason}"
    if isinstance(error, StatusError):
        return prefix + error.describe()
    return f"{prefix}{error}" if isinstance(error, (ConnectionFailed, ProtocolError)) else str(error)


def _is_authentication(error: CIError) -> TypeGuard[StatusError]:
    """401, or the plain 403 that has always been reported as one; a 403 with a code says something else."""
    from .errors import AuthenticationError, PermissionDenied

    return isinstance(error, AuthenticationError) or (isinstance(error, PermissionDenied) and error.code is None)


def _exit_code(error: CIError) -> int:
    from .errors import ConnectionFailed, ProtocolError, RateLimited, ServerFault, UsageError
    from .session import MissingKey

    if isinstance(error, MissingKey) or _is_authentication(error):
        return AUTHENTICATION
    if isinstance(error, (ConnectionFailed, ProtocolError, RateLimited, ServerFault)):
        return INFRASTRUCTURE
    return USAGE if isinstance(error, UsageError) else FAILED
