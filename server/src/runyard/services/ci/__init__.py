"""The `ci` room: a Python project's test suite, run in the sandbox.

``api`` is its HTTP face, ``executor`` its part in the worker. Neither imports the other; this package imports
neither.
"""
