"""The errors form one tree whose drawing is true, and none of them shows a secret."""

import inspect

import pytest

from runyard_wire import errors

TREE = "│├└─ "


def test_the_drawn_tree_is_the_real_one():
    classes = {
        name: value
        for name, value in vars(errors).items()
        if inspect.isclass(value) and issubclass(value, errors.WireError)
    }
    drawn = {}
    trail = {}
    for line in errors.__doc__.splitlines():
        name = line.lstrip(TREE).split(" ")[0]
        if name in classes:
            depth = (len(line) - len(line.lstrip(TREE))) // 4
            trail[depth] = name
            drawn[name] = trail.get(depth - 1)
    real = {name: cls.__bases__[0].__name__ for name, cls in classes.items()}
    assert drawn == {**real, "WireError": None}


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, errors.RequestRejected),
        (401, errors.AuthenticationError),
        (403, errors.PermissionDenied),
        (404, errors.NotFound),
        (409, errors.Conflict),
        (422, errors.RequestRejected),
        (429, errors.RateLimited),
        (500, errors.ServerFault),
        (503, errors.ServerFault),
    ],
)
def test_the_status_says_which(status, kind):
    assert errors.status_error_type(status) is kind


def test_the_text_of_a_status_error():
    error = errors.NotFound(404, "Not Found", "http://u:p@host/jobs", detail="Job not found", request_id="r1")
    assert str(error) == "404 Client Error: Not Found for url: http://host/jobs"
    assert error.describe() == f"{error} (Job not found; request id r1)"
    assert errors.ServerFault(500, "Oops", "http://h").describe() == "500 Server Error: Oops for url: http://h"


def test_old_programs_catch_runtime_errors():
    assert issubclass(errors.WireError, RuntimeError)
    assert issubclass(errors.TimedOut, TimeoutError)


def test_redaction_keeps_enough_to_recognise_only():
    assert errors.redact("ci_abcdefghijklmnopqrstuvwxyz") == "ci_abc…"
    assert errors.redact("short") == "…"
