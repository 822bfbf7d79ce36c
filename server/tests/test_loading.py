"""Loading without the garbage collector, which is on again afterwards whatever happens."""

from __future__ import annotations

import gc

import pytest

from runyard.loading import undisturbed


def test_nothing_is_collected_while_modules_load() -> None:
    with undisturbed():
        assert not gc.isenabled()
    assert gc.isenabled()


def test_the_collector_is_on_again_after_a_module_that_does_not_load() -> None:
    with pytest.raises(ImportError), undisturbed():
        raise ImportError("no such module")
    assert gc.isenabled()


def test_what_was_loaded_is_left_alone_for_good() -> None:
    before = gc.get_freeze_count()
    with undisturbed():
        loaded = [[number] for number in range(1000)]
    assert gc.get_freeze_count() >= before + len(loaded)
