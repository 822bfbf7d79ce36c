import inspect

import runyard.identity
from runyard.identity import errors


def test_the_tree_in_the_docstring_is_the_tree():
    drawn = {}
    path = []
    for line in errors.__doc__.splitlines():
        name = next((word for word in line.split() if hasattr(errors, word)), None)
        if name is None:
            continue
        depth = (line.index(name) - 4) // 4
        path = [*path[:depth], name]
        drawn[name] = path[-2] if depth else "Exception"
    real = {
        name: kind.__base__.__name__
        for name, kind in vars(errors).items()
        if inspect.isclass(kind) and issubclass(kind, Exception)
    }
    assert drawn == real


def test_every_public_name_is_there():
    for name in runyard.identity.__all__:
        assert hasattr(runyard.identity, name)
