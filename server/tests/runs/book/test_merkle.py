"""Proofs of RFC 6962 and of RFC 9162's ways of checking them."""

from __future__ import annotations

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runyard.services.runs.evidence import merkle
from runyard.services.runs.evidence.merkle import BadProof

ENTRIES = [sha256(b"%d" % number).digest() for number in range(70)]
LEAVES = [merkle.leaf(entry) for entry in ENTRIES]


def proof(spans):
    return [merkle.root(LEAVES[low:high]) for low, high in spans]


def test_roots_are_those_of_the_reference_vectors():
    """The tree over the inputs of certificate transparency's own tests."""
    inputs = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
    leaves = [merkle.leaf(bytes.fromhex(each)) for each in inputs]
    assert merkle.root([]).hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert merkle.root(leaves[:1]).hex() == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    assert merkle.root(leaves[:2]).hex() == "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"
    assert merkle.root(leaves[:3]).hex() == "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"
    assert merkle.root(leaves).hex() == "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"


@given(st.data())
def test_every_leaf_is_provably_in_every_tree(data):
    size = data.draw(st.integers(1, len(LEAVES)))
    index = data.draw(st.integers(0, size - 1))
    steps, root = proof(merkle.inclusion(index, size)), merkle.root(LEAVES[:size])
    merkle.check_inclusion(ENTRIES[index], index, size, steps, root)
    for wrong in _damaged(data, steps):
        with pytest.raises(BadProof):
            merkle.check_inclusion(ENTRIES[index], index, size, wrong, root)
    other = data.draw(st.integers(0, len(LEAVES) - 1).filter(lambda at: at != index))
    with pytest.raises(BadProof):
        merkle.check_inclusion(ENTRIES[other], index, size, steps, root)
    with pytest.raises(BadProof):
        merkle.check_inclusion(ENTRIES[index], size, size, steps, root)


@given(st.data())
def test_every_tree_provably_begins_with_every_smaller_one(data):
    new = data.draw(st.integers(1, len(LEAVES)))
    old = data.draw(st.integers(0, new))
    steps = proof(merkle.consistency(old, new))
    roots = [merkle.root(LEAVES[:old]), merkle.root(LEAVES[:new])]
    merkle.check_consistency(old, roots[0], new, roots[1], steps)
    for wrong in _damaged(data, steps):
        with pytest.raises(BadProof):
            merkle.check_consistency(old, roots[0], new, roots[1], wrong)
    with pytest.raises(BadProof):
        merkle.check_consistency(old, ENTRIES[0], new, roots[1], steps)
    with pytest.raises(BadProof):
        merkle.check_consistency(new + 1, roots[1], new, roots[1], steps)


def _damaged(data, steps):
    yield [*steps, ENTRIES[0]]
    if steps:
        yield steps[:-1]
        at = data.draw(st.integers(0, len(steps) - 1))
        yield [ENTRIES[0] if number == at else step for number, step in enumerate(steps)]
