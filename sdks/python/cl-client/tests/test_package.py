"""What the package is from the outside."""

import subprocess
import sys
from importlib.metadata import version

import pytest

import cl_client


def test_all_is_what_is_public():
    for name in cl_client.__all__:
        assert getattr(cl_client, name) is not None
    assert sorted(cl_client.__all__) == cl_client.__all__
    assert set(cl_client._HOMES) == set(cl_client.__all__)


def test_the_version_is_told_once():
    from cl_client._version import VERSION

    assert cl_client.__version__ == VERSION == version("cl-client")


def test_other_names_are_refused():
    with pytest.raises(AttributeError, match="StoreManager"):
        _ = cl_client.StoreManager


def test_importing_loads_little():
    code = (
        "import sys, cl_client.compute_client, cl_client.session_manager;"
        "print([name for name in ('PIL', 'opentelemetry', 'typer', 'numpy') if name in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_importing_the_root_loads_no_http():
    code = "import sys, cl_client; print('httpx' in sys.modules, 'paho' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False False\n"
