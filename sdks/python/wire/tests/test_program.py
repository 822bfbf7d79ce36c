"""How a command line ends, whatever becomes of its command."""

import asyncio
import os
import signal
import subprocess
import sys

import pytest

from runyard_wire.interrupt import Interrupted, run_interruptibly
from runyard_wire.program import INTERRUPTED, UNREACHABLE, USAGE, run_program


def ends(error):
    def command():
        raise error

    told = []

    def tell(failure):
        told.append(failure)
        return UNREACHABLE if isinstance(failure, ConnectionError) else None

    return run_program(command, tell), told


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (SystemExit(), 0),
        (SystemExit(2), USAGE),
        (SystemExit("words"), 1),
        (KeyboardInterrupt(), INTERRUPTED),
        (Interrupted(), INTERRUPTED),
    ],
)
def test_an_ending_has_its_code_and_needs_no_words(error, code):
    assert ends(error) == (code, [])


def test_an_expected_failure_is_told():
    error = ConnectionResetError("gone")
    assert ends(error) == (UNREACHABLE, [error])


def test_an_unexpected_one_stays_a_traceback():
    with pytest.raises(ZeroDivisionError):
        ends(ZeroDivisionError())


@pytest.mark.parametrize(("returned", "code"), [(None, 0), (0, 0), (3, 3)])
def test_a_command_may_return_its_code(returned, code):
    assert run_program(lambda: returned, lambda _: None) == code


def test_a_reader_that_leaves_is_no_error():
    program = (
        "import sys; from runyard_wire.program import run_program\n"
        "def command():\n    while True: print('x' * 1000)\n"
        "sys.exit(run_program(command, lambda _: None))"
    )
    done = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    done.stdout.read(10)
    done.stdout.close()
    assert done.wait(30) == 1
    assert done.stderr.read() == b""
    done.stderr.close()


def test_ctrl_c_lets_the_work_clean_up():
    cleaned = []

    async def work():
        os.kill(os.getpid(), signal.SIGINT)
        try:
            await asyncio.Event().wait()
        finally:
            cleaned.append(True)

    with pytest.raises(Interrupted):
        run_interruptibly(work())
    assert cleaned == [True]
