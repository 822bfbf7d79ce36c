"""The canonical form, the hash chain and the order in which it is checked, by the protocol's own vectors."""

from __future__ import annotations

import hashlib
import json
import math

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from runyard.services.runs.evidence.canonical import NotCanonical, canonical
from runyard.services.runs.evidence.chain import check, hash_of
from runyard.services.runs.evidence.entry import SYSTEM, EvidenceEntry, Links, User

FIRST = {
    "schemaVersion": 1, "evidenceId": "ev-1", "workspaceId": "ws-acme", "correlationId": "corr-1",
    "occurredAtIso": "2026-02-16T00:00:00.000Z", "category": "System",
    "summary": "Run started for workflow wf-invoice-approval.", "actor": {"kind": "System"},
    "links": {"runId": "run-1"},
    "hashSha256": "d33bb21275bdc8371645a3693155551f9d4339f3a88ac69820d44a02fafa7a30",
}  # fmt: skip
SECOND = {
    "schemaVersion": 1, "evidenceId": "ev-2", "workspaceId": "ws-acme", "correlationId": "corr-1",
    "occurredAtIso": "2026-02-16T00:00:01.000Z", "category": "Approval", "summary": "Approval ap-1 decided: Approved.",
    "actor": {"kind": "User", "userId": "user-2"}, "links": {"runId": "run-1", "planId": "plan-1"},
    "previousHash": FIRST["hashSha256"],
    "hashSha256": "fc9d22c47caa3008da9ad3dcee6ecd57eaae781709168974319d6cc2f1c649fb",
}  # fmt: skip


def test_the_protocols_vector_passes():
    assert hash_of(FIRST) == FIRST["hashSha256"]
    assert hash_of(SECOND) == SECOND["hashSha256"]
    assert check([FIRST, SECOND]) is None


def test_our_entries_are_written_in_canonical_form():
    common = {"workspace_id": "ws-acme", "correlation_id": "corr-1"}
    first = EvidenceEntry(
        evidence_id="ev-1", occurred_at_iso="2026-02-16T00:00:00.000Z", category="System", actor=SYSTEM,
        summary="Run started for workflow wf-invoice-approval.", links=Links(run_id="run-1"), **common,
    ).hashed()  # fmt: skip
    second = EvidenceEntry(
        evidence_id="ev-2", occurred_at_iso="2026-02-16T00:00:01.000Z", category="Approval",
        actor=User(user_id="user-2"), summary="Approval ap-1 decided: Approved.",
        links=Links(run_id="run-1", plan_id="plan-1"), previous_hash=first.hash_sha256, **common,
    ).hashed()  # fmt: skip
    assert first.encoded() == canonical(FIRST)
    assert second.encoded() == canonical(SECOND)


@given(st.text(max_size=50))
def test_whatever_a_summary_says_it_has_one_form(text):
    entry = EvidenceEntry(
        evidence_id="e", workspace_id="w", correlation_id="c", occurred_at_iso="t", category="Plan", summary=text,
        actor=SYSTEM,
    ).hashed()  # fmt: skip
    assert entry.encoded() == rfc8785.dumps(json.loads(entry.encoded()))


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@given(PLAIN)
def test_the_fast_way_gives_what_the_reference_gives(value):
    assert canonical(value) == rfc8785.dumps(value)


@pytest.mark.parametrize("value", [math.nan, math.inf, 2**60, {"a": -(2**60)}, "\ud800", {1: 2}, object()])
def test_what_has_no_canonical_form_is_refused(value):
    with pytest.raises(NotCanonical):
        canonical(value)


@pytest.mark.parametrize(
    "entry",
    [
        FIRST,
        FIRST | {"actor": {"hashSha256": "x", "kind": "System"}},
        FIRST | {"summary": '"hashSha256":"x",'},
        FIRST | {"hashSha256": 7},
        FIRST | {"hashSha256": 'é"'},
        FIRST | {"signatureBase64": "x"},
        {"hashSha256": "last"},
        {},
    ],
)
def test_a_hash_from_the_form_at_hand_is_the_same(entry):
    assert hash_of(entry, canonical(entry)) == hash_of(entry)


def test_keys_that_look_like_numbers_stay_in_the_order_of_text():
    assert canonical({"9": 1, "10": 2}) == b'{"10":2,"9":1}'


@pytest.mark.parametrize(
    ("change", "reason", "index"),
    [
        (lambda a, b: [a | {"summary": "Nothing happened."}, b], "hash_mismatch", 0),
        (lambda a, b: [a, b | {"previousHash": "0" * 64}], "previous_hash_mismatch", 1),
        (lambda a, b: [a, {k: v for k, v in b.items() if k != "previousHash"}], "previous_hash_mismatch", 1),
        (lambda a, b: [b], "unexpected_previous_hash", 0),
        (lambda a, b: [b, a], "unexpected_previous_hash", 0),
        (lambda a, b: [a, b | {"occurredAtIso": "2026-02-15T23:59:59.999Z"}], "timestamp_not_monotonic", 1),
        (lambda a, b: [a, b | {"signatureBase64": "AAAA"}], "signature_invalid", 1),
        (lambda a, b: [a, b, b], "previous_hash_mismatch", 2),
    ],
)
def test_tampering_is_named_in_the_protocols_words(change, reason, index):
    broken = check(change(FIRST, SECOND), verifier=lambda signed, signature: False)
    assert (broken.reason, broken.index) == (reason, index)


def test_a_signature_is_over_the_entry_with_its_hash():
    seen = []
    signed = SECOND | {"signatureBase64": "c2ln"}
    assert check([FIRST, signed], verifier=lambda *each: bool(seen.append(each)) or True) is None
    assert seen == [(canonical(SECOND), "c2ln")]


def test_equal_times_are_in_order():
    second = SECOND | {"occurredAtIso": FIRST["occurredAtIso"]}
    second["hashSha256"] = hash_of(second)
    assert check([FIRST, second]) is None


def test_the_hash_is_of_the_text_and_not_of_what_a_client_makes_of_it():
    second = SECOND | {"occurredAtIso": "2026-02-16T00:00:01+00:00"}
    assert check([FIRST, second]).reason == "hash_mismatch"
    assert (
        hash_of(FIRST)
        == hashlib.sha256(rfc8785.dumps({k: v for k, v in FIRST.items() if k != "hashSha256"})).hexdigest()
    )
